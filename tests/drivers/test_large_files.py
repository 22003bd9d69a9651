"""A mail store may be larger than what is read of one file: what is new must be seen."""

from __future__ import annotations

from pathlib import Path

from plumbline.probes.drivers.common import FILE_LIMIT, read_files
from plumbline.probes.ops import ReadFiles


def test_of_a_large_file_the_end_is_read(tmp_path: Path) -> None:
    mbox = tmp_path / "alice"
    with mbox.open("wb") as file:
        file.seek(FILE_LIMIT + 1000)  # a hole: costs no disk
        file.write(b"From x\n\nnewest marker\n")

    (found,) = read_files(ReadFiles((str(mbox),), b"newest marker"))

    assert len(found) == FILE_LIMIT
    assert found.endswith(b"newest marker\n")
