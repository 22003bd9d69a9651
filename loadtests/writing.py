"""Keeping an outcome: the results file first, then the page made of it."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from plumbline.loadtests.outcome import Outcome
from plumbline.reports import records


def write(outcome: Outcome) -> list[str]:
    """Write what was asked for; gives back what went wrong, in sentences."""
    results, report = outcome.job.results, outcome.job.report
    problems = []
    if results:
        problems += _attempt(f"--results {results}", lambda: records.write(results, outcome.to_records()))
    if report:
        problems += _attempt(f"--report {report}", lambda: _page(outcome, results, report))
    return problems


def _attempt(what: str, call: Callable[[], None]) -> list[str]:
    try:
        call()
    except OSError as error:
        return [f"{what}: not written: {error.strerror or error}"]
    except ImportError as error:
        return [f"{what}: not written: this installation has no report pages ({error})"]
    return []


def _page(outcome: Outcome, results: Path | None, report: Path) -> None:
    page = importlib.import_module("plumbline.reports.page")
    if results:
        page.write([results], report)
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "load.jsonl"
        records.write(kept, outcome.to_records())
        page.write([kept], report)
