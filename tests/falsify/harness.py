"""Play suites against model servers and mutants.

A mutant is a model server with one planted bug. It names the cases that must turn red by it: exactly
these, so that a case which fails for another rule's sake is found out as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plumbline.probes.passive import Tally
from plumbline.probes.script.cases import ReadyCase
from plumbline.probes.script.interpreter import play
from plumbline.probes.script.loader import Library
from plumbline.probes.script.outcome import Endpoint, Setting
from plumbline.reports.records import Verdict

from tests.models.lines import LineService
from tests.models.world import World

SUITES = Path(__file__).parents[2] / "suites"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A server class with one bug, what it does wrong, and the ids of the cases that must fail on it."""

    name: str
    service: type[LineService]
    red: frozenset[str]


def mutant(name: str, base: type[LineService], *red: str, **broken: object) -> Mutant:
    """A mutant made by replacing members of a model server."""
    return Mutant(name, type(f"Mutant_{name}", (base,), broken), frozenset(red))


def saying(*texts: str) -> Callable[..., None]:
    """A method that answers like this, whatever it is asked."""

    def method(self: LineService, *_arguments: object) -> None:
        for text in texts:
            self.say(text)

    return method


def cases_of(protocol: str) -> list[ReadyCase]:
    """All shipped cases of a protocol."""
    library = Library.open(SUITES)
    return [case for path in library.suite_files([protocol]) for case in library.cases(path)]


def verdicts(
    cases: list[ReadyCase],
    services: Mapping[str, type[LineService]],
    facts: Mapping[str, str],
    mailbox: Mapping[str, str] | None = None,
) -> dict[str, tuple[Verdict, str]]:
    """Verdict and reason of every case on these servers, each case in a world of its own."""
    tally, result = Tally(), {}
    for number, case in enumerate(case for case in cases if not case.spec.passive):
        world = World()
        endpoints = {
            name: Endpoint(
                name, "127.0.0.1", world.serve(lambda service=service, world=world: service(world))
            )
            for name, service in services.items()
        }
        setting = Setting(endpoints=endpoints, facts=facts, mailbox=mailbox or {})
        outcome = world.play(play(case, setting, {"marker": f"marker{number}"}))
        tally.add(outcome.seen)
        result[case.id] = (outcome.verdict, outcome.reason)
    for case in cases:
        if case.spec.passive:
            outcome = tally.judge(case)
            result[case.id] = (outcome.verdict, outcome.reason)
    return result


def red(found: Mapping[str, tuple[Verdict, str]]) -> set[str]:
    """The ids of the cases that failed."""
    return {name for name, (verdict, _) in found.items() if verdict is Verdict.FAIL}


def assert_model_passes(found: Mapping[str, tuple[Verdict, str]]) -> None:
    """A conforming server gets no red, and nothing stays untested on it."""
    good = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)
    assert {name: told for name, told in found.items() if told[0] not in good} == {}


def not_shown(cases: list[ReadyCase], expected: Mapping[str, set[str]]) -> set[str]:
    """Cases that no mutant turns red."""
    return {case.id.partition("/")[2] for case in cases} - set().union(*expected.values())
