"""The `plumbline` command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from . import check
from .version import VERSION

USAGE = 4

_ABOUT = """\
commands:
  check TARGET      put a server to the suites (the options of `pytest --target`)
  list              the cases there are
  coverage          requirements of the RFCs: tested, untestable, to do
  explain CASE      one case: requirement, script, how to run it
  lint [FILE...]    check suite files
  load SCENARIO ... load test a server (Locust)
  report FILE...    results to one HTML page
  diff OLD NEW      what changed between two runs
  lab ...           real servers on this machine: start, stop, status

exit codes: 0 conforming, 1 violations, 2 could not test, 4 usage
"""

# Commands that live in folders of their own: module and function are looked up when they are called.
_ELSEWHERE = {
    "list": "plumbline.probes.browse:list_cases",
    "explain": "plumbline.probes.browse:explain_case",
    "coverage": "plumbline.probes.covered:main",
    "lint": "plumbline.probes.lint:main",
    "load": "plumbline.loadtests.cli:main",
    "report": "plumbline.reports.cli:main",
    "diff": "plumbline.reports.diffcli:main",
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
        return check.main(rest, replace=argv is None)
    module, _, function = _ELSEWHERE[command].partition(":")
    try:
        return int(getattr(importlib.import_module(module), function)(rest))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("plumbline"):
            raise
        hint = "pip install 'plumbline[load,embedded]'"
        print(f"plumbline {command}: the module {error.name!r} is missing; {hint}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # `plumbline list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
