"""The options of a check: one table for `pytest --target` and for `plumbline check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .segments import asked

WORKER_FACT = "plumbline_embedded"  # attribute of pytest's options: the targets are servers we started


def add_options(add: Callable[..., Any]) -> None:
    """Declare all options but --target; `add` is argparse's or pytest's."""
    add("--profile", metavar="FILE", help="Facts about the target: accounts, recipients, role (YAML).")
    add("--deviations", metavar="FILE", help="Known failures that are accepted, with reasons (YAML).")
    add("--results", metavar="FILE", help="Write result records (JSON lines) to this file.")
    add("--report", metavar="FILE", help="Write the HTML report to this file.")
    add(
        "--in-flight",
        type=int,
        default=16,
        metavar="N",
        help="Cases that run at the same time (default 16).",
    )
    add(
        "--again",
        type=int,
        default=2,
        metavar="N",
        help="How often a failing case is run again before it is called failing (default 2).",
    )
    add(
        "--case",
        action="append",
        default=[],
        metavar="ID",
        help="Run only this case: its id, or a pattern such as 'smtp/rcpt-*'. May be given several times.",
    )
    add(
        "--segments",
        default="",
        type=asked,
        metavar="WAYS",
        help="Play every case once more with what we send cut into other TCP segments: octets, lines, cr-lf, whole, "
        "joined by commas, or all. A verdict that changes is a finding of its own.",
    )
    add(
        "--patience",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="How long to wait for a reply (default 20); the other deadlines grow and shrink with it.",
    )
    add("--slow", action="store_true", help="Run slow cases as well.")
    add("--intrusive", action="store_true", help="Run cases that could hurt a live service.")
    add(
        "--i-may-test-this-target",
        action="store_true",
        help="The target is not on this machine, and testing it is permitted.",
    )


def suites_folder() -> Path:
    """The shipped suites."""
    return Path(__file__).resolve().parent.parent / "suites"
