"""Playing a suite's case under load: the interpreter on the blocking driver, which gevent makes cooperative."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath

from plumbline.loadtests.crew.crew import Crew, RefusedError
from plumbline.loadtests.crew.wire import Net
from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.engine.system import Platform
from plumbline.loadtests.scenarios.base import Preflight
from plumbline.loadtests.scriptplan import ScriptPlan, find, setting
from plumbline.probes import preflight as probing
from plumbline.probes.capability import skip_reason
from plumbline.probes.drivers import blocking_driver
from plumbline.probes.ops import Lost, Now, Op, Open, Recv, Send, Talk
from plumbline.probes.script import clock
from plumbline.probes.script.cases import Placed, ReadyCase
from plumbline.probes.script.interpreter import Player
from plumbline.probes.script.loader import Library
from plumbline.probes.script.outcome import Outcome, Setting
from plumbline.probes.script.types import Step
from plumbline.probes.target import CannotTest, surroundings
from plumbline.reports.records import Verdict

_FINE = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)


class Steps:
    """How long each step took; octets and connections beside. One for each time that the script is played."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self.seconds: dict[str, float] = {}
        self.octets = self.connections = 0

    def saw(self, op: Op, started: float, ended: float, answer: object) -> None:
        """See drivers.trace.Observer."""
        match op:
            case Now():
                return
            case Send() if not isinstance(answer, Lost):
                self.octets += len(op.data)
            case Recv() if isinstance(answer, bytes):
                self.octets += len(answer)
            case Open() if not isinstance(answer, Lost):
                self.connections += 1
            case _:
                pass
        name = label(self._player.placed)
        self.seconds[name] = self.seconds.get(name, 0.0) + ended - started


def label(placed: Placed | None) -> str:
    """A step in a few words: "rcpt.yaml:12 RCPT TO:<{recipient}>"."""
    if placed is None:
        return "connecting"
    return f"{PurePath(placed.file).name}:{placed.line} {_words(placed.step)}".strip()


def _words(step: Step) -> str:
    if step.C is not None:
        return (step.C if isinstance(step.C, str) else str(step.C[0]))[:40]
    return next(
        (
            name
            for name in ("raw", "message", "tls", "delivered", "data", "wait")
            if getattr(step, name, None)
        ),
        "",
    )


class Script:
    """Each piece of work is the whole script, connections and all."""

    def __init__(self, case: ReadyCase, world: Setting, ledger: Ledger, run: str) -> None:
        self._case, self._world, self._ledger, self._run = case, world, ledger, run

    def open(self) -> None:
        """The script does that."""

    def perform(self, number: int) -> int:
        """Play it once; octets both ways. A verdict of fail or inconclusive is a failure."""
        variables = {"marker": f"plumb{self._run}{number:x}", **clock.variables(datetime.now(UTC))}
        player = Player(self._world, variables, self._case.states)
        steps = Steps(player)
        self._ledger.begun()
        outcome = blocking_driver.play(self._played(player), observer=steps)
        for name, seconds in steps.seconds.items():
            self._ledger.phase(name, seconds)
        self._ledger.delta.connections += steps.connections
        if outcome.unavailable:
            raise EndedError(f"unavailable at {label(outcome.step)}", outcome.reason)
        if outcome.verdict not in _FINE:
            raise RefusedError(f"{outcome.verdict.value} at {label(outcome.step)}", outcome.reason)
        return steps.octets

    def _played(self, player: Player) -> Talk[Outcome]:
        outcome = yield from player.verdict(self._case.state, self._case.steps)
        yield from player.clean_up(self._case.cleanup)
        return outcome

    def close(self) -> None:
        """The driver has closed everything."""

    def abandon(self) -> None:
        """Nothing is left."""


class ScriptScene:
    """The same case for all."""

    def __init__(self, plan: ScriptPlan, address: Address, ledger: Ledger) -> None:
        self._plan, self._ledger = plan, ledger
        self.case = find(plan.script, plan.protocol, Library.open())
        self.world = world(plan, address)

    def conversation(self, lane: int) -> Script:  # noqa: ARG002
        """A player."""
        return Script(self.case, self.world, self._ledger, f"{self._plan.run_id}{self._plan.part:x}")

    def book(self, number: int) -> str:  # noqa: ARG002
        """There is one script."""
        return self.case.id

    def finish(self) -> None:
        """Scripts clean up themselves."""


def world(plan: ScriptPlan, address: Address) -> Setting:
    """The setting, with what the machine tells of the target."""
    made = setting(plan)
    return replace(made, facts={**surroundings(str(address[1][0])), **made.facts})


def machine(plan: ScriptPlan, address: Address, platform: Platform) -> tuple[Crew, dict[str, Ledger]]:
    """The crew and its ledger."""
    ledger = Ledger()
    scene = ScriptScene(plan, address, ledger)
    books = {scene.case.id: ledger}
    return Crew(plan, Net(platform.socket, plan.timeouts.connect, plan.timeouts.reply), scene, books), books


def preflight(plan: ScriptPlan, address: Address) -> Preflight:
    """What the target offers, and whether the case makes sense there."""
    library = Library.open()
    case, made = find(plan.script, plan.protocol, library), world(plan, address)
    endpoint = made.endpoints[plan.protocol]
    try:
        facts = blocking_driver.play(probing.preflight(endpoint, made, library.states(plan.protocol)))
    except CannotTest as error:
        return Preflight(str(error))
    why = skip_reason(case, facts.offered_to(case), made.facts)
    return Preflight(f"{case.id}: {why}" if why else "", facts.greeting, sorted(facts.capabilities))
