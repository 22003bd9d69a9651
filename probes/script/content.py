"""Octets made from what a step says: command lines, raw pieces, mails, files, segments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from .expand import expand, octets, seconds
from .types import Content, Octets, Segments

_LINE_END = re.compile(r"\r\n|\n|\r")
_TEXT_LINE = b"The quick brown fox jumps over the lazy dog, 0123456789, again and again.\r\n"


def encode(text: str) -> bytes:
    """Text as UTF-8; octets that were captured from the wire and are no UTF-8 come back as they were."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """The reverse of `encode`."""
    return data.decode("utf-8", "surrogateescape")


def raw_octets(raw: str | Octets | Sequence[str | Octets], variables: Mapping[str, str]) -> bytes:
    """What a `raw` step sends."""
    match raw:
        case str():
            return encode(expand(raw, variables))
        case Octets():
            return _piece(raw, variables)
        case _:
            return b"".join(raw_octets(piece, variables) for piece in raw)


def _piece(piece: Octets, variables: Mapping[str, str]) -> bytes:
    if piece.chunk is not None:
        return _chunk(piece.chunk, last=piece.last, variables=variables)
    if piece.hex is not None:
        return bytes.fromhex(piece.hex) * piece.times
    return encode(expand(piece.repeat or "", variables)) * piece.times


def _chunk(chunk: str | Content, *, last: bool, variables: Mapping[str, str]) -> bytes:
    """A BDAT command and its chunk (RFC 3030 section 2). Text is as written: chunks may end within a line."""
    data = encode(expand(chunk, variables)) if isinstance(chunk, str) else content_octets(chunk, variables)
    return b"BDAT %d%s\r\n%s" % (len(data), b" LAST" if last else b"", data)


def content_octets(content: str | Content, variables: Mapping[str, str]) -> bytes:
    """What a description of content stands for, before any stuffing."""
    if isinstance(content, str):
        content = Content(text=content)
    return _whole(content, variables)[octets(content.drop) :]


def _whole(content: Content, variables: Mapping[str, str]) -> bytes:
    if content.hex is not None:
        return bytes.fromhex(content.hex)
    if content.size is not None:
        header = encode(_LINE_END.sub("\r\n", expand(content.header, variables)))
        return header + _generated(octets(content.size), content.kind)
    text = expand(content.text or "", variables)
    return encode(text if content.exact else _LINE_END.sub("\r\n", text))


def _generated(size: int, kind: str) -> bytes:
    if kind == "binary":
        return (bytes(range(256)) * (size // 256 + 1))[:size]
    lines = (_TEXT_LINE * (size // len(_TEXT_LINE) + 1))[: max(size - 2, 0)]
    return (lines.rstrip(b"\r\n").ljust(max(size - 2, 0), b".") + b"\r\n")[:size]


_PAUSE = 0.003  # seconds between segments: without it the peer may read several at once
_EDGE = 256  # of a large write only so many places at each end: a message of 1 MB would be a million segments


def cut(data: bytes, segments: str | Segments | None) -> Iterator[tuple[bytes, float]]:
    """The segments of a write, each with the pause in seconds that follows it."""
    pause = seconds(segments.pause) if isinstance(segments, Segments) else _PAUSE
    places = [0, *_places(data, segments), len(data)]
    for start, end in pairwise(places):
        if start < end:
            yield data[start:end], pause if end < len(data) else 0.0


def _places(data: bytes, segments: str | Segments | None) -> list[int]:
    match segments:
        case None | "" | "whole":
            return []
        case "octets":
            return _edges(range(1, len(data)))
        case "lines":
            return _edges([match.end() for match in re.finditer(rb"\n", data)])
        case "cr-lf":
            return _edges([match.start() + 1 for match in re.finditer(rb"\r\n", data)])
        case Segments(every=int() as every):
            return list(range(every, len(data), every))
        case Segments():
            return sorted(place for place in segments.at if 0 < place < len(data))
        case _:
            raise ValueError(f"segments: {segments!r} is not octets, lines, cr-lf, whole or a mapping")


def _edges(places: Sequence[int]) -> list[int]:
    return list(places) if len(places) <= 2 * _EDGE else [*places[:_EDGE], *places[-_EDGE:]]
