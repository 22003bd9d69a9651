"""What a conversation may ask of the outside world.

A script is a generator: it yields one of these operations, the driver performs it and sends the
answer back in, or throws `Lost`. Nothing else connects the two, so a conversation can be driven by
Trio, by plain sockets, or by a test that feeds octets by hand in virtual time.

What the peer said before it closed or reset the connection can be read first; then the end is seen, as often
as one looks. An operation on a connection that the script has not opened, or has closed itself, raises
Lost(UNREACHABLE): that is our own fault and must never pass for the peer's.

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
    UNREACHABLE = "unreachable"  # no route, unknown host, our own side could not do it
    RESET = "reset"  # RST, or a write to a connection the peer has closed
    CLOSED = "closed"  # FIN
    CUT = "cut"  # FIN within TLS, without the close alert that has to come before it
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
    """Connect. Answer: Endpoints. Raises Lost(REFUSED | UNREACHABLE | SILENT).

    A host name with several addresses: the first that neither refuses nor is out of reach. A connection of the
    same name that is still open is closed first. A peer that resets at once is found out by the next Recv.
    `source` is the address to come from, where it is not to be that of the whole conversation.
    """

    conn: str
    host: str
    port: int
    timeout: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Write all octets, as one segment where TCP allows. Answer: None. Raises Lost(RESET | SILENT | TLS).

    `secret` asks every observer to show `****` in place of the octets; `urgent` sends them with the
    TCP urgent pointer behind the last one (Telnet Synch, RFC 854; without effect under TLS).
    """

    conn: str
    data: bytes
    timeout: float
    secret: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Recv:
    """Wait for octets. Answer: bytes, b"" once the peer has sent FIN. Raises Lost(RESET | SILENT | TLS).

    At most 65,536 octets are returned; `timeout` may be 0: only what is there already. With `alert` an end of TLS
    without its close alert is told apart: Lost(CUT).
    """

    conn: str
    timeout: float
    alert: bool = False


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Client handshake on an open connection. Answer: "TLSv1.3 TLS_AES_256_GCM_SHA384", protocol and cipher,
    with ", session resumed" behind it where that of connection `resume` was resumed.

    Raises Lost(TLS) on an alert or on octets that are no TLS, and Lost(CLOSED | RESET | SILENT) when the peer does
    that in the middle of the handshake; the connection is then in clear again. Certificates are not verified
    unless `verify` is set (then against `ca`, a PEM file, or else what the system trusts): a probe looks at the
    protocol, not at trust. `version` ("1.2") is the only one offered, with "1.2+" also later ones; Lost(UNREACHABLE)
    where this machine cannot speak it. Octets that came in clear and were not received yet are taken for the handshake.
    """

    conn: str
    server_name: str
    timeout: float
    verify: bool = False
    ca: str = ""
    version: str = ""
    resume: str = ""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Half close: send FIN, keep reading. Answer: None, also where the peer is gone already.

    Under TLS the first Shutdown sends close_notify and leaves TCP open: what is sent behind it goes in clear, what
    is received is still decrypted, and the second Shutdown sends FIN. `timeout` bounds the writing of close_notify.
    `bare`: FIN at once, without close_notify, as somebody would send it who cuts the connection off.
    """

    conn: str
    timeout: float = 5.0
    bare: bool = False


@dataclass(frozen=True, slots=True)
class EndTLS:
    """Close TLS and go on in clear: our close_notify, then that of the peer. Answer: None.

    Raises Lost(CLOSED | RESET | SILENT | TLS) where the peer's does not come: FIN alone is none. What the peer
    sent under TLS and nobody received is dropped.
    """

    conn: str
    timeout: float


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """Answer: the SHA-256 of the certificate that the peer showed, in hexadecimal.

    Raises Lost(UNREACHABLE) where there is no TLS.
    """

    conn: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection with RST. Answer: None."""

    conn: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close (behind close_notify under TLS); closing twice is no error. Answer: None.

    A system sends RST in place of FIN where octets of the peer were left unread.
    """

    conn: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Listen on the address that connection `beside` comes from. Answer: Address. Raises Lost(UNREACHABLE).

    `host`: another address of ours. `port`: a certain port, which may be the one that `beside` uses itself.
    """

    conn: str
    beside: str
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Accept:
    """Wait for one connection on a listener. Answer: Endpoints. Raises Lost(SILENT), and still listens.

    From then on `conn` is that connection, and nobody else can connect.
    """

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

    `patterns` are absolute glob patterns; at most `limit` files are
    returned, of a larger one its last 16 MiB (mail is appended to an mbox).
    """

    patterns: tuple[str, ...]
    containing: bytes
    limit: int = 100


Op: TypeAlias = (
    Open
    | Send
    | Recv
    | StartTLS
    | EndTLS
    | PeerCertificate
    | Shutdown
    | Reset
    | Close
    | Listen
    | Accept
    | Sleep
    | Now
    | ReadFiles
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


def certificate(op: PeerCertificate) -> Talk[str]:
    digest: str = yield op
    return digest


def now() -> Talk[float]:
    seconds: float = yield Now()
    return seconds


def files(op: ReadFiles) -> Talk[list[bytes]]:
    found: list[bytes] = yield op
    return found
