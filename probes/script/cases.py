"""A case ready to be played: the YAML types with their positions, requirement and set-up resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..requirements import Requirement
from .types import Case, Step


@dataclass(frozen=True, slots=True)
class Placed:
    """A step and where it stands: "suites/smtp/rcpt.yaml", line and column counted from 1."""

    step: Step
    file: str
    line: int
    column: int

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class ReadyState:
    """A state with the whole chain that leads to it. The first step follows the opening of the connection."""

    name: str
    protocol: str
    steps: tuple[Placed, ...]
    needs: frozenset[str] = frozenset()
    connects: bool = True
    cleanup: tuple[Placed, ...] = ()
    lineage: tuple[str, ...] = ()  # the states on the way, itself last


@dataclass(frozen=True, slots=True)
class ReadyCase:
    """One case (one row of a matrix is one case)."""

    id: str  # "smtp/rcpt-unknown-parameter", "smtp/matrix[NOOP-mail]"
    protocol: str
    suite: str
    spec: Case
    requirement: Requirement
    state: ReadyState
    steps: tuple[Placed, ...]
    cleanup: tuple[Placed, ...]
    needs: frozenset[str]
    unless: frozenset[str]
    tags: frozenset[str]
    serial: bool | str
    file: str
    line: int
    source: str  # the case as written
    source_line: int
    states: dict[tuple[str, str], ReadyState] = field(default_factory=dict)  # (protocol, state) for `connect`
    path: tuple[str | int, ...] = ()  # of the case within its file's data
