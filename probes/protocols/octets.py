"""Octets that came and were not taken yet; each is looked at once, however small the segments were."""

from __future__ import annotations

import re

from plumbline.probes.protocols.base import Endless


class Octets:
    """A queue of octets that lines, counted octets and bodies are taken from."""

    __slots__ = ("_data", "_matched", "_searched")

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0  # no LF before this index
        self._matched = 0  # no end of body begins before this index

    def __len__(self) -> int:
        return len(self._data)

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def feed(self, data: bytes) -> None:
        self._data += data

    def take(self, count: int) -> bytes | None:
        """Exactly `count` octets, or None while some are missing."""
        if len(self._data) < count:
            return None
        with memoryview(self._data) as view:
            taken = bytes(view[:count])
        del self._data[:count]
        self._searched = self._matched = 0
        return taken

    def line(self, limit: int) -> bytes | None:
        """All octets through the next LF, or None. Raises Endless for a line above `limit` octets."""
        end = self._data.find(b"\n", self._searched) + 1
        if (end or len(self._data)) > limit:
            raise Endless("a line", end or len(self._data))
        if end:
            return self.take(end)
        self._searched = len(self._data)
        return None

    def through(self, end: re.Pattern[bytes], longest: int, limit: int) -> bytes | None:
        """All octets through a match of `end`, which is at most `longest` octets, or None.

        Raises Endless where that would be more than `limit` octets.
        """
        found = end.search(self._data, self._matched)
        size = found.end() if found else len(self._data)
        if size > limit:
            raise Endless("a body", size)
        if found:
            return self.take(size)
        self._matched = max(0, size - longest + 1)
        return None


def without_line_end(line: bytes) -> bytes:
    """The line without its CRLF or lone LF."""
    return line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")


def decoded(octets: bytes) -> str:
    """As UTF-8; octets that are none become lone surrogates."""
    return octets.decode("utf-8", "surrogateescape")


def shown(octets: bytes, limit: int = 60) -> str:
    """Octets for a message to people: escaped, cut."""
    cut = octets[:limit]
    return ascii(cut)[1:] + ("..." if len(octets) > limit else "")
