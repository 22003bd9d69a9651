"""What performing an operation can wait for: all that a driver has to know how to do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ..ops import Lost, ReadFiles, Trouble

R = TypeVar("R")

SocketAddress: TypeAlias = tuple[Any, ...]  # ("192.0.2.1", 25); four members in IPv6
Found: TypeAlias = list[tuple[int, SocketAddress]]  # address family and address


@dataclass(frozen=True, slots=True)
class Receive:
    """Octets of a socket. Answer: bytes, the error that came instead, or None at the deadline.

    A deadline that is over still means one try; so it does in Transmit.
    """

    sock: socket.socket
    size: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Transmit:
    """As many octets as the socket takes. Answer: their number, the error that came, None at the deadline."""

    sock: socket.socket
    data: memoryview
    flags: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Ready:
    """Until the socket can be read (written), or to the deadline at the latest. Answer: None."""

    sock: socket.socket
    write: bool
    deadline: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds. Answer: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look up a host name. Answer: Found, the error that the resolver ended in, or None at the deadline."""

    host: str
    port: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Look:
    """Read a mail store. Answer: list[bytes]."""

    op: ReadFiles


Wait: TypeAlias = Receive | Transmit | Ready | Pause | Resolve | Look
Steps: TypeAlias = Generator[Wait, Any, R]


def found(infos: list[tuple[Any, Any, Any, Any, Any]]) -> Found:
    """The answer of getaddrinfo, without what is not needed."""
    return [(int(family), address) for family, _kind, _protocol, _name, address in infos]


class Limit:
    """A deadline on the driver's clock; as text it is the time that was allowed."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self.at = clock() + seconds

    def __str__(self) -> str:
        return f"{self._seconds:g} s"

    def ready(self, sock: socket.socket, otherwise: str, *, write: bool = False) -> Steps[None]:
        """Wait before the next try. Raises Lost(SILENT), `otherwise` saying what did not happen."""
        if self._clock() >= self.at:
            raise Lost(Trouble.SILENT, f"{otherwise} within {self}")
        yield Ready(sock, write, self.at)
