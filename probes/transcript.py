"""What was said, by whom and when: records made from a driver's operations, with bounded memory."""

from __future__ import annotations

import shlex

from ..reports.records import Event, escape
from .ops import (
    Accept,
    Close,
    Endpoints,
    Listen,
    Lost,
    Now,
    Op,
    Open,
    ReadFiles,
    Recv,
    Reset,
    Send,
    Shutdown,
    Sleep,
    StartTLS,
    Trouble,
)

_OCTETS = 4096  # shown of one write or read
_EVENTS = 2000


class Transcript:
    """An observer that keeps events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.sent: list[tuple[str, bytes]] = []  # what a reproducer needs, secrets left out
        self._start: float | None = None
        self._secure: set[str] = set()

    def saw(self, op: Op, started: float, ended: float, answer: object) -> None:
        """Note one operation."""
        if self._start is None:
            self._start = started
        told = self._told(op, answer)
        if told is None or len(self.events) > _EVENTS:
            return
        who, octets, text, secret = told
        conn = getattr(op, "conn", "main")
        event = Event(
            at=round((started if isinstance(op, Send) else ended) - self._start, 6),
            who=who + (" data" if conn.endswith(" data") and who != "*" else ""),
            text="****" if secret else escape(octets[:_OCTETS]) if who != "*" else text,
            conn=conn.removesuffix(" data"),
            tls=conn in self._secure,
            size=len(octets) if len(octets) > _OCTETS else 0,
            secret=secret,
        )
        if len(self.events) == _EVENTS:
            event = Event(at=event.at, who="*", text=f"more than {_EVENTS} events; the rest is not shown")
        self.events.append(event)

    def _told(self, op: Op, answer: object) -> tuple[str, bytes, str, bool] | None:
        match op:
            case Send():
                if not op.secret and not op.conn.endswith(" data"):
                    self.sent.append((op.conn, op.data))
                return (
                    ("*", b"", str(answer), False)
                    if isinstance(answer, Lost)
                    else ("C", op.data, "", op.secret)
                )
            case Recv() if isinstance(answer, bytes) and answer:
                return "S", answer, "", False
            case Now() | ReadFiles():
                return None
            case _:
                return "*", b"", self._sentence(op, answer), False

    def _sentence(self, op: Op, answer: object) -> str:
        if isinstance(answer, Lost):
            return self._trouble(op, answer)
        match op:
            case Open() | Accept():
                self._secure.discard(op.conn)
                ends = answer if isinstance(answer, Endpoints) else None
                verb = "connected" if isinstance(op, Open) else "the server connected"
                return f"{verb}: {_name(ends)}"
            case Recv():
                return "the server closed the connection (FIN)"
            case StartTLS():
                self._secure.add(op.conn)
                return f"TLS: {answer}"
            case Shutdown():
                return "we sent FIN"
            case Reset():
                return "we sent RST"
            case Close():
                return "we closed the connection"
            case Listen():
                return f"we listen: {answer}"
            case Sleep():
                return f"pause of {op.seconds:g} s"
            case _:
                return type(op).__name__

    def _trouble(self, op: Op, lost: Lost) -> str:
        if isinstance(op, Recv) and lost.trouble is Trouble.SILENT:
            return f"silence for {op.timeout:.3g} s"
        if isinstance(op, Recv) and lost.trouble is Trouble.RESET:
            return "the server reset the connection (RST)"
        return str(lost)


def _name(ends: Endpoints | None) -> str:
    if ends is None:
        return ""
    return f"{ends.local.host} port {ends.local.port} to {ends.peer.host} port {ends.peer.port}"


def reproducer(transcript: Transcript, host: str, port: int, *, tls: bool) -> str:
    """A shell line that says the same to the server with nothing of ours; pauses stand for waiting."""
    said = [octets for conn, octets in transcript.sent if conn == "main"]
    if not said or sum(map(len, said)) > 2000:
        return ""
    parts = "; ".join(f"printf {shlex.quote(_printf(octets))}; sleep 1" for octets in said)
    to = f"openssl s_client -quiet -connect {host}:{port}" if tls else f"nc {host} {port}"
    return f"{{ sleep 1; {parts}; }} | {to}"


def _printf(octets: bytes) -> str:
    return escape(octets).replace("%", "%%")
