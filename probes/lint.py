"""`plumbline lint`: are suite files right? Everything that is wrong at its place, and what looks odd."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .requirements import CatalogueError
from .script.cases import ReadyCase
from .script.facts import FACTS
from .script.loader import Library
from .script.shape import meant
from .script.source import Document, Path_, SourceError, SuiteErrors
from .script.states import read_states

OK, WRONG, USAGE = 0, 1, 4
_STATES = "states.yaml"
_SUFFIXES = (".yaml", ".yml")


def main(argv: Sequence[str]) -> int:
    """Exit code 0: all right, perhaps with warnings; 1: something is wrong; 4: no such file."""
    parser = argparse.ArgumentParser(
        prog="plumbline lint",
        description="Check suite files and states files, without a server.",
        epilog="exit codes: 0 no errors (there may be warnings), 1 errors, 4 usage",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, help="files or folders (the shipped suites by default)"
    )
    try:
        options = parser.parse_args(list(argv))
    except SystemExit as stop:
        return USAGE if stop.code else OK
    library = Library.open()
    files = sorted(set(_files(options.paths)))
    missing = [path for path in options.paths if not path.exists()]
    for path in missing:
        print(f"plumbline lint: no such file: {path}", file=sys.stderr)
    if options.paths and not files and not missing:
        folders = ", ".join(str(path) for path in options.paths)
        print(f"plumbline lint: no suites in {folders} (looked for .yaml and .yml)", file=sys.stderr)
    if missing or (options.paths and not files):
        return USAGE
    return _report(_Linter(library), files or _shipped(library))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in path.rglob("*") if file.suffix in _SUFFIXES and _is_ours(file, path))
        else:
            yield path


def _is_ours(file: Path, root: Path) -> bool:
    folders = file.relative_to(root).parts[:-1]
    hidden = any(part.startswith(".") for part in folders)
    return file.is_file() and not hidden and file.parent.name != "requirements"


def _shipped(library: Library) -> list[Path]:
    suites = library.suite_files()
    return sorted({*suites, *(states for path in suites if (states := path.parent / _STATES).exists())})


def _report(linter: _Linter, files: Sequence[Path]) -> int:
    try:
        requirements = len(linter.library.requirements)
        for path in files:
            linter.look_at(path)
        linter.finish()
    except CatalogueError as error:
        print(error)
        return WRONG
    errors = SuiteErrors(linter.errors).errors
    warnings = SuiteErrors(linter.warnings).errors
    for found in (*warnings, *errors):
        print(found.pretty())
    read = (
        _many(linter.suites, "suite"),
        _many(len(linter.cases), "case"),
        _many(requirements, "requirement"),
    )
    print(f"{', '.join(read)}: {_many(len(errors), 'error')}, {_many(len(warnings), 'warning')}")
    return WRONG if errors else OK


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(slots=True)
class _Linter:
    """What was found so far."""

    library: Library
    suites: int = 0
    cases: list[ReadyCase] = field(default_factory=list)
    states_files: list[Document] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    warnings: list[SourceError] = field(default_factory=list)

    def look_at(self, path: Path) -> None:
        """Check one file for itself."""
        is_states = path.name == _STATES
        self.suites += not is_states
        try:
            document = self.library.document(path)
            if is_states:
                read_states(
                    document, path.resolve().parent.name, self.library.states, self.library.states_file
                )
                self.states_files.append(document)
                return
            cases = self.library.cases(path)
        except SuiteErrors as error:
            self.errors += error.errors
            return
        self.cases += cases
        for case in cases:
            self._look_at_case(case, document)
        self._look_at_matrices(document)

    def finish(self) -> None:
        """Check the files against each other."""
        shipped = {self.library.name(path) for path in self.library.suite_files()}
        complete = shipped <= {case.file for case in self.cases}
        for document in self.states_files if complete else []:
            self._unused_states(document)

    def _look_at_case(self, case: ReadyCase, document: Document) -> None:
        protocols = case.requirement.protocols
        if protocols and case.protocol not in protocols:
            message = (
                f"{case.requirement.id} is about {', '.join(protocols)}; this is a case of {case.protocol}"
            )
            self.errors.append(document.error((*case.path, "requirement"), message))
        if case.spec.severity and case.requirement.binding and not case.spec.why:
            self._warn(document, case.path, "a case about security says why: what can an attacker do?")
        for key, facts in (("needs", case.spec.needs), ("unless", case.spec.unless)):
            for at, fact in enumerate(facts):
                if fact.islower() and fact not in FACTS and (close := meant(fact, FACTS)):
                    message = f"{fact!r} is no fact that Plumbline knows; did you mean {close!r}?"
                    self._warn(document, (*case.path, key, at), message)

    def _look_at_matrices(self, document: Document) -> None:
        for at, raw in enumerate(document.tree["cases"]):
            matrix = raw.get("matrix")
            first = matrix[0] if isinstance(matrix, list) and matrix else matrix or {}
            rest = str({key: value for key, value in raw.items() if key != "matrix"})
            for name in first:
                if name != "name" and f"{{{name}}}" not in rest:
                    message = f"the variable {name!r} of this matrix is used nowhere: write {{{name}}}"
                    self._warn(document, ("cases", at, "matrix"), message)

    def _unused_states(self, document: Document) -> None:
        protocol, states = document.tree["protocol"], document.tree["states"]
        alike = [file.tree for file in self.states_files if file.tree.get("like") == protocol]
        kin = {protocol, *(tree["protocol"] for tree in alike)}
        used = {case.state.name for case in self.cases if case.state.protocol in kin}
        used |= {name for case in self.cases for of, name in case.states if of in kin}
        used |= {state.get("after", "") for tree in alike for state in tree["states"].values()}
        for name in _with_those_before(used, states):
            states = {key: value for key, value in states.items() if key != name}
        for name in states:
            self._warn(document, ("states", name), f"no case starts in the state {name!r}")

    def _warn(self, document: Document, path: Path_, message: str) -> None:
        self.warnings.append(document.error(path, f"warning: {message}"))


def _with_those_before(names: Iterable[str], states: dict[str, Any]) -> Iterator[str]:
    for start in names:
        name = start
        while name in states:
            yield name
            name = states[name].get("after", "")
