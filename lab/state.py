"""What runs: one JSON file per instance, so that start, status and stop may be different processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from . import places, processes
from .model import Program, Server
from .processes import Process


class Record(msgspec.Struct):
    """One instance, from the moment that its name is claimed; `server` is None until it is ready."""

    name: str
    product: str
    starter: Process
    directory: str = ""
    programs: list[Program] = []
    processes: list[Process] = []
    links: list[str] = []
    ports: list[int] = []
    server: Server | None = None

    def alive(self) -> bool:
        """Whether it runs or is being started. What a starter left half done when it was killed does not."""
        if self.server is None:
            return processes.alive(self.starter)
        return any(processes.alive(process) for process in self.processes)


def _folder() -> Path:
    return places.cache_folder("state")


def _path(name: str) -> Path:
    return _folder() / f"{name}.json"


def _from_text(kind: type, value: Any) -> Any:
    return kind(value)


def claim(name: str, product: str) -> Record | None:
    """Take the name for a new instance; None when it is taken."""
    me = processes.look(os.getpid())
    assert me is not None
    record = Record(name, product, me)
    new = _new_file(record)
    try:
        _path(name).hardlink_to(new)  # unlike a rename, this fails when the name is taken
    except FileExistsError:
        return None
    finally:
        new.unlink()
    return record


def save(record: Record) -> None:
    _new_file(record).replace(_path(record.name))


def _new_file(record: Record) -> Path:
    path = _folder() / f"{record.name}.{os.getpid()}.new"
    path.write_bytes(msgspec.json.encode(record, enc_hook=str))
    return path


def drop(record: Record) -> None:
    _path(record.name).unlink(missing_ok=True)


def load(name: str) -> Record | None:
    """The record of an instance, or None. A file that cannot be read counts as none and is removed."""
    try:
        return msgspec.json.decode(_path(name).read_bytes(), type=Record, dec_hook=_from_text)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        _path(name).unlink(missing_ok=True)
        return None


def load_all() -> list[Record]:
    records = (load(path.stem) for path in sorted(_folder().glob("*.json")))
    return [record for record in records if record is not None]
