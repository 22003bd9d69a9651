"""`plumbline diff BEFORE.jsonl AFTER.jsonl`: what changed, as Markdown, with an exit code for CI."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import markdown
from .diff import Change, Changed, compare
from .gather import Unreadable, read_file
from .model import Report, build

SAME, WORSE, UNREADABLE, USAGE = 0, 1, 2, 4


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit codes: 0 nothing got worse, 1 something did, 2 unreadable, 4 wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return USAGE if stop.code else SAME
    try:
        before, after = (build(read_file(path)) for path in (arguments.before, arguments.after))
    except Unreadable as error:
        print(f"plumbline diff: {error}", file=sys.stderr)
        return UNREADABLE
    found = compare(before, after)
    try:
        _say(markdown.changes(found, before, after), arguments.output)
    except OSError as error:
        print(f"plumbline diff: {arguments.output}: cannot be written: {error.strerror}", file=sys.stderr)
        return USAGE
    return exit_code(found, after, arguments.strict)


def exit_code(found: Sequence[Changed], after: Report, strict: bool) -> int:
    """1 for a new violation; strict: also for missed recommendations, flakiness and lost knowledge."""
    if not any(after.cases):
        return UNREADABLE
    grave = {Change.FAILING, Change.FLAKY, Change.UNTESTED, Change.GONE}
    worse = any(one.kind in grave for one in found) if strict else any(one.violates for one in found)
    return WORSE if worse else SAME


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plumbline diff",
        description="Compare two runs: newly failing, newly flaky, no longer tested, gone, fixed, new.",
        epilog="Exit codes: 0 no new violation, 1 new violations, 2 results unreadable, 4 wrong usage.",
    )
    parser.add_argument("before", type=Path, metavar="BEFORE.jsonl")
    parser.add_argument("after", type=Path, metavar="AFTER.jsonl")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="Markdown goes here, not to stdout")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit 1 also for missed recommendations, new flakiness and cases no longer tested",
    )
    return parser


def _say(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
