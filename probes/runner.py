"""One Trio thread that runs cases, many in flight, and hands back results as futures.

Whatever happens in the thread, nobody who waits for a case is left waiting: an unexpected end of the
thread fails every future that is pending, and none of them can turn into a pass by it.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Self

import trio

from ..reports.records import Verdict
from .script.cases import ReadyCase
from .script.outcome import Outcome, Setting
from .trials import Attempted, Plan, Trials

_STOP = 10.0  # seconds for the thread to end


class Runner:
    """Runs cases on one target. Use as a context manager, or call `start` and `close`."""

    def __init__(self, setting: Setting, plan: Plan) -> None:
        self._setting = setting
        self._plan = plan
        self._trials: Trials | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._nursery: trio.Nursery | None = None
        self._pending: set[Future[Attempted]] = set()
        self._lock = threading.Lock()
        self._over = ""  # why no case is taken any more
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plumbline probes", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def dead(self) -> str:
        """Why nothing can be tested on this target any more, or ""."""
        return self._trials.health.dead if self._trials else ""

    @property
    def last_good(self) -> str:
        """Id of the last case after which the target still behaved."""
        return self._trials.health.last_good if self._trials else ""

    def start(self) -> None:
        """Start the thread; returns once cases can be submitted."""
        self._thread.start()
        self._ready.wait()

    def submit(self, case: ReadyCase) -> Future[Attempted]:
        """Have a case run as soon as there is room. The future never raises but when the run was closed."""
        future: Future[Attempted] = Future()
        with self._lock:
            if self._over or self._token is None:
                future.set_result(Attempted(case, _fault(self._over or "the runner was not started")))
                return future
            self._pending.add(future)
        future.add_done_callback(self._forget)
        try:
            self._token.run_sync_soon(self._begin, case, future)
        except trio.RunFinishedError:
            self._abandon("the run is over")
        return future

    def close(self) -> None:
        """Stop what runs; whoever still waits for a case is told. Closing twice is no error."""
        self._abandon("the run was closed")
        if self._token is not None and self._nursery is not None:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        if self._thread.is_alive():
            self._thread.join(timeout=_STOP)

    # -- futures

    def _forget(self, future: Future[Attempted]) -> None:
        with self._lock:
            self._pending.discard(future)

    def _abandon(self, why: str) -> None:
        with self._lock:
            self._over = self._over or why
            pending = list(self._pending)
        for future in pending:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(CancelledError(why))

    # -- in the Trio thread

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:  # the thread has no other way to tell
            self._abandon(f"{type(error).__name__}: {error}")
        finally:
            self._abandon("the run is over")
            self._ready.set()

    async def _main(self) -> None:
        self._trials = Trials(self._setting, self._plan)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._token = trio.lowlevel.current_trio_token()
            self._ready.set()
            await trio.sleep_forever()

    def _begin(self, case: ReadyCase, future: Future[Attempted]) -> None:
        if self._nursery is not None and not self._nursery.cancel_scope.cancel_called:
            self._nursery.start_soon(self._answer, case, future)

    async def _answer(self, case: ReadyCase, future: Future[Attempted]) -> None:
        assert self._trials is not None
        try:
            result = await self._trials.result(case)
        except Exception as error:
            result = Attempted(case, _fault(f"{type(error).__name__}: {error}"))
        with contextlib.suppress(InvalidStateError):
            future.set_result(result)


def _fault(what: str) -> Outcome:
    return Outcome(Verdict.INCONCLUSIVE, f"a fault of Plumbline's own: {what}")


__all__ = ["Attempted", "Plan", "Runner"]
