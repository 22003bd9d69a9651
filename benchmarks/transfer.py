"""Generators side by side on one sink: interleaved rounds, medians, ratios within a round.

    python benchmarks/transfer.py                          # the small table, some minutes
    python benchmarks/transfer.py --full --write docs/performance.md
    python benchmarks/transfer.py --sizes 1024 --sessions 10 --rounds 7 --clients smtp-source,plumbline

Absolute rates of a shared machine move by a factor of three within minutes; ratios within a round repeat.
Client and sink are pinned to different processors. Every run's total is compared with the sink's.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import peers
from peers import CLIENTS, Usage, Work

LONGEST = 120.0  # seconds for one run of one client
MARKS = ("<!-- bench:transfer -->", "<!-- /bench:transfer -->")


@dataclass(slots=True)
class Cell:
    """All rounds of one amount of work."""

    work: Work
    runs: dict[str, list[Usage]] = field(default_factory=dict)


@contextlib.contextmanager
def own_sink() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Our C sink on the second processor; port and process."""
    words = ["taskset", "-c", "1", str(peers.own_sink()), "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.terminate()


def one(name: str, work: Work) -> Usage:
    """Run one client once against a fresh sink. Raises RuntimeError where the counts differ."""
    with own_sink() as (port, sink), tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "load.jsonl"
        words = ["taskset", "-c", "0", *CLIENTS[name](port, work, results)]
        usage = measured(words, work.messages)
        if results.exists():
            wall, cpu = peers.usage_from_results(results)
            usage = Usage(work.messages, wall, cpu, usage.memory)
        sink.send_signal(signal.SIGTERM)
        assert sink.stderr is not None
        counted = int(re.findall(r"messages=(\d+)", sink.stderr.read())[0])
    if counted != work.messages:
        raise RuntimeError(f"{name}: {work.messages} messages asked for, {counted} arrived")
    return usage


def measured(words: Sequence[str], messages: int) -> Usage:
    """Run to the end; processor time and memory as the kernel counts them."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        words, env=peers.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
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
    return Usage(messages, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def table(cells: Sequence[Cell], first: str) -> list[str]:
    """Markdown: medians, and the ratios to the first client, round by round."""
    lines = [
        f"| body | sessions | reuse | client | messages/s | CPU µs/message | rate vs {first} | CPU vs {first} | MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        lines += [_row(cell, name, first) for name in cell.runs]
    return lines


def _row(cell: Cell, name: str, first: str) -> str:
    middle, runs, base = statistics.median, cell.runs[name], cell.runs[first]
    rates = [run.messages / run.wall for run in runs]
    costs = [run.cpu / run.messages * 1e6 for run in runs]
    faster = [a.messages / a.wall * b.wall / b.messages for a, b in zip(runs, base, strict=True)]
    dearer = [(a.cpu / a.messages) / (b.cpu / b.messages) for a, b in zip(runs, base, strict=True)]
    spread = f"{min(faster):.2f}-{max(faster):.2f}"
    work = cell.work
    return (
        f"| {work.size} | {work.sessions} | {'yes' if work.reuse else 'no'} | {name} | {middle(rates):.0f} "
        f"| {middle(costs):.1f} | {middle(faster):.2f} ({spread}) | {middle(dearer):.2f} "
        f"| {middle([run.memory for run in runs]):.0f} |"
    )


def amount(size: int, sessions: int, reuse: bool, seconds: float) -> int:
    """Messages that take a client of average speed about so many seconds."""
    rate = 40_000 if size <= 2048 else 15_000 if size <= 20_480 else 3_000
    return max(int(rate * seconds * (1 if sessions > 1 else 0.1) * (1 if reuse else 0.15)), 200)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--full", action="store_true", help="sizes 1, 10, 100 KiB x sessions 1, 10, 100 x reuse"
    )
    made.add_argument("--sizes", default="1024")
    made.add_argument("--sessions", default="1,10")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--seconds", type=float, default=1.0, help="about how long a run takes")
    made.add_argument(
        "--clients", default=",".join(CLIENTS), help="the first is what the others are compared to"
    )
    made.add_argument("--no-reuse", action="store_true", help="a connection for each message, too")
    made.add_argument("--write", type=Path, help="put the table into this file, between its marks")
    return made


def main() -> None:
    """Measure and print."""
    options = parser().parse_args()
    sizes = [1024, 10_240, 102_400] if options.full else [int(word) for word in options.sizes.split(",")]
    sessions = [1, 10, 100] if options.full else [int(word) for word in options.sessions.split(",")]
    reuse = [True, False] if options.full or options.no_reuse else [True]
    names = options.clients.split(",")
    cells = []
    for size, count, kept in itertools.product(sizes, sessions, reuse):
        work = Work(size, count, amount(size, count, kept, options.seconds), kept)
        cell = Cell(work, {name: [] for name in names})
        for _ in range(options.rounds):
            for name in names:
                cell.runs[name].append(one(name, work))
        cells.append(cell)
        print("\n".join(table([cell], names[0])[2:]), flush=True)
    lines = table(cells, names[0])
    note = f"{options.rounds} interleaved rounds; load average {os.getloadavg()[0]:.1f} at the end."
    if options.write:
        _insert(options.write, [*lines, "", note])


def _insert(file: Path, lines: Sequence[str]) -> None:
    head, _, rest = file.read_text().partition(MARKS[0])
    tail = rest.partition(MARKS[1])[2]
    file.write_text("\n".join([head + MARKS[0], "", *lines, "", MARKS[1] + tail]))


if __name__ == "__main__":
    main()
