"""Families of cases: one template, one case for every row of its matrix."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .shape import found
from .source import Document, Path_

_UNFIT = re.compile(r"[^A-Za-z0-9.+_-]+")
_VARIABLE = re.compile(r"[a-z_][a-z0-9_]*")
_LONGEST = 40  # characters of a value that names its row
_MOST_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what stands in the brackets of the case's id, and the value of each variable."""

    name: str
    values: dict[str, Any]
    path: Path_


def expanded(document: Document, path: Path_, raw: Any) -> Iterator[Any]:
    """The case itself, or one copy per row of `matrix`. Raises SourceError.

    A scalar that is nothing but `{variable}` is replaced by the row's value, whatever its kind; inside
    longer text the value is put in. Only the matrix's own variables are touched.
    """
    if not isinstance(raw, dict) or "matrix" not in raw:
        yield raw
        return
    template = {key: value for key, value in raw.items() if key != "matrix"}
    taken: dict[str, Path_] = {}
    for row in _rows(document, (*path, "matrix"), raw["matrix"]):
        if row.name in taken:
            message = f"two rows are called {row.name!r}; write rows with a name each: {{name: ..., ...}}"
            raise document.error(row.path, message)
        taken[row.name] = row.path
        case = _Filler(document, row).filled(template, path)
        if isinstance(case.get("id"), str):
            case["id"] = f"{template['id']}[{row.name}]"
        yield case


def _rows(document: Document, path: Path_, matrix: Any) -> Iterator[Row]:
    if isinstance(matrix, dict) and matrix and all(isinstance(v, list) and v for v in matrix.values()):
        _check_names(document, path, matrix)
        if math.prod(len(values) for values in matrix.values()) > _MOST_ROWS:
            raise document.error(path, f"more than {_MOST_ROWS} combinations")
        for values in itertools.product(*matrix.values()):
            row = dict(zip(matrix, values, strict=True))
            yield Row(_name(document, path, None, row), row, path)
    elif isinstance(matrix, list) and matrix and all(isinstance(row, dict) and row for row in matrix):
        yield from _listed(document, path, matrix)
    else:
        message = "matrix is a list of rows, - {variable: value}, or a mapping, variable: [value, value]"
        raise document.error(path, f"{message}; found {found(matrix)}", key=True)


def _listed(document: Document, path: Path_, matrix: list[dict[str, Any]]) -> Iterator[Row]:
    for at, row in enumerate(matrix):
        place = (*path, at)
        _check_names(document, place, row)
        if row.keys() - {"name"} != matrix[0].keys() - {"name"}:
            message = f"every row sets the same variables; the first sets {', '.join(matrix[0])}"
            raise document.error(place, message)
        yield Row(_name(document, place, row.get("name"), row), row, place)


def _check_names(document: Document, path: Path_, variables: dict[str, Any]) -> None:
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            message = f"{name!r} is no name for a variable: small letters, digits and _"
            raise document.error((*path, name), message, key=True)


def _name(document: Document, path: Path_, name: Any, row: dict[str, Any]) -> str:
    """What distinguishes the row: its name, or its short values."""
    if name is not None:
        if not isinstance(name, str | int) or isinstance(name, bool) or _UNFIT.search(str(name)):
            message = f"a row's name is letters, digits and . + _ -; found {found(name)}"
            raise document.error((*path, "name"), message)
        return str(name)
    parts = [_slug(value) for value in row.values()]
    parts = [part for part in parts if part and len(part) <= _LONGEST]
    if not parts:
        raise document.error(path, "no value of this row makes a short name: give it one, {name: ..., ...}")
    return "-".join(parts)


def _slug(value: Any) -> str:
    return "" if isinstance(value, list | dict) else _UNFIT.sub("-", as_text(value)).strip("-")


def as_text(value: Any) -> str:
    """A scalar as it stands in YAML."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


class _Filler:
    """Puts the values of one row into a template."""

    def __init__(self, document: Document, row: Row) -> None:
        self.document = document
        self.row = row
        alternatives = "|".join(map(re.escape, sorted(row.values)))
        self.variable = re.compile(rf"\{{\{{|\{{({alternatives})\}}")

    def filled(self, node: Any, path: Path_) -> Any:
        """A copy with values for variables. Raises SourceError for a list within longer text."""
        match node:
            case dict():
                return {key: self.filled(value, (*path, key)) for key, value in node.items()}
            case list():
                return [self.filled(value, (*path, at)) for at, value in enumerate(node)]
            case str() if "{" in node:
                return self._text(node, path)
            case _:
                return node

    def _text(self, text: str, path: Path_) -> Any:
        whole = self.variable.fullmatch(text)
        if whole is not None and whole[1] is not None:
            return self.row.values[whole[1]]
        try:
            return self.variable.sub(self._value, text)
        except TypeError as error:
            raise self.document.error(path, str(error)) from None

    def _value(self, match: re.Match[str]) -> str:
        if match[1] is None:  # {{
            return match[0]
        value = self.row.values[match[1]]
        if isinstance(value, list | dict):
            raise TypeError(f"{{{match[1]}}} is {found(value)}; within longer text it must be a single value")
        return as_text(value)
