"""What happens in a pytest run of ours: targets, collection, look-ahead, results, summary, exit code."""

from __future__ import annotations

import fnmatch
import os
import shlex
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ..reports import records
from . import summary
from .caserecord import made
from .deviations import check_ids
from .items import CaseItem, SuiteFile
from .judged import HINDERED, USAGE, Standing, exit_code, standing
from .plugin import suites_folder
from .profile import Profile
from .requirements import CatalogueError
from .results import Results
from .runner import Attempted
from .script.cases import ReadyCase
from .script.loader import KINDRED, Library, SuiteErrors
from .script.source import SourceError
from .session import BadTarget, CannotTest, Options, Session
from .target import parse

RECORD = "plumbline"  # attribute of pytest's reports that carries a record
_WORDS = {
    Standing.TOLERATED: ("tolerated", "t", "TOLERATED"),
    Standing.INFO: ("info", "i", "INFO"),
    Standing.MISSED: ("missed SHOULD", "m", "MISSED SHOULD"),
    Standing.INCONCLUSIVE: ("inconclusive", "?", "INCONCLUSIVE"),
}


class Controller:
    """Registered as a plugin when a run is ours."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker = hasattr(config, "workerinput")
        self.distributed = bool(getattr(config.option, "dist", "no") != "no") and not self.worker
        self.only_collect = bool(config.option.collectonly)
        self.embedded: Any = None
        self.session: Session | None = None
        self.cases: list[records.Case] = []
        self.futures: dict[str, Future[Attempted]] = {}
        self.positions: dict[str, int] = {}
        self.results: Results | None = None
        self.code: int | None = None
        self.last: list[records.Sanity] = []
        self.options = _options(config)
        self.library = Library.open()
        try:
            self._open()
        except (BadTarget, SourceError, SuiteErrors, CatalogueError) as error:
            self._stop()
            raise pytest.UsageError(str(error)) from None
        except CannotTest as error:
            self._stop()
            pytest.exit(f"could not test: {error}", returncode=HINDERED)

    def _open(self) -> None:
        profile: Profile | None = None
        if not self.options.targets:
            self.embedded, self.options, profile = _embedded(self.options)
        if self.only_collect:
            for text in self.options.targets:
                parse(text)
            return
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS:
            self.config.args = [str(suites_folder())]
        if not self.worker:
            self.results = Results(self.options.results, self.options.report)
        self.session = Session.open(self.options, profile)
        self.library = self.session.library
        if self.results:
            self.results.write(*self.session.start_records)

    def _stop(self) -> None:
        if self.embedded is not None:
            self.embedded.stop()

    # -- collection

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
        """Take our suites for the protocols under test, and `*.probe.yaml` anywhere."""
        ours = file_path.is_relative_to(suites_folder())
        if file_path.suffix != ".yaml" or not (ours or file_path.name.endswith(".probe.yaml")):
            return None
        if ours and not self._wanted(file_path):
            return None
        name = self.library.name(file_path)
        node: SuiteFile = SuiteFile.from_parent(parent, path=file_path, nodeid=name if ours else None)
        node.controller = self
        return node

    def _wanted(self, path: Path) -> bool:
        protocol = path.parent.name
        if protocol == "requirements" or path.name == "states.yaml":
            return False
        if self.session is None:
            schemes = {parse(text).protocol for text in self.options.targets}
            return "" in schemes or protocol in {KINDRED.get(name, name) for name in schemes}
        return self.session.on(protocol) is not None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what --case asks for; judge passive cases last, when all replies were seen."""
        patterns = self.options.cases
        if patterns:
            kept = [
                item for item in items if not isinstance(item, CaseItem) or _named(item.case.id, patterns)
            ]
            dropped = [item for item in items if item not in kept]
            self.config.hook.pytest_deselected(items=dropped)
            items[:] = kept
        items.sort(key=lambda item: isinstance(item, CaseItem) and bool(item.case.spec.passive))
        for number, item in enumerate(items):
            self.positions[item.nodeid] = number

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Start the runners. Deviations for cases that do not exist are a mistake."""
        if self.session is None or session.testsfailed:
            return
        everything = list(self._all_cases())
        if self.options.deviations and (
            wrong := check_ids(
                self.session.deviations, [case.id for case in everything], self.options.deviations
            )
        ):
            raise pytest.UsageError("\n".join(wrong))
        if not self.distributed:
            self.session.start(everything)

    def _all_cases(self) -> Iterator[ReadyCase]:
        assert self.session is not None
        protocols = {KINDRED.get(one.protocol, one.protocol) for one in self.session.probed}
        for path in self.library.suite_files(sorted(protocols)):
            yield from self.library.cases(path)

    # -- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Submit this case and the next ones: as many as may be in flight, and no more."""
        for one in self._ahead(item, nextitem):
            if isinstance(one, CaseItem) and not one.case.spec.passive:
                self._submit(one.case)

    def _ahead(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterable[pytest.Item]:
        if self.worker:  # a worker of xdist knows its next item only
            return [one for one in (item, nextitem) if one is not None]
        start = self.positions.get(item.nodeid, 0)
        return item.session.items[start : start + 2 * self.options.in_flight]

    def _submit(self, case: ReadyCase) -> None:
        assert self.session is not None
        if case.id in self.futures or self.session.skip_reason(case):
            return
        probed = self.session.on(case.protocol)
        if probed is not None:
            self.futures[case.id] = probed.runner.submit(case)

    def record(self, case: ReadyCase) -> records.Case:
        """The record of a case: waits until it is done."""
        assert self.session is not None
        if reason := self.session.skip_reason(case):
            return self.session.skipped(case, reason)
        self._submit(case)
        attempted = self.futures.pop(case.id).result()
        probed = self.session.on(case.protocol)
        assert probed is not None
        return made(attempted, probed.facts.endpoint, self.session.deviation(case.id))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand the record on with pytest's own report: it also travels from xdist's workers."""
        report = yield
        if call.when == "call" and isinstance(item, CaseItem) and item.record is not None:
            setattr(report, RECORD, records.encode(item.record).decode())
            report.duration = item.record.duration_s
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record at once: a run that is killed loses nothing it has learned."""
        text = getattr(report, RECORD, None)
        if self.results is None or text is None:
            return
        record = records.decode(text.encode())
        if isinstance(record, records.Case):
            self.cases.append(record)
            self.results.write(record)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Words and letters for verdicts that pytest does not know."""
        text = getattr(report, RECORD, None)
        if text is None or report.failed or hasattr(report, "wasxfail"):
            return None
        record = msgspec.json.decode(text.encode(), type=records.Case)
        return _WORDS.get(standing(record))

    # -- the end

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Look at the targets again, write what is to be written, settle the exit code."""
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        if self.session is not None and not self.distributed:
            self.last = self.session.close()
        self._stop()
        if self.results is None or self.session is None:
            return
        if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            code = int(exitstatus)
        elif exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            code = USAGE
        else:
            strict = self.options.strict
            code = exit_code(self.cases, self.last, strict=strict, interrupted=interrupted)
            if code == 0 and session.testsfailed:
                code = 1
        self.code = code
        session.exitstatus = code
        self._write_end(interrupted=interrupted)

    def _write_end(self, *, interrupted: bool) -> None:
        assert self.results is not None
        assert self.session is not None
        counts: dict[str, int] = {}
        for case in self.cases:
            counts[case.verdict.value] = counts.get(case.verdict.value, 0) + 1
        duration = time.monotonic() - self.session.started
        self.results.write(*self.last)
        self.results.finish(self.code or 0, duration, counts, interrupted=interrupted)

    def pytest_report_header(self) -> list[str]:
        """Who is tested."""
        if self.session is None:
            return []
        return [
            f"target: {one.facts.endpoint.url}  {one.facts.greeting.partition(chr(10))[0]}"
            for one in self.session.probed
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The verdicts in a table, and where the files are."""
        if self.results is None or self.session is None:
            return
        for line in summary.lines(self.cases, self.last, self.options, self.results, self.code):
            terminalreporter.write_line(line)


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(
        name == pattern or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns
    )


def _embedded(options: Options) -> tuple[Any, Options, Profile]:
    """Start the embedded servers; the options with them as targets, and their profile."""
    from dataclasses import replace

    from ..lab import LabError, embedded
    from . import profile as profiles

    try:
        servers = embedded.start()
    except LabError as error:
        raise CannotTest(str(error)) from None
    wanted = {name: servers.endpoints[name] for name in ("smtp", "ftp")}
    urls = tuple(f"{name}://{host}:{port}" for name, (host, port) in wanted.items())
    facts = {**servers.profiles["ftp"], **servers.profiles["smtp"]}
    return servers, replace(options, targets=urls), profiles.of(facts, f"embedded: {servers.version}")


def _command(config: pytest.Config) -> tuple[str, ...]:
    """What the user typed: `plumbline check` says it in the environment."""
    typed = os.environ.get("PLUMBLINE_COMMAND")
    return tuple(shlex.split(typed)) if typed else ("pytest", *map(str, config.invocation_params.args))


def _options(config: pytest.Config) -> Options:
    get = config.getoption

    def path(name: str) -> Path | None:
        value = get(name)
        return Path(value) if value else None

    if get("--in-flight") < 1:
        raise pytest.UsageError("--in-flight: at least 1")
    return Options(
        targets=tuple(get("--target")),
        profile=path("--profile"),
        deviations=path("--deviations"),
        results=path("--results"),
        report=path("--report"),
        strict=bool(get("strict", default=False)),  # an option of pytest itself: it also means us
        in_flight=get("--in-flight"),
        again=get("--again"),
        slow=get("--slow"),
        intrusive=get("--intrusive"),
        permitted=get("--i-may-test-this-target"),
        segments=get("--segments"),
        patience=get("--patience"),
        cases=tuple(get("--case")),
        command=_command(config),
    )
