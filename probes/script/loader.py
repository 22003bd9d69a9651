"""Suite files to cases that can be played: which files there are, each read when asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path

from ..requirements import Requirement
from ..requirements import load as load_requirements
from .cases import ReadyCase, ReadyState
from .source import Document, SourceError, SuiteErrors, read
from .states import read_states
from .suitereader import SuiteReader, case_ids, named_protocols, taken

PROTOCOLS = ("smtp", "submission", "lmtp", "ftp", "pop3", "imap")
# Protocols of mail transfer: a suite in the folder of one of them may name the others, too.
KINDRED = frozenset({"smtp", "submission", "lmtp"})


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
        """Suite files with cases of some protocols (all of them by default), in order."""
        wanted = frozenset(protocols if protocols is not None else PROTOCOLS)
        return [
            path
            for folder in PROTOCOLS
            if folder in wanted or (folder in KINDRED and wanted & KINDRED)
            for path in sorted((self.folder / folder).glob("*.yaml"))
            if path.name != "states.yaml" and self.concerns(path, wanted)
        ]

    def concerns(self, path: Path, protocols: Collection[str]) -> bool:
        """Whether a shipped suite has cases of one of these protocols; one that is broken has its folder's."""
        folder = path.parent.name
        if folder not in KINDRED:
            return folder in protocols
        try:
            tree = self.document(path).tree
        except SuiteErrors:
            return folder in protocols
        named = named_protocols(tree.get("protocol")) if isinstance(tree, dict) else []
        return not frozenset(protocols).isdisjoint(named or [folder])

    def states(self, protocol: str) -> dict[str, ReadyState]:
        """The fixture states of a protocol, each with its whole chain. Raises SuiteErrors."""
        if protocol not in self._states:
            file = self.states_file(protocol)
            bare = {"connected": ReadyState("connected", protocol, ())}
            shipped = read_states(file, protocol, self.states, self.states_file) if file else {}
            self._states[protocol] = bare | shipped
        return self._states[protocol]

    def states_file(self, protocol: str) -> Document | None:
        """The states file of a protocol, if it has one."""
        path = self.folder / protocol / "states.yaml"
        return self.document(path) if path.exists() else None

    def name(self, path: Path) -> str:
        """How a file is called in messages and node ids: the same in a wheel and in a checkout."""
        try:
            return f"suites/{path.resolve().relative_to(self.folder.resolve())}"
        except ValueError:
            return str(path)

    def cases(self, path: Path, protocols: Collection[str] = PROTOCOLS) -> list[ReadyCase]:
        """The cases of one file that are of these protocols. It is read once. Raises SuiteErrors."""
        key = path.resolve()
        if key not in self._cases:
            cases = SuiteReader(self, self.document(path)).cases()
            self._claim(key, cases)
            self._cases[key] = cases
        return [case for case in self._cases[key] if case.protocol in protocols]

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
                errors.append(document.error(case.path, taken(case.id, f"{first.file}:{first.line}")))
        if errors:
            raise SuiteErrors(errors)

    def ids(self, protocol: str) -> frozenset[str]:
        """The ids of all shipped cases of a protocol, without asking whether the cases are right."""
        found: set[str] = set()
        for path in self.suite_files([protocol]):
            try:
                found.update(case_ids(self.document(path)))
            except (SourceError, SuiteErrors):
                continue  # told when that file is read for its own sake
        return frozenset(found)


__all__ = ["KINDRED", "PROTOCOLS", "Library", "SuiteErrors"]
