"""IMAP4 (RFC 3501) on the wire: tagged and untagged responses, continuation requests, literals."""

from __future__ import annotations

import re

from .base import BOUNDS, ONE_LINE, Bounds, Dialect, Endless, Fault, Reply, Shape
from .octets import Octets, decoded, shown

STATUSES = ("OK", "NO", "BAD", "BYE", "PREAUTH", "+", "*")

_LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}\r?\n\Z")
_TAGGED = re.compile(
    rb"([^\x00-\x20(){%*\"\\\]+\x7f-\xff]+) (OK|NO|BAD)(?: (.*))?\Z", re.DOTALL | re.IGNORECASE
)
_UNTAGGED_STATUS = re.compile(rb"\* (OK|NO|BAD|BYE|PREAUTH)(?: (.*))?\Z", re.DOTALL | re.IGNORECASE)

RULES = {
    "not-a-reply": "A response begins with the tag of a command, with * or with + (RFC 3501, 2.2.2 and 7).",
    "bare-lf": "Lines end with CRLF (RFC 3501, 2.2).",
}


class ImapReader:
    """Responses, each kept whole with its literals; untagged ones are gathered until a command completes."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self._octets = Octets()
        self._bounds = bounds
        self._part = bytearray()  # a response whose literal is still to come
        self._literal = 0  # octets of the literal that are missing
        self._responses: list[bytes] = []  # complete, not handed out
        self._gathered: list[bytes] = []  # untagged ones on the way to a completion
        self._seen = 0  # octets gathered

    def feed(self, data: bytes) -> None:
        """Take octets. Raises Endless."""
        self._octets.feed(data)
        while self._advance():
            pass
        if len(self._part) + len(self._octets) > self._bounds.body:
            raise Endless("a response", len(self._part) + len(self._octets))

    @property
    def unread(self) -> bytes:
        """Octets of responses that were not handed out."""
        return b"".join((*self._gathered, *self._responses, bytes(self._part), bytes(self._octets)))

    def next_reply(self, shape: Shape = ONE_LINE) -> Reply | None:
        """One response, or with a tag all responses up to the completion of that command.

        A continuation request also ends the wait for a tag: the client has to act on it. A BYE without
        tag is handed out when the tag does not follow only by the caller's time-out or the close.
        """
        while self._responses:
            response = self._responses.pop(0)
            if shape.tag is None:
                return _single(response)
            if response.startswith(b"+"):
                return _single(response)
            if not response.startswith(b"* "):
                return self._completed(response, shape.tag)
            self._gathered.append(response)
            self._seen += len(response)
            if self._seen > self._bounds.body or len(self._gathered) > self._bounds.lines:
                raise Endless("a reply", self._seen)
        return None

    def _completed(self, response: bytes, tag: str) -> Reply:
        untagged, self._gathered, self._seen = self._gathered, [], 0
        reply = _single(response)
        faults = [fault for part in untagged for fault in _line_faults(part)] + list(reply.faults)
        if reply.tag and reply.tag != tag:
            faults.append(Fault("not-a-reply", f"the tag {reply.tag!r} was not sent, {tag!r} was"))
        return Reply(
            octets=b"".join(untagged) + response,
            status=reply.status if reply.tag == tag else "",
            lines=reply.lines,
            faults=tuple(faults),
            tag=reply.tag,
            untagged=tuple(_without_end(part) for part in untagged),
        )

    def _advance(self) -> bool:
        """Move one line or one literal from the octets to the response; False when octets are missing."""
        if self._literal:
            taken = self._octets.take(self._literal)
            if taken is None:
                return False
            self._part += taken
            self._literal = 0
            return True
        line = self._octets.line(self._bounds.line if not self._part else self._bounds.body)
        if line is None:
            return False
        self._part += line
        announced = _LITERAL.search(line)
        if announced and not _in_text(bytes(self._part)):
            self._literal = int(announced[1])
            if self._literal > self._bounds.body:
                raise Endless(f"a literal of {self._literal} octets", len(self._part))
        else:
            self._responses.append(bytes(self._part))
            self._part.clear()
        return True


def _in_text(response: bytes) -> bool:
    """Human-readable text may end in braces without meaning a literal."""
    line = response.rstrip(b"\r\n")
    return bool(_TAGGED.match(line) or _UNTAGGED_STATUS.match(line) or line.startswith(b"+"))


def _without_end(response: bytes) -> bytes:
    return response[:-2] if response.endswith(b"\r\n") else response.removesuffix(b"\n")


def _line_faults(response: bytes) -> tuple[Fault, ...]:
    if response.endswith(b"\r\n"):
        return ()
    return (Fault("bare-lf", f"LF without CR ends {shown(_without_end(response))}"),)


def _single(response: bytes) -> Reply:
    """One response on its own: a greeting, a continuation request, untagged data or a completion."""
    content, faults = _without_end(response), _line_faults(response)
    if content == b"+" or content.startswith(b"+ "):
        return Reply(response, "+", (decoded(content[2:]),), faults)
    if match := _UNTAGGED_STATUS.match(content):
        status = match[1].decode("ascii").upper()
        return Reply(response, status, (decoded(match[2] or b""),), faults, untagged=(content,))
    if content.startswith(b"* "):
        return Reply(response, "*", (decoded(content[2:]),), faults, untagged=(content,))
    if match := _TAGGED.match(content):
        tag, status = decoded(match[1]), match[2].decode("ascii").upper()
        return Reply(response, status, (decoded(match[3] or b""),), faults, tag=tag)
    fault = Fault("not-a-reply", f"expected a tag, * or +, got {shown(content)}")
    return Reply(response, "", (decoded(content),), (*faults, fault))


def reader(bounds: Bounds = BOUNDS) -> ImapReader:
    """A reader of IMAP responses."""
    return ImapReader(bounds)


def command(line: bytes) -> bytes:
    """The line as sent, its tag included by the caller."""
    return line + b"\r\n"


def content(message: bytes) -> bytes:
    """A literal's octets are sent as they are."""
    return message


def matches(pattern: str, status: str) -> bool:
    """Whether a status is the one that a suite names."""
    return pattern == status


def is_pattern(text: str) -> bool:
    """Whether a suite may write this behind S."""
    return text in STATUSES


DIALECT = Dialect(
    name="imap",
    port=143,
    reader=reader,
    command=command,
    content=content,
    matches=matches,
    is_pattern=is_pattern,
    unavailable=("BYE",),
    goodbye=b"z LOGOUT\r\n",
    rules=RULES,
)
