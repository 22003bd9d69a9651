"""One suite file on its way to cases. All errors of a file are found in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from ..protocols.registry import DIALECTS
from ..requirements import Requirement
from .cases import ReadyCase, ReadyState
from .checks import BROKEN, Scope, case_faults, need_faults, own_requirement
from .facts import ALWAYS
from .matrix import expanded
from .shape import Fault, faults, found, unknown
from .source import Document, Path_, SourceError, SuiteErrors
from .states import placed
from .types import Case, Connect, Step, Suite

if TYPE_CHECKING:
    from .loader import Library


def case_ids(document: Document) -> Iterator[str]:
    cases = document.tree.get("cases") if isinstance(document.tree, dict) else None
    for at, raw in enumerate(cases if isinstance(cases, list) else []):
        for row in expanded(document, ("cases", at), raw):
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                yield row["id"]


def taken(name: str, where: str) -> str:
    return f"the id {name.partition('/')[2]} is taken by the case at {where}"


def named_protocols(named: Any) -> list[str]:
    """The protocols that a suite names: one, or a list."""
    every = named if isinstance(named, list) else [named]
    return [one for one in every if isinstance(one, str)]


class SuiteReader:
    """One suite file on its way to cases."""

    def __init__(self, library: Library, document: Document) -> None:
        self.library = library
        self.document = document
        self.errors: list[SourceError] = []

    def cases(self) -> list[ReadyCase]:
        """All cases of the file. Raises SuiteErrors with all that is wrong."""
        tree = self.document.tree
        if not isinstance(tree, dict):
            message = f"a suite file is a mapping with suite, protocol, rfc and cases; found {found(tree)}"
            raise SuiteErrors([self.document.error((), message)])
        suite = self._head(tree)
        rows = list(self._rows(tree))
        ready: list[ReadyCase] = []
        for protocol in named_protocols(suite.protocol):
            told, self.errors = self.errors, []
            ready += _Maker(self, suite, protocol).cases(rows)
            known = {error.position for error in told}  # what is wrong in any protocol is told once
            self.errors = told + [error for error in self.errors if error.position not in known]
        if self.errors:
            raise SuiteErrors(self.errors)
        return ready

    def complain(self, path: Path_, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self.errors.append(self.document.error((*path, *fault.path), fault.message, key=fault.at_key))

    def _head(self, tree: dict[str, Any]) -> Suite:
        """What holds for all cases. Without a protocol nothing else can be judged."""
        head = {**tree, "cases": []} if isinstance(tree.get("cases"), list) else tree
        wrong = list(faults(head, Suite))
        self.complain((), wrong)
        known = self._protocols(tree.get("protocol"))
        if self.errors and (not known or not isinstance(tree.get("cases"), list)):
            for at, row in self._rows(tree):
                self.complain(("cases", at), faults(row, Case))
            raise SuiteErrors(self.errors)
        spare = {"suite": "", "rfc": 0}
        suite: Suite = msgspec.convert({**spare, **_without(head, wrong)}, Suite)
        for key in ("needs", "unless"):
            self.complain((), need_faults((key,), getattr(suite, key)))
        if isinstance(tree.get("cases"), list) and not tree["cases"]:
            self.complain((), [Fault(("cases",), "there is no case here")])
        return suite

    def _protocols(self, named: Any) -> bool:
        """Whether the cases can be judged: at least one protocol is named, and every one is known."""
        every = named_protocols(named)
        for at, one in enumerate(every):
            if one not in DIALECTS:
                path: Path_ = ("protocol", at) if isinstance(named, list) else ("protocol",)
                self.complain((), [Fault(path, unknown("protocol", one, DIALECTS))])
        if named == [] or len(set(every)) < len(every):
            self.complain((), [Fault(("protocol",), "a list names each protocol once, and at least one")])
        return bool(every) and all(one in DIALECTS for one in every)

    def _rows(self, tree: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        cases = tree.get("cases")
        for at, raw in enumerate(cases if isinstance(cases, list) else []):
            try:
                yield from ((at, row) for row in expanded(self.document, ("cases", at), raw))
            except SourceError as error:
                self.errors.append(error)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the cases of a suite for one protocol."""

    reader: SuiteReader
    suite: Suite
    protocol: str

    def cases(self, rows: Iterable[tuple[int, Any]]) -> list[ReadyCase]:
        """Those that are right; what is wrong goes to the reader's errors."""
        ready = [case for at, row in rows for case in self._case(at, row)]
        self._unique(ready)
        self._controls(ready)
        return ready

    def _case(self, at: int, raw: Any) -> Iterator[ReadyCase]:
        """The case, if its shape is right; what is wrong goes to the errors."""
        path: Path_ = ("cases", at)
        case = self._converted(raw, path)
        if case is None:
            return
        requirement = self._requirement(case, path)
        if requirement is not None and not self._concerned(requirement):
            return
        state = self._state(case, path)
        self._complain(path, case_faults(case, DIALECTS[self.protocol]))
        needed = self._script(case, state, path)
        if state is not None and requirement is not None:
            yield self._ready(case, state, requirement, needed, path)

    def _complain(self, path: Path_, faults: Iterable[Fault]) -> None:
        self.reader.complain(path, faults)

    def _concerned(self, requirement: Requirement) -> bool:
        """Of a suite for several protocols, a case is made for those that its requirement is about."""
        several = not isinstance(self.suite.protocol, str)
        return not several or not requirement.protocols or self.protocol in requirement.protocols

    def _converted(self, raw: Any, path: Path_) -> Case | None:
        """The case as typed. Parts of the wrong shape are told, and left out so that the rest is checked."""
        try:
            return msgspec.convert(raw, Case)
        except msgspec.ValidationError as error:
            wrong = list(faults(raw, Case)) or [Fault((), str(error))]
            self._complain(path, wrong)
        if not isinstance(raw, dict):
            return None
        spare = {"id": "unknown", "requirement": "X-unknown", "title": "unknown"}
        return msgspec.convert({**spare, **_without(raw, wrong)}, Case)

    def _states(self, protocol: str) -> Mapping[str, ReadyState]:
        return self.reader.library.states(protocol)

    def _state(self, case: Case, path: Path_) -> ReadyState | None:
        name = case.state or self.suite.state
        if not name and case.passive:
            return ReadyState("", self.protocol, (), connects=False)
        states = self._states(self.protocol)
        if name in states:
            return replace(states[name], protocol=self.protocol)
        if not name:
            message = f"no state, neither here nor for the suite (known: {', '.join(sorted(states))})"
            self._complain(path, [Fault((), message)])
        else:
            where = (*path, "state") if case.state else ("state",)
            self._complain((), [Fault(where, unknown("state", name, states))])
        return None

    def _requirement(self, case: Case, path: Path_) -> Requirement | None:
        if case.requirement.startswith("X-"):
            return own_requirement(case)
        known = self.reader.library.requirements
        if case.requirement in known:
            return known[case.requirement]
        message = unknown("requirement", case.requirement, known)
        self._complain(path, [Fault(("requirement",), f"{message} One of your own begins with X-")])
        return None

    def _script(self, case: Case, state: ReadyState | None, path: Path_) -> frozenset[str]:
        """Check the steps; the facts that they use."""
        scope = Scope(DIALECTS[self.protocol], (*self.suite.needs, *case.needs), self._states)
        if state is not None:
            scope.pass_through(placed.step for placed in state.steps)
        self._complain(path, scope.script_faults("script", case.script))
        needed = frozenset(scope.needed) - ALWAYS
        self._complain(path, scope.script_faults("cleanup", case.cleanup))
        return needed | set(_looks(case.script))

    def _ready(
        self,
        case: Case,
        state: ReadyState,
        requirement: Requirement,
        needed: frozenset[str],
        path: Path_,
    ) -> ReadyCase:
        suite, document = self.suite, self.reader.document
        place = document.where(path)
        reachable = self._reachable(case, state)
        needed |= {need for other in reachable.values() for need in other.needs if need.islower()}
        return ReadyCase(
            id=f"{self.protocol}/{case.id}",
            protocol=self.protocol,
            suite=suite.suite,
            spec=case,
            requirement=requirement,
            state=state,
            steps=placed(document, case.script, (*path, "script")),
            cleanup=placed(document, case.cleanup, (*path, "cleanup")) + state.cleanup,
            needs=frozenset((*suite.needs, *case.needs)) | state.needs | needed,
            unless=frozenset((*suite.unless, *case.unless)),
            tags=frozenset((*suite.tags, *case.tags)),
            serial=case.serial or suite.serial,
            file=place.file,
            line=place.line,
            source=document.snippet(path),
            source_line=place.line,
            states=reachable,
            path=path,
        )

    def _reachable(self, case: Case, start: ReadyState) -> dict[tuple[str, str], ReadyState]:
        """The states that `connect` steps of the case, or of the state it starts in, ask for."""
        reachable = {}
        of_state = (one.step for one in (*start.steps, *start.cleanup))
        for step in (*case.script, *case.cleanup, *of_state):
            if step.connect is not None:
                connect = Connect(name=step.connect) if isinstance(step.connect, str) else step.connect
                protocol = connect.protocol or self.protocol
                states = self._states(protocol) if protocol in DIALECTS else {}
                if connect.state in states:
                    state = replace(states[connect.state], protocol=protocol)
                    reachable[protocol, connect.state] = state
        return reachable

    def _unique(self, cases: Iterable[ReadyCase]) -> None:
        seen: dict[str, ReadyCase] = {}
        for case in cases:
            first = seen.setdefault(case.id, case)
            if first is not case:
                self._complain(case.path, [Fault(("id",), taken(case.id, f"line {first.line}"))])

    def _controls(self, cases: Iterable[ReadyCase]) -> None:
        """Control cases that other cases depend on: they exist, and depend on nobody in turn."""
        wanting = [case for case in cases if case.spec.depends_on]
        if not wanting:
            return
        known = {case.spec.id for case in cases} | self.reader.library.ids(self.protocol)
        for case in wanting:
            name = case.spec.depends_on
            if name == case.spec.id:
                self._complain(case.path, [Fault(("depends_on",), "a case cannot depend on itself")])
            elif name not in known:
                self._complain(case.path, [Fault(("depends_on",), unknown("case", name, known))])


def _looks(steps: Iterable[Step]) -> Iterator[str]:
    """The facts behind the oracles that are asked."""
    for step in steps:
        if step.delivered is not None:
            yield "delivered"
        if step.relayed is not None:
            yield "full_hop"


def _without(tree: dict[str, Any], wrong: Iterable[Fault]) -> dict[str, Any]:
    """The data without its faulty parts: the whole of a key, or one step of a script."""
    kept = dict(tree)
    for fault in wrong:
        match fault.path:
            case ("script" | "cleanup" as key, int(at), *_) if isinstance(kept.get(key), list):
                kept[key] = [*kept[key][:at], {"note": BROKEN}, *kept[key][at + 1 :]]
            case (key, *_):
                kept.pop(str(key), None)
    return kept
