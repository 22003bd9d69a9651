"""The knee: the highest rate that a target sustains under an objective, by doubling and then bisection. No I/O.

A step offers one rate for some seconds, open loop. A step that misses the objective is tried again, once or
twice, for machines hiccup. Where the generator itself was late or used up its processor, the step says nothing
about the target, and the search ends there: the knee is then at least the highest rate that was sustained.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass

from plumbline.loadtests.engine.histogram import Histogram
from plumbline.loadtests.engine.tally import Tally
from plumbline.reports.records import Knee, KneeStep

KEPT_UP = 0.98  # of the offered rate must be acknowledged within the step
TRIES = 3  # of a rate; two, where less than CLEARLY of the rate comes through
CLEARLY = 0.8
LATE = 0.1  # of the latency limit: a generator later than this cannot tell
LATEST = 0.05  # seconds of lag that are too much whatever the limit
BUSY = 0.9  # of the time at work, or waiting for a processor
RESTARTS = 12  # halvings of the first rate

_TERM = re.compile(r"(p50|p90|p99|p99\.9|mean|max|errors)\s*<=?\s*(\d+(?:\.\d+)?)\s*(us|ms|s|%)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "%": 0.01}


class BadObjective(Exception):
    """The text is no objective; a sentence for people."""


@dataclass(frozen=True, slots=True)
class Objective:
    """Limits: seconds by the name of a latency, and the share of errors."""

    text: str
    latencies: dict[str, float]
    errors: float

    @property
    def strictest(self) -> float:
        """The smallest latency limit in seconds; infinite without one."""
        return min(self.latencies.values(), default=float("inf"))

    def missed(self, tally: Tally) -> str:
        """What this step misses, in words; "" for nothing."""
        total = tally.acknowledged + tally.failed
        share = tally.failed / total if total else 1.0
        if share > self.errors:
            return f"errors {share:.2%}"
        for name, limit in self.latencies.items():
            if (value := _figure(tally.message, name)) > limit:
                return f"{name} {value * 1e3:.1f} ms"
        return ""


def objective(text: str) -> Objective:
    """`p99<200ms,errors<0.1%`. Raises BadObjective."""
    latencies, errors = {}, 0.0
    for word in text.split(","):
        match = _TERM.fullmatch(word.strip())
        if not match or (match[1] == "errors") is not (match[3] == "%"):
            raise BadObjective(f"{word.strip()!r} is no limit; write for example p99<200ms,errors<0.1%")
        value = float(match[2]) * _UNITS[match[3]]
        if match[1] == "errors":
            errors = value
        else:
            latencies[match[1]] = value
    return Objective(text, latencies, errors)


def _figure(histogram: Histogram, name: str) -> float:
    match name:
        case "mean":
            return histogram.mean
        case "max":
            return histogram.highest
        case _:
            return histogram.percentile(float(name.removeprefix("p")))


@dataclass(frozen=True, slots=True)
class Offer:
    """Send so many a second for so many seconds; then wait `settle` seconds at most for the last answers."""

    rate: float
    seconds: float
    settle: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of an offer. `took`: seconds from its begin to the last answer; `busy`: see KneeStep."""

    tally: Tally
    took: float
    busy: float


@dataclass(slots=True)
class Search:
    """Parameters and the curve so far."""

    objective: Objective
    start: float = 100.0
    seconds: float = 3.0
    precision: float = 0.05
    highest: float = 1e6

    @property
    def settle(self) -> float:
        """Seconds: a message that takes longer misses the objective anyway."""
        return min(max(1.0, 2 * self.objective.strictest), 10.0)

    def run(self, steps: list[KneeStep]) -> Generator[Offer, Measured, Knee]:
        """Yields offers, takes what was measured, returns the knee. `steps` grows meanwhile."""
        low, high = 0.0, 0.0
        rate = self.start
        for _ in range(RESTARTS + 20):
            step = yield from self._step(rate, steps)
            if step.generator:
                return self._knee(low, "generator", steps)
            low, high = (rate, high) if step.ok else (low, rate)
            if high and low and high / low <= 1 + self.precision:
                return self._knee(low, "target", steps)
            if not high and rate >= self.highest:
                return self._knee(low, "highest rate", steps)
            if not low and rate < self.start / 2**RESTARTS:
                return self._knee(0.0, "target", steps)
            rate = (low * high) ** 0.5 if low and high else rate / 2 if high else min(rate * 2, self.highest)
        return self._knee(low, "target", steps)

    def _step(self, rate: float, steps: list[KneeStep]) -> Generator[Offer, Measured, KneeStep]:
        for tries in range(TRIES):
            measured = yield Offer(rate, self.seconds, self.settle)
            steps.append(step := self.judge(rate, measured))
            if step.ok or (tries and step.achieved < CLEARLY * rate):
                break
        return steps[-1]

    def judge(self, rate: float, measured: Measured) -> KneeStep:
        """A step of the curve."""
        tally = measured.tally
        achieved = tally.acknowledged / max(measured.took, self.seconds)
        why = self.objective.missed(tally)
        if not why and achieved < KEPT_UP * rate:
            why = f"only {achieved:.0f} a second came through"
        lag = tally.phases.get("generator lag", Histogram()).percentile(99)
        return KneeStep(
            offered=rate,
            achieved=achieved,
            latency=tally.message.summary(),
            failures=tally.failed,
            queue=tally.longest_queue,
            lag_p99=lag,
            busy=measured.busy,
            ok=not why,
            why=why,
            generator=self._generator(lag, measured.busy) if why else "",
        )

    def _generator(self, lag: float, busy: float) -> str:
        """Why a step that missed its objective says nothing about the target."""
        if lag > min(self.objective.strictest * LATE, LATEST):
            return f"it sent 1 % of the messages {lag * 1e3:.1f} ms or more after their time"
        return f"it had work for {busy:.0%} of the time" if busy > BUSY else ""

    def _knee(self, rate: float, limited_by: str, steps: list[KneeStep]) -> Knee:
        return Knee(
            objective=self.objective.text,
            rate=rate,
            limited_by=limited_by,
            why=next((step.generator or step.why for step in reversed(steps) if not step.ok), ""),
            steps=steps,
        )
