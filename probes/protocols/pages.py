"""Page structure: files with holes, as pages with a header each (RFC 959, 3.1.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from plumbline.probes.protocols.modes import Malformed

LAST, SIMPLE, DESCRIPTOR, CONTROLLED = 0, 1, 2, 3  # page types
_HEADER = 4  # fields of the shortest header
_MOST = 512  # logical bytes of a page that we make, where its length can be told in one byte


@dataclass(frozen=True, slots=True)
class Page:
    """A page. `extra` are the optional header fields: of an access controlled page, the access control."""

    index: int
    data: bytes = b""
    kind: int = SIMPLE
    extra: tuple[int, ...] = ()


def cut(content: bytes, byte_size: int) -> Iterator[Page]:
    """Content as simple pages in order, and the last page."""
    width = _width(byte_size)
    step = min(_MOST, 2**byte_size - 1) * width
    places = range(0, len(content), step)
    for index, start in enumerate(places):
        yield Page(index, content[start : start + step])
    yield Page(len(places), kind=LAST)


def encode(pages: Iterable[Page], byte_size: int) -> bytes:
    """Pages as octets; every header field is one logical byte. Raises ValueError."""
    width, out = _width(byte_size), b""
    for page in pages:
        count, odd = divmod(len(page.data), width)
        if odd:
            raise ValueError(f"{len(page.data)} octets are no whole number of bytes of {byte_size} bits")
        fields = (_HEADER + len(page.extra), page.index, count, page.kind, *page.extra)
        out += b"".join(field.to_bytes(width, "big") for field in fields) + page.data
    return out


def decode(octets: bytes, byte_size: int) -> list[Page]:
    """All pages up to the last one. Raises Malformed."""
    width, at, pages = _width(byte_size), 0, list[Page]()
    while not (pages and pages[-1].kind == LAST):
        page, at = _page(octets, at, width)
        pages.append(page)
    if at != len(octets):
        raise Malformed(f"{len(octets) - at} octets behind the last page")
    return pages


def _page(octets: bytes, at: int, width: int) -> tuple[Page, int]:
    fields = [_field(octets, at + number * width, width) for number in range(_HEADER)]
    header, index, count, kind = fields
    if kind > CONTROLLED:
        raise Malformed(f"page {index} is of the type {kind}; 0 to 3 are defined")
    if header < _HEADER or (kind == LAST and (header, count) != (_HEADER, 0)):
        raise Malformed(f"page {index} of type {kind} with a header of {header} and {count} bytes of data")
    extra = tuple(_field(octets, at + number * width, width) for number in range(_HEADER, header))
    start = at + header * width
    end = start + count * width
    if end > len(octets):
        raise Malformed(f"page {index} promises {count} bytes and ends before")
    return Page(index, octets[start:end], kind, extra), end


def _field(octets: bytes, at: int, width: int) -> int:
    if at + width > len(octets):
        raise Malformed("the data end within a page header, or without a last page")
    return int.from_bytes(octets[at : at + width], "big")


def _width(byte_size: int) -> int:
    """Octets of a logical byte. Raises ValueError."""
    width, odd = divmod(byte_size, 8)
    if odd or not width:
        raise ValueError(f"pages of {byte_size}-bit bytes: only whole octets are supported")
    return width
