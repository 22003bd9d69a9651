"""Runs -> what a report shows: servers, the tree of cases, what broke, what could not be tested.

Every total is counted here from case records; nothing is taken over from a run's own summary.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .coverage import Coverage
from .gather import Source
from .records import Case, Finding
from .standing import Standing, standing, tally, worst
from .subject import Subject
from .text import natural, one_line

if TYPE_CHECKING:
    from .diff import Changed


@dataclass
class Row:
    """One case id and what became of it on every subject that ran it, by index of the subject."""

    number: int  # counted from 0, in the order of the records
    case: Case  # the first record: title, requirement and script are told once
    cells: dict[int, list[Case]] = field(default_factory=dict)
    change: str = ""

    @cached_property
    def worst(self) -> dict[int, Standing]:
        """The worst standing by subject."""
        return {index: worst(cell) for index, cell in self.cells.items()}

    @cached_property
    def standings(self) -> list[Standing]:
        """Every standing met, worst first, each once."""
        found = {standing(case) for cell in self.cells.values() for case in cell}
        return sorted(found, key=lambda one: one.rank)

    @property
    def differs(self) -> bool:
        """True when servers that were really tested do not stand alike."""
        return len(set(self.worst.values()) - {Standing.SKIPPED, Standing.INCONCLUSIVE}) > 1

    @property
    def flaky(self) -> bool:
        return any(case.flaky for cell in self.cells.values() for case in cell)

    @property
    def worst_case(self) -> Case:
        """The record that stands worst."""
        return min(
            (case for cell in self.cells.values() for case in cell), key=lambda one: standing(one).rank
        )

    def on(self, standing: Standing) -> list[int]:
        """The subjects on which it stands so at worst."""
        return [index for index, one in self.worst.items() if one is standing]

    @property
    def judged(self) -> int:
        """On how many subjects it was judged."""
        return sum(one.judged for one in self.worst.values())

    def at(self, index: int) -> Standing:
        """The worst standing on a subject that ran this case."""
        return self.worst[index]


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


@dataclass
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
    def protocols(self) -> list[str]:
        return sorted({name for subject in self.judged for name in subject.protocols})

    def judged_on(self, protocol: str) -> list[Subject]:
        """Subjects on which cases of a protocol were run."""
        return [subject for subject in self.judged if protocol in subject.protocols]

    @cached_property
    def coverage(self) -> Coverage:
        """What became of every requirement."""
        return Coverage(self.subjects)

    @property
    def cases(self) -> Iterator[Case]:
        return (case for subject in self.subjects for case in subject.cases)

    @property
    def counts(self) -> Counter[Standing]:
        return tally(self.cases)

    @property
    def groups(self) -> list[Group]:
        """The tree: protocol, RFC with the most cases first, section in the order of the RFC.

        In a section the cases in which servers differ come first.
        """
        found: dict[tuple[str, int, str], Group] = {}
        for row in self.rows:
            key = row.case.protocol, row.case.rfc, row.case.section
            found.setdefault(key, Group(*key)).rows.append(row)
        many = Counter((row.case.protocol, row.case.rfc) for row in self.rows)
        for group in found.values():
            group.rows.sort(key=lambda row: not row.differs)

        def place(group: Group) -> tuple[object, ...]:
            return (
                _protocol_order(group.protocol),
                -many[group.protocol, group.rfc],
                group.rfc,
                natural(group.section),
            )

        return sorted(found.values(), key=place)

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


def _subjects(sources: Sequence[Source]) -> list[Subject]:
    """Load runs, and runs on other protocols, join the server that was checked under the same name."""
    subjects: list[Subject] = []
    for source in sorted(sources, key=lambda one: not one.cases):
        for subject in _subjects_of(source):
            known = next((one for one in subjects if one.label == subject.label), None)
            if known and not subject.cases:
                known.loads += subject.loads
            elif known and not set(known.protocols) & set(subject.protocols):
                known.join(subject)
            else:
                subjects.append(subject)
    subjects.sort(key=lambda one: [_protocol_order(name) for name in one.protocols])
    for index, subject in enumerate(subjects):
        subject.index = index
    _tell_apart(subjects)
    return subjects


def _protocol_order(name: str) -> tuple[int, str]:
    """Servers of a kind stand side by side; else the order is that of the files."""
    known = ("smtp", "submission", "lmtp", "ftp", "pop3", "imap")
    return (known.index(name) if name in known else len(known)), name


def _subjects_of(source: Source) -> list[Subject]:
    """Targets that bear the same product name are one server; others stand alone."""
    found: dict[str, Subject] = {}
    default = next(iter(source.targets), "") or (
        source.run.targets[0] if source.run and source.run.targets else ""
    )

    def of(target: str) -> Subject:
        known = source.targets.get(target or default)
        label = (known.product or known.name) if known else (target or default or source.name)
        return found.setdefault(label, Subject(0, label, [source]))

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
        lambda one: one.sources[0].run.started[:16] if one.sources[0].run else one.sources[0].name,
        lambda one: one.sources[0].name,
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
