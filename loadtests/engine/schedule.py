"""When messages are meant to be sent, whatever the target does: the open loop.

A schedule yields seconds from the start, rising. Latency counts from these times, so a target that stalls
cannot hide its stall by keeping the generator waiting (coordinated omission).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import msgspec


class Stage(msgspec.Struct, frozen=True):
    """The rate goes linearly from `begin` to `end` a second, over `seconds`; 0 seconds: for ever."""

    begin: float
    end: float
    seconds: float = 0.0


def _reach(stage: Stage, count: float) -> float:
    """Seconds into the stage at which so many messages are due; infinite if never."""
    if not stage.seconds or stage.begin == stage.end:
        return count / stage.begin if stage.begin else math.inf
    slope = (stage.end - stage.begin) / stage.seconds
    inside = stage.begin**2 + 2 * slope * count
    return (math.sqrt(inside) - stage.begin) / slope if inside >= 0 else math.inf


def _total(stage: Stage) -> float:
    return (stage.begin + stage.end) / 2 * stage.seconds if stage.seconds else math.inf


def times(stages: tuple[Stage, ...], poisson: bool = False, seed: int = 0) -> Iterator[float]:
    """Send times in seconds from the start. With `poisson` the gaps are random, from the seed given."""
    source = random.Random(seed)
    begun, due = 0.0, 0.0
    for stage in stages:
        total = _total(stage)
        while due < total and math.isfinite(at := _reach(stage, due)):
            yield begun + at
            due += source.expovariate(1.0) if poisson else 1.0
        due -= total
        begun += stage.seconds


def share(stages: tuple[Stage, ...], workers: int) -> tuple[Stage, ...]:
    """What one of several workers does of it."""
    return tuple(Stage(s.begin / workers, s.end / workers, s.seconds) for s in stages)
