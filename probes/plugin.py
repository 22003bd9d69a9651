"""The pytest plugin: options, and nothing else until a run is ours.

This module is imported by every pytest run in an environment that has Plumbline installed, so it stays thin.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .options import add_options, suites_folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """All options of a check. --strict is pytest's own: for us it also makes a missed SHOULD fail."""
    group = parser.getgroup("plumbline", "protocol conformance (Plumbline)")
    group.addoption(
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="Server to test: host:port or smtp://host:port. May be given several times, once per protocol.",
    )
    add_options(group.addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Bring in the rest if this run is ours."""
    if config.getoption("--target") or _suites_of_checkout(config):
        from .controller import Controller

        config.pluginmanager.register(Controller(config), "plumbline-controller")


def _suites_of_checkout(config: pytest.Config) -> bool:
    """Whether this is `pytest` or `pytest suites...` in a checkout of ours, without a target."""
    suites = suites_folder()
    if config.rootpath != suites.parent or not (config.rootpath / "probes" / "plugin.py").is_file():
        return False
    base = config.invocation_params.dir
    paths = [(base / Path(argument.partition("::")[0])).resolve() for argument in config.args]
    return bool(paths) and all(path.is_relative_to(suites) for path in paths)
