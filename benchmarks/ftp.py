"""FTP generators side by side on one pyftpdlib: interleaved rounds, medians, ratios within a round.

    python benchmarks/ftp.py                               # sessions and 1 MB transfers, some minutes
    python benchmarks/ftp.py --rounds 5 --write docs/performance.md

Clients: Locust with ftplib (the way of locust-plugins: a user, ftplib, request.fire), ftplib in threads, curl (one
process for all transfers), and ours through Locust. CPU is user and system time per operation: of ours and of Locust
with ftplib that of the sending window, of the others the whole process. The server's own count must equal what was
asked for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import peers  # noqa: E402
from peers import Usage  # noqa: E402
from transfer import measured  # noqa: E402

from tests.loadtests.ftpd import PASSWORD, USER, Ftpd, running  # noqa: E402

HERE = Path(__file__).parent
MARKS = ("<!-- bench:ftp -->", "<!-- /bench:ftp -->")
SIZE = 1_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """What is done, by how many sessions, how often in all."""

    name: str  # session, upload, download
    sessions: int
    operations: int


@dataclass(slots=True)
class Cell:
    """All rounds of one kind of work."""

    work: Work
    runs: dict[str, list[Usage]] = field(default_factory=dict)


def ours(server: Ftpd, work: Work, results: Path) -> list[str]:
    """Through Locust, every operation in its statistics."""
    words = [sys.executable, "-m", "locust", "-f", str(HERE.parent / "loadtests" / "ftp_transfer.py")]
    words += ["--headless", "--only-summary", "--host", f"ftp://127.0.0.1:{server.port}"]
    words += [
        "-u",
        str(work.sessions),
        "--messages",
        str(work.operations),
        "--do",
        work.name,
        "--size",
        str(SIZE),
    ]
    return [*words, "--auth-user", USER, "--auth-password", PASSWORD, "--results", str(results)]


def with_ftplib(server: Ftpd, work: Work, results: Path) -> list[str]:
    """A Locust user as one writes it by hand."""
    words = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(HERE / "ftp_by_hand.py"),
        "--headless",
        "--only-summary",
    ]
    words += ["--host", f"127.0.0.1:{server.port}", "-u", str(work.sessions), "-r", "100"]
    os.environ |= {"WORK": work.name, "OPERATIONS": str(work.operations), "RESULTS": str(results)}
    return words


def threads(server: Ftpd, work: Work, _results: Path) -> list[str]:
    """ftplib without Locust."""
    numbers = [server.port, work.sessions, work.operations]
    return [sys.executable, str(HERE / "ftp_by_hand.py"), *map(str, numbers), work.name]


def curl(server: Ftpd, work: Work, _results: Path) -> list[str]:
    """One process, `--parallel` transfers; it keeps its connections."""
    url = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{server.port}/"
    words = ["curl", "-s", "--parallel", "--parallel-max", str(work.sessions)]
    match work.name:
        case "upload":
            each = [
                ["-T", str(server.folder / ".." / "data"), f"{url}up-{n}"] for n in range(work.operations)
            ]
        case "download":
            each = [["-o", "/dev/null", f"{url}data"] for _ in range(work.operations)]
        case _:
            each = [["-o", "/dev/null", url] for _ in range(work.operations)]
    return words + [word for part in each for word in part]


Command = Callable[[Ftpd, Work, Path], list[str]]
CLIENTS: dict[str, Command] = {
    "Locust with ftplib": with_ftplib,
    "plumbline": ours,
    "ftplib threads": threads,
    "curl --parallel": curl,
}
COUNTED = {"session": "listed", "upload": "stored", "download": "sent"}


def one(name: str, work: Work) -> Usage:
    """Run one client once against a fresh server. Raises RuntimeError where the counts differ."""
    with tempfile.TemporaryDirectory() as folder:
        home, results = Path(folder) / "home", Path(folder) / "load.jsonl"
        home.mkdir()
        for place in (home, Path(folder)):
            (place / "data").write_bytes(b"x" * SIZE)
        with running(home) as server:
            os.sched_setaffinity(server.pid, {1})
            words = ["taskset", "-c", "0", *CLIENTS[name](server, work, results)]
            usage = measured(words, work.operations)
        if results.exists():
            wall, cpu = peers.usage_from_results(results)
            usage = Usage(work.operations, wall, cpu, usage.memory)
    done = server.counts.get(COUNTED[work.name], 0)
    extra = 1 if name == "plumbline" and work.name == "download" else 0  # its own file is stored, not fetched
    if done != work.operations and done != work.operations + extra:
        raise RuntimeError(f"{name}: {work.operations} operations asked for, the server counted {done}")
    return usage


def table(cells: Sequence[Cell], first: str) -> list[str]:
    """Markdown: medians, and the ratios to the first client, round by round."""
    lines = [
        f"| work | sessions | client | operations/s | CPU µs/operation | CPU vs {first} | rate vs {first} | MB |",
        "|---|---|---|---|---|---|---|---|",
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
    return (
        f"| {cell.work.name} | {cell.work.sessions} | {name} | {middle(rates):.0f} | {middle(costs):.0f} "
        f"| {middle(dearer):.2f} ({min(dearer):.2f}-{max(dearer):.2f}) | {middle(faster):.2f} "
        f"| {middle([run.memory for run in runs]):.0f} |"
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--sessions", type=int, default=10)
    made.add_argument("--work", default="session=1500,download=600,upload=300", help="name=operations, ...")
    made.add_argument(
        "--clients", default=",".join(CLIENTS), help="the first is what the others are compared to"
    )
    made.add_argument("--write", type=Path, help="put the table into this file, between its marks")
    return made


def main() -> None:
    """Measure and print."""
    options = parser().parse_args()
    names = [name for name in options.clients.split(",") if name != "curl --parallel" or shutil.which("curl")]
    cells = []
    for word in options.work.split(","):
        name, _, operations = word.partition("=")
        cell = Cell(Work(name, options.sessions, int(operations)), {client: [] for client in names})
        for _ in range(options.rounds):
            for client in names:
                cell.runs[client].append(one(client, cell.work))
        cells.append(cell)
        print("\n".join(table([cell], names[0])[2:]), flush=True)
    lines = table(cells, names[0])
    note = f"{options.rounds} interleaved rounds; load average {os.getloadavg()[0]:.1f} at the end."
    if options.write:
        head, _, rest = options.write.read_text().partition(MARKS[0])
        text = [head + MARKS[0], "", *lines, "", note, "", MARKS[1] + rest.partition(MARKS[1])[2]]
        options.write.write_text("\n".join(text))


if __name__ == "__main__":
    main()
