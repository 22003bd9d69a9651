"""What happens in a pytest run of ours: targets, look-ahead, records, exit code."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from ..reports import records
from ..reports.standing import Standing, standing
from . import summary
from .caserecord import requirement_records
from .collection import OWN, Selection
from .deviations import Deviation
from .embedded import Embedded, start_embedded
from .items import CaseItem, declare_markers
from .judged import HINDERED, USAGE, exit_code
from .options import suites_folder
from .requirements import CatalogueError
from .results import Results
from .runconfig import options_of
from .runner import Attempted
from .script.loader import PROTOCOLS, SuiteErrors
from .script.source import SourceError
from .session import BadTarget, CannotTest, Session, timestamp
from .target import parse
from .waiting import Waiting

RECORD = "plumbline"  # attribute of pytest's reports that carries a record
_FARTHEST = 20  # windows between the case that is awaited and the last one that is begun
_FARTHEST_WITH_X = 2  # where a failure ends the run: what was begun by then is played to its end for nothing
_WORDS = {
    Standing.TOLERATED: ("tolerated", "t", "TOLERATED"),
    Standing.INFO: ("info", "i", "INFO"),
    Standing.MISSED: ("missed SHOULD", "m", "MISSED SHOULD"),
    Standing.INCONCLUSIVE: ("inconclusive", "?", "INCONCLUSIVE"),
}


class Controller:
    """Registered as a plugin when a run is ours. Under xdist there is one in each process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.options = options_of(config)
        self.worker = hasattr(config, "workerinput")
        self.distributed = getattr(config.option, "dist", "no") != "no" and not self.worker
        self.selection = Selection(self, self._protocols)
        self.session: Session | None = None
        self.embedded: Embedded | None = None
        self.results: Results | None = None
        self.cases: list[records.Case] = []
        self.last: list[records.Sanity] = []
        self.code: int | None = None
        self.interrupted = False
        self._waiting = Waiting()
        self._futures: dict[str, Future[Attempted]] = {}
        self._ahead: Iterator[pytest.Item] = iter(())  # what may be submitted next
        self._positions: dict[str, int] = {}
        declare_markers(config)
        config.pluginmanager.register(self.selection, "plumbline-selection")

    @property
    def deviations(self) -> Mapping[str, Deviation]:
        """The accepted failures by case id."""
        return self.session.deviations if self.session else {}

    def _protocols(self) -> list[str]:
        if self.session is None or not self.session.probed:  # nothing was looked at: go by what was written
            named = {parse(text).protocol for text in self.options.targets}
            return list(PROTOCOLS) if "" in named or not named else sorted(named)
        return self.session.protocols()

    # -- the beginning

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Look at the targets before anything is collected. --collect-only looks at nothing."""
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            self.config.args = [str(suites_folder())]
        try:
            self._open()
        except (BadTarget, SourceError, SuiteErrors, CatalogueError) as error:
            self._stop()
            raise pytest.UsageError(str(error)) from None
        except CannotTest as error:
            self._stop()
            self._write_end(HINDERED, detail=str(error))
            pytest.exit(f"could not test: {error}", returncode=HINDERED)
        except BaseException:
            self._stop()
            raise

    def _open(self) -> None:
        if self.config.option.collectonly:
            for text in self.options.targets:
                parse(text)
            return
        if not self.options.targets:
            self.embedded = start_embedded(self.config)
            self.options = self.embedded.options(self.options)
        self.session = Session(self.options, self.selection.library, alone=not self.worker)
        if not self.worker:
            self.results = Results(self.options.results, self.options.report)
        if self.distributed and not any(word.partition("::")[0].endswith(OWN) for word in self.config.args):
            self.selection.check_names([])  # the workers, who collect, have no voice
        try:
            self.session.look()
        finally:
            if self.results is not None:
                self.results.write(*self.session.records)

    def _stop(self) -> None:
        if self.embedded is not None:
            self.embedded.stop()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Start the runners. Ids of cases that do not exist are a mistake."""
        self._positions = {item.nodeid: number for number, item in enumerate(session.items)}
        if self.session is None or session.testsfailed:
            return
        self.selection.check_names(session.items)
        self._write_requirements(session.items)
        if not self.distributed and session.items:
            self.session.start(self.selection.known(session.items).values())
            self._waiting.begin()

    def _write_requirements(self, items: Iterable[pytest.Item]) -> None:
        """What could be found out on these targets, for the report's pages on coverage."""
        if self.results is None or self.session is None or not (self.options.results or self.options.report):
            return
        known = self.selection.known(items).values()
        roles = {one.protocol for one in self.session.probed}
        self.results.write(*requirement_records(self.selection.library.requirements, known, roles))

    # -- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Submit this case and the next ones."""
        if self.worker:  # a worker of xdist knows its next item only
            self._ahead = iter([one for one in (item, nextitem) if one is not None])
        else:
            at = self._positions.get(item.nodeid, 0)
            windows = _FARTHEST_WITH_X if self.config.option.maxfail else _FARTHEST
            self._ahead = iter(item.session.items[at : at + windows * self.options.in_flight])
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Have enough cases submitted that are not done. One that takes long holds back its record, not the others."""
        undone = sum(not future.done() for future in self._futures.values())
        while undone < 4 * self.options.in_flight and (one := next(self._ahead, None)) is not None:
            if isinstance(one, CaseItem) and not one.case.spec.passive:
                undone += self._submit(one)

    def _submit(self, item: CaseItem) -> bool:
        """Submit a case that is to be run and was not submitted yet; whether it was."""
        assert self.session is not None
        known = item.nodeid in self._futures or item.record is not None
        if known or self.session.skip_reason(item.case):
            return False
        self._futures[item.nodeid] = self.session.submit(item.case)
        return True

    def record(self, item: CaseItem) -> records.Case:
        """The record of a case: waits until it is done. A case that is run once more is really run."""
        assert self.session is not None
        if reason := self.session.skip_reason(item.case):
            return self.session.skipped(item.case, reason)
        item.record = None
        self._submit(item)
        future = self._futures.pop(item.nodeid)
        return self.session.made(self._waiting.outcome(item.case, future, self._look_ahead))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand the record on with pytest's own report: it also travels from xdist's workers."""
        report = yield
        if call.when == "call" and isinstance(item, CaseItem) and item.record is not None:
            setattr(report, RECORD, records.encode(item.record).decode())
            report.duration = item.record.duration_s
            if report.skipped and not hasattr(report, "wasxfail"):
                report.longrepr = (item.case.file, item.case.line, item.record.reason)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record at once: a run that is killed loses nothing it has learned."""
        text = getattr(report, RECORD, None)
        if self.results is None or text is None:
            return
        record = msgspec.json.decode(text, type=records.Case)
        self.cases.append(record)
        self.results.write(record)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Words and letters for verdicts that pytest does not know."""
        text = getattr(report, RECORD, None)
        if text is None or report.failed or hasattr(report, "wasxfail"):
            return None
        return _WORDS.get(standing(msgspec.json.decode(text, type=records.Case)))

    # -- the end

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note Ctrl-C: pytest gives the same exit status to errors in collection."""
        self.interrupted = isinstance(excinfo.value, KeyboardInterrupt)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Look at the targets again, write what is to be written, settle the exit code."""
        self._waiting.end()
        if self.session is None:
            return
        try:
            self.last = self.session.close(hurry=self.interrupted)
        finally:
            self._stop()
        if not self.worker:
            session.exitstatus = self.code = self._settled(session, exitstatus)
            self._write_end(self.code)

    def _settled(self, session: pytest.Session, exitstatus: int) -> int:
        match exitstatus:
            case pytest.ExitCode.USAGE_ERROR | pytest.ExitCode.INTERNAL_ERROR:
                return int(exitstatus)
            case pytest.ExitCode.NO_TESTS_COLLECTED:
                return USAGE
        broken = self.interrupted or exitstatus == pytest.ExitCode.INTERRUPTED
        code = exit_code(self.cases, self.last, strict=self.options.strict, interrupted=broken)
        return code if code else int(bool(session.testsfailed))

    def _write_end(self, code: int, detail: str = "") -> None:
        if self.results is None or self.session is None:
            return
        counts: dict[str, int] = {}
        for case in self.cases:
            counts[case.verdict.value] = counts.get(case.verdict.value, 0) + 1
        self.results.write(*self.last)
        self.results.finish(
            records.Summary(
                ended=timestamp(),
                duration_s=round(time.monotonic() - self.session.started, 3),
                exit_code=code,
                counts=counts,
                interrupted=self.interrupted,
                detail=detail,
            )
        )

    # -- the terminal

    def pytest_report_header(self) -> list[str]:
        """Who is tested: here where xdist's controller collects nothing, else behind the number of cases."""
        return summary.header(self.session) if self.session is not None and self.distributed else []

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Who is tested, with how many cases. Shown with -q as well."""
        if self.session is None:
            return []
        cases = [item.case for item in items if isinstance(item, CaseItem)]
        skipped = sum(bool(self.session.skip_reason(case)) for case in cases)
        return [*summary.header(self.session), f"{len(cases)} cases, {skipped} of them do not apply here"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The verdicts in a table, and where the files are."""
        if self.results is None or self.session is None:
            return
        for line in summary.lines(self.cases, self.last, self.options, self.results, self.code):
            terminalreporter.write_line(line)
