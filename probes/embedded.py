"""Embedded targets: servers of our own choice for a checkout in which no target was named."""

from __future__ import annotations

from pathlib import Path

import pytest


def wanted(config: pytest.Config) -> bool:
    """Whether this is `pytest` or `pytest suites...` in a checkout of ours, without a target."""
    root = config.rootpath
    if not (root / "suites" / "suite.schema.json").is_file() or not (root / "probes" / "plugin.py").is_file():
        return False
    paths = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return bool(paths) and all(path.is_relative_to(root / "suites") for path in paths)
