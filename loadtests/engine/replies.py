"""SMTP replies for the load path: only the code matters, and the text where a reply is a refusal.

The probes judge grammar (plumbline.probes.protocols); here a reply is read as leniently as a sending
mail server would read it, bounded in size, as fast as Python can.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

LIMIT = 65_536  # octets of one reply, all lines together

_ONE = rb"(?:[2-5]\d\d-[^\n]*\n)*([2-5]\d\d)(?:[ \r][^\n]*)?\n"
_match = re.compile(_ONE).match
_continued = re.compile(rb"(?:[2-5]\d\d-[^\n]*\n)*").match


class Reply(NamedTuple):
    """A reply: its code and all of its octets."""

    code: int
    octets: bytes

    @property
    def good(self) -> bool:
        """2yz: done (RFC 5321, 4.2.1)."""
        return 200 <= self.code < 300

    @property
    def text(self) -> str:
        """Shown to people: the lines joined by spaces, without line ends."""
        return " ".join(self.octets.decode("latin-1").split())[:300]


class NotAReplyError(Exception):
    """The octets cannot be the beginning of any SMTP reply."""


class Replies:
    """Octets in, whole replies out."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now. Raises NotAReplyError; replies before the fault are lost."""
        data = self.rest + data if self.rest else data
        found, position = [], 0
        while match := _match(data, position):
            found.append(Reply(int(match[1]), match[0]))
            position = match.end()
        self.rest = data[position:]
        if self.rest:
            self._check(self.rest)
        return found

    def _check(self, rest: bytes) -> None:
        begun = _continued(rest)
        line = rest[begun.end() :] if begun else rest
        if b"\n" in line or not re.match(rb"(?:[2-5](?:\d(?:\d(?:[- \r].*)?)?)?)?\Z", line, re.DOTALL):
            raise NotAReplyError(f"no SMTP reply: {line[:80]!r}")
        if len(rest) > LIMIT:
            raise NotAReplyError(f"a reply of more than {LIMIT} octets: {rest[:80]!r}...")


_LINES = rb"(?:%b-[^\n]*\n)*%b[ \r][^\n]*\n"


def exactly(code: bytes, times: int = 1) -> Callable[[bytes], object]:
    """A test whether octets are exactly so many replies of this code, given as a pattern."""
    return re.compile(b"(?:%b){%d}" % (_LINES % (code, code), times)).fullmatch


def good_stream(recipients: int, ends: int) -> Callable[[bytes], re.Match[bytes] | None]:
    """A test whether octets begin with: 2yz (MAIL), 2yz for each RCPT, 250 for each `ends` (BDAT LAST)."""
    one, end = _LINES % (rb"2\d\d", rb"2\d\d"), _LINES % (b"250", b"250")
    return re.compile(b"(?:%b){%d}(?:%b){%d}" % (one, recipients + 1, end, ends)).match


def good_envelope(recipients: int, ends: int = 1) -> Callable[[bytes], object]:
    """A test whether octets are exactly: 250 for each `ends` (end of data), 2yz (MAIL), 2yz for each RCPT, 354."""
    end, one, data = (_LINES % (code, code) for code in (b"250", rb"2\d\d", b"354"))
    return re.compile(b"(?:%b){%d}(?:%b){%d}%b" % (end, ends, one, recipients + 1, data)).fullmatch
