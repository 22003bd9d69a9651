"""Two runs compared: what fails that did not, what was mended, what is no longer known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .model import Report
from .records import Case
from .standing import Standing, worst


class Change(StrEnum):
    """What became of a case from one run to the next; the order is that of a report."""

    FAILING = "newly failing"
    MET = "failing, and not played before"
    FLAKY = "newly flaky"
    UNTESTED = "no longer tested"
    GONE = "gone"
    FIXED = "fixed"
    NEW = "new"
    OTHER = "otherwise changed"


FAILED = frozenset({Standing.VIOLATION, Standing.MISSED})
UNTESTED = frozenset({Standing.INCONCLUSIVE, Standing.SKIPPED})


@dataclass(frozen=True, slots=True)
class Changed:
    """One case that stands differently. `before` or `after` is missing where that run did not have it."""

    id: str
    server: str
    kind: Change
    before: Case | None
    after: Case | None
    was: Standing | None
    now: Standing | None

    @property
    def case(self) -> Case:
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def violates(self) -> bool:
        """True when the later run breaks a MUST here that the earlier one did not break."""
        return self.kind is Change.FAILING and self.now is Standing.VIOLATION


Key = tuple[str, str]


def compare(before: Report, after: Report) -> list[Changed]:
    """Changes, the gravest kind first. Servers are matched by name, or alone when each run has just one."""
    alone = len(before.subjects) == len(after.subjects) == 1
    old, new = _by_key(before, alone), _by_key(after, alone)
    label = after.subjects[0].label if alone else ""
    found = []
    for key in [*new, *(key for key in old if key not in new)]:
        if changed := _changed(key, old.get(key, []), new.get(key, []), label):
            found.append(changed)
    order = list(Change)
    return sorted(found, key=lambda one: (order.index(one.kind), one.now is not Standing.VIOLATION))


def _by_key(report: Report, alone: bool) -> Mapping[Key, list[Case]]:
    found: dict[Key, list[Case]] = {}
    for subject in report.subjects:
        for case in subject.cases:
            found.setdefault(("" if alone else subject.label, case.id), []).append(case)
    return found


def _changed(key: Key, before: list[Case], after: list[Case], label: str) -> Changed | None:
    was, now = worst(before) if before else None, worst(after) if after else None
    flaky = any(case.flaky for case in after) and not any(case.flaky for case in before)
    kind = _kind(was, now, flaky)
    if kind is None:
        return None
    return Changed(key[1], key[0] or label, kind, _first(before, was), _first(after, now), was, now)


def _first(cases: Iterable[Case], standing: Standing | None) -> Case | None:
    return next((case for case in cases if worst([case]) is standing), None)


def _kind(was: Standing | None, now: Standing | None, flaky: bool) -> Change | None:
    if now is None:
        return Change.GONE
    if was is None and now in FAILED:
        return Change.MET  # a wider suite, not a server that got worse
    if now in FAILED and (was not in FAILED or (now, was) == (Standing.VIOLATION, Standing.MISSED)):
        return Change.FAILING
    if flaky:
        return Change.FLAKY
    if was is None:
        return Change.NEW
    if now in UNTESTED and was not in UNTESTED:
        return Change.UNTESTED
    if was in FAILED and now not in FAILED:
        return Change.FIXED
    return Change.OTHER if was is not now else None


def mark(report: Report, found: Iterable[Changed]) -> None:
    """Note the changes in the rows of the later report, and those of cases that are gone beside them."""
    report.changes = list(found)
    order = list(Change)
    kinds: dict[str, Change] = {}
    for one in report.changes:
        kinds[one.id] = min(one.kind, kinds.get(one.id, one.kind), key=order.index)
    for row in report.rows:
        row.change = kinds[row.case.id].value if row.case.id in kinds else ""
