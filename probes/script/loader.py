"""Suite files to cases that can be played. All errors of a file are found in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from ..requirements import Requirement
from ..requirements import load as load_requirements
from . import checks
from .cases import Placed, ReadyCase, ReadyState
from .hints import explain
from .matrix import expanded
from .source import Document, Path_, SourceError, read
from .types import Case, State, States, Step, Suite

PROTOCOLS = ("smtp", "submission", "lmtp", "ftp", "pop3", "imap")
# Whose cases a target of this protocol is put to, besides its own.
KINDRED = {"submission": "smtp"}


class SuiteErrors(Exception):
    """What is wrong with a file, sorted by line."""

    def __init__(self, errors: Iterable[SourceError]) -> None:
        self.errors = sorted(errors, key=lambda error: (error.position.file, error.position.line))
        super().__init__("\n".join(str(error) for error in self.errors))


class Library:
    """The suites folder: states, requirements, and the cases of each file, read when asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._states: dict[str, dict[str, ReadyState]] = {}

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
            found = _states(read(path, self.name(path))) if path.exists() else {}
            self._states[protocol] = bare | found
        return self._states[protocol]

    def name(self, path: Path) -> str:
        """How a file is called in messages and node ids: the same in a wheel and in a checkout."""
        try:
            return f"suites/{path.resolve().relative_to(self.folder.resolve())}"
        except ValueError:
            return str(path)

    def cases(self, path: Path) -> list[ReadyCase]:
        """All cases of one file. Raises SuiteErrors."""
        try:
            document = read(path, self.name(path))
        except SourceError as error:
            raise SuiteErrors([error]) from None
        return _SuiteReader(self, document).cases()


def convert(document: Document, tree: Any, into: Any, path: Path_ = ()) -> Any:
    """Data into types. Raises SourceError with a place and a hint."""
    try:
        return msgspec.convert(tree, into)
    except msgspec.ValidationError as error:
        inner, message = explain(str(error), into)
        raise document.error((*path, *inner), message) from None


def _states(document: Document) -> dict[str, ReadyState]:
    try:
        spec = convert(document, document.tree, States)
        ready: dict[str, ReadyState] = {}
        for name in spec.states:
            ready[name] = _chain(document, spec, name, ())
    except SourceError as error:
        raise SuiteErrors([error]) from None
    return ready


def _chain(document: Document, spec: States, name: str, seen: tuple[str, ...]) -> ReadyState:
    state: State = spec.states[name]
    place: Path_ = ("states", name)
    if name in seen:
        raise document.error(place, f"the states {' -> '.join((*seen, name))} go in a circle")
    steps: tuple[Placed, ...] = ()
    cleanup = _placed(document, state.cleanup, (*place, "cleanup"))
    needs = frozenset(state.needs)
    if state.after:
        if state.after not in spec.states:
            message = checks.unknown("state", state.after, spec.states)
            raise document.error((*place, "after"), message)
        before = _chain(document, spec, state.after, (*seen, name))
        steps, cleanup, needs = before.steps, cleanup + before.cleanup, needs | before.needs
    steps += _placed(document, state.script, (*place, "script"))
    return ReadyState(name, spec.protocol, steps, needs, cleanup=cleanup)


def _placed(document: Document, steps: Iterable[Step], path: Path_) -> tuple[Placed, ...]:
    places = (document.where((*path, at)) for at in range(1_000_000))
    return tuple(
        Placed(step, place.file, place.line, place.column) for step, place in zip(steps, places, strict=False)
    )


class _SuiteReader:
    """One suite file on its way to cases."""

    def __init__(self, library: Library, document: Document) -> None:
        self.library = library
        self.document = document
        self.errors: list[SourceError] = []

    def cases(self) -> list[ReadyCase]:
        tree = self.document.tree
        try:
            head = self._head(tree)
        except SourceError as error:
            self.errors.append(error)
            raise SuiteErrors(self.errors) from None
        found: list[ReadyCase] = []
        for at, raw in enumerate(tree["cases"]):
            for row in self._rows(at, raw):
                case = self._case(head, at, row)
                if case is not None:
                    found.append(case)
        self._unique(found)
        if self.errors:
            raise SuiteErrors(_once(self.errors))
        return found

    def _head(self, tree: Any) -> Suite:
        if not isinstance(tree, dict) or not isinstance(tree.get("cases"), list):
            raise self.document.error((), "a suite file is a mapping with suite, protocol, rfc and cases")
        suite: Suite = convert(self.document, {**tree, "cases": []}, Suite)
        if suite.protocol not in PROTOCOLS:
            message = checks.unknown("protocol", suite.protocol, PROTOCOLS)
            raise self.document.error(("protocol",), message)
        return suite

    def _rows(self, at: int, raw: Any) -> Iterator[Any]:
        try:
            yield from expanded(self.document, ("cases", at), raw)
        except SourceError as error:
            self.errors.append(error)

    def _case(self, suite: Suite, at: int, raw: Any) -> ReadyCase | None:
        path: Path_ = ("cases", at)
        try:
            case: Case = convert(self.document, raw, Case, path)
            states = self._states_for(suite)
            state = self._state(suite, case, states, path)
            requirement = self._requirement(case, path)
        except SourceError as error:
            self.errors.append(error)
            return None
        ready = self._ready(suite, case, state, requirement, at)
        self.errors.extend(checks.check(ready, self.document, path, self.library.requirements))
        return ready

    def _states_for(self, suite: Suite) -> Mapping[str, ReadyState]:
        return self.library.states(KINDRED.get(suite.protocol, suite.protocol))

    def _state(self, suite: Suite, case: Case, states: Mapping[str, ReadyState], path: Path_) -> ReadyState:
        name = case.state or suite.state
        if not name and case.passive:
            return ReadyState("", suite.protocol, (), connects=False)
        if name not in states:
            where = (*path, "state") if case.state else ("state",) if suite.state else path
            message = (
                checks.unknown("state", name, states) if name else "no state, neither here nor for the suite"
            )
            raise self.document.error(where, message)
        return states[name]

    def _requirement(self, case: Case, path: Path_) -> Requirement:
        known = self.library.requirements
        if case.requirement in known:
            return known[case.requirement]
        if case.requirement.startswith("X-"):
            return checks.own_requirement(case)
        message = checks.unknown("requirement", case.requirement, known)
        raise self.document.error((*path, "requirement"), message)

    def _ready(
        self, suite: Suite, case: Case, state: ReadyState, requirement: Requirement, at: int
    ) -> ReadyCase:
        path: Path_ = ("cases", at)
        place = self.document.where(path)
        following = ("cases", at + 1) if ("cases", at + 1) in self.document.marks else None
        return ReadyCase(
            id=f"{suite.protocol}/{case.id}",
            protocol=suite.protocol,
            suite=suite.suite,
            spec=case,
            requirement=requirement,
            state=state,
            steps=_placed(self.document, case.script, (*path, "script")),
            cleanup=_placed(self.document, case.cleanup, (*path, "cleanup")) + state.cleanup,
            needs=frozenset((*suite.needs, *case.needs)) | state.needs,
            unless=frozenset((*suite.unless, *case.unless)),
            tags=frozenset((*suite.tags, *case.tags)),
            serial=case.serial or suite.serial,
            file=place.file,
            line=place.line,
            source=self.document.lines(path, following),
            source_line=place.line,
            states=self._reachable(case, state),
        )

    def _reachable(self, case: Case, start: ReadyState) -> dict[tuple[str, str], ReadyState]:
        """States that `connect` steps of the case, or of the state it starts in, may ask for."""
        of_state = (placed.step for placed in (*start.steps, *start.cleanup))
        if not any(step.connect is not None for step in (*case.script, *case.cleanup, *of_state)):
            return {}
        return {
            (protocol, name): state
            for protocol in PROTOCOLS
            for name, state in self.library.states(KINDRED.get(protocol, protocol)).items()
        }

    def _unique(self, cases: Iterable[ReadyCase]) -> None:
        seen: dict[str, ReadyCase] = {}
        for case in cases:
            first = seen.setdefault(case.id, case)
            if first is not case:
                place = self.document.where(())
                place = type(place)(case.file, case.line, 1)
                message = f"the id {case.id} is taken by the case on line {first.line}"
                self.errors.append(SourceError(place, message, self.document.text))


def _once(errors: Iterable[SourceError]) -> list[SourceError]:
    """Rows of a matrix share their lines: say everything once."""
    return list({str(error): error for error in errors}.values())
