"""The generators that are compared, and the sinks they send to: command lines, and how to get the programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from plumbline.lab.model import Source
from plumbline.lab.packages import Installed, debian

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Work:
    """One cell of the table: octets of the body, sessions, messages; a connection for each message or not."""

    size: int
    sessions: int
    messages: int
    reuse: bool = True


@cache
def postfix() -> Installed:
    """smtp-source and smtp-sink, unpacked into the cache, not installed."""
    return debian("postfix", Source("debian", ("postfix",)))


@cache
def compiled(name: str) -> str:
    """A program of ours in C."""
    made = Path(tempfile.mkdtemp(prefix="plumbline-bench-")) / name
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(made), str(HERE / f"{name}.c")], check=True)
    return str(made)


def environment() -> dict[str, str]:
    """With the libraries of the unpacked package."""
    root = postfix().root
    return {**os.environ, "LD_LIBRARY_PATH": f"{root}/usr/lib/postfix:{postfix().library_path}"}


def smtp_source(port: int, work: Work) -> list[str]:
    """-d: keep the session; sizes without headers, as ours."""
    words = [str(postfix().root / "usr/sbin/smtp-source"), "-4", "-f", "load@client.example"]
    words += ["-t", "sink@server.example", "-M", "client.example", "-s", str(work.sessions)]
    words += ["-m", str(work.messages), "-l", str(work.size), *(["-d"] if work.reuse else [])]
    return [*words, f"127.0.0.1:{port}"]


def ours(port: int, work: Work, results: Path, *options: str) -> list[str]:
    """The short form, all defaults but the ones that make the work the same."""
    words = [sys.executable, "-m", "locust", "-f", str(HERE.parent / "loadtests" / "smtp_transfer.py")]
    words += ["--headless", "--only-summary", "--host", f"smtp://127.0.0.1:{port}", "-u", str(work.sessions)]
    words += ["--messages", str(work.messages), "--size", str(work.size), "--results", str(results)]
    return words + ([] if work.reuse else ["--per-session", "1"]) + list(options)


def own_sink_command(port: int) -> list[str]:
    """The C sink; it counts."""
    return [compiled("sink"), str(port)]


def smtp_sink_command(port: int) -> list[str]:
    """Postfix' own. It can count as well, but then writes to its output for every message."""
    words = [str(postfix().root / "usr/sbin/smtp-sink"), *(["-u", "nobody"] if not os.getuid() else [])]
    return [*words, "-m", "2000", f"127.0.0.1:{port}", "2000"]


def floor(port: int, work: Work, *how: str) -> list[str]:
    """The system calls of a connection for each message, and nothing else."""
    return [compiled("floor"), *map(str, (port, work.sessions, work.messages, work.size)), *how]


SINKS = {"C sink": own_sink_command, "smtp-sink": smtp_sink_command}


def smtplib_threads(port: int, work: Work) -> list[str]:
    """What one would write by hand."""
    numbers = [port, work.sessions, work.messages, work.size, int(work.reuse)]
    return [sys.executable, str(HERE / "by_hand.py"), *map(str, numbers)]


def aiosmtplib_tasks(port: int, work: Work) -> list[str]:
    """The same on asyncio."""
    numbers = [port, work.sessions, work.messages, work.size, int(work.reuse)]
    return [sys.executable, str(HERE / "by_hand_asyncio.py"), *map(str, numbers)]


def usage_from_results(results: Path) -> tuple[float, float]:
    """Wall and processor seconds of the sending window, out of our result records."""
    for line in results.read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "load":
            return record["duration_s"], record["facts"]["generator_cpu_s"]
    raise ValueError(f"{results}: no load record")


Command = Callable[[int, Work, Path], list[str]]
FLOORS: dict[str, Command] = {
    "in C, new sockets, FIN": lambda port, work, _: floor(port, work),
    "in C, new sockets, reset": lambda port, work, _: floor(port, work, "reset"),
    "in C, sockets connected again, FIN": lambda port, work, _: floor(port, work, "again"),
    "in C, sockets connected again, reset": lambda port, work, _: floor(port, work, "again", "reset"),
}
CLIENTS: dict[str, Command] = {
    "smtp-source": lambda port, work, _: smtp_source(port, work),
    "plumbline": ours,
    "plumbline lockstep": lambda port, work, results: ours(port, work, results, "--pipelining", "off"),
    "plumbline lockstep --reset": lambda port, work, results: ours(
        port, work, results, "--pipelining", "off", "--reset"
    ),
    "plumbline --reset": lambda port, work, results: ours(port, work, results, "--reset"),
    "plumbline BDAT": lambda port, work, results: ours(port, work, results, "--in-flight", "8"),
    "smtplib threads": lambda port, work, _: smtplib_threads(port, work),
    "aiosmtplib": lambda port, work, _: aiosmtplib_tasks(port, work),
}
