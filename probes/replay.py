"""Segmentation replay (`--segments`): a case is played once more with its octets cut otherwise.

TCP is a stream of octets: where segments end means nothing, so the verdict must be the same. A change is a finding of
its own, judged by the passive rule "segments" (RFC 5321 section 2.3.7, RFC 1123 section 4.1.2.10), and never alters the
verdict of the case itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..reports.records import Finding, Verdict
from .script.outcome import Outcome
from .segments import ABOUT

ENOUGH = 3  # cases whose verdict changed with a cut, after which no more are played with it
_WELL = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)


async def replay(
    expected: Outcome, way: str, again: int, play: Callable[[bool], Awaitable[Outcome]]
) -> tuple[Verdict, Finding | None]:
    """The verdict with this cut, and the finding if it is another one every time; `play(alone)` plays the case.

    A case that was inconclusive tells nothing. With the cut it may fail, or not even reach its state: both are
    believed only if it happens again, `again` times, with nothing else running.
    """
    outcome = await play(False)
    if expected.verdict is Verdict.INCONCLUSIVE:
        return outcome.verdict, None
    for _ in range(again):
        if not _differ(expected, outcome):
            break
        outcome = await play(True)
    if not _differ(expected, outcome):
        return outcome.verdict, None
    text = f"{expected.verdict.value} as written, {outcome.verdict.value} with {ABOUT[way]}: {outcome.reason}"
    return outcome.verdict, Finding(rule="segments", text=text, octets=outcome.got)


def _differ(one: Outcome, other: Outcome) -> bool:
    kinds = {_kind(one), _kind(other)}
    return "" not in kinds and len(kinds) == 2


def _kind(outcome: Outcome) -> str:
    if outcome.verdict in _WELL:
        return "well"
    astray = outcome.verdict is Verdict.INCONCLUSIVE and outcome.expected and not outcome.unavailable
    return "fail" if outcome.verdict is Verdict.FAIL or astray else ""
