"""Play suites against model servers and mutants.

A mutant is a model server with one planted bug. It may name the cases that it was made for (`breaks`). All cases that
turn red on it are pinned in red/<protocol>.yaml, so that a case which fails for another rule's sake is found out as well;
`python -m tests.falsify.redraw` writes those files anew, and the diff is to be read.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import yaml
from plumbline.probes.capability import skip_reason
from plumbline.probes.passive import Tally
from plumbline.probes.preflight import offered_at
from plumbline.probes.refusals import control_of, excused, refused
from plumbline.probes.script import clock
from plumbline.probes.script.cases import ReadyCase, ReadyState
from plumbline.probes.script.checks import SEGMENTS_RULE
from plumbline.probes.script.facts import OF_RELAYING
from plumbline.probes.script.interpreter import play, reach
from plumbline.probes.script.loader import Library
from plumbline.probes.script.offers import offered, with_tls
from plumbline.probes.script.outcome import Endpoint, Outcome, Setting
from plumbline.reports.records import Verdict

from tests.models.lines import LineService
from tests.models.world import EPOCH, World

SUITES = Path(__file__).parents[2] / "suites"
RED = Path(__file__).parent / "red"
GOOD = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A server class with one bug, and the ids (without the protocol) of cases that must fail on it."""

    name: str
    service: type[LineService]
    breaks: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()  # nothing but these cases is played against it; none: all of them


@dataclass(frozen=True, slots=True)
class Bench:
    """What the suites of one protocol are played against.

    models: conforming servers; every case passes on one at least and is red on none.
    foreign: conforming servers of other kinds; no case is red on them but their own `misses`, and some cannot be put to them.
    misses: cases of a SHOULD that one of the models leaves out on purpose.
    facts: of the profile; a model has a `profile` of its own beside where it is set up in another way.
    companions: servers of other protocols on the same store. mailbox: the profile's `delivered`.
    borrowed: mutants of another protocol that speak this one; some of their bugs mean nothing here.
    """

    protocol: str
    models: tuple[type[LineService], ...]
    mutants: tuple[Mutant, ...]
    facts: Mapping[str, str]
    misses: frozenset[str] = frozenset()
    companions: Mapping[str, type[LineService]] = field(default_factory=dict)
    mailbox: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[type[LineService], ...] = ()
    borrowed: tuple[Mutant, ...] = ()

    @property
    def all_mutants(self) -> tuple[Mutant, ...]:
        return (*self.mutants, *self.borrowed)

    def verdicts(
        self, service: type[LineService], cases: list[ReadyCase], segments: str = ""
    ) -> dict[str, tuple[Verdict, str]]:
        """Verdict and reason of every case on this server and its companions."""
        services = {self.protocol: service, **self.companions}
        facts = {**self.facts, **getattr(service, "profile", {})}
        return verdicts(cases, services, facts, self.mailbox, segments)

    def red(self, mutant: Mutant, cases: list[ReadyCase]) -> list[str]:
        """The ids, without the protocol, of the cases that fail on this mutant.

        Cases with the tag `large` move megabytes: they are played on mutants that were made for them.
        """
        made_for = [case for case in cases if case.id.partition("/")[2] in mutant.breaks | mutant.only]
        if not mutant.only or any(case.spec.passive for case in made_for):  # who listens needs talk
            wanted = [case for case in cases if "large" not in case.tags or case in made_for]
        else:
            wanted = made_for
        found = self.verdicts(mutant.service, wanted)
        return sorted(
            name.partition("/")[2] for name, (verdict, _) in found.items() if verdict is Verdict.FAIL
        )

    def pinned(self) -> dict[str, list[str]]:
        """Mutant -> the cases that were red on it when the pins were last drawn."""
        return _pins(self.protocol)

    def share(self, mutant: Mutant, cases: list[ReadyCase]) -> list[ReadyCase]:
        """What a usual run of our tests plays of the crossing of all mutants and cases, which takes minutes.

        Those that are pinned, that the mutant was made for, and a quarter of the others, always the same one. All of
        them where a passive case is pinned, which needs talk to listen to. `redraw` plays everything.
        """
        pinned = {*self.pinned().get(mutant.name, ()), *mutant.breaks}
        short = {case.id.partition("/")[2]: case for case in cases}
        if mutant.only or any(case.spec.passive for name, case in short.items() if name in pinned):
            return cases
        return [
            case for name, case in short.items() if name in pinned or _of_quarter(f"{mutant.name} {name}")
        ]


@functools.cache
def _pins(protocol: str) -> dict[str, list[str]]:
    file = RED / f"{protocol}.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


def _of_quarter(text: str) -> bool:
    return zlib.crc32(text.encode()) % 4 == 0


def mutant(name: str, base: type[LineService], *breaks: str, **broken: object) -> Mutant:
    """A mutant made by replacing members of a model server."""
    return Mutant(name, type(f"Mutant_{name}", (base,), broken), frozenset(breaks))


def gather(package: ModuleType) -> tuple[Mutant, ...]:
    """The MUTANTS of all modules of a package."""
    names = sorted(module.name for module in iter_modules(package.__path__))
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return tuple(one for module in modules for one in getattr(module, "MUTANTS", ()))


def rows(word: str) -> list[str]:
    """`stem[a|b]` as `stem[a]`, `stem[b]`."""
    stem, bracket, inner = word.rstrip("]").partition("[")
    return [f"{stem}[{row}]" for row in inner.split("|")] if bracket else [stem]


def saying(*texts: str) -> Callable[..., None]:
    """A method that answers like this, whatever it is asked."""

    def method(self: LineService, *_arguments: object) -> None:
        for text in texts:
            self.say(text)

    return method


def cases_of(protocol: str) -> list[ReadyCase]:
    """All shipped cases of a protocol, but those about replays: test_segments has them."""
    return [case for case in shipped(protocol) if SEGMENTS_RULE not in case.spec.passive]


@functools.cache
def states_of(protocol: str) -> dict[str, ReadyState]:
    """The fixture states of a protocol."""
    return Library.open(SUITES).states(protocol)


def shipped(protocol: str) -> list[ReadyCase]:
    """All shipped cases of a protocol."""
    library = Library.open(SUITES)
    return [case for path in library.suite_files([protocol]) for case in library.cases(path, [protocol])]


def verdicts(
    cases: list[ReadyCase],
    services: Mapping[str, type[LineService]],
    facts: Mapping[str, str],
    mailbox: Mapping[str, str] | None = None,
    segments: str = "",
) -> dict[str, tuple[Verdict, str]]:
    """Verdict and reason of every case on these servers, each case in a world of its own."""
    tally, result = Tally(), {}
    for case, outcome in _outcomes(cases, services, facts, mailbox or {}, segments):
        tally.add(outcome.seen)
        result[case.id] = (outcome.verdict, outcome.reason)
    for case in cases:
        if case.spec.passive:
            why = skipped(case, services[case.protocol], facts)
            outcome = Outcome(Verdict.SKIPPED, why) if why else tally.judge(case)
            result[case.id] = (outcome.verdict, outcome.reason)
    return result


def _outcomes(
    cases: list[ReadyCase],
    services: Mapping[str, type[LineService]],
    facts: Mapping[str, str],
    mailbox: Mapping[str, str],
    segments: str,
) -> Iterator[tuple[ReadyCase, Outcome]]:
    for number, case in enumerate(case for case in cases if not case.spec.passive):
        if why := skipped(case, services[case.protocol], facts):
            yield case, Outcome(Verdict.SKIPPED, why)
            continue
        world = World()
        endpoints = {
            name: Endpoint(
                name,
                "127.0.0.1",
                world.serve(lambda service=service, world=world: service(world)),
                tls=getattr(service, "implicit", False),
            )
            for name, service in services.items()
        }
        own = getattr(services[case.protocol], "own_facts", {})
        setting = Setting(
            endpoints=endpoints,
            facts={**facts, **own},
            mailbox=mailbox,
            segments=segments,
            postbox=world.postbox,
        )
        variables = {"marker": f"marker{number}", **clock.variables(EPOCH)}
        outcome = world.play(play(case, setting, variables))
        control = control_of(outcome, states_of(case.protocol))
        again = {**variables, "marker": f"control{number}"}
        got = refused(world.play(reach(control, setting, again))) if control else ""
        yield case, excused(outcome, got) if got else outcome


def skipped(case: ReadyCase, service: type[LineService], facts: Mapping[str, str]) -> str:
    """Why the case is not played: a fact decides, and where the server tells by `keywords` what it offers, that.

    `secured_keywords` are those under TLS, `implicit` is for TLS from the first octet on; who `relays` does so to the
    next hops of the tester. `own_facts` are those of the server's own profile.
    """
    facts = {**facts, **getattr(service, "own_facts", {})}
    keywords = getattr(service, "keywords", None)
    if keywords is None:
        return skip_reason(case, {need.upper() for need in case.needs if need != need.lower()}, facts)
    if not getattr(service, "relays", False):
        facts = {name: value for name, value in facts.items() if name not in OF_RELAYING}
    lists = {"first-ehlo": with_tls(offered(keywords), implicit=getattr(service, "implicit", False))}
    if "STARTTLS" in lists["first-ehlo"]:
        lists["protected"] = offered(getattr(service, "secured_keywords", keywords)) | {"TLS"}
    return skip_reason(case, offered_at(case.state, lists, lists["first-ehlo"]), facts)


def red(found: Mapping[str, tuple[Verdict, str]]) -> set[str]:
    """The ids of the cases that failed."""
    return {name for name, (verdict, _) in found.items() if verdict is Verdict.FAIL}
