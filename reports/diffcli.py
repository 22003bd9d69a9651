"""`plumbline diff BEFORE.jsonl AFTER.jsonl`: what changed, as Markdown, with an exit code for CI."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from . import markdown
from .diff import Change, Changed, compare
from .gather import Unreadable, read_file, read_files
from .loaddiff import LoadChange, compare_loads
from .model import Report, build

SAME, WORSE, UNREADABLE, USAGE = 0, 1, 2, 4


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit codes: 0 nothing got worse, 1 something did, 2 unreadable, 4 wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else SAME
    try:
        before, after = (_read(path) for path in (arguments.before, arguments.after))
    except Unreadable as error:
        print(f"plumbline diff: {error}", file=sys.stderr)
        return UNREADABLE
    found, loads = compare(before, after), compare_loads(before, after)
    try:
        _say(markdown.changes(found, before, after, loads, arguments.max_slowdown), arguments.output)
    except OSError as error:
        print(f"plumbline diff: {arguments.output}: cannot be written: {error.strerror}", file=sys.stderr)
        return USAGE
    if any(load.worse(arguments.max_slowdown) for load in loads):
        return WORSE
    return exit_code(found, after, arguments.strict, loads)


def _read(path: Path) -> Report:
    """A results file, or all that lie in a folder."""
    if not path.is_dir():
        return build(read_file(path))
    sources, problems = read_files(sorted(path.glob("*.jsonl")))
    if not sources:
        raise Unreadable("\n".join(problems) or f"{path}: no *.jsonl file lies in this folder")
    return build(sources, problems)


def exit_code(found: Sequence[Changed], after: Report, strict: bool, loads: Sequence[LoadChange] = ()) -> int:
    """1 for a new violation; strict: also for missed recommendations, new cases, flakiness and lost knowledge."""
    if not any(after.cases) and not loads:
        return UNREADABLE
    grave = {Change.FAILING, Change.MET, Change.FLAKY, Change.UNTESTED, Change.GONE}
    worse = any(one.kind in grave for one in found) if strict else any(one.violates for one in found)
    return WORSE if worse else SAME


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plumbline diff",
        description="Compare two runs: newly failing, failing, and not played before, newly flaky, no longer tested, "
        "gone, fixed, new.",
        epilog="Exit codes: 0 no new violation, 1 new violations, 2 results unreadable, 4 wrong usage.",
    )
    parser.add_argument("before", type=Path, metavar="BEFORE.jsonl", help="or a folder of results files")
    parser.add_argument("after", type=Path, metavar="AFTER.jsonl", help="or a folder of results files")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="Markdown goes here, not to stdout")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit 1 also for missed recommendations, failures of cases not played before, new flakiness and cases "
        "no longer tested",
    )
    parser.add_argument(
        "--max-slowdown",
        type=_percent,
        metavar="PERCENT",
        help="exit 1 also when a load run's rate fell, or its p99 grew, by more than this",
    )
    return parser


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage such as 20")
    return value


def _say(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
