"""One step of a script, the same for every driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from ..ops import Lost, Op, T, Talk


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The script has returned."""

    value: T


def advance(talk: Talk[T], answer: object) -> Op | Done[T]:
    """Hand an answer (None to begin, a Lost to throw) to the script and take what it wants next."""
    try:
        return talk.throw(answer) if isinstance(answer, Lost) else talk.send(answer)
    except StopIteration as end:
        return Done(end.value)
