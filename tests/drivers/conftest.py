"""Every test that asks for `play` runs on each driver."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import pytest
import trio
from plumbline.probes.drivers import blocking_driver, trio_driver
from plumbline.probes.drivers.trace import Observer
from plumbline.probes.ops import T, Talk


class Play(Protocol):
    def __call__(
        self, talk: Talk[T], *, observer: Observer | None = None, source: str | None = None
    ) -> T: ...


def _on_trio(talk: Talk[T], *, observer: Observer | None = None, source: str | None = None) -> T:
    return trio.run(partial(trio_driver.play, talk, observer=observer, source=source))


@pytest.fixture(params=["trio", "blocking"])
def play(request: pytest.FixtureRequest) -> Play:
    return _on_trio if request.param == "trio" else blocking_driver.play
