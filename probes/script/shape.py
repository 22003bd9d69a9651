"""Is the data of the shape that the types ask for? Every difference is told, in words that help.

msgspec converts, and stops at the first thing it does not like. Only then is the data walked again along
the types, to find all of it and to say what is allowed and what was probably meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from .source import Document, Path_

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a path; `at_key` when it is the key itself that is wrong."""

    path: Path_
    message: str
    at_key: bool = False


def convert(document: Document, tree: Any, into: Any, path: Path_ = ()) -> Any:
    """Data into types. Raises SourceError for the first fault."""
    try:
        return msgspec.convert(tree, into)
    except msgspec.ValidationError as error:
        first = next(faults(tree, into), None) or Fault((), str(error))
        raise document.error((*path, *first.path), first.message, key=first.at_key) from None


def faults(tree: Any, into: Any) -> Iterator[Fault]:
    """Everything in which the data differs from the type."""
    yield from _faults(tree, _type_info(into), ())


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """A name that is not there, with the one that was probably meant, or those that there are."""
    choice = sorted(allowed)
    close = meant(name, choice)
    if close:
        return f"unknown {what} {name!r}; did you mean {close!r}?"
    shown = ", ".join(choice[:12]) + (" ..." if len(choice) > 12 else "")
    return f"unknown {what} {name!r} (known: {shown or 'none'})"


def meant(name: str, allowed: Iterable[str]) -> str:
    """The name that was probably meant, or ""."""
    by_case = {one.lower(): one for one in allowed}
    close = get_close_matches(name.lower(), by_case, n=1, cutoff=0.6)
    return by_case[close[0]] if close else ""


@cache
def _type_info(into: Any) -> inspect.Type:
    return inspect.type_info(into)


@cache
def keys(into: Any) -> tuple[str, ...]:
    """The keys of a mapping of the language."""
    struct = _struct(_type_info(into))
    return tuple(field.encode_name for field in struct.fields) if struct else ()


def _faults(tree: Any, wanted: inspect.Type, path: Path_) -> Iterator[Fault]:
    options = _options(wanted)
    if any(isinstance(one, inspect.AnyType) for one in options):
        return
    match tree:
        case dict():
            yield from _mapping_faults(tree, options, path)
        case list():
            yield from _list_faults(tree, options, path)
        case _:
            if not any(_is(tree, one) for one in options):
                yield _mismatch(tree, options, path)


def _mapping_faults(tree: dict[str, Any], options: tuple[inspect.Type, ...], path: Path_) -> Iterator[Fault]:
    struct = next((one for one in options if isinstance(one, inspect.StructType)), None)
    mapping = next((one for one in options if isinstance(one, inspect.DictType)), None)
    if struct is not None:
        yield from _struct_faults(tree, struct, path)
    elif mapping is not None:
        for key, value in tree.items():
            yield from _faults(value, mapping.value_type, (*path, key))
    else:
        yield _mismatch(tree, options, path)


def _struct_faults(tree: dict[str, Any], struct: inspect.StructType, path: Path_) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in struct.fields}
    for key, value in tree.items():
        if key in fields:
            yield from _faults(value, fields[key].type, (*path, key))
        elif struct.forbid_unknown_fields:
            yield Fault((*path, key), _unknown_key(key, list(fields)), at_key=True)
    for name, field in fields.items():
        if field.required and name not in tree:
            yield Fault(path, f"{name!r} is missing here")


def _unknown_key(key: str, allowed: list[str]) -> str:
    close = meant(key, allowed)
    hint = f"; did you mean {close!r}?" if close else ""
    return f"unknown key {key!r}{hint} (allowed: {', '.join(allowed)})"


def _list_faults(tree: list[Any], options: tuple[inspect.Type, ...], path: Path_) -> Iterator[Fault]:
    wanted = next((one for one in options if isinstance(one, inspect.ListType)), None)
    if wanted is None:
        yield _mismatch(tree, options, path)
        return
    for at, item in enumerate(tree):
        yield from _faults(item, wanted.item_type, (*path, at))


def _options(node: inspect.Type) -> tuple[inspect.Type, ...]:
    return tuple(node.types) if isinstance(node, inspect.UnionType) else (node,)


def _struct(node: inspect.Type) -> inspect.StructType | None:
    return next((one for one in _options(node) if isinstance(one, inspect.StructType)), None)


def _is(tree: Any, wanted: inspect.Type) -> bool:
    match wanted:
        case inspect.StrType():
            return isinstance(tree, str)
        case inspect.BoolType():
            return isinstance(tree, bool)
        case inspect.IntType():
            return isinstance(tree, int) and not isinstance(tree, bool)
        case inspect.FloatType():
            return isinstance(tree, int | float) and not isinstance(tree, bool)
        case inspect.NoneType():
            return tree is None
        case _:
            return False


def _mismatch(tree: Any, options: tuple[inspect.Type, ...], path: Path_) -> Fault:
    wanted = " or ".join(dict.fromkeys(word for one in options if (word := _word(one))))
    key = next((f"{part}: " for part in reversed(path) if isinstance(part, str)), "")
    return Fault(path, f"{key}expected {wanted}, found {found(tree)}{_hint(tree, options)}")


def _word(wanted: inspect.Type) -> str:
    match wanted:
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return "a number"
        case inspect.ListType():
            return "a list"
        case inspect.StructType():
            names = [field.encode_name for field in wanted.fields]
            return f"a mapping ({', '.join(names[:6])}{' ...' if len(names) > 6 else ''})"
        case inspect.DictType():
            return "a mapping"
        case _:
            return ""


def found(tree: Any) -> str:
    """What stands there, in words."""
    match tree:
        case None:
            return "nothing"
        case bool():
            return "true" if tree else "false"
        case int() | float():
            return f"the number {tree}"
        case str():
            return f"the text {tree[:_SHOWN]!r}{'...' if len(tree) > _SHOWN else ''}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _hint(tree: Any, options: tuple[inspect.Type, ...]) -> str:
    text = any(isinstance(one, inspect.StrType) for one in options)
    truth = any(isinstance(one, inspect.BoolType) for one in options)
    if text and isinstance(tree, bool | int | float):
        shown = str(tree).lower() if isinstance(tree, bool) else tree
        return f'; write it in quotes: "{shown}"'
    if text and isinstance(tree, dict) and list(tree.values()) == [None]:
        return "; text that begins with { needs quotes"
    if text and isinstance(tree, list):
        return "; text that begins with [ needs quotes"
    if truth and isinstance(tree, str) and tree.lower() in ("yes", "no", "on", "off", "true", "false"):
        return "; YAML's other words for true and false are not used here"
    return ""
