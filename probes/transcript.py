"""What was said, by whom and when: records made from a driver's operations, with bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

from ..reports.records import Event, escape
from .masking import MASK, Masker
from .ops import (
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
    Trouble,
)

OCTETS = 4096  # shown of one write or read on a control connection
FILE = 512  # shown of a file on a data connection, at either end
EVENTS = 2000
_DATA = " data"  # how the name of an FTP data connection ends


@dataclass(frozen=True, slots=True)
class Uttered:
    """What we did on a control connection, for whoever wants to do it again: octets, or a TLS handshake."""

    octets: bytes = b""
    secret: bool = False
    tls: bool = False


@dataclass(slots=True)
class _File:
    """Octets that went one way over a data connection, with nothing in between: one event, its middle left out."""

    event: Event
    size: int = 0
    head: bytes = b""
    tail: bytes = b""

    def add(self, data: bytes) -> None:
        self.size += len(data)
        room = FILE - len(self.head)
        self.head += data[:room] if room else b""
        self.tail = (self.tail + data[room:])[-FILE:]

    @property
    def left_out(self) -> int:
        return self.size - len(self.head) - len(self.tail)

    @property
    def text(self) -> str:
        if not self.left_out:
            return escape(self.head + self.tail)
        return f"{escape(self.head)} [... {self.left_out:,} octets are not shown ...] {escape(self.tail)}"


class Transcript:
    """An observer that keeps events: of control connections all, of data connections the ends of each file."""

    def __init__(self, masker: Masker | None = None) -> None:
        self.events: list[Event] = []
        self.uttered: list[Uttered] = []  # on the main connection
        self.cut = False  # there was more than is kept
        self._masker = masker or Masker()
        self._start: float | None = None
        self._secure: set[str] = set()
        self._file: _File | None = None
        self._pausing: Event | None = None  # the pause that is the last event, and how long it was so far
        self._paused = 0.0

    def saw(self, op: Op, started: float, ended: float, answer: object) -> None:
        """Note one operation."""
        if self._start is None:
            self._start = started
        if self.cut:
            return
        at = round((started if isinstance(op, Send) else ended) - self._start, 6)
        match op:
            case Now() | ReadFiles() | PeerCertificate():
                return
            case Sleep():
                self._pause(at, op.seconds)
            case Send() if not isinstance(answer, Lost):
                self._utter(op.conn, Uttered(op.data, op.secret))
                self._octets(at, "C", op.conn, op.data, secret=op.secret)
            case Recv() if isinstance(answer, bytes) and answer:
                self._octets(at, "S", op.conn, answer, secret=False)
            case _:
                self._keep(Event(at=at, who="*", text=self._sentence(op, answer), conn=_control(op)))

    def _octets(self, at: float, who: str, conn: str, data: bytes, *, secret: bool) -> None:
        if conn.endswith(_DATA):
            self._of_file(at, f"{who}{_DATA}", conn, data, secret=secret)
            return
        text = MASK if secret else self._masker.text(escape(data[:OCTETS]))
        event = Event(at=at, who=who, text=text, conn=conn, tls=conn in self._secure, secret=secret)
        if len(data) > OCTETS:
            event.size = len(data)
        self._keep(event)

    def _of_file(self, at: float, who: str, conn: str, data: bytes, *, secret: bool) -> None:
        """Octets of a data connection: more of the file that is the last event, or the beginning of one."""
        control = conn.removesuffix(_DATA)
        file = self._file
        if (
            file is None
            or self.events[-1] is not file.event
            or (file.event.who, file.event.conn) != (who, control)
        ):
            event = Event(at=at, who=who, text="", conn=control, tls=conn in self._secure, secret=secret)
            file = self._file = _File(event)
            self._keep(event)
        file.add(data)
        file.event.secret |= secret
        file.event.text = MASK if file.event.secret else self._masker.text(file.text)
        file.event.size = file.size if file.left_out else 0

    def _pause(self, at: float, seconds: float) -> None:
        """Looking again and again at what arrived is one pause."""
        if self._pausing is None or self.events[-1] is not self._pausing:
            self._pausing, self._paused = Event(at=at, who="*", text=""), 0.0
            self._keep(self._pausing)
        self._paused += seconds
        self._pausing.text, self._pausing.at = f"pause of {self._paused:g} s", at

    def _keep(self, event: Event) -> None:
        if len(self.events) >= EVENTS:
            self.cut = True
            event = Event(at=event.at, who="*", text=f"more than {EVENTS} events; the rest is not shown")
        self.events.append(event)

    def _utter(self, conn: str, uttered: Uttered) -> None:
        if conn == "main" and len(self.uttered) < EVENTS:
            self.uttered.append(uttered)

    def _sentence(self, op: Op, answer: object) -> str:
        if isinstance(answer, Lost):
            return _trouble(op, answer)
        if isinstance(op, Open | Accept):
            self._secure.discard(op.conn)
        if isinstance(op, EndTLS):
            self._secure.discard(op.conn)
        if isinstance(op, StartTLS):
            self._secure.add(op.conn)
            self._utter(op.conn, Uttered(tls=True))
        return _done(op, answer)


def _done(op: Op, answer: object) -> str:
    match op, answer:
        case Open(), Endpoints():
            return f"connected: {_ends(answer)}"
        case Accept(), Endpoints():
            return f"the server connected: {_ends(answer)}"
        case Listen(), Address():
            return f"we listen on {answer.host} port {answer.port}"
        case Recv(), _:
            return "the server closed the connection (FIN)"
        case StartTLS(), _:
            return f"TLS: {answer}"
        case _:
            return _ended(op)


def _ended(op: Op) -> str:
    match op:
        case EndTLS():
            return "TLS was closed by both sides"
        case Shutdown(bare=True):
            return "we sent FIN, without closing TLS"
        case Shutdown():
            return "we sent FIN"
        case Reset():
            return "we sent RST"
        case Close():
            return "we closed the connection"
        case _:
            return type(op).__name__


def _trouble(op: Op, lost: Lost) -> str:
    if isinstance(op, Recv) and lost.trouble is Trouble.SILENT:
        return f"silence for {op.timeout:.3g} s"
    if isinstance(op, Recv) and lost.trouble is Trouble.RESET:
        return "the server reset the connection (RST)"
    if isinstance(op, Recv) and lost.trouble is Trouble.CUT:
        return "the server closed the connection (FIN) without a TLS close alert"
    return str(lost)


def _control(op: Op) -> str:
    return str(getattr(op, "conn", "main")).removesuffix(_DATA)


def _ends(ends: Endpoints) -> str:
    return f"{ends.local.host} port {ends.local.port} to {ends.peer.host} port {ends.peer.port}"
