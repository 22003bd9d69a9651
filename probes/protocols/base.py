"""What every protocol module offers: a reader of replies and a handful of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of form in a reply: the reply can be read, yet it is not what the grammar allows.

    `rule` is a name that passive cases refer to, such as "bare-lf" or "code-differs".
    """

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete reply.

    octets: all of it as it came, line ends included; FTP: Telnet commands taken out.
    status: "250" (SMTP, FTP), "+OK" (POP3), "OK", "NO", "BAD", "BYE", "PREAUTH", "+" or "*" (IMAP);
        "" when the octets are no reply of the protocol at all.
    lines: the text of every line behind its status, octets above 127 decoded as UTF-8 where they are
        UTF-8 and otherwise kept as lone surrogates (surrogateescape).
    faults: the first of each rule.
    tag, untagged: IMAP only; tag is "" unless the reply is a tagged response, so also for a greeting; an
        untagged response is kept whole, literals included, without its final CRLF.
    telnet: FTP only, every Telnet command that came on the connection so far (RFC 854).
    body: POP3 only, the lines of a multi-line response, byte-stuffing undone, CRLF kept.
    """

    octets: bytes
    status: str
    lines: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    tag: str = ""
    untagged: tuple[bytes, ...] = ()
    body: bytes | None = None
    telnet: tuple[bytes, ...] = field(default=(), compare=False)  # depends on when it is handed out

    @property
    def text(self) -> str:
        """All lines, joined by line feeds."""
        return "\n".join(self.lines)

    @property
    def is_tls_alert(self) -> bool:
        """A TLS alert in clear (RFC 8446 section 5.1): the peer ends what it took for a handshake."""
        return self.octets.startswith(b"\x15\x03")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the reader cannot know from the octets alone.

    multiline: POP3, whether +OK is followed by a body up to the lone dot.
    tag: IMAP, the tag whose completion ends the reply, with all untagged responses before it. So does a
        continuation request (status "+": the server waits for us) and a line that is no response (status "").
        None takes the next single response of any kind (a greeting, one untagged response).
    """

    multiline: bool = False
    tag: str | None = None


ONE_LINE = Shape()


class Endless(Exception):
    """The peer sends a line or a reply beyond any bound; `seen` is how many octets came."""

    def __init__(self, what: str, seen: int) -> None:
        super().__init__(f"{what} did not end within {seen} octets")
        self.what = what
        self.seen = seen


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a reply is read before the peer is called endless, in octets and lines."""

    line: int = 65_536
    lines: int = 10_000
    reply: int = 1_048_576
    body: int = 33_554_432


BOUNDS = Bounds()


class Reader(Protocol):
    """Octets in, replies out, whatever the segments were. One reader per connection."""

    def feed(self, data: bytes) -> None:
        """Take octets as they came from the wire. Raises Endless; complete replies stay readable."""

    def next_reply(self, shape: Shape = ONE_LINE) -> Reply | None:
        """The next complete reply, or None while octets are missing. Raises Endless."""

    @property
    def unread(self) -> bytes:
        """Octets that came and belong to no reply handed out yet."""


def no_policy(_command: bytes, _status: str) -> str:
    """For protocols in which no status is about the client alone."""
    return ""


def no_faults(_command: bytes, _reply: Reply, _greeting: str) -> Iterable[Fault]:
    """For protocols in which every reply can be judged by itself."""
    return ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """A protocol as the interpreter sees it."""

    name: str  # "smtp"
    port: int
    reader: Callable[[], Reader]
    command: Callable[[bytes], bytes]  # a command line's octets on the wire, CRLF added
    content: Callable[[bytes], bytes]  # a message's octets on the wire, stuffing and end of data added
    matches: Callable[[str, str], bool]  # (pattern as in YAML, status) -> whether it is meant
    is_pattern: Callable[[str], bool]  # may a suite write this as a status?
    multiline: Callable[[bytes], bool] = lambda _command: False  # POP3: is +OK to this command multi-line?
    unavailable: tuple[str, ...] = ()  # statuses by which a server says "not now" (421, 4yz)
    # (command, status) -> what the server wants of us before it looks at what we asked, or ""
    policy: Callable[[bytes, str], str] = no_policy
    # first octets of a command -> the state in which its plainest form was accepted; the last one holds for all
    plain: Mapping[bytes, str] = field(default_factory=dict)
    goodbye: bytes = b"QUIT\r\n"
    rules: Mapping[str, str] = field(default_factory=dict)  # fault rule -> what it means, for people
    # (command, its reply, status of the greeting) -> faults that need to know all three; b"": the greeting itself
    faults: Callable[[bytes, Reply, str], Iterable[Fault]] = no_faults
    # a word in a command of ours -> the rule that replies need not keep from then on (RFC 6531 section 3.7.4)
    excuses: Mapping[bytes, str] = field(default_factory=dict)
