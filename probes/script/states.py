"""Fixture states: where a case may start, each with the whole chain of steps that leads there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from ..protocols.registry import DIALECTS
from .cases import Placed, ReadyState
from .checks import Scope, StatesOf, need_faults
from .facts import ALWAYS
from .shape import Fault, faults, unknown
from .source import Document, Path_, SourceError, SuiteErrors
from .types import State, States, Step

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def placed(document: Document, steps: Iterable[Step], path: Path_) -> tuple[Placed, ...]:
    """Steps with their places."""
    found = []
    for at, step in enumerate(steps):
        place = document.where((*path, at))
        found.append(Placed(step, place.file, place.line, place.column))
    return tuple(found)


def read_states(
    document: Document, protocol: str, states_of: StatesOf = lambda _: {}
) -> dict[str, ReadyState]:
    """The states of one file, by name; `states_of` gives those of other protocols. Raises SuiteErrors."""
    errors = [_error(document, (), fault) for fault in faults(document.tree, States)]
    if errors:
        raise SuiteErrors(errors)
    spec: States = msgspec.convert(document.tree, States)
    if spec.protocol != protocol or protocol not in DIALECTS:
        message = f"these are states of {spec.protocol!r}, the folder is that of {protocol!r}"
        raise SuiteErrors([document.error(("protocol",), message)])
    return _Chains(document, spec, states_of).ready()


def _error(document: Document, path: Path_, fault: Fault) -> SourceError:
    return document.error((*path, *fault.path), fault.message, key=fault.at_key)


@dataclass(slots=True)
class _Chains:
    """A states file whose shape is right."""

    document: Document
    spec: States
    others: StatesOf
    done: dict[str, ReadyState] = field(default_factory=dict)
    errors: list[SourceError] = field(default_factory=list)

    def ready(self) -> dict[str, ReadyState]:
        for name in self.spec.states:
            self._ready(name, ())
        if self.errors:
            raise SuiteErrors(self.errors)
        return {name: self.done[name] for name in self.spec.states}

    def _ready(self, name: str, waiting: tuple[str, ...]) -> ReadyState:
        if name in self.done:
            return self.done[name]
        state, path = self.spec.states[name], ("states", name)
        before = self._before(state, name, waiting)
        for fault in self._faults(name, state, before):
            self.errors.append(_error(self.document, path, fault))
        scope = Scope(DIALECTS[self.spec.protocol], state.needs, self._states_of)
        scope.pass_through((*state.script, *state.cleanup))
        self.done[name] = ReadyState(
            name=name,
            protocol=self.spec.protocol,
            steps=before.steps + placed(self.document, state.script, (*path, "script")),
            needs=before.needs | frozenset(state.needs) | (scope.needed - ALWAYS),
            cleanup=placed(self.document, state.cleanup, (*path, "cleanup")) + before.cleanup,
            lineage=(*before.lineage, name),
        )
        return self.done[name]

    def _before(self, state: State, name: str, waiting: tuple[str, ...]) -> ReadyState:
        """The state that this one builds on; an open connection where there is none."""
        chain = (*waiting, name)
        if state.after in chain:
            circle = " -> ".join((*chain[chain.index(state.after) :], state.after))
            self._complain(name, f"the states go in a circle: {circle}")
        elif state.after and state.after not in self.spec.states:
            self._complain(name, unknown("state", state.after, self.spec.states))
        elif state.after:
            return self._ready(state.after, chain)
        return ReadyState("", self.spec.protocol, ())

    def _complain(self, name: str, message: str) -> None:
        self.errors.append(self.document.error(("states", name, "after"), message))

    def _faults(self, name: str, state: State, before: ReadyState) -> Iterator[Fault]:
        if not _NAME.fullmatch(name):
            yield Fault((), f"{name!r} is no name for a state: small letters and digits, joined by hyphens")
        yield from need_faults(("needs",), state.needs)
        scope = Scope(DIALECTS[self.spec.protocol], (*before.needs, *state.needs), self._states_of)
        scope.pass_through(step.step for step in before.steps)
        yield from scope.script_faults("script", state.script)
        yield from scope.script_faults("cleanup", state.cleanup)

    def _states_of(self, protocol: str) -> Mapping[str, object]:
        if protocol != self.spec.protocol:
            return self.others(protocol)
        return {"connected": None, **self.spec.states}
