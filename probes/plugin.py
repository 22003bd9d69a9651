"""The pytest plugin: options, and nothing else until a target is given.

This module is imported by every pytest run in an environment that has Plumbline installed, so it stays thin.
"""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """All options of a check."""
    group = parser.getgroup("plumbline", "protocol conformance (Plumbline)")
    add = group.addoption
    add(
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="Server to test: host:port or smtp://host:port. May be given several times, once per protocol.",
    )
    add("--profile", metavar="FILE", help="Facts about the target: accounts, recipients, role (YAML).")
    add("--deviations", metavar="FILE", help="Known failures that are accepted, with reasons (YAML).")
    add("--results", metavar="FILE", help="Write result records (JSON lines) to this file.")
    add("--report", metavar="FILE", help="Write the HTML report to this file.")
    # --strict is pytest's own option (strict markers and more); for us it also makes a missed SHOULD fail.
    add(
        "--in-flight", type=int, default=16, metavar="N", help="Cases that run at the same time (default 16)."
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
        help="Run only this case (its id, or a pattern such as smtp/rcpt-*). May be given several times.",
    )
    add(
        "--segments",
        default="",
        choices=["", "octets", "lines", "cr-lf"],
        help="Cut everything we send into TCP segments in this way.",
    )
    add(
        "--patience",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="How long to wait for a reply (default 20).",
    )
    add("--slow", action="store_true", help="Run slow cases as well.")
    add("--intrusive", action="store_true", help="Run cases that could hurt a live service.")
    add(
        "--i-may-test-this-target",
        action="store_true",
        help="The target is not on this machine, and testing it is permitted.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Bring in the rest if this run is ours."""
    from .embedded import wanted

    if config.getoption("--target") or wanted(config):
        from .controller import Controller

        config.pluginmanager.register(Controller(config), "plumbline-controller")


def suites_folder() -> Path:
    """The shipped suites."""
    return Path(__file__).parent.parent / "suites"
