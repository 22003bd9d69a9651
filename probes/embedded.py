"""Embedded targets: servers of our own choice for a checkout in which no target was named."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from .options import WORKER_FACT
from .session import CannotTest, Options

_PROTOCOLS = ("smtp", "ftp")


@dataclass(slots=True)
class Embedded:
    """Running servers, and a profile that was written for them."""

    servers: Any
    targets: tuple[str, ...]
    profile: Path

    def options(self, options: Options) -> Options:
        """The options with these servers as targets. A profile of the user's own wins."""
        profile = options.profile or self.profile
        return replace(options, targets=self.targets, profile=profile, embedded=True)

    def stop(self) -> None:
        """End the servers; stopping twice is no error."""
        self.servers.stop()
        self.profile.unlink(missing_ok=True)


def start_embedded(config: pytest.Config) -> Embedded:
    """Start servers; xdist's workers find them in the options. Raises CannotTest."""
    from ..lab import LabError, embedded

    try:
        servers = embedded.start()
    except LabError as error:
        raise CannotTest(str(error)) from None
    places = {name: servers.endpoints[name] for name in _PROTOCOLS}
    targets = tuple(f"{name}://{host}:{port}" for name, (host, port) in places.items())
    facts = {"product": f"embedded: {servers.version}"}
    facts |= {**servers.profiles["ftp"], **servers.profiles["smtp"]}
    started = Embedded(servers, targets, _written(facts))
    config.option.target = list(targets)
    config.option.profile = config.option.profile or str(started.profile)
    setattr(config.option, WORKER_FACT, True)
    return started


def _written(facts: dict[str, Any]) -> Path:
    handle, name = tempfile.mkstemp(prefix="plumbline-profile-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    return Path(name)
