"""What the cases of a run mean for its exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..reports.records import Case, Sanity
from ..reports.standing import Standing, standing

HINDERED = 2
VIOLATIONS = 1
USAGE = 4


def fails_run(case: Case, *, strict: bool) -> bool:
    """Whether this case alone makes the run fail."""
    kind = standing(case)
    should = strict and case.level.startswith("SHOULD")
    return kind in (Standing.VIOLATION, Standing.STALE) or (kind is Standing.MISSED and should)


def exit_code(cases: Sequence[Case], last: Iterable[Sanity], *, strict: bool, interrupted: bool) -> int:
    """0 conforming, 1 violations, 2 could not test."""
    if any(fails_run(case, strict=strict) for case in cases):
        return VIOLATIONS
    counted = Counter(standing(case) for case in cases)
    ran = sum(counted.values()) - counted[Standing.SKIPPED]
    if interrupted or not ran or counted[Standing.INCONCLUSIVE] or not all(one.ok for one in last):
        return HINDERED
    return 0
