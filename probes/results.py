"""The files of a run: records as they come, the report at the end."""

from __future__ import annotations

import datetime
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
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("wb", buffering=0)
            except OSError as error:
                raise pytest.UsageError(f"--results {path}: cannot write there: {error.strerror}") from None
        if report is not None and report.is_dir():
            raise pytest.UsageError(f"--report {report}: that is a folder; name a file")

    def write(self, *lines: records.AnyRecord) -> None:
        """Keep records; in the file they are complete lines at once."""
        for record in lines:
            if self._file is not None:
                self._file.write(records.encode(record))
            if self.report is not None:
                self._kept.append(record)

    def finish(self, code: int, duration_s: float, counts: dict[str, int], *, interrupted: bool) -> None:
        """The last record, and the report."""
        self.write(
            records.Summary(
                ended=datetime.datetime.now(tz=datetime.UTC).astimezone().isoformat(timespec="seconds"),
                duration_s=round(duration_s, 3),
                exit_code=code,
                counts=counts,
                interrupted=interrupted,
            )
        )
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
