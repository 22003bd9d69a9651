"""Which files and cases belong to a run."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .deviations import check_ids
from .items import CaseItem, SuiteFile
from .options import suites_folder
from .requirements import CatalogueError
from .script.cases import ReadyCase
from .script.loader import PROTOCOLS, Library, SuiteErrors
from .script.shape import unknown

if TYPE_CHECKING:
    from .controller import Controller

OWN = ".probe.yaml"  # how the suites of a user's own are called, wherever they lie


class Selection:
    """Registered as a plugin beside the controller: collects suites, keeps the cases that are asked for."""

    def __init__(self, controller: Controller, protocols: Callable[[], Collection[str]]) -> None:
        self.controller = controller
        self.protocols = protocols
        self.library = Library.open()
        self._shipped: dict[str, ReadyCase] = {}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
        """Take our suites for the protocols under test, and `*.probe.yaml` anywhere."""
        ours = file_path.is_relative_to(suites_folder())
        if file_path.suffix != ".yaml" or not (ours or file_path.name.endswith(OWN)):
            return None
        if ours and (file_path.name == "states.yaml" or not self._concerned(file_path)):
            return None
        name = self.library.name(file_path)
        node: SuiteFile = SuiteFile.from_parent(parent, path=file_path, nodeid=name if ours else None)
        node.controller = self.controller
        return node

    def _concerned(self, path: Path) -> bool:
        return path.parent.name in PROTOCOLS and self.library.concerns(path, self.protocols())

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep what --case asks for; judge passive cases last, when all replies were seen."""
        patterns = self.controller.options.cases
        dropped = [item for item in items if isinstance(item, CaseItem) and not named(item.case.id, patterns)]
        if dropped:
            gone = set(map(id, dropped))
            config.hook.pytest_deselected(items=dropped)
            items[:] = [item for item in items if id(item) not in gone]
        items.sort(key=lambda item: isinstance(item, CaseItem) and bool(item.case.spec.passive))

    def cases(self, path: Path) -> list[ReadyCase]:
        """The cases of a file that belong to this run. Of a user's own file: all. Raises SuiteErrors."""
        ours = path.is_relative_to(suites_folder())
        return self.library.cases(path, self.protocols() if ours else PROTOCOLS)

    def shipped(self) -> dict[str, ReadyCase]:
        """All cases that come with Plumbline, by id. Raises SuiteErrors, CatalogueError."""
        if not self._shipped:
            self._shipped = {case.id: case for case in self._read(PROTOCOLS)}
        return self._shipped

    def _read(self, protocols: Iterable[str]) -> Iterator[ReadyCase]:
        wanted = list(protocols)
        for path in self.library.suite_files(wanted):
            yield from self.library.cases(path, wanted)

    def known(self, items: Iterable[pytest.Item]) -> dict[str, ReadyCase]:
        """Every case there is: those that were collected, and the shipped ones of the targets' protocols."""
        own = {item.case.id: item.case for item in items if isinstance(item, CaseItem)}
        return {**{case.id: case for case in self._read(self.protocols())}, **own}

    def check_names(self, items: Iterable[pytest.Item]) -> None:
        """Raises UsageError for ids on the command line and in the deviations that no case has."""
        options, deviations = self.controller.options, self.controller.deviations
        if not (options.cases or deviations):
            return
        try:
            ids = {*self.shipped(), *(item.case.id for item in items if isinstance(item, CaseItem))}
        except (SuiteErrors, CatalogueError) as error:
            raise pytest.UsageError(str(error)) from None
        wrong = [
            f"--case {pattern}: {unknown('case', pattern, ids)}"
            for pattern in options.cases
            if not any(named(name, [pattern]) for name in ids)
        ]
        if options.deviations is not None:
            wrong += check_ids(deviations, ids, options.deviations)
        if wrong:
            raise pytest.UsageError("\n".join(wrong))


def named(name: str, patterns: Collection[str]) -> bool:
    """Whether a case is meant; without patterns every one is. Brackets stand for themselves."""
    return not patterns or any(
        name == pattern or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns
    )
