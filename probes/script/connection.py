"""One connection of a conversation: opening it, writing, reading replies by the protocol's framing."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..ops import (
    Close,
    Endpoints,
    Lost,
    Open,
    Recv,
    Send,
    Sleep,
    StartTLS,
    Talk,
    Trouble,
    handshake,
    now,
    opened,
    received,
)
from ..protocols.base import Dialect, Reader, Reply, Shape
from .content import cut
from .expect import Answer
from .offers import told, with_tls
from .outcome import Endpoint, Patience, Seen
from .types import Segments


@dataclass(slots=True)
class Connection:
    """State of one connection. `fate` is how it ended, None while it is open."""

    name: str
    endpoint: Endpoint
    dialect: Dialect
    patience: Patience
    reader: Reader = field(init=False)
    ends: Endpoints | None = None
    fate: Trouble | None = None
    last: Reply | None = None
    greeting: str | None = None  # status of the first reply
    pending: deque[tuple[bytes, Shape]] = field(default_factory=deque)  # commands that await their reply
    seen: list[Seen] = field(default_factory=list)
    answering: bytes = b""  # the command whose reply came last: a second reply to it is not pending any more
    excused: frozenset[str] = frozenset()  # rules of form that the client's own commands have lifted
    tags: int = 0
    offers: frozenset[str] = frozenset()  # the server's last list of capabilities, and our own words for TLS

    @property
    def greeted(self) -> bool:
        return self.greeting is not None

    def __post_init__(self) -> None:
        self.reader = self.dialect.reader()
        self.offers = with_tls(frozenset(), implicit=self.endpoint.tls)

    def open(self, *, clear: bool = False) -> Talk[None]:
        """Connect, and start TLS at once where the endpoint is implicit TLS, unless `clear`. Raises Lost."""
        place = self.endpoint
        self.ends = yield from opened(Open(self.name, place.host, place.port, self.patience.connect))
        if place.tls and not clear:
            yield from self.start_tls()

    def start_tls(
        self, *, verify: bool = False, ca: str = "", version: str = "", server: str = ""
    ) -> Talk[str]:
        """TLS handshake as client with `server`, the endpoint's host unless named: protocol and cipher. Raises Lost."""
        named = server or self.endpoint.host
        op = StartTLS(self.name, named, self.patience.tls, verify, ca, version)
        return (yield from handshake(op))

    def write(
        self,
        data: bytes,
        *,
        segments: str | Segments | None = None,
        secret: bool = False,
        urgent: bool = False,
    ) -> Talk[None]:
        """Send octets. A peer that has gone is noticed when its answer is read, not here.

        What the peer said before it went must still be judged, so a write that fails is no failure yet:
        the next read shows it.
        """
        with suppress(Lost):
            for piece, pause in cut(data, segments):
                yield Send(self.name, piece, self.patience.reply, secret, urgent)
                if pause:
                    yield Sleep(pause)

    def await_reply_to(self, command: bytes, shape: Shape) -> None:
        """Note a command whose reply is to come."""
        self.pending.append((command, shape))
        self.excused |= {rule for word, rule in self.dialect.excuses.items() if word in command.upper()}

    def read(self, within: float, shape: Shape | None = None) -> Talk[Answer]:
        """The next reply, or why there is none within so many seconds. Raises Endless."""
        command, usual = self._next()
        shape = shape or usual
        deadline = (yield from now()) + within
        while True:
            reply = self.reader.next_reply(shape)
            if reply is not None:
                return self._noted(command, reply, shape)
            if self.fate is not None:
                return self.fate
            left = deadline - (yield from now())
            if left <= 0:
                return Trouble.SILENT
            yield from self._receive(left)

    def _next(self) -> tuple[bytes, Shape]:
        """The command that the next reply answers. The first reply is the greeting, whatever was sent before."""
        if not self.greeted:
            return b"", Shape()
        return self.pending[0] if self.pending else (self.answering, Shape())

    def _receive(self, within: float) -> Talk[None]:
        try:
            data = yield from received(Recv(self.name, within, alert=True))
        except Lost as lost:
            if lost.trouble is not Trouble.SILENT:
                self.fate = lost.trouble
            return
        if data:
            self.reader.feed(data)
        else:
            self.fate = Trouble.CLOSED

    def _noted(self, command: bytes, reply: Reply, shape: Shape) -> Reply:
        provisional = reply.status == "+" or (shape.tag is None and reply.status == "*")
        if self.greeted and self.pending and not provisional:
            self.pending.popleft()
        self.greeting = reply.status if self.greeting is None else self.greeting
        if reply.is_tls_alert:  # no reply of the protocol: nobody is to hold its form against the server
            self.last, self.answering = reply, command
            return replace(reply, faults=())
        if more := tuple(self.dialect.faults(command, reply, self.greeting)):
            reply = replace(reply, faults=reply.faults + more)
        if self.excused:
            reply = replace(reply, faults=tuple(one for one in reply.faults if one.rule not in self.excused))
        self.last = reply
        self.answering = command
        self.seen.append(Seen(self.dialect.name, command, reply))
        if words := told(self.seen[-1]):
            self.offers = with_tls(words, implicit=self.endpoint.tls)
        return reply

    def next_tag(self) -> str:
        """A fresh IMAP tag."""
        self.tags += 1
        return f"p{self.tags}"

    def close(self) -> Talk[None]:
        """Close at our end."""
        yield Close(self.name)
        self.fate = self.fate or Trouble.CLOSED
