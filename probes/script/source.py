"""Strict YAML: JSON-like scalars, no surprises, and a line and column for everything.

PyYAML parses; the data is built here from its events, because YAML's own rules turn `no` into False and
`12:30` into 750. Unquoted null, true, false and decimal numbers mean what they say, all else is text.
"""

from __future__ import annotations

import codecs
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import yaml

Path_: TypeAlias = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_MOST_OCTETS = 4_000_000
_MOST_NODES = 500_000  # aliases followed, so that a short file cannot stand for a huge one
_MOST_DEPTH = 50
_LONGEST_NUMBER = 18  # characters; what is longer is an id or a joke, and stays text
_HINTS = {
    "mapping values are not allowed": "text that contains ': ' needs quotes",
    "found undefined alias": "text that begins with * needs quotes",
    "could not find expected ':'": "a key needs a colon and a space; text that ends here may need quotes",
}


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class SourceError(Exception):
    """Something in a file of ours is not as it must be. `text` is the file's content, for the caret."""

    def __init__(self, position: Position, message: str, text: str = "") -> None:
        super().__init__(f"{position}: {message}")
        self.position = position
        self.message = message
        self.text = text

    @property
    def file(self) -> str:
        return self.position.file

    @property
    def line(self) -> int:
        return self.position.line

    @property
    def column(self) -> int:
        return self.position.column

    def pretty(self) -> str:
        """The message, with the line it is about and a caret under the place."""
        lines = _LINE_END.split(self.text)
        if not self.text or not 0 < self.line <= len(lines):
            return str(self)
        line, column = _window(lines[self.line - 1].replace("\t", " "), self.column)
        return f"{self}\n    {line}\n    {' ' * (column - 1)}^"


class SuiteErrors(Exception):
    """All that is wrong with a file, sorted by line, every message once."""

    def __init__(self, errors: Iterable[SourceError]) -> None:
        once = {str(error): error for error in errors}.values()  # rows of a matrix share their lines
        self.errors = sorted(once, key=lambda error: (error.file, error.line, error.column))
        super().__init__("\n".join(str(error) for error in self.errors))


def _window(line: str, column: int, width: int = 100) -> tuple[str, int]:
    """The part of a long line around a column, and the column within that part."""
    shown = "".join(char if char.isprintable() else "?" for char in line)
    if len(shown) <= width:
        return shown, column
    start = max(0, column - width // 2)
    head = "..." if start else ""
    return f"{head}{shown[start : start + width]}...", column - start + len(head)


@dataclass(slots=True)
class Spot:
    """Where a node stands; `key` is where its key does; `inner` are the spots of what it holds."""

    line: int
    column: int
    end: int = 0  # the last line of a mapping or list
    inner: Any = None  # dict[str, Spot] or list[Spot]
    key: tuple[int, int] | None = None
    size: int = 1  # nodes, aliases followed


@dataclass(slots=True)
class Document:
    """Plain data, with the place of every node."""

    name: str
    text: str
    tree: Any = None
    spot: Spot = field(default_factory=lambda: Spot(1, 1))
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = _LINE_END.split(self.text)

    def _spots(self, path: Path_) -> Iterator[Spot]:
        """The spots from the root to a node, or to the nearest one around it."""
        spot = self.spot
        yield spot
        for key in path:
            try:
                spot = spot.inner[key]
            except (KeyError, IndexError, TypeError):
                return
            yield spot

    def __contains__(self, path: Path_) -> bool:
        return sum(1 for _ in self._spots(path)) == len(path) + 1

    def where(self, path: Path_, *, key: bool = False) -> Position:
        """The place of a node, or of the nearest one around it. With `key`, of its key.

        For a mapping or list under a key it is always the key: that is where people look.
        """
        *_, spot = self._spots(path)
        if spot.key is not None and (key or spot.inner is not None):
            return Position(self.name, *spot.key)
        return Position(self.name, spot.line, spot.column)

    def error(self, path: Path_, message: str, *, key: bool = False) -> SourceError:
        """An error at that place."""
        return SourceError(self.where(path, key=key), message, self.text)

    def snippet(self, path: Path_) -> str:
        """The lines of a node as written, dedented, comments that follow it left out."""
        *_, spot = self._spots(path)
        kept = self.lines[spot.line - 1 : max(spot.end, spot.line)]
        while kept and (not kept[-1].strip() or kept[-1].lstrip().startswith("#")):
            kept.pop()
        return textwrap.dedent("\n".join(kept))


def read(path: Path, name: str = "") -> Document:
    """Parse a file. Raises SourceError, also for a file that cannot be read or is no UTF-8."""
    name = name or str(path)
    try:
        with path.open("rb") as file:
            octets = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise SourceError(Position(name, 1, 1), f"cannot read this file: {error.strerror}") from None
    except ValueError as error:  # a NUL in the name
        raise SourceError(Position(name, 1, 1), f"cannot read this file: {error}") from None
    return parse(_decoded(octets, name), name)


def _decoded(octets: bytes, name: str) -> str:
    if len(octets) > _MOST_OCTETS:
        message = f"too large: a file may have {_MOST_OCTETS // 1_000_000} MB; split it"
        raise SourceError(Position(name, 1, 1), message)
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError(Position(name, 1, 1), "this is UTF-16; save the file as UTF-8")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = octets[: error.start].removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
        lines = _LINE_END.split(before)
        place = Position(name, len(lines), len(lines[-1]) + 1)
        message = f"not UTF-8: octet {octets[error.start]:02x}; save the file as UTF-8"
        raise SourceError(place, message, octets.decode("utf-8", "replace")) from None


def parse(text: str, name: str) -> Document:
    """Parse one YAML document. Raises SourceError."""
    text = text.removeprefix("\ufeff")
    if bad := _FORBIDDEN.search(text):
        lines = _LINE_END.split(text[: bad.start()])
        message = (
            f'the character U+{ord(bad[0]):04X} may not stand here; "\\x.." in double quotes can mean it'
        )
        raise SourceError(Position(name, len(lines), len(lines[-1]) + 1), message, text)
    document = Document(name, text)
    try:
        _Builder(document).build()
    except yaml.MarkedYAMLError as error:
        raise _explained(error, document) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SourceError(Position(name, 1, 1), f"not YAML: {str(error).splitlines()[0]}", text) from None
    return document


def _explained(error: yaml.MarkedYAMLError, document: Document) -> SourceError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or error.context or "not YAML"
    hint = next((hint for start, hint in _HINTS.items() if problem.startswith(start)), "")
    lines = document.lines
    if line > len(lines) or (line > 1 and not "".join(lines[line - 1 :]).strip()):
        line, column = _end(lines)
    elif lines[line - 1][column - 1 : column] == "\t":
        hint = "this is a tab; YAML indents with spaces"
    message = f"not YAML: {problem}" + (f" ({hint})" if hint else "")
    return SourceError(Position(document.name, line, column), message, document.text)


def _end(lines: list[str]) -> tuple[int, int]:
    """The end of the last line that has something on it."""
    last = max((at for at, line in enumerate(lines) if line.strip()), default=0)
    return last + 1, len(lines[last]) + 1


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is still open."""

    value: Any
    spot: Spot
    anchor: str | None
    key: str | None = None
    key_at: tuple[int, int] | None = None


class _Builder:
    """Data and spots from events, without recursion."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.frames: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, Spot]] = {}
        self.documents = 0

    def build(self) -> None:
        loader = _LOADER(self.document.text + "\n")  # so that every block ends on a line of its own
        try:
            while True:
                event = loader.get_event()
                if event is None or type(event) is yaml.StreamEndEvent:
                    break
                self._take(event)
        finally:
            loader.dispose()
        if not self.documents:
            raise SourceError(Position(self.document.name, 1, 1), "the file is empty", self.document.text)

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, {}, {})
            case yaml.SequenceStartEvent():
                self._open(event, [], [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._fail(event, "a second document starts here; a file holds one")

    def _fail(self, event: Any, message: str) -> NoReturn:
        mark = event.start_mark
        place = Position(self.document.name, mark.line + 1, mark.column + 1)
        raise SourceError(place, message, self.document.text)

    def _scalar(self, event: Any) -> None:
        if event.tag is not None:
            self._fail(event, f"tags such as {event.tag} are not supported")
        frame = self.frames[-1] if self.frames else None
        if frame is not None and type(frame.value) is dict and frame.key is None:
            self._key(frame, event)
            return
        value = event.value if event.style else scalar(event.value)
        mark = event.start_mark
        self._place(event, value, Spot(mark.line + 1, mark.column + 1), event.anchor)

    def _key(self, frame: _Frame, event: Any) -> None:
        key: str = event.value
        if not event.style and key == "<<":
            self._fail(event, "merge keys (<<) are not supported")
        if not event.style and not isinstance(scalar(key), str):
            self._fail(event, f"a key must be text; write it in quotes: {key or 'nothing'!r}")
        if key in frame.value:
            first = frame.spot.inner[key].key[0]
            self._fail(event, f"the key {key!r} stands here twice, first on line {first}")
        if event.anchor is not None:
            self._fail(event, "a key cannot have an anchor")
        frame.key, frame.key_at = key, (event.start_mark.line + 1, event.start_mark.column + 1)

    def _open(self, event: Any, value: Any, inner: Any) -> None:
        if event.tag is not None:
            self._fail(event, f"tags such as {event.tag} are not supported")
        if self.frames and type(self.frames[-1].value) is dict and self.frames[-1].key is None:
            self._fail(event, "a key must be text; write text that begins with [ or { in quotes")
        if len(self.frames) >= _MOST_DEPTH:
            self._fail(event, f"nested more than {_MOST_DEPTH} deep")
        mark = event.start_mark
        self.frames.append(
            _Frame(value, Spot(mark.line + 1, mark.column + 1, 0, inner), event.anchor),
        )

    def _close(self, event: Any) -> None:
        frame = self.frames.pop()
        mark = event.end_mark
        bracket = event.start_mark.index != mark.index  # else the next token stands here
        frame.spot.end = mark.line + 1 if bracket else mark.line
        self._place(event, frame.value, frame.spot, frame.anchor)

    def _alias(self, event: Any) -> None:
        if any(frame.anchor == event.anchor for frame in self.frames):
            self._fail(event, f"the alias *{event.anchor} stands within what it means")
        if event.anchor not in self.anchors:
            self._fail(event, f"nothing is called &{event.anchor}; text that begins with * needs quotes")
        if self.frames and type(self.frames[-1].value) is dict and self.frames[-1].key is None:
            self._fail(event, "a key cannot be an alias")
        value, spot = self.anchors[event.anchor]
        copy = Spot(spot.line, spot.column, spot.end, spot.inner, None, spot.size)
        self._place(event, value, copy, None)

    def _place(self, event: Any, value: Any, spot: Spot, anchor: str | None) -> None:
        """Put a finished node into what is open around it."""
        if anchor is not None:
            self.anchors[anchor] = value, spot
        if not self.frames:
            self.document.tree, self.document.spot = value, spot
            return
        frame = self.frames[-1]
        frame.spot.size += spot.size
        if frame.spot.size > _MOST_NODES:
            self._fail(event, f"more than {_MOST_NODES} nodes, aliases followed; split the file")
        if frame.key is None:
            frame.value.append(value)
            frame.spot.inner.append(spot)
            return
        spot.key = frame.key_at
        frame.value[frame.key], frame.spot.inner[frame.key] = value, spot
        frame.key = None


def scalar(text: str) -> object:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _LONGEST_NUMBER:
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
