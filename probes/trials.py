"""From a case to a verdict that can be believed: room for it, controls, attempts.

A verdict of fail is not believed at once: the case is run again, alone, before it is called failing.
A target that cannot take as many connections at once shrinks the window; those cases are run again.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeAlias

import trio

from ..reports.records import Verdict
from .drivers import trio_driver
from .gate import Gate
from .health import Health
from .masking import Masker
from .ops import Talk
from .passive import Tally
from .preflight import Sanity, sanity
from .refusals import control_of, excused, refused
from .replay import Replays
from .script import clock
from .script.cases import ReadyCase, ReadyState
from .script.interpreter import play, reach
from .script.outcome import Endpoint, Outcome, Setting
from .target import is_loopback
from .transcript import Transcript

_TRIES_FOR_ROOM = 6
_PAUSE = 0.2  # seconds before the first new try, doubled for each one after it
_DEADLINE, _SLOW_DEADLINE = 300.0, 900.0
_LONG = 3.0  # seconds; a longer attempt is not repeated alone, or everybody else waits for its silences
_PATIENT = 3.0  # times as long is waited when the first attempt met silence
_OF_A_USER = ("pop3", "imap")  # protocols in which every case logs in as the same user

Plays: TypeAlias = Callable[..., Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Attempted:
    """A case with all that came of it."""

    case: ReadyCase
    outcome: Outcome
    transcript: Transcript = field(default_factory=Transcript)
    duration_s: float = 0.0
    attempts: tuple[Verdict, ...] = ()
    replays: Mapping[str, Verdict] = field(default_factory=dict)


def _never(_case: ReadyCase) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run.

    window: cases in flight at most. again: how often a failing case is repeated.
    controls: cases by id that others depend on. skip: why a control makes no sense here, or "".
    segments: cuts with which every case is played once more (see replay).
    states: of the target's protocol, for a second look at refusals (see refusals).
    """

    window: int = 16
    again: int = 2
    controls: Mapping[str, ReadyCase] = field(default_factory=dict)
    skip: Callable[[ReadyCase], str] = _never
    segments: tuple[str, ...] = ()
    states: Mapping[str, ReadyState] = field(default_factory=dict)


class Trials:
    """All trials on one target. Lives in a Trio run."""

    def __init__(self, setting: Setting, plan: Plan, plays: Plays = trio_driver.play) -> None:
        self.setting = setting
        self.plan = plan
        self.tally = Tally()
        self._endpoint = next(iter(setting.endpoints.values()))
        self.gate = Gate(_window(plan, self._endpoint))
        self.health = Health(self._look)
        self._plays = plays
        self._masker = Masker({**setting.facts, **setting.mailbox})
        self._sources = _sources() if _many_addresses(self._endpoint) else None
        self._run_id = secrets.token_hex(4)
        self._count = 0
        self._replays = Replays(plan.segments, plan.again, self._replay, self.tally)
        self._shared: dict[str, trio.Event] = {}
        self._done: dict[str, Attempted] = {}

    async def result(self, case: ReadyCase, chain: tuple[str, ...] = ()) -> Attempted:
        """The verdict on a case. A case that others depend on is run once for all."""
        if case.id not in self.plan.controls:
            return await self._tried(case, chain)
        if case.id not in self._shared:
            self._shared[case.id] = trio.Event()
            try:
                self._done[case.id] = await self._tried(case, chain)
            finally:
                self._shared[case.id].set()
        await self._shared[case.id].wait()
        return self._done.get(case.id) or Attempted(case, _hindered("its first run was cut off"))

    async def _tried(self, case: ReadyCase, chain: tuple[str, ...]) -> Attempted:
        if case.spec.passive:
            return Attempted(case, self.tally.judge(case))
        if case.spec.depends_on and (wrong := await self._control(case, (*chain, case.id))):
            return Attempted(case, wrong)
        attempts = [await self._with_room(case, case.serial, self.setting)]
        setting = self._more_patient() if attempts[0].outcome.got.startswith("silence") else self.setting
        if attempts[0].duration_s > _LONG and self._doubtful(attempts[0]):
            await self._repeat_together(case, attempts, setting)
        while self._doubtful(attempts[-1]) and len(attempts) <= self.plan.again:
            attempts.append(await self._with_room(case, True, setting))
        result = await self._unless_refused(await self._unless_mute(believed(attempts)))
        return await self._replayed(result)

    def _more_patient(self) -> Setting:
        """For a server that was mute: some let clients wait on purpose, and RFC 5321 4.5.3.2 gives them minutes."""
        patience = self.setting.patience
        slow = replace(patience, greeting=_PATIENT * patience.greeting, reply=_PATIENT * patience.reply)
        return replace(self.setting, patience=slow)

    async def _replayed(self, result: Attempted) -> Attempted:
        """Play the case once more with each cut that was asked for; the verdict stays what it is."""
        replays = await self._replays.verdicts(result.case, result.outcome)
        return replace(result, replays=replays)

    async def _unless_mute(self, result: Attempted) -> Attempted:
        """A failure in which the target never said a word may be the target's end, not the case's matter."""
        if result.outcome.verdict is not Verdict.FAIL or result.outcome.seen:
            return result
        wrong = await self._look()
        if not wrong:
            return result
        reason = f"the target does not even greet any more: {wrong}"
        return replace(result, outcome=replace(result.outcome, verdict=Verdict.INCONCLUSIVE, reason=reason))

    async def _unless_refused(self, result: Attempted) -> Attempted:
        """A failure by a refusal tells nothing where the target refuses our plainest mail as well."""
        control = control_of(result.outcome, self.plan.states)
        if control is None or not all(
            self.setting.facts.get(need) for need in control.needs if need.islower()
        ):
            return result
        async with self.gate.passage(False):  # each time anew: a server may have had enough of us meanwhile
            talk = reach(control, self.setting, self._variables())
            got = refused(await self._played(talk, Transcript(self._masker)))
        return replace(result, outcome=excused(result.outcome, got)) if got else result

    async def _replay(self, case: ReadyCase, way: str, alone: bool) -> Outcome:
        async with self.gate.passage(alone or case.serial):
            return (await self._once(case, replace(self.setting, segments=way))).outcome

    def _doubtful(self, attempt: Attempted) -> bool:
        """Whether another attempt may tell more."""
        hopeless = self.health.dead or attempt.outcome.unavailable
        return attempt.outcome.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) and not hopeless

    async def _repeat_together(self, case: ReadyCase, attempts: list[Attempted], setting: Setting) -> None:
        async def repeat() -> None:
            attempts.append(await self._with_room(case, case.serial, setting))

        async with trio.open_nursery() as nursery:
            for _ in range(self.plan.again):
                nursery.start_soon(repeat)

    async def _control(self, case: ReadyCase, chain: tuple[str, ...]) -> Outcome | None:
        """What becomes of a case whose control case does not hold: skipped, where that is known for sure."""
        name = control_id(case)
        if name in chain:
            return _hindered(f"script: cases depend on each other in a circle: {' -> '.join((*chain, name))}")
        control = self.plan.controls.get(name)
        if control is None:
            return _hindered(f"script: there is no control case {name}")
        if reason := self.plan.skip(control):
            return Outcome(Verdict.SKIPPED, f"the control case {name} was skipped: {reason}")
        outcome = (await self.result(control, chain)).outcome
        if outcome.verdict in (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO):
            return None
        told = f"the control case {name} gave {outcome.verdict.value}: {outcome.reason}"
        return _hindered(told) if outcome.verdict is Verdict.INCONCLUSIVE else Outcome(Verdict.SKIPPED, told)

    async def _with_room(self, case: ReadyCase, serial: bool | str, setting: Setting) -> Attempted:
        """Play a case, again and with fewer in flight while the target has no room for it."""
        result = Attempted(case, _hindered("not run"))
        for attempt in range(_TRIES_FOR_ROOM):
            async with self.gate.passage(serial):
                if self.health.dead:
                    return Attempted(case, _hindered(self.health.dead))
                window = self.gate.window
                result = await self._once(case, setting)
            await self.health.note(case.id, result.outcome)
            if not result.outcome.unavailable or self.health.dead:
                return result
            self.gate.halve(window)
            await trio.sleep(_PAUSE * 2**attempt)
        return result

    async def _once(self, case: ReadyCase, setting: Setting) -> Attempted:
        transcript, start = Transcript(self._masker), trio.current_time()
        deadline = _SLOW_DEADLINE if case.spec.slow else _DEADLINE
        variables = self._variables()
        outcome = _hindered(f"not over after {deadline:g} s")
        with self.health.watched(case.id, deadline):
            talk = play(case, setting, variables)
            outcome = await self._played(talk, transcript)
            self.tally.add(outcome.seen)
        if self.health.dead and outcome.verdict is Verdict.INCONCLUSIVE:
            outcome = replace(outcome, reason=self.health.dead)
        return Attempted(case, outcome, transcript, trio.current_time() - start)

    def _variables(self) -> dict[str, str]:
        """Those of a new attempt."""
        self._count += 1
        marker = f"plumb{self._run_id}{self._count:05d}"
        return {"marker": marker, **clock.variables(datetime.now(UTC))}

    async def _played(self, talk: Talk[Outcome], transcript: Transcript) -> Outcome:
        source = next(self._sources) if self._sources else None
        try:
            return await self._plays(talk, observer=transcript, source=source)
        except Exception as error:
            return _hindered(f"a fault of Plumbline's own: {type(error).__name__}: {error}")

    async def _look(self) -> str:
        """What is wrong with the target, or "". In doubt it is looked at while nothing of ours runs."""
        seen = await self._greet()
        if seen.wrong and not seen.certain:
            async with self.gate.passage(serial=True):
                seen = await self._greet()
        return seen.wrong

    async def _greet(self) -> Sanity:
        source = next(self._sources) if self._sources else None
        return await trio_driver.play(sanity(self._endpoint, self.setting), source=source)


def control_id(case: ReadyCase) -> str:
    """The full id of the case on which another depends."""
    name = case.spec.depends_on
    return name if "/" in name else f"{case.protocol}/{name}"


def believed(attempts: list[Attempted]) -> Attempted:
    """One verdict of several attempts: failing only if it failed every time."""
    verdicts = tuple(attempt.outcome.verdict for attempt in attempts)
    failed = [attempt for attempt in attempts if attempt.outcome.verdict is Verdict.FAIL]
    if not failed or len(failed) == len(attempts):
        return replace(attempts[-1], attempts=verdicts)
    other = next(attempt.outcome for attempt in attempts if attempt.outcome.verdict is not Verdict.FAIL)
    reason = (
        f"flaky, failed {len(failed)} of {len(attempts)} times: {failed[0].outcome.reason}; "
        f"otherwise {other.verdict.value}: {other.reason}"
    )
    outcome = replace(failed[0].outcome, verdict=Verdict.INCONCLUSIVE, reason=reason)
    return replace(failed[0], outcome=outcome, attempts=verdicts)


def _hindered(reason: str) -> Outcome:
    return Outcome(Verdict.INCONCLUSIVE, reason)


def _window(plan: Plan, endpoint: Endpoint) -> int:
    """How many cases at once. Dovecot takes ten connections of a user from one address; a case opens two."""
    return min(plan.window, 4) if endpoint.protocol in _OF_A_USER else plan.window


def _many_addresses(endpoint: Endpoint) -> bool:
    """Whether to come from many addresses: 127.0.0.0/8 as a whole is ours on Linux.

    Dovecot takes a login in clear only from a client whose address is its own, unless told otherwise.
    """
    one_address = endpoint.protocol in _OF_A_USER
    return sys.platform == "linux" and is_loopback(endpoint.host) and not one_address


def _sources() -> Iterator[str]:
    """Addresses of our own to come from, each used once in 60,000: servers penalise addresses."""
    start = secrets.randbelow(60_000)
    while True:
        for number in range(60_000):
            high, low = divmod((start + number) % 60_000, 250)
            yield f"127.{1 + high // 250}.{high % 250}.{low + 2}"
