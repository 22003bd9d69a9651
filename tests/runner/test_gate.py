"""The gate in virtual time: who goes alone, and how long the others go on meanwhile."""

from __future__ import annotations

import itertools

import pytest
import trio
from plumbline.probes.gate import Gate

pytestmark = pytest.mark.trio
BUSY = 1.0  # seconds that a case of the crowd takes


async def crowd(gate: Gate, until: float, seen: list[str]) -> None:
    """Cases one behind the other, as long as they are let through."""
    for number in itertools.count():
        async with gate.passage(serial=False):
            seen.append(f"crowd {number}")
            await trio.sleep(BUSY)
        if trio.current_time() > until:
            return


async def alone(gate: Gate, times: list[float]) -> None:
    async with gate.passage(serial=True):
        times.append(trio.current_time())
        await trio.sleep(0.1)


async def times_alone(wishes: int, window: int = 2, until: float = 60.0) -> list[float]:
    """When so many cases that want to be alone from the beginning got through, beside a crowd that never ends."""
    gate, times, seen = Gate(window), list[float](), list[str]()
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(window):
            nursery.start_soon(crowd, gate, start + until + number * BUSY / 2, seen)
            await trio.sleep(BUSY / 2)  # so that there is no moment without any of them
        for _ in range(wishes):
            nursery.start_soon(alone, gate, times)
    assert seen
    return [time - start for time in times]


async def test_the_crowd_goes_on_until_one_has_waited_long(autojump_clock):
    (at,) = await times_alone(1)

    assert 15.0 < at < 15.0 + 4 * BUSY


async def test_those_who_have_gathered_go_at_once_and_one_behind_the_other(autojump_clock):
    times = await times_alone(40)

    assert times[0] < 4 * BUSY
    assert times[-1] - times[0] == pytest.approx(3.9)


async def test_who_finds_nobody_does_not_wait(autojump_clock):
    gate, times = Gate(4), list[float]()
    start = trio.current_time()

    await alone(gate, times)

    assert times == [start]
