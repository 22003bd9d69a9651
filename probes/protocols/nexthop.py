"""The server's side of SMTP as a next hop of the tester needs it: what a target passes on is kept, to be looked at.

`Receiver` is one connection: octets in, replies out. It takes everything, but for recipients whose local-part begins
with a code: `550.x@...` and `451.x@...` are answered so at RCPT, `554.x@...` and `452.x@...` at the end of data. So a
case says by its recipient what the next hop does, and cases that run at the same time do not disturb each other.

A message that ends in the middle leaves nothing behind but a note. All of it is pure: no sockets, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_CODED = "ENHANCEDSTATUSCODES"
FULL = (
    "PIPELINING",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "DELIVERBY",
    "RRVS",
    _CODED,
    "SIZE 33554432",
    "AUTH PLAIN",
)
KEYWORDS: Mapping[str, tuple[str, ...]] = {"full": FULL, "plain": ()}  # what each next hop offers
AT_RCPT, AT_DATA = ("550", "451"), ("554", "452")  # the codes that a local-part may ask for
MOST_OCTETS = 33_554_432  # of one message
_MOST_KEPT, _MOST_OCTETS_KEPT = 20_000, 268_435_456  # mails of a whole run, and their octets
_MOST_RECIPIENTS = 1000  # of one message
_MOST_NOTES = 20
_LONGEST_LINE = 65_536
_END = b"\r\n.\r\n"
_PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)
_VERB = re.compile(r"\A(?:MAIL FROM:|RCPT TO:|[A-Z]+)", re.IGNORECASE)  # capitals or not mean the same (2.4)
_ROUTE = re.compile(r"@[^:]*:")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail for one recipient, as a next hop saw it.

    commands: EHLO, AUTH PLAIN if the target logged in, MAIL and the RCPT lines of its transaction, as they came but for
    capitals in `MAIL FROM:`. path: the forward-path between the brackets. octets: the content, transparency undone;
    empty where the recipient was refused. answer: the code that the target got for it.
    """

    hop: str
    commands: tuple[str, ...]
    path: str
    octets: bytes
    answer: int

    @property
    def mailbox(self) -> str:
        """The forward-path without a source route."""
        return _ROUTE.sub("", self.path, count=1)


@dataclass(slots=True)
class Postbox:
    """All that the next hops of a run have seen. Appended to by one thread, read by others.

    trouble: why nothing can come, in words ("" while the next hops listen). connections: how many there were, by hop.
    """

    trouble: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    connections: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    octets: int = 0

    def keep(self, arrival: Arrival) -> bool:
        """Keep a mail; False once there is no room."""
        self.octets += len(arrival.octets)
        if len(self.arrivals) >= _MOST_KEPT or self.octets > _MOST_OCTETS_KEPT:
            self.note("a next hop has no room for more")
            return False
        self.arrivals.append(arrival)
        return True

    def note(self, text: str) -> None:
        """Remember something that went wrong on the way, for people: the newest ones."""
        self.notes[:] = [*self.notes[1 - _MOST_NOTES :], text]

    def __str__(self) -> str:
        """What came altogether, in a few words."""
        if self.trouble:
            return self.trouble
        if not self.connections:
            return "the target has connected to no next hop"
        counts = ", ".join(f"{count} to {hop}" for hop, count in sorted(self.connections.items()))
        return "; ".join((f"connections so far: {counts}", *self.notes[-3:]))


class Receiver:
    """One connection to a next hop. `closing`: the connection is to be closed behind what was said."""

    def __init__(self, hop: str, postbox: Postbox) -> None:
        self.hop = hop
        self.postbox = postbox
        self.closing = False
        self._buffer = bytearray()
        self._searched = 0  # octets of a message in which its end is not
        self._hello: tuple[str, ...] = ()  # EHLO, and AUTH
        self._logging_in = False
        self._mail: str | None = None
        self._recipients: list[tuple[str, str]] = []  # the line and the path of each RCPT
        self._in_data = False
        postbox.connections[hop] = postbox.connections.get(hop, 0) + 1

    def greeting(self) -> bytes:
        return self._line("220", f"{self.hop}.nexthop.plumbline.test ESMTP a next hop of Plumbline")

    def feed(self, data: bytes) -> bytes:
        """What is answered to these octets."""
        self._buffer += data
        said = b""
        while not self.closing and (answer := self._step()) is not None:
            said += answer
        return said

    def ended(self) -> None:
        """The target has gone."""
        if self._in_data or self._buffer:
            self.postbox.note(f"a connection to {self.hop} ended in the middle of a message or command")
        self._in_data = False
        self._buffer.clear()

    # -- octets

    def _step(self) -> bytes | None:
        """Consume one command or one message; None when octets are missing."""
        if self._in_data:
            return self._content()
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return self._give_up("500", "line too long") if len(self._buffer) > _LONGEST_LINE else None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if self._logging_in:
            return self._logged_in()
        return self._command(_VERB.sub(lambda verb: verb[0].upper(), line.decode("utf-8", "surrogateescape")))

    def _content(self) -> bytes | None:
        """Take a message once its end has come. The buffer begins with the CRLF of DATA."""
        at = self._buffer.find(_END, self._searched)
        if at < 0:
            self._searched = max(0, len(self._buffer) - len(_END) + 1)
            too_large = len(self._buffer) > MOST_OCTETS
            return self._give_up("552", "too large for a next hop of a tester") if too_large else None
        text = bytes(self._buffer[2 : at + 2])
        del self._buffer[: at + len(_END)]
        self._in_data = False
        return self._taken(b"\r\n".join(line.removeprefix(b".") for line in text.split(b"\r\n")))

    def _give_up(self, code: str, why: str) -> bytes:
        self.postbox.note(f"a next hop gave up a connection: {why}")
        self.closing, self._in_data = True, False
        self._buffer.clear()
        return self._line(code, why)

    def _taken(self, octets: bytes) -> bytes:
        """The end of data. One recipient that asks for a refusal has the whole message refused (RFC 5321 4.2.5)."""
        wanted = [_asked(path, AT_DATA) for _, path in self._recipients]
        code = next((one for one in wanted if one), "250")
        for _, path in self._recipients:
            if not self._keep(path, octets, code):
                code = "452"
        self._reset()
        return self._line(code, "as the recipient asks" if code != "250" else "taken")

    def _keep(self, path: str, octets: bytes, code: str) -> bool:
        lines = (*self._hello, self._mail or "", *(line for line, _ in self._recipients))
        return self.postbox.keep(Arrival(self.hop, lines, path, octets, int(code)))

    # -- commands

    def _command(self, line: str) -> bytes:
        verb = line.partition(" ")[0].upper()
        match verb:
            case "EHLO" | "HELO":
                self._reset()
                self._hello = (line,)
                return self._greets(verb)
            case "AUTH" if self.hop == "full":
                return self._login(line)
            case "MAIL" | "RCPT" | "DATA":
                return self._transaction(verb, line)
            case "RSET":
                self._reset()
                return self._line("250", "forgotten")
            case "NOOP":
                return self._line("250", "nothing done")
            case "VRFY":
                return self._line("252", "send it, and see")
            case "QUIT":
                self.closing = True
                return self._line("221", "bye")
            case _:
                return self._line("502", "not here")

    def _login(self, line: str) -> bytes:
        """PLAIN, with whatever name and password (RFC 4954 section 4)."""
        if line.upper() == "AUTH PLAIN":
            self._logging_in = True
            return self._line("334", "")
        return (
            self._logged_in() if line.upper().startswith("AUTH PLAIN ") else self._line("504", "PLAIN only")
        )

    def _logged_in(self) -> bytes:
        self._logging_in, self._hello = False, (*self._hello, "AUTH PLAIN")
        return self._line("235", "welcome")

    def _greets(self, verb: str) -> bytes:
        lines = [f"{self.hop}.nexthop.plumbline.test", *(KEYWORDS[self.hop] if verb == "EHLO" else ())]
        marks = ["-"] * (len(lines) - 1) + [" "]
        return "".join(f"250{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()

    def _transaction(self, verb: str, line: str) -> bytes:
        path = _PATH.search(line)
        if verb == "DATA":
            if not self._recipients:
                return self._line("503", "no recipient")
            self._in_data, self._searched = True, 0
            self._buffer[:0] = b"\r\n"
            return self._line("354", "go on")
        if path is None:
            return self._line("501", "no path")
        if verb == "MAIL":
            if self._mail is not None or not self._hello:
                return self._line("503", "out of order")
            self._mail = line
            return self._line("250", "ok")
        return self._recipient(line, path[1])

    def _recipient(self, line: str, path: str) -> bytes:
        if self._mail is None:
            return self._line("503", "MAIL first")
        if len(self._recipients) >= _MOST_RECIPIENTS:
            return self._line("452", "send the rest in another mail")
        code = _asked(path, AT_RCPT)
        if not code:
            self._recipients.append((line, path))
            return self._line("250", "ok")
        lines = (*self._hello, self._mail, line)
        self.postbox.keep(Arrival(self.hop, lines, path, b"", int(code)))
        return self._line(code, "as the recipient asks")

    def _reset(self) -> None:
        self._mail, self._recipients = None, []

    def _line(self, code: str, text: str) -> bytes:
        """A reply of one line, with an enhanced code where the hop offers them (RFC 2034)."""
        coded = _CODED in KEYWORDS[self.hop] and code[0] in "245" and code not in ("220", "334", "354")
        detail = {"550": "1.1", "451": "7.1", "554": "6.0", "452": "3.1", "235": "7.0"}.get(code, "0.0")
        enhanced = f"{code[0]}.{detail} " if coded else ""
        return f"{code} {enhanced}{text}\r\n".encode()


def _asked(path: str, codes: tuple[str, ...]) -> str:
    """The code that a recipient asks for by its local-part, or ""."""
    local = _ROUTE.sub("", path, count=1).lstrip('"')
    return next((code for code in codes if local.startswith(f"{code}.")), "")
