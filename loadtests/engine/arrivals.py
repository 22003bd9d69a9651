"""The queue between a schedule and the sessions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from plumbline.loadtests.engine.ledger import Ledger

HARD_QUEUE = 1_000_000


class Due(NamedTuple):
    """A message that is to be sent now: when it was meant to be, and when the generator noticed."""

    intended: float
    noticed: float


class Arrivals:
    """Messages that are due and not begun. Times are those of perf_counter()."""

    def __init__(self, times: Iterator[float], ledger: Ledger) -> None:
        self._times, self._ledger = times, ledger
        self._next = 0.0
        self._start = 0.0
        self.due: deque[Due] = deque()
        self.longest = 0
        self.open = False
        self.ended = False

    def start(self, now: float) -> None:
        """The schedule begins."""
        self.open, self._start = True, now
        self._advance()

    def _advance(self) -> None:
        offset = next(self._times, None)
        if offset is None:
            self.ended = True
        else:
            self._next = self._start + offset

    def restart(self, times: Iterator[float], now: float) -> None:
        """Another schedule; what was due by the old one and not begun has failed."""
        self.give_up(now)
        self._times, self.ended, self.longest = times, False, 0
        self.start(now)

    def collect(self, now: float) -> float:
        """Put into the queue what is due; gives back when to look again (infinite: never)."""
        while self.open and not self.ended and self._next <= now:
            self._ledger.phase("generator lag", now - self._next)
            if len(self.due) < HARD_QUEUE:
                self.due.append(Due(self._next, now))
            else:
                self._ledger.failure(0.0, "never queued", f"{HARD_QUEUE} messages were due already")
            self._advance()
        self.longest = max(self.longest, len(self.due))
        return self._next if self.open and not self.ended else float("inf")

    def take(self, now: float) -> Due:
        """The message that has waited longest."""
        due = self.due.popleft()
        self._ledger.phase("wait for a session", now - due.noticed)
        return due

    def put_back(self, intended: float) -> None:
        """A message that was taken could not be begun."""
        self.due.appendleft(Due(intended, intended))

    def give_up(self, now: float) -> None:
        """The run is over: what was due and not begun has failed."""
        self.open = False
        for due in self.due:
            self._ledger.failure(
                now - due.intended, "not begun", "no session was free before the end of the run"
            )
        self.due.clear()
