"""Generators side by side on one sink: interleaved rounds, medians, ratios within a round.

    python benchmarks/transfer.py                          # one cell on the C sink, a minute
    python benchmarks/transfer.py --full --write docs/performance.md      # all of them, some ten minutes
    python benchmarks/transfer.py --sizes 1024 --sessions 10 --rounds 7 --clients smtp-source,plumbline
    python benchmarks/transfer.py --calls                  # system calls per message, by strace

Client and sink are pinned to different processors. On the C sink every run's total is compared with the sink's.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import peers
from peers import CLIENTS, FLOORS, SINKS, Work
from rounds import Runs, Usage, figures, headings, insert, interleaved, measured, note, table

START = 5.0  # seconds for a sink to listen
USUAL = "smtp-source,plumbline,plumbline lockstep"
ENDS = ("plumbline", "plumbline --reset")
SMALL = 2048  # octets; messages up to here get the full number of rounds, in a full run


@dataclass(frozen=True, slots=True)
class Cell:
    """All rounds of one amount of work."""

    sink: str
    work: Work
    runs: Runs


@contextlib.contextmanager
def listening(sink: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A sink on the second processor; port and process."""
    port = _free_port()
    words = ["taskset", "-c", "1", *SINKS[sink](port)]
    with subprocess.Popen(
        words, env=peers.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _wait_for(port)
            yield port, process
        finally:
            process.terminate()


def _free_port() -> int:
    """Below the ports that connections are given, or one of thousands of them would take it."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait_for(port: int) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.01)
    raise RuntimeError(f"no sink listens on port {port} after {START:g} s")


def one(sink: str, name: str, work: Work) -> Usage:
    """Run one client once against a fresh sink. Raises RuntimeError where the counts differ."""
    with listening(sink) as (port, process), tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "load.jsonl"
        words = ["taskset", "-c", "0", *(CLIENTS | FLOORS)[name](port, work, results)]
        usage = measured(words, work.messages, peers.environment())
        if results.exists():
            wall, cpu = peers.usage_from_results(results)
            usage = Usage(work.messages, wall, cpu, usage.memory)
        if sink == "C sink":
            _compare(name, work.messages, process)
    return usage


def _compare(name: str, messages: int, sink: subprocess.Popen[str]) -> None:
    sink.send_signal(signal.SIGTERM)
    assert sink.stderr is not None
    counted = int(re.findall(r"messages=(\d+)", sink.stderr.read())[0])
    if counted != messages:
        raise RuntimeError(f"{name}: {messages} messages asked for, {counted} arrived")


# -- system calls --------------------------------------------------------------------------------------


def calls(name: str, work: Work) -> float:
    """System calls per message: those of three times the work less those of once, so that the start is left out."""
    more = Work(work.size, work.sessions, work.messages * 3, work.reuse)
    return (_calls(name, more) - _calls(name, work)) / (more.messages - work.messages)


def _calls(name: str, work: Work) -> int:
    with listening("C sink") as (port, _), tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "calls"
        words = [
            "strace",
            "-f",
            "-c",
            "-o",
            str(summary),
            *CLIENTS[name](port, work, Path(folder) / "load.jsonl"),
        ]
        measured(["taskset", "-c", "0", *words], work.messages, peers.environment())
        (total,) = re.findall(r"^100.00 .*? (\d+) +\d* *total$", summary.read_text(), re.MULTILINE)
    return int(total)


def table_of_calls(names: Sequence[str]) -> list[str]:
    """Markdown."""
    columns = ["client", "system calls per message, 1 KiB, 10 sessions, reuse"]
    return table(columns, [[name, f"{calls(name, Work(1024, 10, 2000)):.1f}"] for name in names])


# -- tables --------------------------------------------------------------------------------------------


def cells_table(cells: Sequence[Cell]) -> list[str]:
    """Markdown."""
    first = next(iter(cells[0].runs))
    columns = ["sink", "body", "sessions", "reuse", "client", *headings(first, "message")]
    return table(columns, [_row(cell, name) for cell in cells for name in cell.runs])


def _row(cell: Cell, name: str) -> list[str]:
    work = cell.work
    reuse = "yes" if work.reuse else "no"
    return [cell.sink, str(work.size), str(work.sessions), reuse, name, *figures(cell.runs, name)]


def amount(size: int, sessions: int, reuse: bool, seconds: float) -> int:
    """Messages that take a client of average speed about so many seconds; never so few that the start weighs in."""
    rate = 40_000 if size <= 2048 else 15_000 if size <= 20_480 else 3_000
    return max(int(rate * seconds * (1 if sessions > 1 else 0.15) * (1 if reuse else 0.15)), 1500)


def run_cell(sink: str, work: Work, names: Sequence[str], rounds: int) -> Cell:
    """All rounds."""
    cell = Cell(sink, work, interleaved(names, rounds, lambda name: one(sink, name, work)))
    print("\n".join(cells_table([cell])[2:]), flush=True)
    return cell


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--full",
        action="store_true",
        help="sizes 1, 10, 100 KiB x sessions 1, 10, 100 x reuse, on both sinks",
    )
    made.add_argument("--sizes", default="1024")
    made.add_argument("--sessions", default="10")
    made.add_argument("--sinks", default="C sink", help=", ".join(SINKS))
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--seconds", type=float, default=0.5, help="about how long a run takes")
    made.add_argument("--clients", default=USUAL, help=f"the first is the measure: {', '.join(CLIENTS)}")
    made.add_argument("--no-reuse", action="store_true", help="a connection for each message, too")
    made.add_argument("--calls", action="store_true", help="count system calls (needs strace)")
    made.add_argument("--write", type=Path, help="put the tables into this file, between their marks")
    return made


def main() -> None:
    """Measure and print."""
    options = parser().parse_args()
    names = options.clients.split(",")
    if options.calls or options.full:
        counted = _counted_calls()
        print("\n".join(counted), flush=True)
        insert(options.write, "calls", counted)
    if options.calls:
        return
    if options.full:
        everybody = run_cell("C sink", Work(1024, 10, 10_000), _installed(), options.rounds)
        insert(options.write, "peers", [*cells_table([everybody]), "", note(str(options.rounds))])
        least = run_cell(
            "C sink", Work(1024, 10, 6000, reuse=False), ["smtp-source", *FLOORS, *ENDS], options.rounds
        )
        insert(options.write, "floor", [*cells_table([least]), "", note(str(options.rounds))])
    cells = list[Cell]()
    for sink, work in _work(options):
        clients = _clients(sink, work) if options.full else names
        cells.append(run_cell(sink, work, clients, _rounds(options, work)))
        few = _rounds(options, Work(SMALL + 1, 1, 1))
        told = str(few) if few == options.rounds else f"{few} ({options.rounds} of 1 KiB)"
        insert(options.write, "transfer", [*cells_table(cells), "", note(told)])


def _rounds(options: argparse.Namespace, work: Work) -> int:
    """In a full run the larger messages get fewer."""
    few = options.full and work.size > SMALL
    return int(max(options.rounds - 2, 1) if few else options.rounds)


def _clients(sink: str, work: Work) -> list[str]:
    """In a full run: BDAT where it is offered; where connections end all the time, ends like those of smtp-source."""
    if not work.reuse:
        return ["smtp-source", *ENDS, "plumbline lockstep --reset"]
    return USUAL.split(",") + (["plumbline BDAT"] if sink == "C sink" else [])


def _installed() -> list[str]:
    missing = [] if importlib.util.find_spec("aiosmtplib") else ["aiosmtplib"]
    return [name for name in CLIENTS if name not in missing and "--reset" not in name]


def _counted_calls() -> list[str]:
    if not shutil.which("strace"):
        return ["strace is not installed here: system calls were not counted."]
    return table_of_calls([name for name in _installed() if "threads" not in name])


def _work(options: argparse.Namespace) -> Iterator[tuple[str, Work]]:
    full = options.full
    sizes = [1024, 10_240, 102_400] if full else [int(word) for word in options.sizes.split(",")]
    sessions = [1, 10, 100] if full else [int(word) for word in options.sessions.split(",")]
    reuse = [True, False] if full or options.no_reuse else [True]
    sinks = list(SINKS) if full else options.sinks.split(",")
    for sink, kept, size, count in itertools.product(sinks, reuse, sizes, sessions):
        yield sink, Work(size, count, amount(size, count, kept, options.seconds), kept)


if __name__ == "__main__":
    main()
