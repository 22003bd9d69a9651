"""`plumbline report RESULTS.jsonl [MORE...] -o FILE.html`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import page
from .gather import Unreadable
from .model import Report
from .text import plural

DONE, UNREADABLE, USAGE = 0, 2, 4


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit codes: 0 written, 2 nothing could be read, 4 wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else DONE
    try:
        report = page.write(arguments.results, arguments.output)
    except Unreadable as error:
        print(f"plumbline report: {error}", file=sys.stderr)
        return UNREADABLE
    except OSError as error:
        print(f"plumbline report: {arguments.output}: cannot be written: {error.strerror}", file=sys.stderr)
        return USAGE
    _tell(report, arguments.output)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plumbline report",
        description="Write one self-contained HTML report on the results of one or more runs.",
        epilog="Exit codes: 0 written, 2 no results could be read, 4 wrong usage.",
    )
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS.jsonl", help="files written with --results"
    )
    parser.add_argument(
        "-o",
        "--output",
        default=Path("report.html"),
        type=Path,
        metavar="FILE.html",
        help="default: report.html",
    )
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
