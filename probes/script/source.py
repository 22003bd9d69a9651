"""Strict YAML: JSON-like scalars, no surprises, and a line and column for everything.

PyYAML parses; the data is built here from its nodes, because YAML's own rules turn `no` into False and
`12:30` into 750. Unquoted null, true, false and decimal numbers mean what they say, all else is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Path_: TypeAlias = tuple[str | int, ...]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}
_MOST_OCTETS = 10_000_000
_MOST_NODES = 1_000_000


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

    def pretty(self) -> str:
        """The message, with the line it is about and a caret under the place."""
        lines = self.text.splitlines()
        if not 0 < self.position.line <= len(lines):
            return str(self)
        line = lines[self.position.line - 1].replace("\t", " ")
        return f"{self}\n    {line}\n    {' ' * (self.position.column - 1)}^"


@dataclass(slots=True)
class Document:
    """Plain data, with the place of every node."""

    name: str
    text: str
    tree: Any = None
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def where(self, path: Path_) -> Position:
        """The place of a node, or of the nearest one around it."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return Position(self.name, line, column)

    def error(self, path: Path_, message: str) -> SourceError:
        """An error at that place."""
        return SourceError(self.where(path), message, self.text)

    def lines(self, path: Path_, end: Path_ | None) -> str:
        """The text from a node up to another, dedented."""
        start = self.where(path).line - 1
        stop = self.where(end).line - 1 if end is not None else None
        kept = self.text.splitlines()[start:stop]
        while kept and (not kept[-1].strip() or kept[-1].lstrip().startswith("#")):
            kept.pop()
        return "\n".join(kept)


def read(path: Path, name: str = "") -> Document:
    """Parse a file. Raises SourceError, also for a file that cannot be read or is no UTF-8."""
    name = name or str(path)
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise SourceError(Position(name, 1, 1), f"cannot read this file: {error.strerror}") from None
    if len(octets) > _MOST_OCTETS:
        raise SourceError(Position(name, 1, 1), f"too large: {len(octets)} octets, {_MOST_OCTETS} are read")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        raise SourceError(Position(name, line, 1), "not UTF-8") from None
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Parse one YAML document. Raises SourceError."""
    document = Document(name, text)
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(name, mark.line + 1, mark.column + 1) if mark else Position(name, 1, 1)
        raise SourceError(place, error.problem or "not YAML", text) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SourceError(Position(name, 1, 1), f"not YAML: {str(error).splitlines()[0]}", text) from None
    if node is None:
        raise SourceError(Position(name, 1, 1), "the file is empty", text)
    builder = _Builder(document)
    document.tree = builder.build(node, ())
    return document


class _Builder:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self.nodes += 1
        self.document.marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if self.nodes > _MOST_NODES:
            raise self.document.error(path, f"more than {_MOST_NODES} nodes, aliases followed")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self.open:
            raise self.document.error(path, "an alias that contains itself")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, at)) for at, item in enumerate(node.value)]
            return dict(self._pairs(node, path))
        finally:
            self.open.discard(id(node))

    def _pairs(self, node: yaml.Node, path: Path_) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            place = Position(self.document.name, key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                raise SourceError(place, "a key must be text", self.document.text)
            if key.value == "<<" and not key.style:
                raise SourceError(place, "merge keys (<<) are not supported", self.document.text)
            if key.value in seen:
                raise SourceError(place, f"the key {key.value!r} stands here twice", self.document.text)
            seen.add(key.value)
            built = self.build(value, (*path, key.value))
            if not isinstance(value, yaml.ScalarNode):
                self.document.marks[(*path, key.value)] = (place.line, place.column)
            yield key.value, built

    def _scalar(self, node: yaml.ScalarNode, path: Path_) -> object:
        text = str(node.value)
        tag = str(node.tag)
        if not tag.startswith("tag:yaml.org,2002:"):
            raise self.document.error(path, f"the tag {tag} is not supported")
        if node.style:  # quoted, or a block
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text) if len(text) < 20 else text
        return float(text) if _FLOAT.fullmatch(text) else text
