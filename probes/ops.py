"""What a conversation may ask of the outside world.

A script is a generator: it yields one of these operations, the driver performs it and sends the
answer back in, or throws `Lost`. Nothing else connects the two, so a conversation can be driven by
Trio, by plain sockets, or by a test that feeds octets by hand in virtual time.

A connection ("conn") is known by a name that the script chose. All times are in seconds.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


class Trouble(StrEnum):
    """How a peer or the network can fail us: one vocabulary for every driver."""

    REFUSED = "refused"  # nobody listens
    UNREACHABLE = "unreachable"  # no route, unknown host, our own side could not open a socket
    RESET = "reset"  # RST, or a write to a connection the peer has closed
    CLOSED = "closed"  # FIN
    SILENT = "silent"  # no octet before the deadline
    TLS = "tls"  # handshake failed or an alert came


class Lost(Exception):
    """The peer is gone, mute, or was never there. Thrown into the script by a driver."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(f"{trouble.value}: {detail}" if detail else trouble.value)
        self.trouble = trouble
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Address:
    """One end of a TCP connection."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both ends of an open connection."""

    local: Address
    peer: Address


@dataclass(frozen=True, slots=True)
class Open:
    """Connect. Answer: Endpoints. Raises Lost(REFUSED | UNREACHABLE | RESET | SILENT)."""

    conn: str
    host: str
    port: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Send:
    """Write all octets, as one segment where TCP allows. Answer: None. Raises Lost(RESET | SILENT).

    `secret` asks every observer to show `****` in place of the octets; `urgent` sends them with the
    TCP urgent pointer behind the last one (Telnet Synch, RFC 854).
    """

    conn: str
    data: bytes
    timeout: float
    secret: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Recv:
    """Wait for octets. Answer: bytes, b"" once the peer has sent FIN. Raises Lost(RESET | SILENT | TLS).

    At most 65,536 octets are returned; `timeout` may be 0: only what is there already.
    """

    conn: str
    timeout: float


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Client handshake on an open connection. Answer: protocol and cipher, as text. Raises Lost(TLS | ...).

    Certificates are not verified unless `verify` is set: a probe looks at the protocol, not at trust.
    """

    conn: str
    server_name: str
    timeout: float
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Half close: send FIN (close_notify under TLS), keep reading. Answer: None."""

    conn: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection with RST. Answer: None."""

    conn: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close; closing twice is no error. Answer: None."""

    conn: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Open a listening socket on the address that connection `beside` comes from. Answer: Address."""

    conn: str
    beside: str


@dataclass(frozen=True, slots=True)
class Accept:
    """Wait for one connection on a listener; from then on `conn` is that connection. Answer: Endpoints."""

    conn: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Do nothing for a while. Answer: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """Answer: float, seconds on a clock that never goes backwards."""


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Look for files (a mail store) that contain certain octets. Answer: list[bytes], in order of name.

    `patterns` are absolute glob patterns; at most `limit` files of at most 16 MiB each are returned.
    """

    patterns: tuple[str, ...]
    containing: bytes
    limit: int = 100


Op: TypeAlias = (
    Open | Send | Recv | StartTLS | Shutdown | Reset | Close | Listen | Accept | Sleep | Now | ReadFiles
)
Talk: TypeAlias = Generator[Op, Any, T]


def opened(op: Open) -> Talk[Endpoints]:
    """Yield the operation, typed by its answer; so do the functions below."""
    ends: Endpoints = yield op
    return ends


def received(op: Recv) -> Talk[bytes]:
    data: bytes = yield op
    return data


def listening(op: Listen) -> Talk[Address]:
    address: Address = yield op
    return address


def accepted(op: Accept) -> Talk[Endpoints]:
    ends: Endpoints = yield op
    return ends


def handshake(op: StartTLS) -> Talk[str]:
    name: str = yield op
    return name


def now() -> Talk[float]:
    seconds: float = yield Now()
    return seconds


def files(op: ReadFiles) -> Talk[list[bytes]]:
    found: list[bytes] = yield op
    return found
