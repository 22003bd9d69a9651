"""Embedded servers: aiosmtpd and pyftpdlib in one process of their own, on free loopback ports.

    with embedded.start() as servers:
        servers.endpoints["smtp"]     # "smtp://127.0.0.1:40123"

The process ends with its parent: it holds the reading end of a pipe whose writing end only the parent
has, and leaves when that pipe is closed, however the parent died.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_START = 15.0  # seconds to come up
_STOP = 5.0
_NEEDED = ("aiosmtpd", "pyftpdlib")


class NotInstalled(Exception):
    """The extra [embedded] is missing."""


class NotStarted(Exception):
    """The servers did not come up; the message has their last words."""


@dataclass(slots=True)
class Servers:
    """The running process. `profile` is the path of a ready profile."""

    endpoints: dict[str, str]
    profile: str
    directory: str
    process: subprocess.Popen[bytes]
    lifeline: int

    def stop(self) -> None:
        """End the process and remove its folder; stopping twice is no error."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1
        try:
            self.process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start() -> Servers:
    """Start both servers. Raises NotInstalled, NotStarted."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise NotInstalled(
            f"the embedded servers need {' and '.join(missing)}: pip install 'plumbline[embedded]'"
        )
    directory = tempfile.mkdtemp(prefix="plumbline-embedded-")
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                str(Path(__file__).with_name("embedded_process.py")),
                directory,
                str(reading),
            ],
            pass_fds=(reading,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get("PLUMBLINE_DEBUG") else None,
            start_new_session=True,  # Ctrl-C on the terminal is for us, not for the servers
        )
    finally:
        os.close(reading)
    ready = _first_line(process)
    if ready is None:
        os.close(writing)
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)
        raise NotStarted("the embedded servers did not start (PLUMBLINE_DEBUG=1 shows what they say)")
    told = json.loads(ready)
    return Servers(told["endpoints"], told["profile"], directory, process, writing)


def _first_line(process: subprocess.Popen[bytes]) -> bytes | None:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _START)
    line = process.stdout.readline() if readable else b""
    return line if line.endswith(b"\n") else None


def main() -> int:
    """Run until Ctrl-C: for `plumbline lab start embedded --foreground`."""
    with start() as servers, contextlib.suppress(KeyboardInterrupt):
        print(json.dumps({"endpoints": servers.endpoints, "profile": servers.profile}), flush=True)
        servers.process.wait()
    return 0
