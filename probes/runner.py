"""Run cases: one Trio thread, many cases in flight, results one by one as futures.

A verdict of fail is not believed at once: the case is run again, alone, before it is called failing.
A target that cannot take as many connections at once shrinks the window; those cases are run again.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import trio

from ..reports.records import Verdict
from .drivers import trio_driver
from .gate import Gate
from .passive import Tally
from .preflight import sanity
from .script.cases import ReadyCase
from .script.interpreter import play
from .script.outcome import Outcome, Setting
from .target import is_loopback
from .transcript import Transcript

_PATIENT = 6  # tries of a case that the target had no room for
_REFUSED_IN_A_ROW = 3  # after which the target is looked at
_CASE_DEADLINE = 600.0
# Dovecot takes a login in clear only from a client whose address is its own, unless told otherwise. From
# one address it takes ten connections of a user; a case opens up to two.
_ONE_ADDRESS = ("pop3", "imap")
_WINDOW_OF_ONE_ADDRESS = 4


@dataclass(frozen=True, slots=True)
class Attempted:
    """A case with all that came of it."""

    case: ReadyCase
    outcome: Outcome
    transcript: Transcript
    duration_s: float
    attempts: tuple[Verdict, ...] = ()


@dataclass(slots=True)
class Plan:
    """How to run: window, how often a failing case is tried again, the control cases by id."""

    window: int = 16
    again: int = 2
    controls: Mapping[str, ReadyCase] = field(default_factory=dict)


class Runner:
    """The thread and what is known about the run so far. Use as a context manager."""

    def __init__(self, setting: Setting, plan: Plan) -> None:
        self.setting = setting
        self.plan = plan
        self.tally = Tally()
        self.last_good = ""  # id of the last case after which the target still behaved
        self.dead = ""  # why nothing can be tested any more
        self._refused = 0
        self._run_id = secrets.token_hex(4)
        self._count = 0
        target = next(iter(setting.endpoints.values()))
        self._one_address = target.protocol in _ONE_ADDRESS
        self._sources = _sources() if is_loopback(target.host) and not self._one_address else None
        self._futures: set[Future[Attempted]] = set()
        self._controls: dict[str, trio.Event] = {}
        self._done: dict[str, Attempted] = {}
        self._gate: Gate
        self._token: trio.lowlevel.TrioToken
        self._nursery: trio.Nursery
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._thread_main, name="plumbline probes", daemon=True)

    def __enter__(self) -> Runner:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, case: ReadyCase) -> Future[Attempted]:
        """Have a case run as soon as there is room."""
        future: Future[Attempted] = Future()
        self._futures.add(future)
        self._token.run_sync_soon(self._nursery.start_soon, self._answer, case, future)
        return future

    def close(self) -> None:
        """Stop all that runs; whoever still waits for a case is told."""
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join(timeout=10)
        for future in self._futures:
            if not future.done():
                future.cancel()

    # -- in the Trio thread

    def _thread_main(self) -> None:
        trio.run(self._main)

    async def _main(self) -> None:
        narrow = min(self.plan.window, _WINDOW_OF_ONE_ADDRESS)
        self._gate = Gate(narrow if self._one_address else self.plan.window)
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._ready.set()
            await trio.sleep_forever()

    async def _answer(self, case: ReadyCase, future: Future[Attempted]) -> None:
        try:
            result = await self._result(case)
        except trio.Cancelled:
            future.cancel()
            raise
        except Exception as error:
            reason = f"Plumbline's own fault: {type(error).__name__}: {error}"
            result = Attempted(case, Outcome(Verdict.INCONCLUSIVE, reason), Transcript(), 0.0)
        if not future.cancelled():
            future.set_result(result)

    async def _result(self, case: ReadyCase) -> Attempted:
        if case.spec.passive:
            return Attempted(case, self.tally.judge(case), Transcript(), 0.0)
        if case.spec.depends_on and (wrong := await self._control(case)):
            return Attempted(case, Outcome(Verdict.INCONCLUSIVE, wrong), Transcript(), 0.0)
        first = await self._with_room(case, case.serial)
        attempts = [first]
        while (
            attempts[-1].outcome.verdict in _DOUBTFUL and len(attempts) <= self.plan.again and not self.dead
        ):
            attempts.append(await self._with_room(case, serial=True))
        return _believed(attempts)

    async def _control(self, case: ReadyCase) -> str:
        """Run the case on which another depends, once for all. What is wrong with it, or ""."""
        name = f"{case.protocol}/{case.spec.depends_on}"
        if name not in self._controls:
            self._controls[name] = trio.Event()
            try:
                self._done[name] = await self._result(self.plan.controls[name])
            finally:
                self._controls[name].set()
        await self._controls[name].wait()
        outcome = self._done[name].outcome
        if outcome.verdict in (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO):
            return ""
        return f"the control case {name} gave {outcome.verdict.value}: {outcome.reason}"

    async def _with_room(self, case: ReadyCase, serial: bool | str) -> Attempted:
        """Play a case, again and with fewer in flight while the target has no room for it."""
        for attempt in range(_PATIENT):
            if self.dead:
                return Attempted(case, Outcome(Verdict.INCONCLUSIVE, self.dead), Transcript(), 0.0)
            async with self._gate.passage(serial):
                result = await self._once(case)
            await self._look_after(result)
            if not result.outcome.unavailable:
                return result
            self._gate.halve()
            await trio.sleep(0.2 * 2**attempt)
        return result

    async def _once(self, case: ReadyCase) -> Attempted:
        transcript, start = Transcript(), time.monotonic()
        self._count += 1
        variables = {"marker": f"plumb{self._run_id}{self._count:05d}"}
        source = next(self._sources) if self._sources else None
        with trio.move_on_after(_CASE_DEADLINE) as scope:
            outcome = await trio_driver.play(
                play(case, self.setting, variables), observer=transcript, source=source
            )
            self.tally.add(outcome.seen)
        if scope.cancelled_caught:
            outcome = Outcome(Verdict.INCONCLUSIVE, f"not over after {_CASE_DEADLINE:g} s")
        return Attempted(case, outcome, transcript, time.monotonic() - start)

    async def _look_after(self, result: Attempted) -> None:
        """Notice a target that has died, rather than wait for it once per case."""
        if not result.outcome.unavailable:
            self._refused, self.last_good = 0, result.case.id
            return
        self._refused += 1
        if self._refused < _REFUSED_IN_A_ROW or self.dead:
            return
        endpoint = next(iter(self.setting.endpoints.values()))
        wrong = await trio_driver.play(sanity(endpoint, self.setting))
        if wrong and self._refused >= _REFUSED_IN_A_ROW and not self.dead:
            after = f" after {self.last_good}" if self.last_good else ""
            self.dead = f"the target stopped answering{after}: {wrong}"


_DOUBTFUL = (Verdict.FAIL, Verdict.INCONCLUSIVE)


def _believed(attempts: list[Attempted]) -> Attempted:
    """One verdict of several attempts: failing only if it failed every time."""
    verdicts = tuple(attempt.outcome.verdict for attempt in attempts)
    last = attempts[-1]
    failed = [attempt for attempt in attempts if attempt.outcome.verdict is Verdict.FAIL]
    if failed and len(failed) < len(attempts) and not all(verdict in _DOUBTFUL for verdict in verdicts):
        told = f"flaky, failed {len(failed)} of {len(attempts)} times: {failed[0].outcome.reason}"
        outcome = replace(failed[0].outcome, verdict=Verdict.INCONCLUSIVE, reason=told)
        return replace(failed[0], outcome=outcome, attempts=verdicts)
    if failed and len(failed) < len(attempts):
        told = f"failed {len(failed)} of {len(attempts)} times, else {last.outcome.reason}"
        outcome = replace(failed[0].outcome, verdict=Verdict.INCONCLUSIVE, reason=told)
        return replace(failed[0], outcome=outcome, attempts=verdicts)
    return replace(last, attempts=verdicts)


def _sources() -> Iterator[str]:
    """Addresses of our own to come from, each used once in 60,000: servers penalise addresses."""
    start = secrets.randbelow(60_000)
    while True:
        for number in range(60_000):
            high, low = divmod((start + number) % 60_000, 250)
            yield f"127.{1 + high // 250}.{high % 250}.{low + 2}"
