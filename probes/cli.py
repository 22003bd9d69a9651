"""The `plumbline` command."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .options import suites_folder
from .version import VERSION

USAGE = 4

_ABOUT = """\
commands:
  check TARGET      put a server to the suites (the options of `pytest --target`)
  list              the cases there are
  explain CASE      one case: requirement, script, how to run it
  lint [FILE...]    check suite files
  load SCENARIO ... load test a server (Locust)
  report FILE...    results to one HTML page
  lab ...           real servers on this machine: start, stop, status

exit codes: 0 conforming, 1 violations, 2 could not test, 4 usage
"""

# Commands that live in folders of their own: module and function are looked up when they are called.
_ELSEWHERE = {
    "list": "plumbline.probes.browse:list_cases",
    "explain": "plumbline.probes.browse:explain_case",
    "lint": "plumbline.probes.lint:main",
    "load": "plumbline.loadtests.cli:main",
    "report": "plumbline.reports.cli:main",
    "lab": "plumbline.lab.cli:main",
}
COMMANDS = ("check", *_ELSEWHERE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is its answer."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="plumbline",
        description="Conformance and load tests for SMTP, FTP, POP3 and IMAP servers.",
        epilog=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"plumbline {VERSION}")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="command")
    if not arguments:
        parser.print_help()
        return 0
    try:
        command = parser.parse_args(arguments[:1]).command
    except SystemExit as stop:
        return USAGE if stop.code else 0
    rest = arguments[1:]
    if command == "check":
        return check(rest)
    module, _, function = _ELSEWHERE[command].partition(":")
    try:
        return int(getattr(importlib.import_module(module), function)(rest))
    except BrokenPipeError:  # `plumbline list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def check(arguments: Sequence[str]) -> int:
    """`plumbline check TARGET... [options]`: pytest on the shipped suites, in a process of its own.

    Neither configuration nor conftest.py of the folder we are in has a say, and other plugins stay out.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: plumbline check TARGET... [--profile FILE] [--results FILE] [--report FILE] [options]")
        print("TARGET is host:port or smtp://host:port (ftp, pop3, imap, lmtp; with s at the end: TLS).")
        print("All options of `pytest --target`: see docs/reference/command-line.md.")
        return 0 if arguments else USAGE
    targets, options = _split(arguments)
    if not targets and "--target" not in options:
        print("plumbline check: which server? Write host:port or smtp://host:port", file=sys.stderr)
        return USAGE
    own = [option for option in options if option.endswith(".probe.yaml")]
    rest = [option for option in options if option not in own]
    command = [
        *(sys.executable, "-m", "pytest"),
        *("-c", os.devnull, f"--rootdir={suites_folder().parent}", "--noconftest"),
        *("-p", "plumbline.probes.plugin", "-p", "no:cacheprovider", "--import-mode=importlib", "-q"),
        *(str(Path(path).resolve()) for path in (map(Path, own) if own else [suites_folder()])),
        *(f"--target={target}" for target in targets),
        *rest,
    ]
    return _run(command, arguments)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leading words are targets; from the first option on everything goes to pytest."""
    first = next((at for at, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    head = [word for word in arguments[:first] if not word.endswith(".probe.yaml")]
    files = [word for word in arguments[:first] if word.endswith(".probe.yaml")]
    return head, [*arguments[first:], *files]


def _run(command: Sequence[str], words: Sequence[str]) -> int:
    """Run to the end. Ctrl-C goes to the child, which keeps what it has learned and tells the exit code."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    environment["PLUMBLINE_COMMAND"] = shlex.join(["plumbline", "check", *words])
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.Popen(command, env=environment).wait()
    finally:
        signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    sys.exit(main())
