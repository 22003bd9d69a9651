"""What a case's record means for the run: passed, failed, or something that has a word of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from ..reports.records import Case, Sanity, Verdict

HINDERED = 2
VIOLATIONS = 1
USAGE = 4


class Standing(StrEnum):
    """How one case counts."""

    PASSED = "passed"
    TOLERATED = "tolerated"
    INFO = "info"
    VIOLATION = "violation"
    MISSED = "missed SHOULD"
    DEVIATION = "accepted deviation"
    STALE = "stale deviation"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"


_PLAIN = {
    Verdict.PASS: Standing.PASSED,
    Verdict.TOLERATED: Standing.TOLERATED,
    Verdict.INFO: Standing.INFO,
    Verdict.SKIPPED: Standing.SKIPPED,
    Verdict.INCONCLUSIVE: Standing.INCONCLUSIVE,
}
_RAN_WELL = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)


def standing(case: Case) -> Standing:
    """How a case counts: a deviation covers a failure, and is stale where there is none."""
    if case.deviation and case.verdict in _RAN_WELL:
        return Standing.STALE
    if case.deviation and case.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        return Standing.DEVIATION
    if case.verdict is Verdict.FAIL:
        return Standing.VIOLATION if case.level.startswith("MUST") else Standing.MISSED
    return _PLAIN[case.verdict]


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
