"""Interleaved rounds: in each of them everybody runs once, and is compared with the first of them.

Absolute rates of a shared machine move by a factor of three within minutes; ratios within a round repeat.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 120.0  # seconds for one run of one client
MARKS = "<!-- bench:{} -->", "<!-- /bench:{} -->"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run took: seconds by the wall clock, seconds of processor (user and system), peak memory in MB.

    Of C programs the whole process counts; of ours the time from the first message to the last, since an
    interpreter's start is paid once and not for each message.
    """

    operations: int
    wall: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.wall

    @property
    def cost(self) -> float:
        """Microseconds of processor for an operation."""
        return self.cpu / self.operations * 1e6


Runs = Mapping[str, Sequence[Usage]]


def measured(words: Sequence[str], operations: int, environment: Mapping[str, str]) -> Usage:
    """Run to the end; processor time and memory as the kernel counts them. Raises RuntimeError."""
    begun = time.perf_counter()
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    alarm = threading.Timer(LONGEST, process.kill)
    alarm.start()
    try:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
    finally:
        alarm.cancel()
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}: {said[-500:]!r}")
    return Usage(operations, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def interleaved(names: Sequence[str], rounds: int, one: Callable[[str], Usage]) -> dict[str, list[Usage]]:
    """Every name so many times."""
    runs: dict[str, list[Usage]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(one(name))
    return runs


def headings(first: str, what: str) -> list[str]:
    """Of the columns that `figures` fills."""
    return [f"{what}s/s", f"CPU µs/{what}", f"rate vs {first}", f"CPU vs {first}", "MB"]


def figures(runs: Runs, name: str) -> list[str]:
    """Medians; ratios to the first client, round by round, with their range."""
    middle, own, base = statistics.median, runs[name], next(iter(runs.values()))
    faster = [a.rate / b.rate for a, b in zip(own, base, strict=True)]
    dearer = [a.cost / b.cost for a, b in zip(own, base, strict=True)]
    return [
        f"{middle([run.rate for run in own]):.0f}",
        f"{middle([run.cost for run in own]):.1f}",
        _ranged(faster),
        _ranged(dearer),
        f"{middle([run.memory for run in own]):.0f}",
    ]


def _ranged(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def note(rounds: str) -> str:
    """How it was measured."""
    return f"{rounds} interleaved rounds; load average {os.getloadavg()[0]:.1f} at the end."


def insert(file: Path | None, name: str, lines: Sequence[str]) -> None:
    """Put lines into a file, between the marks of this name. Raises RuntimeError where there are none."""
    if file is None:
        return
    first, last = (mark.format(name) for mark in MARKS)
    head, found, rest = file.read_text().partition(first)
    if not found:
        raise RuntimeError(f"{file}: no line {first}")
    tail = rest.partition(last)[2]
    file.write_text("\n".join([head + first, "", *lines, "", last + tail]))
