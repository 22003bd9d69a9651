"""POP3 (RFC 1939, with RFC 2449, RFC 5034 and RFC 6856) on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from plumbline.probes.protocols.base import BOUNDS, ONE_LINE, Bounds, Dialect, Fault, Reply, Shape
from plumbline.probes.protocols.octets import Octets, decoded, shown, without_line_end

LINE_LIMIT = 512  # octets of a response's first line, CRLF included (RFC 1939, 3)
STATUSES = ("+OK", "-ERR", "+")

_STATUS = re.compile(rb"(\+OK|-ERR|\+(?= |\Z))( ?)(.*)", re.IGNORECASE | re.DOTALL)
_END = re.compile(rb"(?:\A|\r\n)\.\r\n")
_END_AMONG_LONE_LF = re.compile(rb"(?:\A|\n)\.\r?\n")
_LONGEST_END = 5
_STUFFED = re.compile(rb"(\A|\r\n)\.")
_STUFFED_AMONG_LONE_LF = re.compile(rb"(\A|\n)\.")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_UNSTUFFED = re.compile(rb"(?:\A|\r\n)(\.[^.][^\r\n]{0,40})")
_ALWAYS_MULTI_LINE = ("RETR", "TOP", "CAPA")
_MULTI_LINE_ALONE = ("LIST", "UIDL", "LANG")

RULES = {
    "not-a-reply": "A response begins with +OK or -ERR (RFC 1939, 3), a challenge with + (RFC 5034, 4).",
    "status-case": "+OK and -ERR are sent in upper case (RFC 1939, 3).",
    "separator": "Behind the status the line ends or a space stands (RFC 2449, 3); "
    "behind the + of a challenge stands a space (RFC 5034, 4).",
    "line-too-long": "The first line of a response has at most 512 octets, CRLF included (RFC 1939, 3).",
    "bare-lf": "Lines end with CRLF (RFC 1939, 3).",
    "bare-lf-body": "Within a multi-line response, LF comes behind CR only (RFC 1939, 3; RFC 5322, 2.3).",
    "unstuffed-dot": "A line of a multi-line response that begins with a dot gets another in front "
    "(RFC 1939, 3).",
}


@dataclass(frozen=True, slots=True)
class _Head:
    """A response's first line."""

    octets: bytes
    status: str
    text: str
    faults: tuple[Fault, ...]

    @property
    def ended_by_lone_lf(self) -> bool:
        return not self.octets.endswith(b"\r\n")


def _read_head(octets: bytes) -> _Head:
    content = without_line_end(octets)
    found = _STATUS.match(content)
    if found is None:
        fault = Fault("not-a-reply", f"expected +OK, -ERR or +, got {shown(content)}")
        return _Head(octets, "", decoded(content), (fault,))
    status = found[1].decode("ascii")
    faults = tuple(_head_faults(octets, status, space=bool(found[2]), text=found[3]))
    return _Head(octets, status.upper(), decoded(found[3]), faults)


def _head_faults(octets: bytes, status: str, space: bool, text: bytes) -> Iterator[Fault]:
    if status != status.upper():
        yield Fault("status-case", f"{status} instead of {status.upper()}")
    if not space and (text or status == "+"):
        yield Fault("separator", f"no space behind {status} in {shown(octets)}")
    if len(octets) > LINE_LIMIT and status != "+":
        yield Fault("line-too-long", f"{len(octets)} octets, at most {LINE_LIMIT} are allowed")
    if not octets.endswith(b"\r\n"):
        yield Fault("bare-lf", f"LF without CR ends {shown(without_line_end(octets))}")


class Pop3Reader:
    """Responses, with a body where the shape asks for one.

    A server that ends even the first line with a lone LF has its body read in the same way; all others have
    to end the body with CRLF.CRLF, so that a lone LF within a message is no line end.
    """

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self._bounds = bounds
        self._octets = Octets()
        self._head: _Head | None = None

    def feed(self, data: bytes) -> None:
        self._octets.feed(data)

    def next_reply(self, shape: Shape = ONE_LINE) -> Reply | None:
        head = self._head or self._next_head()
        if head is None:
            return None
        raw = self._raw_body(head) if shape.multiline and head.status == "+OK" else b""
        if raw is None:
            return None
        self._head = None
        return _reply(head, raw)

    @property
    def unread(self) -> bytes:
        return (self._head.octets if self._head else b"") + bytes(self._octets)

    def _next_head(self) -> _Head | None:
        line = self._octets.line(self._bounds.line)
        self._head = None if line is None else _read_head(line)
        return self._head

    def _raw_body(self, head: _Head) -> bytes | None:
        end = _END_AMONG_LONE_LF if head.ended_by_lone_lf else _END
        return self._octets.through(end, _LONGEST_END, self._bounds.body)


def _reply(head: _Head, raw: bytes) -> Reply:
    """`raw` is the body with its end, or nothing where the response has none."""
    body = _unstuffed(raw, head) if raw else None
    return Reply(
        octets=head.octets + raw,
        status=head.status,
        lines=(head.text,),
        faults=(*head.faults, *(_body_faults(raw, head) if raw else ())),
        body=body,
    )


def _unstuffed(raw: bytes, head: _Head) -> bytes:
    stuffed = _STUFFED_AMONG_LONE_LF if head.ended_by_lone_lf else _STUFFED
    return stuffed.sub(rb"\1", _without_end(raw))


def _without_end(raw: bytes) -> bytes:
    return raw[: raw.rindex(b".")]


def _body_faults(raw: bytes, head: _Head) -> Iterator[Fault]:
    if not head.ended_by_lone_lf and (lone := _LONE_LF.search(raw)):
        yield Fault("bare-lf-body", f"LF without CR at octet {lone.start()} of the body")
    if not head.ended_by_lone_lf and (dot := _UNSTUFFED.search(_without_end(raw))):
        yield Fault("unstuffed-dot", f"at octet {dot.start(1)} of the body: {shown(dot[1])}")


def command(line: bytes) -> bytes:
    """The line as sent."""
    return line + b"\r\n"


def content(message: bytes) -> bytes:
    """Unchanged: POP3 only hands messages out."""
    return message


def matches(pattern: str, status: str) -> bool:
    return pattern == status


def is_pattern(text: str) -> bool:
    return text in STATUSES


def multiline(line: bytes) -> bool:
    """Whether +OK to this command is followed by a body (RFC 1939, 5 and 7; RFC 2449, 5; RFC 6856, 3.2)."""
    keyword, *arguments = line.decode("latin-1").upper().split() or [""]
    return keyword in _ALWAYS_MULTI_LINE or (keyword in _MULTI_LINE_ALONE and not arguments)


DIALECT = Dialect(
    name="pop3",
    port=110,
    reader=Pop3Reader,
    command=command,
    content=content,
    matches=matches,
    is_pattern=is_pattern,
    multiline=multiline,
    goodbye=b"QUIT\r\n",
    rules=RULES,
)
