"""The last lines on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..reports.records import Case, Sanity
from ..reports.standing import Standing, standing

if TYPE_CHECKING:
    from .results import Results
    from .session import Options, Session

_MEANING = {
    0: "conforming, as far as was tested",
    1: "violations",
    2: "could not test (all of it)",
    4: "nothing to run",
}


def header(session: Session) -> list[str]:
    """Who is tested, with which facts."""
    told = []
    for one in session.probed:
        greeting = one.facts.greeting.splitlines()
        told.append(
            f"target: {one.facts.endpoint.url}  {_printable(greeting[0]) if greeting else ''}".rstrip()
        )
    if session.options.embedded:
        told.append("no --target was given: these are embedded servers, started for this run")
    elif session.options.profile is not None:
        told.append(f"profile: {session.options.profile}")
    else:
        told.append("no profile: cases that need an account or a recipient are skipped (--profile FILE)")
    expired = [
        f"deviation {one.id} was accepted until {one.expires} and covers nothing any more"
        for one in session.deviations.values()
        if one.expired()
    ]
    return [*told, *session.profile.doubts, *expired]


def _printable(text: str) -> str:
    """Text of a server on its way to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:120])


def lines(
    cases: Sequence[Case], last: Sequence[Sanity], options: Options, results: Results, code: int | None
) -> Iterator[str]:
    """Verdicts by protocol and level, what needs attention, where the files are."""
    yield ""
    yield from _table(cases)
    for case in cases:
        if standing(case) is Standing.INCONCLUSIVE:
            yield f"inconclusive  {case.id}: {case.reason}"
    for case in cases:
        if standing(case) is Standing.MISSED and not options.strict:
            yield f"missed SHOULD {case.id}: {case.reason}"
    for sanity in last:
        if not sanity.ok:
            yield f"{sanity.target}: {sanity.detail}"
    if results.path is not None:
        yield f"results: {results.path}"
    if results.report is not None:
        yield results.problem or f"report:  {results.report}"
    if code is not None:
        yield f"verdict: {_MEANING.get(code, '')} (exit code {code})"


def _table(cases: Sequence[Case]) -> Iterator[str]:
    kinds = [kind for kind in Standing if any(standing(case) is kind for case in cases)]
    rows: dict[tuple[str, str], Counter[Standing]] = {}
    for case in cases:
        rows.setdefault((case.protocol, case.level), Counter())[standing(case)] += 1
    if not rows:
        return
    yield f"{'':20}" + "".join(f"{kind.value:>{len(kind.value) + 2}}" for kind in kinds)
    for (protocol, level), counted in sorted(rows.items()):
        cells = "".join(f"{counted[kind] or '-':>{len(kind.value) + 2}}" for kind in kinds)
        yield f"{protocol:8}{level:12}{cells}"
    yield ""
