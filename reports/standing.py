"""How a case stands in a report: the recorded verdict, weighed by level and accepted deviations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import assert_never

from .records import Case, Verdict


class Standing(StrEnum):
    """Worst first: the order in which a report lists them."""

    VIOLATION = "violation"
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


_SYMBOLS = {
    Standing.VIOLATION: "✗",
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
    Standing.MISSED: "A SHOULD, SHOULD NOT or MAY is not met; fails the run only under --strict.",
    Standing.INCONCLUSIVE: "Set-up, network or tool was in the way: neither good nor bad, not tested.",
    Standing.ACCEPTED: "A failure that the deviations file accepts, with a reason.",
    Standing.TOLERATED: "Met in spirit, or with a reason that the RFC admits.",
    Standing.INFO: "An observation where the RFC leaves the server free.",
    Standing.SKIPPED: "Not tried: a capability or a fact of the profile is missing.",
    Standing.PASS: "As the RFC asks.",
}
_RANKS = {standing: rank for rank, standing in enumerate(Standing)}

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")


def standing(case: Case) -> Standing:
    """The standing of one case record."""
    match case.verdict:
        case Verdict.PASS:
            return Standing.PASS
        case Verdict.TOLERATED:
            return Standing.TOLERATED
        case Verdict.INFO:
            return Standing.INFO
        case Verdict.SKIPPED:
            return Standing.SKIPPED
        case Verdict.INCONCLUSIVE:
            return Standing.INCONCLUSIVE
        case Verdict.FAIL:
            return _failed(case)
        case _:
            assert_never(case.verdict)


def _failed(case: Case) -> Standing:
    if case.deviation:
        return Standing.ACCEPTED
    return Standing.VIOLATION if case.level.startswith("MUST") else Standing.MISSED


def worst(cases: Iterable[Case]) -> Standing:
    """The worst standing of at least one case."""
    return min((standing(case) for case in cases), key=lambda one: one.rank)


def tally(cases: Iterable[Case]) -> Counter[Standing]:
    """Cases counted by standing."""
    return Counter(standing(case) for case in cases)
