"""Start programs and stop them again, by pid and never by name.

A pid alone may be reused by somebody else's process, so every process is remembered with its start time.
Every program gets an environment variable that names its instance: what leaves the process tree by a double
fork is still found by it, unless the server wipes its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .model import LabError

MARK = "PLUMBLINE_LAB_INSTANCE"
_POLL = 0.02  # seconds between looks at the process table
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Process:
    """A process for certain: its pid and its start time in clock ticks since boot (proc(5), field 22)."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class _Row:
    process: Process
    parent: int
    zombie: bool


def _row(pid: int) -> _Row | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold blanks and parentheses
    return _Row(Process(pid, int(fields[19])), int(fields[1]), fields[0] in "ZX")


def _rows() -> Iterator[_Row]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (row := _row(int(entry.name))):
            yield row


def look(pid: int) -> Process | None:
    """The living process with this pid, or None."""
    row = _row(pid)
    return None if row is None or row.zombie else row.process


def alive(process: Process) -> bool:
    """Whether this very process lives; a zombie does not."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return look(process.pid) == process


def descendants(roots: Collection[Process]) -> set[Process]:
    """Living children, grandchildren and so on of the processes given."""
    children: dict[int, list[Process]] = {}
    for row in _rows():
        if not row.zombie:
            children.setdefault(row.parent, []).append(row.process)
    found: set[Process] = set()
    todo = [process.pid for process in roots]
    while todo:
        new = set(children.get(todo.pop(), ())) - found
        found |= new
        todo += [process.pid for process in new]
    return found


def marked(mark: str) -> set[Process]:
    """Living processes that were started for the instance `mark`, whoever their parent is now."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for row in _rows():
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{row.process.pid}/environ").read_bytes()
            if not row.zombie and wanted in environment.split(b"\0"):
                found.add(row.process)
    return found


def spawn(argv: Sequence[str], environment: Mapping[str, str], log: Path, mark: str) -> Process:
    """Start a program in a session of its own, its output appended to `log`. Raises LabError."""
    variables = {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/", MARK: mark, **environment}
    actions = [
        # Standard input too: vsftpd tells there why it does not start.
        (os.POSIX_SPAWN_OPEN, 0, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    ]
    try:
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            variables,
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM],
        )
    except OSError as error:
        raise LabError(f"{argv[0]} cannot be started: {error.strerror}") from error
    return look(pid) or Process(pid, -1)  # -1: it has ended already


def stop(roots: Collection[Process], mark: str, grace: float = 8.0, kill_grace: float = 4.0) -> None:
    """End these processes and all that came from them.

    SIGTERM to the processes given; once those are gone, to what they left; after `grace` seconds SIGKILL.
    Raises LabError when something still lives `kill_grace` seconds later.
    """
    known = set(roots)
    _signal(known, signal.SIGTERM)
    if not _gone(roots, known, mark, grace, signal.SIGTERM):
        _signal(known, signal.SIGKILL)
        if not _gone(roots, known, mark, kill_grace, signal.SIGKILL):
            left = sorted(process.pid for process in known if alive(process))
            raise LabError(f"processes {left} do not end, even by SIGKILL; look with: ps -fp {left[0]}")


def kill(roots: Collection[Process], mark: str, grace: float = 8.0) -> None:
    """SIGKILL to these processes and all that came from them, at once. Raises LabError."""
    known = set(roots) | descendants(roots) | marked(mark)
    _signal(known, signal.SIGKILL)
    if not _gone(roots, known, mark, grace, signal.SIGKILL):
        raise LabError(f"processes {sorted(process.pid for process in known if alive(process))} do not end")


def _gone(
    roots: Collection[Process], known: set[Process], mark: str, seconds: float, sig: signal.Signals
) -> bool:
    """Wait for the end of all, passing the signal on to what the roots leave behind; `known` grows."""
    end = time.monotonic() + seconds
    told: set[Process] = set(known)
    while True:
        living = {process for process in known if alive(process)}
        known |= descendants(living) | marked(mark)
        living = {process for process in known if alive(process)}
        if not living:
            return True
        if time.monotonic() > end:
            return False
        if sig is signal.SIGKILL or not any(process in living for process in roots):
            _signal(living - told, sig)
            told |= living
        time.sleep(_POLL)


def _signal(processes: Collection[Process], sig: signal.Signals) -> None:
    for process in processes:
        if alive(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, sig)
