"""`plumbline load smtp TARGET`: the short form. Locust runs in a process of its own, for it changes the
interpreter it is imported into.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from plumbline.loadtests.options import EXIT_NOT_TESTED, EXIT_USAGE, UsageError, add_options, job
from plumbline.loadtests.scenarios import ftp, script, transfer
from plumbline.loadtests.scenarios.base import Scenario

_FILES = {"smtp": "smtp_transfer.py", "ftp": "ftp_transfer.py", "script": "script.py"}
_SCENARIOS: dict[str, Scenario] = {"smtp": transfer.SCENARIO, "ftp": ftp.SCENARIO, "script": script.SCENARIO}
INSTRUCTION = "Load tests need Locust, which is not installed here. Install it: pip install 'plumbline[load]'"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


def parser(scenario: str) -> argparse.ArgumentParser:
    """The command line of `plumbline load SCENARIO`."""
    made = _Parser(
        prog="plumbline load",
        description="Load a target as far as it goes, or by the clock, and judge the result.",
        epilog="Options of Locust itself go behind a lone --",
    )
    made.add_argument("scenario", choices=sorted(_FILES))
    made.add_argument("target", help="for example smtp://127.0.0.1:2525")
    made.add_argument("-u", "--users", type=int, default=10, metavar="N", help="sessions (default: 10)")
    made.add_argument("-t", "--run-time", default=None, metavar="TIME", help="10s, 5m, ... (default: 10s)")
    made.add_argument(
        "--processes", type=int, default=0, metavar="N", help="worker processes; -1: one per core"
    )
    made.add_argument("--web", action="store_true", help="show Locust's web page instead of running at once")
    add_options(made, _SCENARIOS[scenario])
    return made


def main(argv: Sequence[str]) -> int:
    """Run; gives back the exit code."""
    ours, extra = _split(argv)
    try:
        scenario = next((word for word in ours if word in _SCENARIOS), "smtp")
        options = parser(scenario).parse_args(ours)
        job(vars(options), options.target, _SCENARIOS[scenario])
        if options.users < 1:
            raise UsageError(f"-u {options.users}: must be at least 1")
    except UsageError as error:
        print(f"plumbline load: {error}", file=sys.stderr)
        return EXIT_USAGE
    except SystemExit as done:  # --help
        return int(done.code or 0)
    if importlib.util.find_spec("locust") is None:
        print(INSTRUCTION, file=sys.stderr)
        return EXIT_NOT_TESTED
    typed = shlex.join(["plumbline", "load", *argv])
    return _run([*command(options), *_ours(ours, options), *extra], typed)


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    words = list(argv)
    cut = words.index("--") if "--" in words else len(words)
    return words[:cut], words[cut + 1 :]


def command(options: argparse.Namespace) -> list[str]:
    """Locust's part of the command line."""
    file = Path(__file__).with_name(_FILES[options.scenario])
    run_time = options.run_time or (None if options.messages else "10s")
    first = next(iter(_SCENARIOS[options.scenario].schemes))
    target = options.target if "://" in options.target else f"{first}://{options.target}"
    words = [sys.executable, "-m", "locust", "-f", str(file), "--host", target, "-u", str(options.users)]
    words += ["-t", run_time] if run_time else []
    words += ["--processes", str(options.processes)] if options.processes else []
    return words + ([] if options.web else ["--headless", "--only-summary", "--loglevel", "WARNING"])


def _ours(argv: Sequence[str], options: argparse.Namespace) -> list[str]:
    """The words of the command line that are our options, as they were given."""
    mine = _Parser(add_help=False)
    for flag in ("-u --users", "-t --run-time", "--processes"):
        mine.add_argument(*flag.split())
    mine.add_argument("--web", action="store_true")
    rest = mine.parse_known_args(list(argv))[1]
    rest.remove(options.scenario)
    rest.remove(options.target)
    return rest


def _run(words: list[str], typed: str) -> int:
    """Ctrl-C reaches Locust by itself; we wait until it has kept its results."""
    with subprocess.Popen(words, env={**os.environ, "PLUMBLINE_COMMAND": typed}) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
    return code if code in (0, 1, 2, 4) else EXIT_NOT_TESTED
