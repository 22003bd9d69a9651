"""Segmentation replay (`--segments`): a case is played once more with its octets cut otherwise.

TCP is a stream of octets: where segments end means nothing, so the verdict must be the same. A change is a finding of
its own, judged by the passive rule "segments" (RFC 5321 section 2.3.7, RFC 1123 section 4.1.2.10), and never alters the
verdict of the case itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from ..reports.records import Finding, Verdict
from .passive import Tally
from .script.cases import ReadyCase
from .script.outcome import Outcome
from .segments import ABOUT

ENOUGH = 2  # cases whose verdict changed with a cut, after which no more are played with it
Play: TypeAlias = Callable[[ReadyCase, str, bool], Awaitable[Outcome]]
_WELL = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)


class Replays:
    """All replays of a run on one target. Lives in a Trio run.

    `play(case, way, alone)` plays a case once with a cut, or with "" as written; what comes of it is told to the tally.
    """

    def __init__(self, ways: tuple[str, ...], again: int, play: Play, tally: Tally) -> None:
        self._ways, self._again, self._play, self._tally = ways, again, play, tally
        self._changed: Counter[str] = Counter()
        self._one_at_a_time = trio.Lock()

    async def verdicts(self, case: ReadyCase, expected: Outcome) -> dict[str, Verdict]:
        """The verdict with each cut. One that could not be found out, since the target is known to mind, is missing."""
        found = {way: await self._verdict(case, way, expected) for way in self._ways if not self._known(way)}
        return {way: verdict for way, verdict in found.items() if verdict is not None}

    def _known(self, way: str) -> bool:
        return self._changed[way] >= ENOUGH

    async def _verdict(self, case: ReadyCase, way: str, expected: Outcome) -> Verdict | None:
        outcome = await self._play(case, way, False)
        if _differ(expected, outcome):
            async with self._one_at_a_time:
                return await self._confirmed(case, way, expected, outcome)
        self._tally.replayed(case, None)
        return outcome.verdict

    async def _confirmed(
        self, case: ReadyCase, way: str, expected: Outcome, outcome: Outcome
    ) -> Verdict | None:
        """A change is believed if it is there every time with the cut, and never without, and nothing else runs."""
        if self._known(way):  # every further case would wait for the target's silence
            return None
        for _ in range(self._again):
            control, outcome = await self._play(case, "", True), await self._play(case, way, True)
            if _differ(expected, control) or not _differ(expected, outcome):
                self._tally.replayed(case, None)
                return outcome.verdict
        self._changed[way] += 1
        told = f"{expected.verdict.value} as written, {outcome.verdict.value} with {ABOUT[way]}: {outcome.reason}"
        self._tally.replayed(case, Finding(rule="segments", text=told, octets=outcome.got))
        return outcome.verdict


def _differ(one: Outcome, other: Outcome) -> bool:
    """Whether the second is another verdict than the first. To fail on the way to the state is one, too."""
    if one.verdict is Verdict.INCONCLUSIVE:
        return False
    kinds = {_kind(one), _kind(other)}
    return "" not in kinds and len(kinds) == 2


def _kind(outcome: Outcome) -> str:
    if outcome.verdict in _WELL:
        return "well"
    astray = outcome.verdict is Verdict.INCONCLUSIVE and outcome.expected
    return "fail" if outcome.verdict is Verdict.FAIL or astray else ""
