"""From records to what a page shows. Every total is counted here, from case records only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .records import Case, DamagedResults, Load, Run, Sample, Sanity, Summary, Target, Verdict, read

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
# Word, symbol and colour class of a verdict as shown: never told by colour alone.
SIGNS = {
    "violation": "✗",
    "missed": "!",
    "deviation": "≈",
    "inconclusive": "?",
    "tolerated": "~",
    "info": "i",
    "pass": "✓",
    "skipped": "-",
}
WORDS = {
    "violation": "violation",
    "missed": "missed SHOULD",
    "deviation": "accepted deviation",
    "inconclusive": "inconclusive",
    "tolerated": "tolerated",
    "info": "observation",
    "pass": "passed",
    "skipped": "skipped",
}


def shown_as(case: Case) -> str:
    """The key of SIGNS and WORDS for a case."""
    if case.verdict is Verdict.FAIL:
        if case.deviation:
            return "deviation"
        return "violation" if case.level.startswith("MUST") else "missed"
    return case.verdict.value


@dataclass(slots=True)
class Part:
    """One results file: a run of check or load."""

    name: str
    run: Run | None = None
    targets: list[Target] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    sanity: list[Sanity] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    summary: Summary | None = None
    damage: list[str] = field(default_factory=list)

    def take(self, record: object) -> None:
        """Put a record where it belongs."""
        match record:
            case Run():
                self.run = record
            case Target():
                self.targets.append(record)
            case Case():
                self.cases.append(record)
            case Sanity():
                self.sanity.append(record)
            case Load():
                self.loads.append(record)
            case Sample():
                self.samples.append(record)
            case Summary():
                self.summary = record

    @property
    def cut_off(self) -> str:
        """Why the run is not complete, or ""."""
        if self.summary is None:
            return "The run was cut off: its last line is missing. What it had learned is shown."
        return "The run was interrupted. What it had learned is shown." if self.summary.interrupted else ""

    @property
    def ill(self) -> list[str]:
        """Targets that did not behave at the end."""
        return [f"{one.target}: {one.detail}" for one in self.sanity if not one.ok]


@dataclass
class Overview:
    """All parts together."""

    parts: list[Part]

    @cached_property
    def cases(self) -> list[Case]:
        return [case for part in self.parts for case in part.cases]

    @cached_property
    def counts(self) -> Counter[str]:
        """Cases by how they are shown."""
        return Counter(shown_as(case) for case in self.cases)

    @cached_property
    def attention(self) -> list[Case]:
        """Cases that somebody should look at, the gravest first."""
        grave = ("violation", "missed", "inconclusive")
        found = [case for case in self.cases if shown_as(case) in grave]
        return sorted(found, key=lambda case: (grave.index(shown_as(case)), case.id))

    def anchor(self, case: Case) -> str:
        """The name of a case within the page."""
        return case.id if len(self.parts) == 1 else f"{case.id}@{case.target}"

    @cached_property
    def table(self) -> dict[tuple[str, str, str], Counter[str]]:
        """Counts by target, protocol and level."""
        rows: dict[tuple[str, str, str], Counter[str]] = {}
        for case in self.cases:
            rows.setdefault((case.target, case.protocol, case.level), Counter())[shown_as(case)] += 1
        return dict(sorted(rows.items(), key=lambda row: (row[0][0], row[0][1], _rank(row[0][2]))))

    @cached_property
    def suites(self) -> dict[str, list[Case]]:
        """Cases by suite, suites and cases in the order of their files."""
        found: dict[str, list[Case]] = {}
        for case in sorted(self.cases, key=lambda case: (case.target, case.file, case.line, case.id)):
            found.setdefault(f"{case.protocol}: {case.suite}", []).append(case)
        return found

    @property
    def headline(self) -> str:
        """The answer, in one sentence."""
        counts = self.counts
        if not self.cases:
            return "No case was run." if not any(part.loads for part in self.parts) else "Load test."
        if counts["violation"]:
            return f"{_number(counts['violation'], 'violation')} found."
        if counts["inconclusive"] or any(part.cut_off for part in self.parts):
            return "No violation found, but not everything could be tested."
        if sum(counts.values()) == counts["skipped"]:
            return "Nothing could be tested."
        return "No violation found."


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def load(paths: Sequence[Path]) -> Overview:
    """Read results files. Raises DamagedResults where a file cannot be read at all."""
    return Overview([_part(path) for path in paths])


def _part(path: Path) -> Part:
    part = Part(path.name)
    try:
        for record in read(path, part.damage):
            part.take(record)
    except OSError as error:
        raise DamagedResults(f"{path}: cannot be read: {error.strerror}") from None
    if part.run is None and not part.cases and not part.loads:
        found = f": {part.damage[0]}" if part.damage else ""
        raise DamagedResults(f"{path}: no result records in it{found}")
    return part


def lines_of(case: Case) -> Iterable[tuple[int, str, bool]]:
    """The script's lines with their numbers, and whether it is the one that decided."""
    for number, line in enumerate(case.script.splitlines(), case.script_line or 1):
        yield number, line, number == case.step_line
