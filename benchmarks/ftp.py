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
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import peers  # noqa: E402
from rounds import Runs, Usage, figures, headings, insert, interleaved, measured, note, table  # noqa: E402

from loadtests.crew.ports import time_wait  # noqa: E402
from tests.loadtests.ftpd import PASSWORD, USER, Ftpd, running  # noqa: E402

HERE = Path(__file__).parent
SIZE = 1_000_000
MOST_WAITING = 18_000  # sockets in TIME_WAIT, before a run begins


@dataclass(frozen=True, slots=True)
class Work:
    """What is done, by how many sessions, how often in all."""

    name: str  # session, upload, download
    sessions: int
    operations: int


@dataclass(frozen=True, slots=True)
class Cell:
    """All rounds of one kind of work."""

    work: Work
    runs: Runs


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
    while time_wait() > MOST_WAITING:
        time.sleep(1)  # the ports of earlier runs: with too few the server finds none to listen on
    with tempfile.TemporaryDirectory() as folder:
        home, results = Path(folder) / "home", Path(folder) / "load.jsonl"
        home.mkdir()
        for place in (home, Path(folder)):
            (place / "data").write_bytes(b"x" * SIZE)
        with running(home) as server:
            os.sched_setaffinity(server.pid, {1})
            words = ["taskset", "-c", "0", *CLIENTS[name](server, work, results)]
            usage = measured(words, work.operations, os.environ)
        if results.exists():
            wall, cpu = peers.usage_from_results(results)
            usage = Usage(work.operations, wall, cpu, usage.memory)
    done = server.counts.get(COUNTED[work.name], 0)
    extra = 1 if name == "plumbline" and work.name == "download" else 0  # its own file is stored, not fetched
    if done != work.operations and done != work.operations + extra:
        raise RuntimeError(f"{name}: {work.operations} operations asked for, the server counted {done}")
    return usage


def cells_table(cells: Sequence[Cell]) -> list[str]:
    """Markdown."""
    columns = ["work", "sessions", "client", *headings(next(iter(cells[0].runs)), "operation")]
    rows = [
        [cell.work.name, str(cell.work.sessions), name, *figures(cell.runs, name)]
        for cell in cells
        for name in cell.runs
    ]
    return table(columns, rows)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--sessions", type=int, default=10)
    made.add_argument("--work", default="session=2000,download=1500,upload=600", help="name=operations, ...")
    made.add_argument(
        "--clients", default=",".join(CLIENTS), help="the first is what the others are compared to"
    )
    made.add_argument("--write", type=Path, help="put the table into this file, between its marks")
    return made


def main() -> None:
    """Measure and print."""
    options = parser().parse_args()
    names = [name for name in options.clients.split(",") if name != "curl --parallel" or shutil.which("curl")]
    cells = list[Cell]()
    for word in options.work.split(","):
        name, _, operations = word.partition("=")
        cells.append(run_cell(Work(name, options.sessions, int(operations)), names, options.rounds))
        insert(options.write, "ftp", [*cells_table(cells), "", note(str(options.rounds))])


def run_cell(work: Work, names: Sequence[str], rounds: int) -> Cell:
    """All rounds."""
    cell = Cell(work, interleaved(names, rounds, lambda name: one(name, work)))
    print("\n".join(cells_table([cell])[2:]), flush=True)
    return cell


if __name__ == "__main__":
    main()
