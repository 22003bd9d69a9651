"""`plumbline coverage`: which requirements have cases, which cannot be tested and why, which are still to do."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .requirements import CatalogueError, Requirement
from .script.loader import PROTOCOLS, Library, SuiteErrors

_BINDING = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT")


class Standing(StrEnum):
    """What is done about a requirement."""

    TESTED = "tested"
    UNTESTABLE = "untestable"
    OPEN = "to do"


@dataclass(frozen=True, slots=True)
class Covered:
    """A requirement and the ids of the cases that cite it."""

    requirement: Requirement
    cases: tuple[str, ...]

    @property
    def standing(self) -> Standing:
        """Tested when a case cites it, whatever `how` says."""
        if self.cases:
            return Standing.TESTED
        return Standing.UNTESTABLE if self.requirement.how == "untestable" else Standing.OPEN


def covered(library: Library) -> list[Covered]:
    """All requirements of the catalogue, with their cases. Raises SuiteErrors, CatalogueError."""
    citing: dict[str, list[str]] = {}
    for path in library.suite_files():
        for case in library.cases(path):
            citing.setdefault(case.requirement.id, []).append(case.id)
    return [Covered(one, tuple(citing.get(one.id, ()))) for one in library.requirements.values()]


def table(rows: Iterable[Covered]) -> Iterator[tuple[str, ...]]:
    """One row an RFC: number, title, requirements, then tested, untestable, to do; the last is the sum."""
    counts: dict[int, Counter[str]] = {}
    titles: dict[int, str] = {}
    for row in rows:
        titles[row.requirement.rfc] = row.requirement.title
        for rfc in (row.requirement.rfc, 0):
            counts.setdefault(rfc, Counter()).update([row.standing, "all"])
    for rfc in sorted(counts, key=lambda number: (number == 0, number)):
        count = counts[rfc]
        numbers = (count["all"], *(count[standing] for standing in Standing))
        yield (f"RFC {rfc}" if rfc else "all", titles.get(rfc, ""), *map(str, numbers))


_HEAD = ("RFC", "title", "requirements", *(standing.value for standing in Standing))


def plain(rows: Sequence[Covered]) -> Iterator[str]:
    """The table for a terminal."""
    for rfc, title, *numbers in (_HEAD, *table(rows)):
        yield f"{rfc:9} {title[:52]:52} " + " ".join(f"{number:>12}" for number in numbers)


def markdown(rows: Sequence[Covered]) -> Iterator[str]:
    """The page docs/coverage.md."""
    yield from _INTRODUCTION.splitlines()
    yield from ("", "| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|")
    yield from ("| " + " | ".join(row) + " |" for row in table(rows))
    for standing, title in ((Standing.UNTESTABLE, "Untestable"), (Standing.OPEN, "To do")):
        chosen = [row for row in rows if row.standing is standing]
        yield from ("", f"## {title}", "")
        if not chosen:
            yield "Nothing."
            continue
        yield from ("| requirement | level | sentence | why |", "|---|---|---|---|")
        yield from (_markdown_row(row) for row in chosen)


_INTRODUCTION = """\
# Coverage

Written by `plumbline coverage --markdown`. Tested: a case cites the requirement, and is shown to fail on a server that
breaks it. Untestable: nothing that a probe can send shows it. To do: no case yet; the last column says what a case
would take."""


def _markdown_row(row: Covered) -> str:
    one = row.requirement
    why = one.notes if one.how == "untestable" else one.how
    cells = (one.id, one.level, one.statement, why)
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def detailed(rows: Iterable[Covered]) -> Iterator[str]:
    """One paragraph a requirement."""
    for row in rows:
        one = row.requirement
        yield f"{one.id} ({one.level}, section {one.section}): {row.standing}"
        yield f"    {' '.join(one.statement.split())}"
        if row.standing is not Standing.TESTED:
            yield f"    {one.how}{': ' if one.notes else ''}{' '.join(one.notes.split())}"
        yield from (f"    case {name}" for name in row.cases)


def main(argv: Sequence[str]) -> int:
    """Exit code 0; 1 with --check when something binding is to do; 2 for broken files; 4 for wrong usage."""
    parser = _parser()
    try:
        options = parser.parse_args(list(argv))
    except SystemExit as stop:
        return 4 if stop.code else 0
    try:
        rows = covered(Library.open())
    except (SuiteErrors, CatalogueError) as error:
        print(error, file=sys.stderr)
        return 2
    chosen = list(_chosen(rows, options))
    if not chosen and any(_chosen(rows, argparse.Namespace(**{**vars(options), "standing": None}))):
        print(f"none is {options.standing}")
        return 0
    if not chosen:
        known = ", ".join(str(number) for number in sorted({row.requirement.rfc for row in rows}))
        print(f"plumbline coverage: no such requirement; RFCs: {known}", file=sys.stderr)
        return 4
    detail = options.rfc or options.standing
    print("\n".join(markdown(chosen) if options.markdown else detailed(chosen) if detail else plain(chosen)))
    binding = [row for row in chosen if row.requirement.level in _BINDING and row.standing is Standing.OPEN]
    return int(bool(options.check and binding))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plumbline coverage", description="Which requirements of the RFCs have cases."
    )
    parser.add_argument("--rfc", type=int, help="every requirement of one RFC, with its cases")
    parser.add_argument("--protocol", choices=PROTOCOLS, help="only what concerns this protocol")
    parser.add_argument("--level", help="only this level: MUST, 'MUST NOT', SHOULD, MAY...")
    standings = [standing.value for standing in Standing]
    parser.add_argument("--standing", choices=standings, help="every requirement that stands so")
    parser.add_argument("--markdown", action="store_true", help="the page docs/coverage.md")
    parser.add_argument("--check", action="store_true", help="exit code 1 if a MUST or SHOULD is to do")
    return parser


def _chosen(rows: Iterable[Covered], options: argparse.Namespace) -> Iterator[Covered]:
    wanted: Mapping[str, object] = vars(options)
    for row in rows:
        one = row.requirement
        if wanted["rfc"] not in (None, one.rfc) or wanted["standing"] not in (None, row.standing.value):
            continue
        if options.level and options.level.upper() != one.level:
            continue
        if options.protocol in (None, *one.protocols):
            yield row
