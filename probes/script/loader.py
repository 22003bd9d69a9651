"""Suite files to cases that can be played. All errors of a file are found in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from ..protocols.registry import DIALECTS
from ..requirements import Requirement
from ..requirements import load as load_requirements
from .cases import ReadyCase, ReadyState
from .checks import BROKEN, Scope, case_faults, need_faults, own_requirement
from .facts import ALWAYS
from .matrix import expanded
from .shape import Fault, faults, found, unknown
from .source import Document, Path_, SourceError, SuiteErrors, read
from .states import placed, read_states
from .types import Case, Connect, Suite

PROTOCOLS = ("smtp", "submission", "lmtp", "ftp", "pop3", "imap")
# Whose cases a target of this protocol is put to, besides its own.
KINDRED = {"submission": "smtp"}


class Library:
    """The suites folder: states, requirements, and the cases of each file, read when asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._states: dict[str, dict[str, ReadyState]] = {}
        self._documents: dict[Path, Document] = {}
        self._cases: dict[Path, list[ReadyCase]] = {}
        self._taken: dict[str, tuple[Path, ReadyCase]] = {}

    @classmethod
    def open(cls, folder: Path | None = None) -> Library:
        """The shipped suites, or those of another folder."""
        return cls(folder or Path(__file__).parents[2] / "suites")

    @cached_property
    def requirements(self) -> dict[str, Requirement]:
        """The catalogue, by id."""
        return load_requirements(self.folder / "requirements")

    def suite_files(self, protocols: Iterable[str] | None = None) -> list[Path]:
        """Suite files of some protocols (all of them by default), in order."""
        return [
            path
            for protocol in (protocols if protocols is not None else PROTOCOLS)
            for path in sorted((self.folder / protocol).glob("*.yaml"))
            if path.name != "states.yaml"
        ]

    def states(self, protocol: str) -> dict[str, ReadyState]:
        """The fixture states of a protocol, each with its whole chain. Raises SuiteErrors."""
        if protocol not in self._states:
            path = self.folder / protocol / "states.yaml"
            bare = {"connected": ReadyState("connected", protocol, ())}
            shipped = read_states(self.document(path), protocol, self.states) if path.exists() else {}
            self._states[protocol] = bare | shipped
        return self._states[protocol]

    def name(self, path: Path) -> str:
        """How a file is called in messages and node ids: the same in a wheel and in a checkout."""
        try:
            return f"suites/{path.resolve().relative_to(self.folder.resolve())}"
        except ValueError:
            return str(path)

    def cases(self, path: Path) -> list[ReadyCase]:
        """All cases of one file, read once. Raises SuiteErrors."""
        key = path.resolve()
        if key not in self._cases:
            cases = _SuiteReader(self, self.document(path)).cases()
            self._claim(key, cases)
            self._cases[key] = cases
        return self._cases[key]

    def document(self, path: Path) -> Document:
        """The data of a file, read once. Raises SuiteErrors."""
        key = path.resolve()
        if key not in self._documents:
            try:
                self._documents[key] = read(path, self.name(path))
            except SourceError as error:
                raise SuiteErrors([error]) from None
        return self._documents[key]

    def _claim(self, path: Path, cases: Iterable[ReadyCase]) -> None:
        """An id belongs to one case in all files together: results and deviations go by it."""
        document = self._documents[path]
        errors = []
        for case in cases:
            owner, first = self._taken.setdefault(case.id, (path, case))
            if first is not case and owner != path:
                errors.append(document.error(case.path, _taken(case.id, f"{first.file}:{first.line}")))
        if errors:
            raise SuiteErrors(errors)

    def ids(self, protocol: str) -> frozenset[str]:
        """The ids of all shipped cases of a protocol, without asking whether the cases are right."""
        found: set[str] = set()
        for path in self.suite_files([protocol]):
            try:
                found.update(_ids(self.document(path)))
            except (SourceError, SuiteErrors):
                continue  # told when that file is read for its own sake
        return frozenset(found)


def _ids(document: Document) -> Iterator[str]:
    cases = document.tree.get("cases") if isinstance(document.tree, dict) else None
    for at, raw in enumerate(cases if isinstance(cases, list) else []):
        for row in expanded(document, ("cases", at), raw):
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                yield row["id"]


def _taken(name: str, where: str) -> str:
    return f"the id {name.partition('/')[2]} is taken by the case at {where}"


class _SuiteReader:
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
        ready = [case for at, row in self._rows(tree) for case in self._case(suite, at, row)]
        self._unique(ready)
        self._controls(suite, ready)
        if self.errors:
            raise SuiteErrors(self.errors)
        return ready

    def _complain(self, path: Path_, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self.errors.append(self.document.error((*path, *fault.path), fault.message, key=fault.at_key))

    def _head(self, tree: dict[str, Any]) -> Suite:
        """What holds for all cases. Without a protocol nothing else can be judged."""
        head = {**tree, "cases": []} if isinstance(tree.get("cases"), list) else tree
        wrong = list(faults(head, Suite))
        self._complain((), wrong)
        protocol = tree.get("protocol")
        if isinstance(protocol, str) and protocol not in DIALECTS:
            self._complain((), [Fault(("protocol",), unknown("protocol", protocol, DIALECTS))])
        if self.errors and (protocol not in DIALECTS or not isinstance(tree.get("cases"), list)):
            for at, row in self._rows(tree):
                self._complain(("cases", at), faults(row, Case))
            raise SuiteErrors(self.errors)
        spare = {"suite": "", "rfc": 0}
        suite: Suite = msgspec.convert({**spare, **_without(head, wrong)}, Suite)
        for key in ("needs", "unless"):
            self._complain((), need_faults((key,), getattr(suite, key)))
        if isinstance(tree.get("cases"), list) and not tree["cases"]:
            self._complain((), [Fault(("cases",), "there is no case here")])
        return suite

    def _rows(self, tree: dict[str, Any]) -> Iterator[tuple[int, Any]]:
        cases = tree.get("cases")
        for at, raw in enumerate(cases if isinstance(cases, list) else []):
            try:
                yield from ((at, row) for row in expanded(self.document, ("cases", at), raw))
            except SourceError as error:
                self.errors.append(error)

    def _case(self, suite: Suite, at: int, raw: Any) -> Iterator[ReadyCase]:
        """The case, if its shape is right; what is wrong goes to the errors."""
        path: Path_ = ("cases", at)
        case = self._converted(raw, path)
        if case is None:
            return
        state = self._state(suite, case, path)
        requirement = self._requirement(case, path)
        self._complain(path, case_faults(case, DIALECTS[suite.protocol]))
        needed = self._script(suite, case, state, path)
        if state is not None and requirement is not None:
            yield self._ready(suite, case, state, requirement, needed, path)

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
        return self.library.states(KINDRED.get(protocol, protocol))

    def _state(self, suite: Suite, case: Case, path: Path_) -> ReadyState | None:
        name = case.state or suite.state
        if not name and case.passive:
            return ReadyState("", suite.protocol, (), connects=False)
        states = self._states(suite.protocol)
        if name in states:
            return replace(states[name], protocol=suite.protocol)
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
        known = self.library.requirements
        if case.requirement in known:
            return known[case.requirement]
        message = unknown("requirement", case.requirement, known)
        self._complain(path, [Fault(("requirement",), f"{message} One of your own begins with X-")])
        return None

    def _script(self, suite: Suite, case: Case, state: ReadyState | None, path: Path_) -> frozenset[str]:
        """Check the steps; the facts that they use."""
        scope = Scope(DIALECTS[suite.protocol], (*suite.needs, *case.needs), self._states)
        if state is not None:
            scope.pass_through(placed.step for placed in state.steps)
        self._complain(path, scope.script_faults("script", case.script))
        needed = frozenset(scope.needed) - ALWAYS
        self._complain(path, scope.script_faults("cleanup", case.cleanup))
        return needed | {"delivered" for step in case.script if step.delivered is not None}

    def _ready(
        self,
        suite: Suite,
        case: Case,
        state: ReadyState,
        requirement: Requirement,
        needed: frozenset[str],
        path: Path_,
    ) -> ReadyCase:
        place = self.document.where(path)
        reachable = self._reachable(suite, case, state)
        needed |= {need for other in reachable.values() for need in other.needs if need.islower()}
        return ReadyCase(
            id=f"{suite.protocol}/{case.id}",
            protocol=suite.protocol,
            suite=suite.suite,
            spec=case,
            requirement=requirement,
            state=state,
            steps=placed(self.document, case.script, (*path, "script")),
            cleanup=placed(self.document, case.cleanup, (*path, "cleanup")) + state.cleanup,
            needs=frozenset((*suite.needs, *case.needs)) | state.needs | needed,
            unless=frozenset((*suite.unless, *case.unless)),
            tags=frozenset((*suite.tags, *case.tags)),
            serial=case.serial or suite.serial,
            file=place.file,
            line=place.line,
            source=self.document.snippet(path),
            source_line=place.line,
            states=reachable,
            path=path,
        )

    def _reachable(self, suite: Suite, case: Case, start: ReadyState) -> dict[tuple[str, str], ReadyState]:
        """The states that `connect` steps of the case, or of the state it starts in, ask for."""
        reachable = {}
        of_state = (one.step for one in (*start.steps, *start.cleanup))
        for step in (*case.script, *case.cleanup, *of_state):
            if step.connect is not None:
                connect = Connect(name=step.connect) if isinstance(step.connect, str) else step.connect
                protocol = connect.protocol or suite.protocol
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
                self._complain(case.path, [Fault(("id",), _taken(case.id, f"line {first.line}"))])

    def _controls(self, suite: Suite, cases: Iterable[ReadyCase]) -> None:
        """Control cases that other cases depend on: they exist, and depend on nobody in turn."""
        wanting = [case for case in cases if case.spec.depends_on]
        if not wanting:
            return
        known = {case.spec.id for case in cases} | self.library.ids(suite.protocol)
        for case in wanting:
            name = case.spec.depends_on
            if name == case.spec.id:
                self._complain(case.path, [Fault(("depends_on",), "a case cannot depend on itself")])
            elif name not in known:
                self._complain(case.path, [Fault(("depends_on",), unknown("case", name, known))])


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


__all__ = ["KINDRED", "PROTOCOLS", "Library", "SuiteErrors"]
