"""Wait for a case so that Ctrl-C comes at a place where pytest can cope with it.

A KeyboardInterrupt that Python raises inside a lock may have a traceback without line numbers, on which
pytest fails with an internal error: then no summary would be written. So while we wait, the signal is only
noted, and the exception is raised here.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from types import FrameType
from typing import Any

from ..reports.records import Verdict
from .script.cases import ReadyCase
from .script.outcome import Outcome
from .trials import Attempted

_LOOK = 0.1  # seconds between looks at whether there was a signal


class Waiting:
    """Between `begin` and `end` SIGINT is ours, unless somebody else has taken it already."""

    def __init__(self) -> None:
        self._waits = False
        self._noted = False
        self._before: Any = None

    def begin(self) -> None:
        """Take the signal. Only Python's main thread can, and nobody's handler is replaced but Python's."""
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._on_signal)

    def end(self) -> None:
        """Give the signal back; ending twice is no error."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._waits or self._noted:
            signal.default_int_handler(number, frame)
        self._noted = True

    def outcome(
        self, case: ReadyCase, future: Future[Attempted], meanwhile: Callable[[], None] = lambda: None
    ) -> Attempted:
        """The result of a case; `meanwhile` is called at every look.

        Raises KeyboardInterrupt; a run that broke down leaves the case inconclusive.
        """
        self._waits = True
        try:
            while True:
                if self._noted:
                    raise KeyboardInterrupt
                try:
                    return future.result(_LOOK)
                except TimeoutError:
                    meanwhile()
        except CancelledError as cut:
            reason = f"not run to its end: {cut}"
            return Attempted(case, Outcome(Verdict.INCONCLUSIVE, reason))
        finally:
            self._waits = False
