"""Families of cases: one template, one case for every row of its matrix."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from .source import Document, Path_

_SLUG = re.compile(r"[^A-Za-z0-9.+_-]+")


def expanded(document: Document, path: Path_, raw: Any) -> Iterator[Any]:
    """The case itself, or one copy per row of `matrix`. Raises SourceError.

    A scalar that is nothing but `{variable}` is replaced by the row's value, whatever its kind; inside
    longer text the value is put in. Only the matrix's own variables are touched.
    """
    if not isinstance(raw, dict) or "matrix" not in raw:
        yield raw
        return
    template = {key: value for key, value in raw.items() if key != "matrix"}
    for name, row in _rows(document, (*path, "matrix"), raw["matrix"]):
        case = _filled(template, row)
        case["id"] = f"{template.get('id', '')}[{name}]"
        yield case


def _rows(document: Document, path: Path_, matrix: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(matrix, dict) and matrix and all(isinstance(v, list) for v in matrix.values()):
        for values in itertools.product(*matrix.values()):
            row = dict(zip(matrix, values, strict=True))
            yield "-".join(_slug(value) for value in values), row
    elif isinstance(matrix, list) and matrix and all(isinstance(row, dict) for row in matrix):
        for row in matrix:
            variables = {key: value for key, value in row.items() if key != "name"}
            name = row.get("name") or "-".join(_slug(value) for value in variables.values())
            yield _slug(name), variables
    else:
        message = "matrix is a list of rows (variable: value) or a mapping variable: [values]"
        raise document.error(path, message)


def _slug(value: Any) -> str:
    return _SLUG.sub("-", str(value)).strip("-")


def _filled(node: Any, row: dict[str, Any]) -> Any:
    match node:
        case dict():
            return {key: _filled(value, row) for key, value in node.items()}
        case list():
            return [_filled(value, row) for value in node]
        case str():
            for name, value in row.items():
                if node == f"{{{name}}}":
                    return value
                node = node.replace(f"{{{name}}}", str(value))
            return node
        case _:
            return node
