"""What goes into playing a case, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...reports.records import Verdict
from ..protocols.base import Reply
from ..protocols.nexthop import Postbox
from .cases import Placed


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a protocol is spoken. `tls` means from the first octet on (implicit TLS)."""

    protocol: str
    host: str
    port: int
    tls: bool = False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}{'s' if self.tls else ''}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Patience:
    """Deadlines in seconds. Generous: a slow server is no violation, and waits overlap."""

    connect: float = 10.0
    greeting: float = 30.0
    reply: float = 20.0
    tls: float = 10.0
    data: float = 30.0


@dataclass(frozen=True, slots=True)
class Setting:
    """The world a case is played in: one for a whole run, shared by all cases.

    endpoints: the target first, then its companions on the same store, by protocol name.
    facts: profile facts as text, by name ("recipient", "user", "password", "domain"...).
    mailbox: the profile's `delivered` mapping, or empty.
    postbox: what the next hops of this run have seen; None where none listen.
    segments: cut every client write this way unless the step says otherwise ("octets", "lines", "cr-lf"); "whole":
        cut none, whatever the step says.
    """

    endpoints: Mapping[str, Endpoint]
    facts: Mapping[str, str] = field(default_factory=dict)
    patience: Patience = Patience()
    mailbox: Mapping[str, str] = field(default_factory=dict)
    segments: str = ""
    postbox: Postbox | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A reply that came by, with the command it answered (b"" for a greeting). For passive cases."""

    protocol: str
    command: bytes
    reply: Reply


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one attempt and what led to it. `reason` is one line.

    unavailable: the server said or showed that it cannot serve just now (421, refused, reset during
        set-up): a sign of overload, after which the same case may be tried again with fewer in flight.
    """

    verdict: Verdict
    reason: str
    step: Placed | None = None
    sent: str = ""
    expected: str = ""
    got: str = ""
    observations: Mapping[str, str] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    unavailable: bool = False
