"""A file as TYPE, STRU and MODE put it on the data connection, and back (RFC 959, 3.1 and 3.4).

Content is what people write: text in ASCII and EBCDIC type has lines that end in CRLF, whatever the wire has.
With record structure every line of text is a record; in image and local type the whole content is one.
Local type is contiguous bits, so for us the same as image, whatever the size of the logical byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from plumbline.probes.protocols import modes, pages
from plumbline.probes.protocols.modes import Malformed, Unit
from plumbline.probes.protocols.parameters import Parameters

_CODE_PAGE = "cp037"  # of EBCDIC; the pages differ in a few signs, not in letters and digits
_NEW_LINE = "\x85"  # what Python calls EBCDIC's NL, 15 in hexadecimal
_SPACE, _EBCDIC_SPACE = 0x20, 0x40


def filler(parameters: Parameters) -> int:
    """The filler of compressed mode (3.4.3)."""
    return {"A": _SPACE, "E": _EBCDIC_SPACE}.get(parameters.type, 0)


def to_ebcdic(text: bytes) -> bytes:
    """NVT-ASCII, 8 bits, to EBCDIC: CRLF becomes NL. 85, which means NL itself, does not come back."""
    return text.decode("latin-1").replace("\r\n", _NEW_LINE).encode(_CODE_PAGE)


def from_ebcdic(octets: bytes) -> bytes:
    """The reverse."""
    return octets.decode(_CODE_PAGE).replace(_NEW_LINE, "\r\n").encode("latin-1")


def encode(content: bytes, parameters: Parameters, *, mark_every: int = 0) -> bytes:
    """The octets that a sender writes. In stream mode the close is still to come.

    mark_every: in block and compressed mode, a restart marker behind so many octets of the file: their number.
    Raises ValueError where page structure cannot have bytes of that size.
    """
    units = list(_units(content, parameters))
    if mark_every and parameters.mode != "S":
        units = list(_marked(units, mark_every))
    match parameters.mode:
        case "B":
            return modes.encode_blocks(units)
        case "C":
            return modes.encode_compressed(units, filler(parameters))
        case _:
            return modes.encode_stream(units, records=parameters.structure == "R")


def _units(content: bytes, parameters: Parameters) -> Iterator[Unit]:
    match parameters.structure:
        case "R":
            records = [Unit(_typed(record, parameters), eor=True) for record in _records(content, parameters)]
            yield from (*records[:-1], replace(records[-1], eof=True)) if records else (Unit(eof=True),)
        case "P":
            paged = pages.cut(_typed(content, parameters), parameters.byte_size)
            yield Unit(pages.encode(paged, parameters.byte_size), eof=True)
        case _:
            yield Unit(_typed(content, parameters), eof=True)


def _records(content: bytes, parameters: Parameters) -> list[bytes]:
    if not content:
        return []
    return content.removesuffix(b"\r\n").split(b"\r\n") if parameters.is_text else [content]


def _typed(content: bytes, parameters: Parameters) -> bytes:
    return to_ebcdic(content) if parameters.type == "E" else content


def _marked(units: Iterable[Unit], every: int) -> Iterator[Unit]:
    """Restart markers between the octets. A marker is printable and without space (3.4.2)."""
    count = 0
    for one in units:
        rest = one.data
        while len(rest) > (room := every - count % every):
            yield Unit(rest[:room])
            rest, count = rest[room:], count + room
            yield Unit(b"%06d" % count, marker=True)
        count += len(rest)
        yield replace(one, data=rest)


class Decoding:
    """A transfer that comes in. `done` when it has ended; octets behind its end are in `rest`."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._decoder = modes.decoder(
            parameters.mode, records=parameters.structure == "R", filler=filler(parameters)
        )

    @property
    def done(self) -> bool:
        return self._decoder.done

    @property
    def rest(self) -> bytes:
        return self._decoder.rest

    @property
    def size(self) -> int:
        """Octets so far; in compressed mode they can be many times those of the wire."""
        return self._decoder.size

    def feed(self, data: bytes) -> None:
        """Raises Malformed."""
        self._decoder.feed(data)

    def close(self) -> None:
        """The peer has closed. Raises Malformed where that is not the end of the file."""
        if not self.done:
            self._decoder.close()

    @property
    def places(self) -> list[tuple[str, int]]:
        """The restart markers that came, each with the number of octets before it."""
        found, count = list[tuple[str, int]](), 0
        for one in self._decoder.units:
            if one.marker:
                found.append((one.data.decode("latin-1"), count))
            else:
                count += len(one.data)
        return found

    @property
    def markers(self) -> list[str]:
        """The restart markers that came."""
        return [marker for marker, _ in self.places]

    @property
    def records(self) -> list[bytes]:
        """The records, in EBCDIC type as ASCII. Octets behind the last end of record are a record as well."""
        found, current = list[bytes](), bytearray()
        for one in self._data():
            current += one.data
            if one.eor or (one.eof and current):
                found.append(self._plain(bytes(current)))
                current.clear()
        return found

    def content(self) -> bytes:
        """The file. Raises Malformed."""
        if self._parameters.structure == "R":
            end = b"\r\n" if self._parameters.is_text else b""
            return b"".join(record + end for record in self.records)
        octets = b"".join(one.data for one in self._data())
        if self._parameters.structure == "P":
            octets = b"".join(page.data for page in pages.decode(octets, self._parameters.byte_size))
        return self._plain(octets)

    def _data(self) -> Iterator[Unit]:
        return (one for one in self._decoder.units if not one.marker)

    def _plain(self, octets: bytes) -> bytes:
        return from_ebcdic(octets) if self._parameters.type == "E" else octets


__all__ = ["Decoding", "Malformed", "encode", "filler", "from_ebcdic", "to_ebcdic"]
