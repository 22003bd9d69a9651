"""Say what msgspec found wrong in words that help: where, what is allowed, and what was probably meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from msgspec import inspect

from .source import Path_

_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`(?:, got `([^`]*)`)?")
_PLACE = re.compile(r" - at `([^`]*)`$")
_STEPS = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def explain(message: str, into: Any) -> tuple[Path_, str]:
    """The place that an error message of msgspec is about, and the message in plain words."""
    place = _PLACE.search(message)
    path = _path(place[1] if place else "$")
    fields = _fields(into, path)
    if match := _UNKNOWN.search(message):
        return (*path, match[1]), _unknown(match[1], fields)
    if match := _MISSING.search(message):
        return path, f"{match[1]!r} is missing here"
    if match := _EXPECTED.search(message):
        wanted = " or ".join(_WORDS.get(word.strip(), word.strip()) for word in match[1].split("|"))
        got = f", found {_WORDS.get(match[2], match[2])}" if match[2] else ""
        return path, f"expected {wanted}{got}"
    return path, _PLACE.sub("", message)


def _unknown(name: str, fields: list[str]) -> str:
    close = get_close_matches(name, fields, n=1, cutoff=0.6)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    allowed = f" (allowed: {', '.join(fields)})" if fields else ""
    return f"unknown key {name!r}{meant}{allowed}"


def _path(place: str) -> Path_:
    """msgspec writes `$.cases[0].S`, and `[...]` where it does not know which."""
    path: list[str | int] = []
    for match in _STEPS.finditer(place):
        path.append(match[1] if match[1] is not None else 0 if match[2] == "..." else int(match[2]))
    return tuple(path)


def _fields(into: Any, path: Path_) -> list[str]:
    """The keys allowed at that place."""
    node: inspect.Type = inspect.type_info(into)
    for key in path:
        node = _into(node, key)
    struct = _struct(node)
    return [field.encode_name for field in struct.fields] if struct else []


def _into(node: inspect.Type, key: str | int) -> inspect.Type:
    for one in _options(node):
        if isinstance(one, inspect.StructType) and isinstance(key, str):
            for field in one.fields:
                if field.encode_name == key:
                    return field.type
        elif isinstance(one, inspect.ListType) and isinstance(key, int):
            return one.item_type
        elif isinstance(one, inspect.DictType) and isinstance(key, str):
            return one.value_type
    return inspect.AnyType()


def _options(node: inspect.Type) -> tuple[inspect.Type, ...]:
    return tuple(node.types) if isinstance(node, inspect.UnionType) else (node,)


def _struct(node: inspect.Type) -> inspect.StructType | None:
    return next((one for one in _options(node) if isinstance(one, inspect.StructType)), None)
