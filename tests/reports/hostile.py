"""Records in which every field is as bad as its type allows."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec
from plumbline.reports import records
from plumbline.reports.records import AnyRecord

from tests.reports.made import HOSTILE, TRICKS

BAD = f"{HOSTILE}{TRICKS}\x1b[31m\u2028\ufffe]]><!--"


def everything(text: str = BAD, number: float = 1e300) -> Iterator[AnyRecord]:
    """One record of every kind, the run first; a case for each verdict."""
    for kind in typing.get_args(AnyRecord):
        if kind is records.Case:
            for verdict in records.Verdict:
                yield msgspec.structs.replace(
                    _filled(kind, text, number), verdict=verdict, id=f"{text}{verdict}", deviation={}
                )
        yield _filled(kind, text, number)


def _filled(kind: Any, text: str, number: float) -> Any:
    hints = typing.get_type_hints(kind)
    return kind(**{name: _value(hints[name], text, number) for name in kind.__struct_fields__})


def _value(hint: Any, text: str, number: float) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return [_value(arguments[0], text, number)] * 2
    if origin is dict:
        return {text: _value(arguments[1], text, number), "exploitable": _value(arguments[1], text, number)}
    if origin in (typing.Union, types.UnionType):
        return _value(arguments[0], text, number)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _filled(hint, text, number)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    plain: dict[Any, Any] = {str: text, bool: True, int: 10**15, float: number}
    return plain.get(hint, {text: [text, 5, None, {text: [1.5, {}]}]})
