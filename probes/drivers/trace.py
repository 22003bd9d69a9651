"""The one place where a conversation can be observed."""

from __future__ import annotations

from typing import Protocol

from ..ops import Op


class Observer(Protocol):
    """Told of every operation once it is over: transcript, timings and load statistics hang here."""

    def saw(self, op: Op, started: float, ended: float, answer: object) -> None:
        """`answer` is what the script gets: the value, or the Lost that is about to be thrown in.

        Both times are seconds on the driver's clock, the one that `Now` reads. An operation that was
        cancelled is not reported. The octets of a Send with `secret` set are for nobody's eyes.
        """
