"""From pytest's configuration to the options of a run."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from .check import COMMAND
from .options import WORKER_FACT
from .session import Options


def options_of(config: pytest.Config) -> Options:
    """What the user asked for. Raises UsageError for numbers that make no sense."""
    get = config.getoption
    for name, least in (("--in-flight", 1), ("--again", 0), ("--patience", 0.01)):
        if get(name) < least:
            raise pytest.UsageError(f"{name} {get(name)}: at least {least}")
    return Options(
        targets=tuple(get("--target")),
        profile=_path(config, "--profile"),
        deviations=_path(config, "--deviations"),
        results=_path(config, "--results"),
        report=_path(config, "--report"),
        strict=bool(get("strict", default=False)),
        in_flight=get("--in-flight"),
        again=get("--again"),
        slow=get("--slow"),
        intrusive=get("--intrusive"),
        permitted=get("--i-may-test-this-target"),
        segments=get("--segments"),
        patience=get("--patience"),
        cases=tuple(get("--case")),
        command=_command(config),
        embedded=bool(getattr(config.option, WORKER_FACT, False)),
    )


def _path(config: pytest.Config, name: str) -> Path | None:
    value = config.getoption(name)
    return config.invocation_params.dir / value if value else None


def _command(config: pytest.Config) -> tuple[str, ...]:
    typed = os.environ.get(COMMAND)
    return tuple(shlex.split(typed)) if typed else ("pytest", *map(str, config.invocation_params.args))
