"""`plumbline report`: results files to one HTML page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .model import load
from .page import render
from .records import DamagedResults


def main(argv: Sequence[str]) -> int:
    """Exit code 0: written; 2: nothing could be read; 4: usage."""
    parser = argparse.ArgumentParser(prog="plumbline report", description="Results to one HTML page.")
    parser.add_argument("results", nargs="+", type=Path, help="results files (JSON lines)")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="default: report.html")
    try:
        options = parser.parse_args(list(argv))
    except SystemExit as stop:
        return 4 if stop.code else 0
    try:
        overview = load(options.results)
    except DamagedResults as error:
        print(f"plumbline report: {error}", file=sys.stderr)
        return 2
    for part in overview.parts:
        for damage in part.damage:
            print(f"plumbline report: left out: {damage}", file=sys.stderr)
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(render(overview), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        print(f"plumbline report: cannot write {options.output}: {error.strerror}", file=sys.stderr)
        return 4
    print(options.output)
    return 0
