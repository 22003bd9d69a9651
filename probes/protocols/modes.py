"""FTP's transmission modes: what a transfer looks like on the data connection (RFC 959, 3.4).

Stream mode sends octets as they are, and with record structure marks the ends of records and of the file behind
an escape octet; block mode puts three octets before each block; compressed mode codes runs of octets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

_EOR, _EOF, _SUSPECT, _MARKER = 128, 64, 32, 16  # descriptor codes (3.4.2)
_ESCAPE = 0xFF  # of stream mode with record structure (3.4.1)
_BLOCK = 65_535  # octets of the largest block
_STRING, _RUN = 127, 63  # octets of the longest string and run of compressed mode (3.4.3)
_NO_FILLER = b"\xc0"
_RUNS = re.compile(rb"(.)\1{2,%d}" % (_RUN - 1), re.DOTALL)


class Malformed(ValueError):
    """Octets that are no data of the mode; or the end came too soon."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Octets that belong together, and what is said of them.

    eor, eof: a record, the file ends behind them. suspect: the sender doubts them (they are data all the same).
    marker: no data, but the name of a place to restart from.
    """

    data: bytes = b""
    eor: bool = False
    eof: bool = False
    suspect: bool = False
    marker: bool = False

    @property
    def descriptor(self) -> int:
        flags = ((self.eor, _EOR), (self.eof, _EOF), (self.suspect, _SUSPECT), (self.marker, _MARKER))
        return sum(code for given, code in flags if given)


def unit(data: bytes, descriptor: int) -> Unit:
    """A unit with the flags of a descriptor. Raises Malformed for a code that nobody has defined."""
    if descriptor & 15:
        raise Malformed(f"a descriptor of {descriptor:#04x}: no code but 80, 40, 20 and 10 is defined")
    flags = (bool(descriptor & code) for code in (_EOR, _EOF, _SUSPECT, _MARKER))
    return Unit(data, *flags)


def encode_stream(units: Iterable[Unit], *, records: bool) -> bytes:
    """Stream mode. The end of a file without records is the close, and shows nowhere in the octets."""
    if not records:
        return b"".join(one.data for one in units)
    return b"".join(one.data.replace(b"\xff", b"\xff\xff") + _stream_mark(one) for one in units)


def _stream_mark(one: Unit) -> bytes:
    mark = one.eor + 2 * one.eof
    return bytes((_ESCAPE, mark)) if mark else b""


def encode_blocks(units: Iterable[Unit]) -> bytes:
    """Block mode; what is longer than a block goes into several, and its flags stand with the last one."""
    return b"".join(
        bytes((piece.descriptor,)) + len(piece.data).to_bytes(2, "big") + piece.data
        for one in units
        for piece in _pieces(one)
    )


def _pieces(one: Unit) -> Iterator[Unit]:
    starts = range(0, len(one.data), _BLOCK) or (0,)
    for start in starts:
        last = start == starts[-1]
        yield replace(
            one,
            data=one.data[start : start + _BLOCK],
            eor=one.eor and last,
            eof=one.eof and last,
        )


def encode_compressed(units: Iterable[Unit], filler: int) -> bytes:
    """Compressed mode; the flags of a unit stand before its last string.

    A unit of no octets gets a filler of none, lest its flags be taken for those of the next string; where
    nothing follows, the flags stand alone. A marker is a string of its own, so of 127 octets at most.
    """
    out = bytearray()
    for one in units:
        strings = list(_literals(one.data)) if one.marker else _strings(one.data, filler)
        *before, last = strings or ([b""] if one.eof else [_NO_FILLER])
        flags = bytes((0, one.descriptor)) if one.descriptor else b""
        out += b"".join(before) + flags + last
    return bytes(out)


def _strings(data: bytes, filler: int) -> list[bytes]:
    """Literal strings, and runs of three octets or more."""
    end, found = 0, list[bytes]()
    for run in _RUNS.finditer(data):
        found += _literals(data[end : run.start()])
        end, octet = run.end(), run[1][0]
        length = run.end() - run.start()
        found.append(bytes((0xC0 | length,)) if octet == filler else bytes((0x80 | length, octet)))
    return [*found, *_literals(data[end:])]


def _literals(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _STRING):
        piece = data[start : start + _STRING]
        yield bytes((len(piece),)) + piece


class Decoder(Protocol):
    """Octets in, in any pieces; units out. `done` once the end of the file was marked; `size`: octets so far."""

    units: list[Unit]
    done: bool

    @property
    def size(self) -> int: ...

    @property
    def rest(self) -> bytes:
        """Octets that came behind the end of the file."""

    def feed(self, data: bytes) -> None:
        """Raises Malformed."""

    def close(self) -> None:
        """The peer has closed. Raises Malformed where the file had not ended before."""


class _Framed:
    """What the decoders share: octets that wait for more, and the units so far."""

    what = "the file"

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.done = False
        self.size = 0
        self._octets = bytearray()

    @property
    def rest(self) -> bytes:
        return bytes(self._octets) if self.done else b""

    def feed(self, data: bytes) -> None:
        self._octets += data
        taken = 0
        while not self.done and (more := self.step(taken)):
            taken += more
        del self._octets[:taken]

    def step(self, at: int) -> int:
        """Understand what begins there: how many octets it took, 0 where some are missing. Raises Malformed."""
        raise NotImplementedError

    def close(self) -> None:
        if not self.done:
            raise Malformed(f"the connection was closed before the end of {self.what} was marked")

    def add(self, one: Unit) -> None:
        self.units.append(one)
        self.size += 0 if one.marker else len(one.data)
        self.done = one.eof


class Plain:
    """Stream mode with file structure: the close is the end of the file."""

    rest = b""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.done = False
        self._octets = bytearray()

    @property
    def size(self) -> int:
        return len(self._octets)

    def feed(self, data: bytes) -> None:
        self._octets += data

    def close(self) -> None:
        self.done = True
        self.units = [Unit(bytes(self._octets), eof=True)]


class Records(_Framed):
    """Stream mode with record structure. Data without an end of record before the end of the file are a record."""

    _ONE = re.compile(rb"((?:[^\xff]++|\xff\xff)*+)(?:\xff([^\xff]))?", re.DOTALL)

    def __init__(self) -> None:
        super().__init__()
        self._record = bytearray()

    def step(self, at: int) -> int:
        found = self._ONE.match(self._octets, at)
        if found is None or found.end() == at:
            return 0
        self._record += found[1].replace(b"\xff\xff", b"\xff")
        if found[2]:
            self._mark(found[2][0])
        return found.end() - at

    def _mark(self, code: int) -> None:
        if code not in (1, 2, 3):
            raise Malformed(f"FF {code:02X} in a stream of records: FF is followed by 01, 02, 03 or FF")
        data = bytes(self._record)
        self._record.clear()
        self.add(Unit(data, eor=bool(code & 1), eof=bool(code & 2)))


class Blocks(_Framed):
    """Block mode."""

    def step(self, at: int) -> int:
        if len(self._octets) - at < 3:
            return 0
        count = int.from_bytes(self._octets[at + 1 : at + 3], "big")
        if len(self._octets) - at < 3 + count:
            return 0
        self.add(unit(bytes(self._octets[at + 3 : at + 3 + count]), self._octets[at]))
        return 3 + count


class Compressed(_Framed):
    """Compressed mode. A descriptor without a string behind it, at the end or before another one, is for no octets."""

    def __init__(self, filler: int) -> None:
        super().__init__()
        self._filler = bytes((filler,))
        self._descriptor = 0

    def step(self, at: int) -> int:
        if len(self._octets) - at < 1:
            return 0
        head = self._octets[at]
        length, string = self._length(head), b""
        if len(self._octets) - at < length:
            return 0
        match head >> 6:
            case 3:
                string = self._filler * (head & _RUN)
            case 2:
                string = bytes(self._octets[at + 1 : at + 2]) * (head & _RUN)
            case _ if head:
                string = bytes(self._octets[at + 1 : at + length])
            case _:
                self._escape(self._octets[at + 1])
                return length
        self._string(string)
        return length

    @staticmethod
    def _length(head: int) -> int:
        """Octets of what begins with this one."""
        if head == 0 or head >> 6 == 2:
            return 2
        return 1 if head >> 6 == 3 else 1 + head

    def _string(self, string: bytes) -> None:
        self.add(unit(string, self._descriptor))
        self._descriptor = 0

    def _escape(self, descriptor: int) -> None:
        unit(b"", descriptor)
        if self._descriptor:
            self._string(b"")
        if not self.done:
            self._descriptor = descriptor

    def close(self) -> None:
        if self._descriptor and not self._octets:
            self._string(b"")
        super().close()


def decoder(mode: str, *, records: bool, filler: int) -> Decoder:
    """The decoder of a mode: S, B or C."""
    choice: dict[str, Callable[[], Decoder]] = {
        "S": Records if records else Plain,
        "B": Blocks,
        "C": lambda: Compressed(filler),
    }
    return choice[mode]()
