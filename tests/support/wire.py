"""A wire without sockets: play a script against peers written down in advance, in virtual time.

    wire = Wire(Peer(b"220 hi\\r\\n", Hears(b"QUIT\\r\\n"), Says(b"221 bye\\r\\n", after=1.5), Fin()))
    result = play(script(), wire)
    assert wire.sent("main") == b"QUIT\\r\\n" and wire.now == 1.5

One Peer for every connection, in the order in which the script opens or accepts them. The cues of a peer
are played one after the other; `after` counts seconds from the cue before. Plain octets stand for
`Says(octets)`. Every Says is a segment of its own: one Recv returns one Says. Time moves only
where the script waits, so a deadline of an hour costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from plumbline.probes.drivers.talking import Done, advance
from plumbline.probes.drivers.trace import Observer
from plumbline.probes.ops import (
    Accept,
    Address,
    Close,
    Endpoints,
    EndTLS,
    Listen,
    Lost,
    Now,
    Op,
    Open,
    PeerCertificate,
    ReadFiles,
    Recv,
    Reset,
    Send,
    Shutdown,
    Sleep,
    StartTLS,
    T,
    Talk,
    Trouble,
)


@dataclass(frozen=True, slots=True)
class Says:
    """One segment arrives."""

    data: bytes
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Hears:
    """Go on once the client has sent these octets (behind those of the Hears before)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HearsEnd:
    """Go on once the client has sent close_notify, FIN or RST."""


@dataclass(frozen=True, slots=True)
class Fin:
    """The peer closes."""

    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Rst:
    """The peer resets; what it said before can still be read."""

    after: float = 0.0


Cue: TypeAlias = Says | Hears | HearsEnd | Fin | Rst


class Peer:
    """The far end of one connection.

    fails: the trouble that Open or Accept ends in, after `after` seconds; SILENT lasts to the deadline.
    tls: the answer to StartTLS, or the Lost that it ends in.
    ends: the Lost that EndTLS ends in, if the peer does not close TLS. certificate: the answer to PeerCertificate.
    deaf: takes no octets, so that every Send lasts to its deadline.
    address: where an accepted connection comes from.
    """

    def __init__(
        self,
        *cues: Cue | bytes,
        after: float = 0.0,
        fails: Trouble | None = None,
        tls: str | Lost = "TLSv1.3 TLS_AES_256_GCM_SHA384",
        ends: Lost | None = None,
        certificate: str = "c0ffee",
        deaf: bool = False,
        address: Address | None = None,
    ) -> None:
        self.cues = [Says(cue) if isinstance(cue, bytes) else cue for cue in cues]
        self.after = after
        self.fails = fails
        self.tls = tls
        self.ends = ends
        self.certificate = certificate
        self.deaf = deaf
        self.address = address


@dataclass(slots=True)
class Sent:
    """One write of the client: when, what, and whether TLS was on."""

    at: float
    data: bytes
    tls: bool = False
    urgent: bool = False


@dataclass(slots=True)
class Line:
    """One connection while and after it was used: what the client did to it."""

    conn: str
    peer: Peer
    clock: float
    writes: list[Sent] = field(default_factory=list)
    tls: bool = False  # whether what the client writes goes under TLS
    ended: str = ""  # "close_notify", "shutdown", "reset" or "close": how the client left first
    ended_at: float = math.inf
    is_open: bool = True
    fin_sent: bool = False
    _inbox: list[bytes] = field(default_factory=list)
    _next: int = 0
    _heard: int = 0
    _over: Cue | None = None

    @property
    def sent(self) -> bytes:
        return b"".join(write.data for write in self.writes)

    def end(self, how: str, now: float) -> None:
        if not self.ended:
            self.ended, self.ended_at = how, now
        self.is_open = self.is_open and how in ("close_notify", "shutdown")
        self.fin_sent = self.fin_sent or how == "shutdown"
        self.tls = False

    def receive(self, now: float, deadline: float, detail: str) -> tuple[float, bytes | Lost]:
        """What Recv ends in, and when."""
        while not self._inbox and self._over is None:
            due = self._due()
            if due > max(deadline, now):
                return max(deadline, now), Lost(Trouble.SILENT, detail)
            now = max(now, due)
            self._play(due)
        if self._inbox:
            return now, self._inbox.pop(0)
        return now, (self._reset() if isinstance(self._over, Rst) else b"")

    def catch_up(self, now: float) -> None:
        """Let everything happen that is due."""
        while self._over is None and (due := self._due()) <= now:
            self._play(due)

    def refused_write(self) -> Lost | None:
        return self._reset() if isinstance(self._over, Rst) else None

    def _reset(self) -> Lost:
        return Lost(Trouble.RESET, f"{self.conn}: reset by peer")

    def _due(self) -> float:
        """When the next cue happens: never while it waits for the client, or if there is none."""
        if self._next >= len(self.peer.cues):
            return math.inf
        match self.peer.cues[self._next]:
            case Says(after=after) | Fin(after=after) | Rst(after=after):
                return self.clock + after
            case Hears(data=data):
                return self._heard_at(data)
            case HearsEnd():
                return self.ended_at
            case never:
                assert_never(never)

    def _heard_at(self, data: bytes) -> float:
        end = self.sent.find(data, self._heard) + len(data)
        if end < len(data):
            return math.inf
        seen = 0
        for write in self.writes:
            seen += len(write.data)
            if seen >= end:
                return max(self.clock, write.at)
        return self.clock

    def _play(self, due: float) -> None:
        cue = self.peer.cues[self._next]
        self._next, self.clock = self._next + 1, due
        match cue:
            case Says(data=data):
                self._inbox.append(data)
            case Hears(data=data):
                self._heard = self.sent.find(data, self._heard) + len(data)
            case Fin() | Rst():
                self._over = cue
            case HearsEnd():
                pass
            case never:
                assert_never(never)


@dataclass(frozen=True, slots=True)
class File:
    """A file that a ReadFiles finds from a moment on, whatever its patterns are."""

    data: bytes
    since: float = 0.0


class Wire:
    """All peers of a conversation, the virtual clock, and the record of what was done."""

    def __init__(self, *peers: Peer, files: Iterable[File] = ()) -> None:
        self.now = 0.0
        self.lines: list[Line] = []
        self.ops: list[Op] = []
        self.files = list(files)
        self._peers = list(peers)
        self._open: dict[str, Line] = {}
        self._listening: dict[str, Address] = {}

    def sent(self, conn: str) -> bytes:
        """All octets sent on the connection(s) of that name."""
        return b"".join(line.sent for line in self.lines if line.conn == conn)

    def line(self, conn: str) -> Line:
        """The newest connection of that name."""
        return next(line for line in reversed(self.lines) if line.conn == conn)

    @property
    def left_open(self) -> list[str]:
        """Names of connections that the script itself did not close."""
        return [line.conn for line in self.lines if line.is_open]

    def perform(self, op: Op) -> object:  # noqa: C901 - one arm for each operation
        """The answer to one operation. Raises Lost."""
        self.ops.append(op)
        for line in self.lines:
            line.catch_up(self.now)
        match op:
            case Open():
                return self._connect(op.conn, op.timeout, Address(op.host, op.port))
            case Accept():
                return self._accept(op)
            case Listen():
                self._line(op.beside)
                return self._listening.setdefault(op.conn, Address("127.0.0.1", 40_000 + len(self.ops)))
            case Send():
                return self._send(op)
            case Recv():
                return self._recv(op)
            case StartTLS():
                return self._start_tls(self._line(op.conn))
            case EndTLS():
                return self._end_tls(self._line(op.conn))
            case PeerCertificate():
                return self._line(op.conn).peer.certificate
            case Shutdown() | Reset() | Close():
                return self._end(op)
            case Sleep():
                self.now += max(0.0, op.seconds)
                return None
            case Now():
                return self.now
            case ReadFiles():
                found = [file.data for file in self.files if file.since <= self.now]
                return [data for data in found if op.containing in data][: op.limit]
            case never:
                assert_never(never)

    def _line(self, conn: str) -> Line:
        if conn not in self._open:
            raise Lost(Trouble.UNREACHABLE, f"{conn} is not an open connection")
        return self._open[conn]

    def _connect(self, conn: str, timeout: float, address: Address) -> Endpoints:
        assert self._peers, f"the script opens {conn!r}, and this wire has no peer left for it"
        peer = self._peers.pop(0)
        silent = peer.fails is Trouble.SILENT or peer.after > timeout
        self.now += timeout if silent else peer.after
        if silent or peer.fails:
            raise Lost(peer.fails or Trouble.SILENT, f"{address.host} port {address.port}")
        if conn in self._open:
            self._open[conn].end("close", self.now)
        line = Line(conn, peer, self.now)
        self.lines.append(line)
        self._open[conn] = line
        return Endpoints(Address("127.0.0.1", 50_000 + len(self.lines)), address)

    def _accept(self, op: Accept) -> Endpoints:
        if op.conn not in self._listening:
            raise Lost(Trouble.UNREACHABLE, f"{op.conn} is not listening")
        if not self._peers:
            self.now += op.timeout
            raise Lost(Trouble.SILENT, f"nobody connected to {op.conn} within {op.timeout:g} s")
        stranger = self._peers[0].address or Address("127.0.0.1", 20)
        ends = self._connect(op.conn, op.timeout, stranger)
        return Endpoints(self._listening.pop(op.conn), ends.peer)

    def _send(self, op: Send) -> object:
        line = self._line(op.conn)
        if line.fin_sent:
            raise Lost(Trouble.UNREACHABLE, f"we have sent FIN on {op.conn} already")
        if line.peer.deaf:
            self.now += op.timeout
            raise Lost(Trouble.SILENT, f"{op.conn} took no octets within {op.timeout:g} s")
        if lost := line.refused_write():
            raise lost
        line.writes.append(Sent(self.now, op.data, line.tls, op.urgent))
        return None

    def _recv(self, op: Recv) -> bytes:
        line = self._line(op.conn)
        silence = f"{op.conn}: no octet within {op.timeout:g} s"
        self.now, data = line.receive(self.now, self.now + op.timeout, silence)
        if isinstance(data, Lost):
            raise data
        return data

    def _start_tls(self, line: Line) -> str:
        if isinstance(line.peer.tls, Lost):
            raise line.peer.tls
        line.tls = True
        return line.peer.tls

    def _end_tls(self, line: Line) -> None:
        if line.peer.ends:
            raise line.peer.ends
        line.tls = False

    def _end(self, op: Shutdown | Reset | Close) -> object:
        if isinstance(op, Shutdown):
            line = self._line(op.conn)
            line.end("close_notify" if line.tls and not op.bare else "shutdown", self.now)
            return None
        self._listening.pop(op.conn, None)
        if op.conn in self._open:
            self._open.pop(op.conn).end(type(op).__name__.lower(), self.now)
        return None


def play(talk: Talk[T], wire: Wire, *, observer: Observer | None = None) -> T:
    """Play a script to its end and return its result; raises what the script raises."""
    answer: object = None
    try:
        while not isinstance(op := advance(talk, answer), Done):
            started = wire.now
            try:
                answer = wire.perform(op)
            except Lost as lost:
                answer = lost
            if observer is not None:
                observer.saw(op, started, wire.now, answer)
        return op.value
    finally:
        talk.close()


def cuts(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Ways to cut octets into segments: whole, in two at every place, and octet by octet."""
    yield (data,)
    for place in range(1, len(data)):
        yield data[:place], data[place:]
    if len(data) > 2:
        yield tuple(data[place : place + 1] for place in range(len(data)))
