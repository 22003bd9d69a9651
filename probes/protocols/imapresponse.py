"""Single IMAP responses, each whole with its literals (RFC 3501, 2.2.2, 4.3 and 9)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from plumbline.probes.protocols.base import Bounds, Endless, Fault
from plumbline.probes.protocols.octets import Octets, decoded, shown, without_line_end

_TAG = rb"[^\x00-\x20(){%*\"\\+\x7f-\xff]+"
_STATUS = re.compile(rb"(?:\*|" + _TAG + rb") (?:OK|NO|BAD|BYE|PREAUTH)(?= |\Z)", re.IGNORECASE)
_TAGGED = re.compile(rb"(" + _TAG + rb") (OK|NO|BAD)(?: (.*))?\Z", re.DOTALL | re.IGNORECASE)
_UNTAGGED = re.compile(rb"\* (OK|NO|BAD|BYE|PREAUTH)(?: (.*))?\Z", re.DOTALL | re.IGNORECASE)
_LITERAL = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}\Z")
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)

RULES = {
    "not-a-reply": "A response begins with a tag and OK, NO or BAD, or with * or + (RFC 3501, 2.2.2 and 7).",
    "separator": "Behind the + of a continuation request stands a space (RFC 3501, 9).",
    "bare-lf": "Lines end with CRLF (RFC 3501, 2.2).",
    "bare-cr": "Outside of literals CR is sent before LF only (RFC 3501, 9).",
    "nul": "NUL is sent in a literal8 only (RFC 3501, 9; RFC 3516, 4.1).",
    "literal-plus": "A server sends no {n+}: only clients have non-synchronizing literals (RFC 9051, 9).",
}


class _Part(Enum):
    """Where in a response its end so far is, as far as literals are concerned."""

    DATA = auto()  # literals may come
    CODE = auto()  # within the brackets of a response text code: as well
    TEXT = auto()  # for people: braces mean nothing


@dataclass(frozen=True, slots=True)
class Response:
    """One response.

    content: without the final CRLF; text: what is behind the status.
    tag: "" unless the response is a tagged one; status: as in Reply.
    """

    octets: bytes
    content: bytes
    tag: str
    status: str
    text: str
    faults: tuple[Fault, ...]

    @property
    def is_untagged(self) -> bool:
        return self.content.startswith(b"* ")


class ResponseReader:
    """Octets in; complete responses pile up in `responses`."""

    def __init__(self, bounds: Bounds) -> None:
        self.responses: deque[Response] = deque()
        self._bounds = bounds
        self._octets = Octets()
        self._parts: list[bytes] = []  # lines and literals of a response that is not complete
        self._size = 0  # octets in them
        self._place = _Part.DATA
        self._literal: int | None = None  # octets of the literal that comes next
        self._literal8 = False
        self._faults: dict[str, Fault] = {}

    def feed(self, data: bytes) -> None:
        """Take octets. Raises Endless."""
        self._octets.feed(data)
        while self._take_line() if self._literal is None else self._take_literal(self._literal):
            pass

    @property
    def unread(self) -> bytes:
        """All octets that came and are in no response taken out of `responses`."""
        return b"".join([*(done.octets for done in self.responses), *self._parts, bytes(self._octets)])

    def _take_literal(self, size: int) -> bool:
        """Raises Endless once more octets came, or are sure to come, than a response may have."""
        came = self._size + min(size, len(self._octets))
        taken = self._octets.take(size)
        if came > self._bounds.body:
            raise Endless("a response", came)
        if taken is None:
            return False
        if not self._literal8 and b"\0" in taken:
            self._note(Fault("nul", "NUL in a literal"))
        self._keep(taken)
        self._literal = None
        return True

    def _take_line(self) -> bool:
        line = self._octets.line(self._bounds.line)
        if line is None:
            return False
        content = without_line_end(line)
        if not self._parts:
            self._place = _first_place(content)
        self._note(*_line_faults(line, content))
        self._keep(line)
        if not self._announces_literal(content):
            self._complete()
        return True

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._bounds.body:
            raise Endless("a response", self._size)

    def _note(self, *faults: Fault) -> None:
        for fault in faults:
            self._faults.setdefault(fault.rule, fault)

    def _announces_literal(self, content: bytes) -> bool:
        if self._place is _Part.TEXT or not content.endswith(b"}"):
            return False
        unquoted = _QUOTED.sub(b"", content)
        if self._place is _Part.CODE and b"]" in unquoted:
            return False
        found = _LITERAL.search(unquoted)
        if found is None:
            return False
        if found[3]:
            self._note(Fault("literal-plus", f"literal announced by {shown(found[0])}"))
        self._literal8, self._literal = bool(found[1]), int(found[2])
        return True

    def _complete(self) -> None:
        octets, faults = b"".join(self._parts), tuple(self._faults.values())
        self._parts, self._size, self._faults = [], 0, {}
        self.responses.append(_read(octets, faults))


def _first_place(content: bytes) -> _Part:
    status = _STATUS.match(content)
    if status:
        return _Part.CODE if content[status.end() :].startswith(b" [") else _Part.TEXT
    return _Part.DATA if content.startswith(b"* ") else _Part.TEXT


def _line_faults(line: bytes, content: bytes) -> Iterator[Fault]:
    if not line.endswith(b"\r\n"):
        yield Fault("bare-lf", f"LF without CR ends {shown(content)}")
    if b"\r" in content:
        yield Fault("bare-cr", f"CR inside {shown(content)}")
    if b"\0" in content:
        yield Fault("nul", f"NUL in {shown(content)}")


def _read(octets: bytes, faults: tuple[Fault, ...]) -> Response:
    content = without_line_end(octets)
    if content == b"+":
        separator = Fault("separator", "nothing, not even a space, behind +")
        return Response(octets, content, "", "+", "", (*faults, separator))
    if content.startswith(b"+ "):
        return Response(octets, content, "", "+", decoded(content[2:]), faults)
    if found := _UNTAGGED.match(content):
        return Response(octets, content, "", _status(found[1]), decoded(found[2] or b""), faults)
    if content.startswith(b"* "):
        return Response(octets, content, "", "*", decoded(content[2:]), faults)
    if found := _TAGGED.match(content):
        tag, text = decoded(found[1]), decoded(found[3] or b"")
        return Response(octets, content, tag, _status(found[2]), text, faults)
    fault = Fault("not-a-reply", f"expected a tag with OK, NO or BAD, or * or +, got {shown(content)}")
    return Response(octets, content, "", "", decoded(content), (fault,))


def _status(word: bytes) -> str:
    return word.decode("ascii").upper()
