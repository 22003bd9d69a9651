"""Runs -> what a report shows: servers, the tree of cases, what broke, what could not be tested.

Every total is counted here from case records; nothing is taken over from a run's own summary.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .gather import LoadRun, Source
from .records import Case, Finding, Load, Sanity, Target
from .standing import LEVELS, Standing, standing, tally
from .text import one_line

if TYPE_CHECKING:
    from .diff import Changed

_DIGITS = re.compile(r"(\d+)")


@dataclass(slots=True)
class Subject:
    """One server as one run saw it: a column of the matrix."""

    index: int
    label: str
    source: Source
    targets: list[Target] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    loads: list[LoadRun] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Standing]:
        return tally(self.cases)

    @property
    def protocols(self) -> list[str]:
        return sorted({case.protocol for case in self.cases} or {target.protocol for target in self.targets})

    @property
    def table(self) -> list[tuple[str, list[tuple[str, Counter[Standing]]]]]:
        """Counts by protocol and level, MUST first; levels without a case are left out."""
        return [
            (name, list(_by_level([c for c in self.cases if c.protocol == name]))) for name in self.protocols
        ]

    @property
    def exploitable(self) -> list[Case]:
        """Violations known to be exploitable, by their cases' severity."""
        return [case for case in self.cases if broken(case) and case.severity.get("exploitable")]

    @property
    def flaky(self) -> int:
        return sum(case.flaky for case in self.cases)

    @property
    def best_load(self) -> Load | None:
        """The load run that sustained the highest rate."""
        return max((run.load for run in self.loads if run.load), key=lambda load: load.rate, default=None)

    @property
    def sound(self) -> bool:
        """True when the target behaved whenever the run looked."""
        return all(check.ok for check in self.sanity)

    @property
    def sanity(self) -> list[Sanity]:
        """What the run found when it looked whether this server still behaved."""
        names = {target.name for target in self.targets} | {""}
        return [check for check in self.source.sanity if check.target in names]

    @property
    def answer(self) -> tuple[str, str]:
        """The kind of verdict ("bad", "unsure", "good", "none") and the sentence that gives it."""
        counts = self.counts
        if count := counts[Standing.VIOLATION]:
            return "bad", f"{count} violation{'s' if count != 1 else ''}"
        if not self.cases:
            return "none", "no case was run"
        if not any(counts[one] for one in (Standing.PASS, Standing.TOLERATED, Standing.MISSED)):
            return "unsure", "nothing could be judged"
        if self.source.cut_off:
            return "unsure", "no violation before the run was cut off"
        if not self.sound:
            return "unsure", "no violation, but the target stopped behaving"
        if count := counts[Standing.STALE]:
            return "unsure", f"no violation, but {count} out-of-date deviation{'s' if count != 1 else ''}"
        if count := counts[Standing.INCONCLUSIVE]:
            return "unsure", f"no violation, but {count} inconclusive"
        return "good", "no violation"


@dataclass(slots=True)
class Row:
    """One case id and what became of it on every subject that ran it, by index of the subject."""

    number: int  # counted from 0, in the order of the records
    case: Case  # the first record: title, requirement and script are told once
    cells: dict[int, list[Case]] = field(default_factory=dict)
    change: str = ""

    @property
    def standings(self) -> list[Standing]:
        """Every standing met, worst first, each once."""
        found = {standing(case) for cell in self.cells.values() for case in cell}
        return sorted(found, key=lambda one: one.rank)

    @property
    def differs(self) -> bool:
        """True when servers that were really tested do not stand alike."""
        tested = {worst_of(cell) for cell in self.cells.values()}
        return len(tested - {Standing.SKIPPED, Standing.INCONCLUSIVE}) > 1

    @property
    def flaky(self) -> bool:
        return any(case.flaky for cell in self.cells.values() for case in cell)

    @property
    def worst_case(self) -> Case:
        """The record that stands worst."""
        return min(
            (case for cell in self.cells.values() for case in cell), key=lambda one: standing(one).rank
        )

    def at(self, index: int) -> Standing:
        """The worst standing on a subject that ran this case."""
        return worst_of(self.cells[index])


@dataclass(slots=True)
class Group:
    """The cases of one section of one RFC, for one protocol."""

    protocol: str
    rfc: int
    section: str
    rows: list[Row] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Standing]:
        return tally(case for row in self.rows for cell in row.cells.values() for case in cell)

    @property
    def suites(self) -> list[str]:
        return list(dict.fromkeys(row.case.suite for row in self.rows if row.case.suite))


@dataclass(slots=True)
class Report:
    """All that the page, and the outputs without a page, are made from."""

    sources: list[Source]
    subjects: list[Subject]
    rows: list[Row]
    problems: list[str] = field(default_factory=list)  # files that could not be used
    changes: list[Changed] | None = None  # since an earlier run; None: not compared

    @property
    def judged(self) -> list[Subject]:
        """Subjects on which cases were run: the columns of the matrix."""
        return [subject for subject in self.subjects if subject.cases]

    @property
    def cases(self) -> Iterator[Case]:
        return (case for subject in self.subjects for case in subject.cases)

    @property
    def counts(self) -> Counter[Standing]:
        return tally(self.cases)

    @property
    def groups(self) -> list[Group]:
        """The tree: protocol, RFC, section in the order of the RFC."""
        found: dict[tuple[str, int, str], Group] = {}
        for row in self.rows:
            key = row.case.protocol, row.case.rfc, row.case.section
            found.setdefault(key, Group(*key)).rows.append(row)
        return sorted(found.values(), key=lambda group: (group.protocol, group.rfc, natural(group.section)))

    @property
    def broken(self) -> list[Row]:
        """Rows with a violation: exploitable first, then MUST, then the order of the RFCs."""
        rows = [row for row in self.rows if Standing.VIOLATION in row.standings]
        return sorted(rows, key=lambda row: (not row.case.severity.get("exploitable"), not row.case.severity))

    @property
    def suites(self) -> list[tuple[str, str, Counter[Standing]]]:
        """Protocol, suite and counts, in the order of the records."""
        found: dict[tuple[str, str], list[Case]] = defaultdict(list)
        for case in self.cases:
            found[case.protocol, case.suite or case.file].append(case)
        return [(*key, tally(cases)) for key, cases in found.items()]

    def reasons(self, kind: Standing) -> list[tuple[str, int]]:
        """Why cases stand so, with how many; most frequent first."""
        return Counter(one_line(case.reason) for case in self.cases if standing(case) is kind).most_common()

    @property
    def findings(self) -> list[tuple[str, int, Case, Finding]]:
        """Grammar faults seen in passing: rule, count, and the first sample with its case."""
        count: Counter[str] = Counter()
        first: dict[str, tuple[Case, Finding]] = {}
        for case in self.cases:
            for finding in case.findings:
                count[finding.rule] += 1
                first.setdefault(finding.rule, (case, finding))
        return [(rule, times, *first[rule]) for rule, times in count.most_common()]


def build(sources: Sequence[Source], problems: Sequence[str] = ()) -> Report:
    """The report on these runs."""
    subjects = _subjects(sources)
    return Report(list(sources), subjects, _rows(subjects), list(problems))


def broken(case: Case) -> bool:
    """True for a violation."""
    return standing(case) is Standing.VIOLATION


def worst_of(cell: Iterable[Case]) -> Standing:
    """The worst standing of at least one case."""
    return min((standing(case) for case in cell), key=lambda one: one.rank)


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts section 4.1.2 before 4.1.10."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _DIGITS.split(text)]


def _by_level(cases: Sequence[Case]) -> Iterator[tuple[str, Counter[Standing]]]:
    names = [*LEVELS, *sorted({case.level for case in cases} - set(LEVELS))]
    for level in names:
        if counts := tally(case for case in cases if case.level == level):
            yield level, counts


def _subjects(sources: Sequence[Source]) -> list[Subject]:
    """Load runs join the server that a check found under the same name."""
    subjects: list[Subject] = []
    for source in sorted(sources, key=lambda one: not one.cases):
        for subject in _subjects_of(source):
            known = next((one for one in subjects if one.label == subject.label), None)
            if known and not subject.cases:
                known.loads += subject.loads
            else:
                subject.index = len(subjects)
                subjects.append(subject)
    _tell_apart(subjects)
    return subjects


def _subjects_of(source: Source) -> list[Subject]:
    """Targets that bear the same product name are one server; others stand alone."""
    found: dict[str, Subject] = {}
    default = next(iter(source.targets), "") or (
        source.run.targets[0] if source.run and source.run.targets else ""
    )

    def of(target: str) -> Subject:
        known = source.targets.get(target or default)
        label = (known.product or known.name) if known else (target or default or source.name)
        return found.setdefault(label, Subject(0, label, source))

    for target in source.targets.values():
        of(target.name).targets.append(target)
    for case in source.cases:
        of(case.target).cases.append(case)
    for load in source.loads:
        of(load.load.target if load.load else "").loads.append(load)
    if not found:
        of("")
    return list(found.values())


def _tell_apart(subjects: Sequence[Subject]) -> None:
    """Give every label something of its own where several runs saw the same server."""
    for wider in (
        lambda one: one.source.run.started[:16] if one.source.run else one.source.name,
        lambda one: one.source.name,
        lambda one: str(one.index + 1),
    ):
        seen = Counter(subject.label for subject in subjects)
        clashing = [subject for subject in subjects if seen[subject.label] > 1]
        names = {id(subject): wider(subject) for subject in clashing}
        for subject in clashing:
            subject.label = f"{subject.label} ({names[id(subject)]})"


def _rows(subjects: Sequence[Subject]) -> list[Row]:
    rows: dict[str, Row] = {}
    for subject in subjects:
        for case in subject.cases:
            row = rows.get(case.id)
            if row is None:
                row = rows[case.id] = Row(len(rows), case)
            row.cells.setdefault(subject.index, []).append(case)
    return list(rows.values())
