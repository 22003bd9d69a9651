"""Fixture states: where a case may start, each with the whole chain of steps that leads there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    document: Document,
    protocol: str,
    states_of: StatesOf = lambda _: {},
    file_of: Callable[[str], Document | None] = lambda _: None,
) -> dict[str, ReadyState]:
    """The states of one file, by name. Raises SuiteErrors.

    `states_of` gives those of other protocols, `file_of` the states file of the protocol that this one is `like`.
    """
    spec = _spec(document, protocol)
    states, homes = dict(spec.states), dict.fromkeys(spec.states, document)
    if spec.like:
        model = file_of(spec.like)
        if model is None:
            raise SuiteErrors([document.error(("like",), f"there are no states of {spec.like!r}")])
        inherited = _spec(model, spec.like).states
        states, homes = inherited | states, dict.fromkeys(inherited, model) | homes
    return _Chains(protocol, states, homes, states_of).ready()


def _spec(document: Document, protocol: str) -> States:
    errors = [_error(document, (), fault) for fault in faults(document.tree, States)]
    if errors:
        raise SuiteErrors(errors)
    spec: States = msgspec.convert(document.tree, States)
    if spec.protocol != protocol or protocol not in DIALECTS:
        message = f"these are states of {spec.protocol!r}, the folder is that of {protocol!r}"
        raise SuiteErrors([document.error(("protocol",), message)])
    return spec


def _error(document: Document, path: Path_, fault: Fault) -> SourceError:
    return document.error((*path, *fault.path), fault.message, key=fault.at_key)


@dataclass(slots=True)
class _Chains:
    """States whose shape is right, each with the file that it stands in."""

    protocol: str
    states: Mapping[str, State]
    homes: Mapping[str, Document]
    others: StatesOf
    done: dict[str, ReadyState] = field(default_factory=dict)
    errors: list[SourceError] = field(default_factory=list)

    def ready(self) -> dict[str, ReadyState]:
        for name in self.states:
            self._ready(name, ())
        if self.errors:
            raise SuiteErrors(self.errors)
        return {name: self.done[name] for name in self.states}

    def _ready(self, name: str, waiting: tuple[str, ...]) -> ReadyState:
        if name in self.done:
            return self.done[name]
        state, home, path = self.states[name], self.homes[name], ("states", name)
        before = self._before(state, name, waiting)
        for fault in self._faults(name, state, before):
            self.errors.append(_error(home, path, fault))
        scope = Scope(DIALECTS[self.protocol], state.needs, self._states_of)
        scope.pass_through((*state.script, *state.cleanup))
        self.done[name] = ReadyState(
            name=name,
            protocol=self.protocol,
            steps=before.steps + placed(home, state.script, (*path, "script")),
            needs=before.needs | frozenset(state.needs) | (scope.needed - ALWAYS),
            cleanup=placed(home, state.cleanup, (*path, "cleanup")) + before.cleanup,
            lineage=(*before.lineage, name),
        )
        return self.done[name]

    def _before(self, state: State, name: str, waiting: tuple[str, ...]) -> ReadyState:
        """The state that this one builds on; an open connection where there is none."""
        chain = (*waiting, name)
        if state.after in chain:
            circle = " -> ".join((*chain[chain.index(state.after) :], state.after))
            self._complain(name, f"the states go in a circle: {circle}")
        elif state.after and state.after not in self.states:
            self._complain(name, unknown("state", state.after, self.states))
        elif state.after:
            return self._ready(state.after, chain)
        return ReadyState("", self.protocol, ())

    def _complain(self, name: str, message: str) -> None:
        self.errors.append(self.homes[name].error(("states", name, "after"), message))

    def _faults(self, name: str, state: State, before: ReadyState) -> Iterator[Fault]:
        if not _NAME.fullmatch(name):
            yield Fault((), f"{name!r} is no name for a state: small letters and digits, joined by hyphens")
        yield from need_faults(("needs",), state.needs)
        scope = Scope(DIALECTS[self.protocol], (*before.needs, *state.needs), self._states_of)
        scope.pass_through(step.step for step in before.steps)
        yield from scope.script_faults("script", state.script)
        yield from scope.script_faults("cleanup", state.cleanup)

    def _states_of(self, protocol: str) -> Mapping[str, object]:
        if protocol != self.protocol:
            return self.others(protocol)
        return {"connected": None, **self.states}
