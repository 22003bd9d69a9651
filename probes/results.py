"""The files of a run: records as they come, the report at the end."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ..reports import records


class Results:
    """Where records go. Without --results they are kept in a temporary file if a report is wanted."""

    def __init__(self, path: Path | None, report: Path | None) -> None:
        self.path, self.report = path, report
        self.problem = ""
        self._kept: list[records.AnyRecord] = []
        self._file = None
        if path is not None:
            _check_place("--results", path)
            self._file = path.open("wb", buffering=0)
        if report is not None:
            _check_place("--report", report)

    def write(self, *lines: records.AnyRecord) -> None:
        """Keep records; in the file they are complete lines at once."""
        for record in lines:
            if self._file is not None:
                self._file.write(records.encode(record))
            if self.report is not None:
                self._kept.append(record)

    def finish(self, summary: records.Summary) -> None:
        """The last record, and the report."""
        self.write(summary)
        if self._file is not None:
            self._file.close()
        if self.report is not None:
            try:
                self._write_report(self.report)
            except OSError as error:
                self.problem = f"--report {self.report}: cannot write there: {error.strerror}"

    def _write_report(self, report: Path) -> None:
        from ..reports import page

        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "results.jsonl"
            records.write(source, self._kept)
            report.parent.mkdir(parents=True, exist_ok=True)
            page.write([source], report)


def _check_place(option: str, path: Path) -> None:
    """Make the folder, and see that the file can be written. Raises UsageError: now, not at the end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise pytest.UsageError(f"{option} {path}: cannot write there: {error.strerror}") from None
