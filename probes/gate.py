"""How many cases are in flight: a window that can shrink, and cases that want to be alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

_MANY = 32  # cases that want to be alone: now the others have to wait
_PATIENCE = 15.0  # seconds that the first of them waits at most until then


class Gate:
    """Let cases through.

    window: how many at once. A case that is `alone` waits until nothing else runs; cases with the same `lock`
    name exclude each other. To empty the window takes as long as the longest case in it, so cases that want to
    be alone gather before the others are held back, and then go one after the other.
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._running = 0
        self._alone_waiting = 0
        self._waiting_since = 0.0
        self._emptying = False
        self._alone = False
        self._changed = trio.Condition()
        self._locks: dict[str, trio.Lock] = {}

    def halve(self, window: int) -> None:
        """The target cannot take as much at once as this; several cases may notice the same shortage."""
        self.window = min(self.window, max(1, window // 2))

    @asynccontextmanager
    async def passage(self, serial: bool | str) -> AsyncIterator[None]:
        """A place in the window, as the case wants it."""
        if isinstance(serial, str):
            async with self._locks.setdefault(serial, trio.Lock()), self._place():
                yield
        elif serial:
            async with self._solitude():
                yield
        else:
            async with self._place():
                yield

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        async with self._changed:
            while self._held() or self._running >= self.window:
                await self._changed.wait()
            self._running += 1
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                async with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _held(self) -> bool:
        """Whether others have to wait for those who want to be alone."""
        long_enough = trio.current_time() - self._waiting_since > _PATIENCE
        gathered = self._alone_waiting >= _MANY or long_enough
        self._emptying = self._alone_waiting > 0 and (self._emptying or gathered)
        return self._alone or self._emptying

    @asynccontextmanager
    async def _solitude(self) -> AsyncIterator[None]:
        async with self._changed:
            if not self._alone_waiting:
                self._waiting_since = trio.current_time()
            self._alone_waiting += 1
            try:
                while self._alone or self._running:
                    await self._changed.wait()
                self._alone = True
            except BaseException:
                self._alone_waiting -= 1
                self._changed.notify_all()
                raise
            self._alone_waiting -= 1
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                async with self._changed:
                    self._alone = False
                    self._changed.notify_all()
