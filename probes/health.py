"""Is the target still there? Noticed once for all, rather than waited for once per case."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from ..reports.records import Verdict
from .script.outcome import Outcome

HINDERED_IN_A_ROW = 3  # after which the target is looked at
_SHOWN = 5  # cases in flight that a message names


class Health:
    """What the cases' fates tell about the target. `look` greets it and says what is wrong, or ""."""

    def __init__(self, look: Callable[[], Awaitable[str]]) -> None:
        self.dead = ""  # why nothing can be tested any more
        self.last_good = ""  # id of the last case after which the target still behaved
        self._look = look
        self._hindered = 0
        self._looking = trio.Lock()
        self._running: dict[trio.CancelScope, str] = {}
        self._suspects: deque[str] = deque(maxlen=_SHOWN)

    @contextmanager
    def watched(self, name: str, deadline: float) -> Iterator[trio.CancelScope]:
        """Around an attempt: it ends at its deadline, or at once when the target is found dead."""
        with trio.move_on_after(deadline) as scope:
            self._running[scope] = name
            try:
                yield scope
            finally:
                del self._running[scope]

    async def note(self, name: str, outcome: Outcome) -> None:
        """Take notice of an attempt. Several hindered ones in a row are a reason to look."""
        if outcome.verdict is Verdict.FAIL and not outcome.seen:
            return  # not one reply: this may be a server with a fault, or none at all
        if outcome.verdict is not Verdict.INCONCLUSIVE:
            self.last_good, self._hindered = name, 0
            self._suspects.clear()
            return
        self._hindered += 1
        self._suspects.append(name)
        if self._hindered < HINDERED_IN_A_ROW or self.dead:
            return
        async with self._looking:
            if self.dead or self._hindered < HINDERED_IN_A_ROW:  # somebody else has looked meanwhile
                return
            wrong = await self._look()
            self._hindered = 0
            if wrong:
                self._die(wrong)

    def _die(self, wrong: str) -> None:
        after = f" after {self.last_good}" if self.last_good else ""
        names = list(dict.fromkeys((*self._suspects, *self._running.values())))[:_SHOWN]
        during = f" (in flight then: {', '.join(names)})" if names else ""
        self.dead = f"the target stopped answering{after}{during}: {wrong}"
        for scope in self._running:
            scope.cancel()
