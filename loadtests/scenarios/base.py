"""What the frame asks of a scenario, and what a scenario asks of whoever sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.plan import Common
from plumbline.loadtests.engine.system import Platform
from plumbline.probes.profile import Profile


class Where(NamedTuple):
    """A target as named on the command line. `tls`: "" or "implicit"."""

    protocol: str
    host: str
    port: int
    tls: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found before anything is loaded. `why`: why the target cannot be tested, "" if it can."""

    why: str
    greeting: str = ""
    capabilities: list[str] = field(default_factory=list)


class Machine(Protocol):
    """What sends, in one process. Everything may be called while `run` runs."""

    gone: str  # why the run was given up

    @property
    def busy(self) -> bool:
        """Whether something is due, or under way."""

    @property
    def sessions(self) -> int:
        """Sessions connected now."""

    def run(self) -> None:
        """Until stopped, or until all is done."""

    def stop(self) -> None:
        """Begin nothing more; finish what is under way, for the time the plan grants."""

    def add_session(self) -> None:
        """One session more."""

    def drop_session(self) -> None:
        """One session less."""

    def offer(self, offsets: Iterator[float]) -> None:
        """Another schedule from now on, in seconds from now."""

    def plain(self, number: int) -> bytes:
        """The message of this number as its reader sees it."""


class Scenario(Protocol):
    """A kind of load. `unit` is what is counted, in the plural."""

    name: str
    method: str  # for Locust's statistics
    unit: str
    schemes: Mapping[str, tuple[str, int, str]]  # of a target's URL: protocol, port, TLS

    @property
    def plan_type(self) -> type[Common]:
        """What a worker's plan is decoded to."""

    def options(self) -> Sequence[Any]:
        """Options besides those that every load has."""

    def plan(self, options: Mapping[str, Any], known: Profile, common: dict[str, Any]) -> Common:
        """The plan. `common` are the fields of Common. Raises UsageError."""

    def preflight(self, plan: Any, address: Address, platform: Platform) -> Preflight:
        """Try once, with as little effect as possible."""

    def machine(self, plan: Any, address: Address, platform: Platform) -> tuple[Machine, dict[str, Ledger]]:
        """What sends, and its ledgers by the name that Locust shall show."""

    def facts(self, plan: Any, capabilities: Sequence[str]) -> dict[str, Any]:
        """What the results shall tell of the plan. `latency` says what latency means."""
