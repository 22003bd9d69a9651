"""Coverage: what became of every requirement that concerns a server, whether or not a case tests it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from .records import Case, Requirement
from .standing import Standing, standing, worst
from .text import natural, one_line

if TYPE_CHECKING:
    from .subject import Subject


class Covered(StrEnum):
    """What is known about a requirement; the order is that of the report's columns."""

    BROKEN = "broken"
    PASSED = "passed"
    UNTESTED = "not tested here"
    UNTESTABLE = "untestable"
    NOT_YET = "no case yet"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]

    @property
    def tested(self) -> bool:
        return self in (Covered.BROKEN, Covered.PASSED)


_MEANINGS = {
    Covered.BROKEN: "A case that tests it failed; also where the failure is accepted.",
    Covered.PASSED: "Every case that could be judged was met, at least in spirit.",
    Covered.UNTESTED: "There are cases, but none was judged: skipped, inconclusive, or not part of the run.",
    Covered.UNTESTABLE: "Nobody can find it out from outside.",
    Covered.NOT_YET: "No case tests it so far.",
}
_BROKEN = frozenset({Standing.VIOLATION, Standing.MISSED, Standing.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Known:
    """What one server's run says about one requirement. `reason` is for what was not tested."""

    covered: Covered
    reason: str = ""


@dataclass(slots=True)
class Entry:
    """One requirement, and what is known by index of the subject it concerns."""

    requirement: Requirement
    known: dict[int, Known] = field(default_factory=dict)

    @property
    def overall(self) -> Covered:
        """Broken if broken anywhere, passed if tested anywhere."""
        found = {one.covered for one in self.known.values()}
        return next(kind for kind in Covered if kind in found)

    def on(self, kind: Covered) -> list[int]:
        """The subjects of which this is known."""
        return [index for index, one in self.known.items() if one.covered is kind]

    @property
    def reason(self) -> str:
        return next((one.reason for one in self.known.values() if one.reason), "")


@dataclass(slots=True)
class RfcCoverage:
    """The requirements of one RFC, in the order of the catalogue."""

    rfc: int
    title: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Covered]:
        return Counter(entry.overall for entry in self.entries)


class Coverage:
    """All requirements that concern any server of a report."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._subjects = subjects

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """By id of the requirement."""
        found: dict[str, Entry] = {}
        for subject in self._subjects:
            for requirement, known in coverage_of(subject):
                entry = found.setdefault(requirement.id, Entry(requirement))
                entry.known[subject.index] = known
        return found

    @cached_property
    def rfcs(self) -> list[RfcCoverage]:
        """By number of the RFC."""
        found: dict[int, RfcCoverage] = {}
        for entry in self.entries.values():
            one = entry.requirement
            found.setdefault(one.rfc, RfcCoverage(one.rfc, one.title)).entries.append(entry)
        for rfc in found.values():
            rfc.entries.sort(key=lambda entry: natural(entry.requirement.section))
        return [found[number] for number in sorted(found)]

    @property
    def counts(self) -> Counter[Covered]:
        return Counter(entry.overall for entry in self.entries.values())

    def of(self, index: int) -> Counter[Covered]:
        """The counts of one server."""
        known = (entry.known.get(index) for entry in self.entries.values())
        return Counter(one.covered for one in known if one)


def coverage_of(subject: Subject) -> Iterator[tuple[Requirement, Known]]:
    """The requirements that concern a server's roles, each with what its run says."""
    roles = {target.protocol for target in subject.targets}
    by_requirement: dict[str, list[Case]] = {}
    for case in subject.cases:
        by_requirement.setdefault(case.requirement, []).append(case)
    for requirement in subject.requirements.values():
        if not requirement.protocols or roles & set(requirement.protocols):
            yield requirement, _known(requirement, by_requirement)


def _known(requirement: Requirement, by_requirement: Mapping[str, list[Case]]) -> Known:
    cases = by_requirement.get(requirement.id, [])
    judged = [case for case in cases if standing(case).judged]
    if judged:
        return Known(Covered.BROKEN if worst(judged) in _BROKEN or _any_broken(judged) else Covered.PASSED)
    if cases:
        return Known(Covered.UNTESTED, one_line(cases[0].reason))
    if requirement.cases:
        return Known(Covered.UNTESTED, "its cases were not part of the run")
    if requirement.how == "untestable":
        return Known(Covered.UNTESTABLE, one_line(requirement.note, 400))
    return Known(Covered.NOT_YET)


def _any_broken(cases: Sequence[Case]) -> bool:
    return any(standing(case) in _BROKEN for case in cases)
