"""What a case may get wrong although every key and type is right: names, variables, connections, sense."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ..protocols.base import Dialect
from ..protocols.registry import DIALECTS
from ..requirements import LEVELS, Requirement
from . import stepchecks
from .expand import BUILTINS, FUNCTIONS, OF_DATA, UnknownVariable, expand, functions, names
from .facts import FACTS, PARTS
from .sasl import BadChallenge
from .shape import Fault, meant, unknown
from .source import Path_
from .templates import texts
from .types import Case, Connect, Data, Step, Tls

StatesOf: TypeAlias = Callable[[str], Mapping[str, object]]

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\[[A-Za-z0-9.+_-]+\])?")
_NEED = re.compile(r"[A-Z0-9][A-Z0-9 .=+/_-]*|[a-z][a-z0-9_.]*")
_CONNECTION = re.compile(r"[a-z][a-z0-9_-]*")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_GROUP = re.compile(r"\(\?P<([A-Za-z_][A-Za-z0-9_]*)>")
BROKEN = "\0broken"  # the note of a step that takes the place of one whose shape is wrong


SEGMENTS_RULE = "segments"  # not of a protocol: the verdict changes when our octets are cut otherwise


def own_requirement(case: Case) -> Requirement:
    """A requirement of the author's own, in the words of the case's title.

    X-MUST-anything is a MUST, X-MAY-anything a MAY; any other X-anything is a SHOULD.
    """
    level = case.requirement.split("-")[1]
    return Requirement(
        id=case.requirement,
        rfc=0,
        title="requirements of your own",
        section="",
        level=level if level in LEVELS else "SHOULD",
        basis="derived",
        protocols=(),
        statement=case.title,
        how="wire",
    )


def case_faults(case: Case, dialect: Dialect) -> Iterator[Fault]:
    """What is wrong with a case apart from its steps."""
    if not _ID.fullmatch(case.id):
        yield Fault(("id",), f"{case.id!r} is no id: small letters and digits, in words joined by hyphens")
    if not case.title.strip():
        yield Fault(("title",), "a title says in a few words what the case is about")
    if bool(case.script) == bool(case.passive):
        yield Fault((), "a case has either a script or passive rules")
    for at, rule in enumerate(case.passive):
        if rule not in (*dialect.rules, SEGMENTS_RULE):
            yield Fault(("passive", at), unknown("rule", rule, (*dialect.rules, SEGMENTS_RULE)))
    if case.script and not any(stepchecks.judges(step) or step.note == BROKEN for step in case.script):
        yield Fault(("script",), "no step expects anything: this case cannot fail")
    for key in ("needs", "unless"):
        yield from need_faults((key,), getattr(case, key))
    cves = case.severity.get("cve", [])
    for cve in cves if isinstance(cves, list) else [cves]:
        if not isinstance(cve, str) or not _CVE.fullmatch(cve):
            yield Fault(("severity", "cve"), f"{cve!r} is no CVE such as CVE-2023-51764")


def need_faults(path: Path_, needs: Iterable[str]) -> Iterator[Fault]:
    """Conditions: capabilities in capitals, facts in small letters."""
    for at, need in enumerate(needs):
        if not _NEED.fullmatch(need):
            message = f"{need!r}: capabilities are written in capitals, profile facts in small letters"
            yield Fault((*path, at), message)


class Scope:
    """What is known at a step: connections that are open, variables that are set."""

    def __init__(self, dialect: Dialect, needs: Iterable[str], states_of: StatesOf) -> None:
        self.states_of = states_of
        self.dialects: dict[str, Dialect] = {"main": dialect}
        self.variables = {*BUILTINS, *FACTS, *needs}
        self.needed: set[str] = set()  # facts that the steps use
        if dialect.name == "imap":
            self.variables.add("tag")

    def script_faults(self, key: str, steps: Sequence[Step]) -> Iterator[Fault]:
        """Everything wrong with the steps under a key."""
        for at, step in enumerate(steps):
            if step.note == BROKEN:
                continue
            for fault in self._step_faults(step):
                yield Fault((key, at, *fault.path), fault.message, fault.at_key)

    def pass_through(self, steps: Iterable[Step]) -> None:
        """Steps that were checked elsewhere: take note of what they open and set."""
        for step in steps:
            for _ in self._connection_faults(step):
                pass
            self._saves(step)
            self._note_facts(step)

    def _step_faults(self, step: Step) -> Iterator[Fault]:
        yield from self._connection_faults(step)
        dialect = self.dialects.get(step.on or "main")
        if dialect is None:
            yield Fault(("on",), unknown("connection", step.on, self.dialects))
        else:
            yield from stepchecks.faults(step, dialect)
        if isinstance(step.tls, Tls) and step.tls.unlike and step.tls.unlike not in self.dialects:
            yield Fault(("tls", "unlike"), unknown("connection", step.tls.unlike, self.dialects))
        yield from self._variable_faults(step)
        self._saves(step)
        self._note_facts(step)

    def _connection_faults(self, step: Step) -> Iterator[Fault]:
        if step.connect is None:
            return
        short = isinstance(step.connect, str)
        connect = Connect(name=step.connect) if isinstance(step.connect, str) else step.connect
        place: Path_ = ("connect",) if short else ("connect", "name")
        if not _CONNECTION.fullmatch(connect.name):
            yield Fault(place, f"{connect.name!r} is no name for a connection: small letters, digits, _ -")
        protocol = connect.protocol or self.dialects["main"].name
        if protocol not in DIALECTS:
            yield Fault(("connect", "protocol"), unknown("protocol", protocol, DIALECTS))
            return
        self.dialects[connect.name] = DIALECTS[protocol]
        states = self.states_of(protocol)
        if connect.state not in states:
            where = ("connect",) if short else ("connect", "state")
            yield Fault(where, unknown(f"state of {protocol}", connect.state, states))
        if connect.clear and connect.state != "connected":
            yield Fault(
                ("connect", "clear"), "clear goes with state: connected, where nothing was said yet", True
            )
        if (step.S is not None or step.observe) and (step.on or "main") != connect.name:
            message = (
                f"S would read from {step.on or 'main'}; say on: {connect.name}, or use a step of its own"
            )
            yield Fault(("S",) if step.S is not None else ("observe",), message, True)

    def _saves(self, step: Step) -> None:
        self.variables |= set(_GROUP.findall(step.save))
        if isinstance(step.data, str) or (isinstance(step.data, Data) and step.data.open):
            self.variables |= OF_DATA
        if isinstance(step.data, Data) and step.data.receive is not None:
            self.variables |= {step.data.receive.save, step.data.receive.save_marker} - {""}

    def _note_facts(self, step: Step) -> None:
        for _, text in texts(step):
            self.needed |= {name.partition(".")[0] for name in names(text)} & FACTS

    def _variable_faults(self, step: Step) -> Iterator[Fault]:
        for path, text in texts(step):
            if "{" not in text:
                continue
            for name in sorted(names(text)):
                if not self._known(name):
                    yield Fault(path, self._unknown_variable(name))
            unknown_functions = functions(text) - FUNCTIONS
            for name in sorted(unknown_functions):
                yield Fault(path, unknown("function", name, FUNCTIONS))
            if not unknown_functions:
                yield from _call_faults(path, text)

    def _known(self, name: str) -> bool:
        base, _, part = name.partition(".")
        return name in self.variables or (base in self.variables and part in PARTS)

    def _unknown_variable(self, name: str) -> str:
        if name in FUNCTIONS:
            return f"{{{name}}}: the function {name} needs an argument, {{{name} ...}}"
        close = meant(name, self.variables)
        hint = f"did you mean {close!r}?" if close else "a fact of your own profile must be listed in needs"
        return f"unknown variable {name!r}; {hint} (a brace that is text is written {{{{)"


def _call_faults(path: Path_, text: str) -> Iterator[Fault]:
    try:
        expand(text, stepchecks.ANYTHING)
    except BadChallenge:
        return  # there is no challenge yet
    except (UnknownVariable, ValueError) as error:
        yield Fault(path, str(error))
