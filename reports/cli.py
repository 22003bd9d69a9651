"""`plumbline report RESULTS.jsonl [MORE...] -o FILE.html`, and the outputs that go with it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import junit, markdown, page, reference, sarif, summary
from .diff import compare, mark
from .gather import Unreadable, read_files
from .model import Report, build
from .text import plural

DONE, UNREADABLE, USAGE = 0, 2, 4

Output = tuple[str, str, Callable[[Report], bytes]]
_OUTPUTS: tuple[Output, ...] = (
    ("junit", "JUnit XML", junit.render),
    ("sarif", "SARIF 2.1.0", sarif.render),
    ("json", "totals as JSON", summary.render_json),
    ("markdown", "Markdown for a job summary", lambda report: markdown.summary(report).encode()),
    ("reference", "how these servers answer, for the case pages of a release", reference.render),
    ("badge", "SVG badge", lambda report: summary.render_badge(report).encode()),
)


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit codes: 0 written, 2 nothing could be read, 4 wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else DONE
    try:
        report = _read(arguments.results, arguments.since)
    except Unreadable as error:
        print(f"plumbline report: {error}", file=sys.stderr)
        return UNREADABLE
    try:
        _write(report, arguments)
    except OSError as error:
        print(f"plumbline report: {error.filename}: cannot be written: {error.strerror}", file=sys.stderr)
        return USAGE
    _tell(report, arguments.output)
    return DONE


def _read(results: Sequence[Path], since: Path | None) -> Report:
    sources, problems = read_files(results)
    if not sources:
        raise Unreadable("\n".join(problems))
    report = build(sources, problems)
    if since is not None:
        earlier, trouble = read_files([since])
        if trouble:
            raise Unreadable(trouble[0])
        mark(report, compare(build(earlier), report))
    return report


def _write(report: Report, arguments: argparse.Namespace) -> None:
    page.save(report, arguments.output)
    for name, _, render in _OUTPUTS:
        path: Path | None = getattr(arguments, name)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(render(report))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plumbline report",
        description="Write one self-contained HTML report on the results of one or more runs.",
        epilog="Exit codes: 0 written, 2 no results could be read, 4 wrong usage.",
    )
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS.jsonl", help="written with --results"
    )
    parser.add_argument(
        "-o", "--output", default=Path("report.html"), type=Path, metavar="FILE", help="default: report.html"
    )
    parser.add_argument("--since", type=Path, metavar="OLD.jsonl", help="mark what changed since that run")
    for name, what, _ in _OUTPUTS:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"also write {what}")
    return parser


def _tell(report: Report, output: Path) -> None:
    for problem in report.problems:
        print(f"plumbline report: left out: {problem}", file=sys.stderr)
    for source in report.sources:
        for line in source.damage[:5]:
            print(f"plumbline report: {line}", file=sys.stderr)
        if source.damage:
            read = plural(len(source.cases), "case")
            print(f"plumbline report: {source.name} is damaged; {read} could still be read", file=sys.stderr)
        if source.summary is None:
            print(f"plumbline report: {source.name}: the run was cut off before its end", file=sys.stderr)
    print(f"{output}: {plural(report.counts.total(), 'result')}, {plural(len(report.subjects), 'server')}")
