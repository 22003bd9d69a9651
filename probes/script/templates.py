"""Where in a step texts, regular expressions and contents stand, each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from .source import Path_
from .types import Content, Data, Expect, Octets, Step, Tls

At: TypeAlias = tuple[Path_, str]


def texts(step: Step) -> Iterator[At]:
    """Every text in which variables are replaced, regular expressions included."""
    if step.C is not None:
        yield from _each(("C",), step.C)
    for path, piece in raw_pieces(step):
        if isinstance(piece, Octets):
            yield (*path, "repeat"), piece.repeat or ""
            if isinstance(piece.chunk, str):
                yield (*path, "chunk"), piece.chunk
        else:
            yield path, piece
    for path, content in contents(step):
        if isinstance(content, Content):
            yield (*path, "text"), content.text or ""
            yield (*path, "header"), content.header
        else:
            yield path, content
    if isinstance(step.data, Data):
        yield from _of_data(step.data)
    if isinstance(step.tls, Tls):
        yield ("tls", "name"), step.tls.name
    yield from _of_mail(step)
    yield from patterns(step)


def _of_mail(step: Step) -> Iterator[At]:
    if step.delivered is not None:
        yield ("delivered", "marker"), step.delivered.marker
    if step.relayed is not None:
        yield from _each(("relayed", "to"), step.relayed.to)
        yield ("relayed", "marker"), step.relayed.marker


def _of_data(data: Data) -> Iterator[At]:
    yield ("data", "from"), data.from_
    yield ("data", "at"), data.at
    if isinstance(data.peer, str):
        yield ("data", "peer"), data.peer
    elif data.peer is not None:
        yield ("data", "peer", "host"), data.peer.host
        yield ("data", "peer", "port"), str(data.peer.port)


def patterns(step: Step) -> Iterator[At]:
    """Every regular expression."""
    if step.save:
        yield ("save",), step.save
    if isinstance(step.S, Expect):
        for key in ("text", "each_line", "code", "untagged", "body", "never"):
            yield from _each(("S", key), getattr(step.S, key))
    if isinstance(step.data, Data) and step.data.receive is not None:
        for key in ("text", "each_line", "never"):
            yield from _each(("data", "receive", key), getattr(step.data.receive, key))
    if step.delivered is not None:
        for key in ("text", "never"):
            yield from _each(("delivered", key), getattr(step.delivered, key))
    if step.relayed is not None:
        for key in ("commands", "never_commands", "text", "never"):
            yield from _each(("relayed", key), getattr(step.relayed, key))


def _each(path: Path_, value: str | list[str]) -> Iterator[At]:
    if isinstance(value, str):
        if value:
            yield path, value
    else:
        yield from (((*path, at), one) for at, one in enumerate(value))


def raw_pieces(step: Step) -> Iterator[tuple[Path_, str | Octets]]:
    """What a `raw` step is put together from."""
    if isinstance(step.raw, list):
        yield from ((("raw", at), piece) for at, piece in enumerate(step.raw))
    elif step.raw is not None:
        yield ("raw",), step.raw


def contents(step: Step) -> Iterator[tuple[Path_, str | Content]]:
    """Mails, literals, files, and chunks that are not given as text."""
    found: list[tuple[Path_, str | Content | None]] = [
        (("message",), step.message),
        (("literal",), step.literal),
    ]
    for path, piece in raw_pieces(step):
        if isinstance(piece, Octets) and isinstance(piece.chunk, Content):
            found.append(((*path, "chunk"), piece.chunk))
    if isinstance(step.data, Data):
        found.append((("data", "send"), step.data.send))
        if step.data.receive is not None:
            found.append((("data", "receive", "equals"), step.data.receive.equals))
    if step.delivered is not None:
        found.append((("delivered", "contains"), step.delivered.contains))
    if step.relayed is not None:
        found.append((("relayed", "ends_with"), step.relayed.ends_with))
    yield from ((path, content) for path, content in found if content is not None)
