"""How a case stands: the recorded verdict, weighed by level and accepted deviations.

Runs and reports use the same words, so that the terminal, the exit code and the page never disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from .records import Case, Verdict


class Standing(StrEnum):
    """Worst first: the order in which a report lists them."""

    VIOLATION = "violation"
    STALE = "stale"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"
    ACCEPTED = "accepted"
    TOLERATED = "tolerated"
    INFO = "info"
    SKIPPED = "skipped"
    PASS = "pass"  # noqa: S105 - a verdict, not a password

    @property
    def symbol(self) -> str:
        """Told apart by shape, so that colour is never needed."""
        return _SYMBOLS[self]

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @property
    def judged(self) -> bool:
        """True when the rule was really put to the server."""
        return self not in (Standing.SKIPPED, Standing.INCONCLUSIVE)


_SYMBOLS = {
    Standing.VIOLATION: "✗",
    Standing.STALE: "!",
    Standing.MISSED: "△",
    Standing.INCONCLUSIVE: "?",
    Standing.ACCEPTED: "◇",
    Standing.TOLERATED: "≈",
    Standing.INFO: "i",
    Standing.SKIPPED: "–",  # noqa: RUF001 - a dash is what is meant
    Standing.PASS: "✓",
}
_MEANINGS = {
    Standing.VIOLATION: "A MUST or MUST NOT is broken; the run fails.",
    Standing.STALE: "Accepted as a known failure, but fails no more: remove it from the deviations. The run fails.",
    Standing.MISSED: "A SHOULD, SHOULD NOT or MAY is not met; a SHOULD fails the run under --strict.",
    Standing.INCONCLUSIVE: "Set-up, network or tool was in the way: neither good nor bad, not tested.",
    Standing.ACCEPTED: "A failure that the deviations file accepts, with a reason.",
    Standing.TOLERATED: "Met in spirit, or with a reason that the RFC admits.",
    Standing.INFO: "An observation where the RFC leaves the server free.",
    Standing.SKIPPED: "Not tried: a capability or a fact of the profile is missing.",
    Standing.PASS: "As the RFC asks.",
}
_RANKS = {standing: rank for rank, standing in enumerate(Standing)}
_PLAIN = {
    Verdict.PASS: Standing.PASS,
    Verdict.TOLERATED: Standing.TOLERATED,
    Verdict.INFO: Standing.INFO,
    Verdict.SKIPPED: Standing.SKIPPED,
    Verdict.INCONCLUSIVE: Standing.INCONCLUSIVE,
}
_RAN_WELL = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")


def standing(case: Case) -> Standing:
    """How one case counts: a deviation covers a failure, and is stale where there is none, unless it is flaky."""
    if case.deviation and case.verdict in _RAN_WELL:
        return _PLAIN[case.verdict] if case.deviation.get("flaky") else Standing.STALE
    if case.deviation and case.verdict is not Verdict.SKIPPED:
        return Standing.ACCEPTED
    if case.verdict is Verdict.FAIL:
        return Standing.VIOLATION if case.level.startswith("MUST") else Standing.MISSED
    return _PLAIN[case.verdict]


def worst(cases: Iterable[Case]) -> Standing:
    """The worst standing of at least one case."""
    return min((standing(case) for case in cases), key=lambda one: one.rank)


def tally(cases: Iterable[Case]) -> Counter[Standing]:
    """Cases counted by standing."""
    return Counter(standing(case) for case in cases)
