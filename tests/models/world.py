"""A world of model servers in virtual time: whole suites are played against them in milliseconds.

    world = World()
    port = world.serve(SmtpModel)
    outcome = world.play(play(case, setting, variables))

A service is made anew for every connection. It answers through its `Line`: `say`, `fin`, `rst`. What it
says arrives at once, or `after` so many virtual seconds. Nothing here opens a socket.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, assert_never

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
from plumbline.probes.protocols.nexthop import Postbox

HOST = "127.0.0.1"
EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)  # when a world begins


class Service(Protocol):
    """The server's side of one connection."""

    def opened(self, line: Line) -> None:
        """The connection is open (for implicit TLS: the handshake comes as `secured`)."""

    def received(self, data: bytes, *, urgent: bool) -> None:
        """Octets came."""

    def secured(self) -> bool:
        """The client begins a TLS handshake. False: it fails."""

    def ended(self) -> None:
        """FIN or RST came."""


Factory = Callable[[], Service]


@dataclass(slots=True)
class Line:
    """One connection between the script and a service. Segments are kept apart: one Recv returns one."""

    world: World
    service: Service
    client: Address
    server: Address
    inbox: list[tuple[float, bytes | Trouble]] = field(default_factory=list)
    client_open: bool = True
    server_open: bool = True
    named: str = ""  # the server, in the client's handshake
    cut_off: bool = False  # the client closed TCP without closing TLS before

    def say(self, data: bytes, after: float = 0.0) -> None:
        """The server sends octets."""
        if self.server_open:
            self.inbox.append((self.world.now + after, data))

    def fin(self, after: float = 0.0) -> None:
        """The server closes; what it said before can still be read."""
        if self.server_open:
            self.inbox.append((self.world.now + after, Trouble.CLOSED))
            self.server_open = False

    def cut(self) -> None:
        """The server closes without ending TLS first."""
        if self.server_open:
            self.inbox.append((self.world.now, Trouble.CUT))
            self.server_open = False

    def rst(self, after: float = 0.0) -> None:
        """The server resets."""
        if self.server_open:
            self.inbox.append((self.world.now + after, Trouble.RESET))
            self.server_open = False


class World:
    """Services by port, the virtual clock, mail stores, and the driver that plays a script in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.files: list[bytes] = []  # what ReadFiles can find: delivered mails
        self.postbox = Postbox()  # what next hops of the tester have seen
        self._services: dict[int, Factory] = {}
        self._waiting: dict[int, list[Line]] = {}  # connections that servers opened to our listeners
        self._lines: dict[str, Line] = {}
        self._listeners: dict[str, Address] = {}
        self._ports = itertools.count(30_000)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    # -- what services use

    def serve(self, factory: Factory) -> int:
        """Listen on a new port."""
        port = next(self._ports)
        self._services[port] = factory
        return port

    def stop(self, port: int) -> None:
        """Listen no more."""
        self._services.pop(port, None)

    def connect(self, port: int, service: Service, source: Address | None = None) -> Line | None:
        """A server connects to a port on which the script listens; None if nobody does."""
        if port not in self._waiting:
            return None
        line = Line(self, service, Address(HOST, port), source or Address(HOST, 20))
        self._waiting[port].append(line)
        service.opened(line)
        return line

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Call something after so many virtual seconds, if anybody waits that long."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._order), what))

    # -- the driver

    def play(self, talk: Talk[T], observer: Observer | None = None) -> T:
        """Play a script to its end; connections it left open end with it."""
        answer: object = None
        try:
            while not isinstance(op := advance(talk, answer), Done):
                started = self.now
                try:
                    answer = self._perform(op)
                except Lost as lost:
                    answer = lost
                if observer is not None:
                    observer.saw(op, started, self.now, answer)
            return op.value
        finally:
            talk.close()
            for name in list(self._lines):
                self._leave(name)
            self._listeners.clear()
            self._waiting.clear()

    def _perform(self, op: Op) -> object:  # noqa: C901 - one arm for each operation
        match op:
            case Open():
                return self._open(op)
            case Send():
                return self._send(op)
            case Recv():
                return self._recv(op)
            case StartTLS():
                self._line(op.conn).named = op.server_name
                return self._tls(self._line(op.conn), op.version)
            case EndTLS():
                return self._end_tls(self._line(op.conn))
            case PeerCertificate():
                return getattr(self._line(op.conn).service, "certificate", "c0ffee")
            case Shutdown():
                line = self._line(op.conn)
                line.client_open, line.cut_off = False, op.bare
                line.service.ended()
                return None
            case Reset() | Close():
                self._leave(op.conn)
                return None
            case Listen():
                address = Address(op.host or HOST, op.port or next(self._ports))
                self._listeners[op.conn] = address
                self._waiting[address.port] = []
                return address
            case Accept():
                return self._accept(op)
            case Sleep():
                self._wait_until(self.now + op.seconds)
                return None
            case Now():
                return self.now
            case ReadFiles():
                return [data for data in self.files if op.containing in data][: op.limit]
            case never:
                assert_never(never)

    def _line(self, conn: str) -> Line:
        if conn not in self._lines:
            raise Lost(Trouble.UNREACHABLE, f"{conn} is not open")
        return self._lines[conn]

    def _open(self, op: Open) -> Endpoints:
        if op.port not in self._services:
            raise Lost(Trouble.REFUSED, f"{op.host} port {op.port}")
        service = self._services[op.port]()
        client = Address(op.source or HOST, next(self._ports))
        line = Line(self, service, client, Address(op.host, op.port))
        self._leave(op.conn)
        self._lines[op.conn] = line
        service.opened(line)
        return Endpoints(line.client, line.server)

    def _send(self, op: Send) -> None:
        line = self._line(op.conn)
        if not line.server_open:
            raise Lost(Trouble.RESET, op.conn)
        line.service.received(op.data, urgent=op.urgent)

    def _recv(self, op: Recv) -> bytes:
        line, deadline = self._line(op.conn), self.now + op.timeout
        while True:
            if line.inbox and line.inbox[0][0] <= max(deadline, self.now):
                self._wait_until(max(self.now, line.inbox[0][0]))
                return self._take(line, op)
            if not self._timers or self._timers[0][0] > deadline:
                self._wait_until(deadline)
                raise Lost(Trouble.SILENT, f"nothing within {op.timeout:g} s")
            self._wait_until(self._timers[0][0])

    def _take(self, line: Line, op: Recv) -> bytes:
        match line.inbox[0][1]:
            case bytes() as data:
                line.inbox.pop(0)
                return data
            case Trouble.CLOSED:
                return b""
            case Trouble.CUT if not op.alert:
                return b""
            case trouble:
                raise Lost(trouble)

    def _wait_until(self, when: float) -> None:
        while self._timers and self._timers[0][0] <= when:
            due, _, what = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            what()
        self.now = max(self.now, when)

    def _tls(self, line: Line, version: str) -> str:
        spoken = getattr(line.service, "versions", ("1.2", "1.3"))
        wanted = ("1.2", "1.3") if version == "1.2+" else (version or spoken[-1],)
        if not line.server_open or not set(wanted) & set(spoken) or not line.service.secured():
            raise Lost(Trouble.TLS, "handshake failed")
        return "TLSv1.3 TLS_AES_256_GCM_SHA384"

    def _end_tls(self, line: Line) -> None:
        if not getattr(line.service, "closes_tls", lambda: False)():
            raise Lost(Trouble.SILENT, "no end of TLS")

    def _accept(self, op: Accept) -> Endpoints:
        address = self._listeners.get(op.conn)
        if address is None:
            raise Lost(Trouble.UNREACHABLE, f"{op.conn} does not listen")
        if not self._waiting[address.port]:
            self._wait_until(self.now + op.timeout)
        if not self._waiting[address.port]:
            raise Lost(Trouble.SILENT, f"nobody connected within {op.timeout:g} s")
        line = self._waiting.pop(address.port)[0]
        del self._listeners[op.conn]
        self._lines[op.conn] = line
        return Endpoints(address, line.server)

    def _leave(self, conn: str) -> None:
        line = self._lines.pop(conn, None)
        if line is not None and line.client_open:
            line.client_open = False
            line.service.ended()
