"""Suite files and cases as pytest sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ..reports.records import Case as CaseRecord
from ..reports.records import Verdict
from ..reports.standing import Standing, standing
from .failure_text import failure_text
from .judged import fails_run
from .requirements import CatalogueError
from .script.cases import ReadyCase
from .script.loader import PROTOCOLS, SuiteErrors

if TYPE_CHECKING:
    from .controller import Controller


class CaseFailed(Exception):
    """A case's verdict, as pytest wants to have it."""


class SuiteFile(pytest.File):
    """One YAML file."""

    controller: Controller

    def collect(self) -> Iterator[CaseItem]:
        """All its cases; what is wrong with the file is told without a traceback."""
        try:
            cases = self.controller.selection.cases(self.path)
        except (SuiteErrors, CatalogueError) as error:
            raise self.CollectError(str(error)) from None
        for case in cases:
            yield CaseItem.of(self, case)


class CaseItem(pytest.Item):
    """One case."""

    case: ReadyCase
    controller: Controller
    record: CaseRecord | None = None

    @classmethod
    def of(cls, parent: SuiteFile, case: ReadyCase) -> CaseItem:
        """An item for a case, with level, protocol and tags as markers."""
        ours = case.file.startswith(f"suites/{case.protocol}/") or not case.file.startswith("suites/")
        name = case.id.partition("/")[2] if ours else case.id  # a suite of several protocols
        item: CaseItem = cls.from_parent(parent, name=name)
        item.case, item.controller = case, parent.controller
        for name in sorted(marker_names(case)):
            _declare(parent.config, name, "cases with this tag")
            item.add_marker(getattr(pytest.mark, name))
        item.user_properties.append(("requirement", case.requirement.id))
        item.user_properties.append(("level", case.requirement.level))
        return item

    def runtest(self) -> None:
        """Have the case run, and tell pytest its verdict."""
        self.record = record = self.controller.record(self)
        self.user_properties.append(("verdict", record.verdict.value))
        if fails_run(record, strict=self.controller.options.strict):
            raise CaseFailed
        kind = standing(record)
        if kind is Standing.ACCEPTED:
            pytest.xfail(record.deviation.get("reason", ""))
        if record.verdict in (Verdict.SKIPPED, Verdict.INCONCLUSIVE):
            pytest.skip(record.reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """A failure in words for people; a fault of ours keeps its traceback."""
        if isinstance(excinfo.value, CaseFailed) and self.record is not None:
            return failure_text(self.record)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[str, int, str]:
        """Where the case stands."""
        return self.case.file, self.case.line - 1, self.case.id


_LEVELS = ("must", "must_not", "should", "should_not", "may")
_declared = pytest.StashKey[set[str]]()


def declare_markers(config: pytest.Config) -> None:
    """Levels and protocols as markers; tags follow as they are met. `-m must` also takes MUST NOT."""
    config.stash[_declared] = set()
    for level in _LEVELS:
        _declare(config, level, f"requirements of the level {level.upper().replace('_', ' ')}")
    for protocol in PROTOCOLS:
        _declare(config, protocol, f"cases of {protocol.upper()}")


def _declare(config: pytest.Config, name: str, about: str) -> None:
    known = config.stash[_declared]
    if name not in known:
        known.add(name)
        config.addinivalue_line("markers", f"{name}: {about}")


def marker_names(case: ReadyCase) -> set[str]:
    """Protocol, level and tags as names that `-m` understands."""
    level = _word(case.requirement.level)
    flags = {name for name in ("slow", "intrusive") if getattr(case.spec, name)}
    return {case.protocol, level, level.removesuffix("_not"), *map(_word, case.tags), *flags}


def _word(text: str) -> str:
    return text.lower().replace(" ", "_").replace("-", "_")
