"""Driving a search under Locust: a shape that lasts as long as the search, steps alone or by workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import msgspec
from locust import LoadTestShape
from locust.runners import MasterRunner
from plumbline.loadtests.engine.schedule import Stage, times
from plumbline.loadtests.engine.tally import Tally
from plumbline.loadtests.generator import Generator
from plumbline.loadtests.search import Measured, Offer, Search
from plumbline.reports.records import Knee, KneeStep

STEP, STEPPED = "plumbline-step", "plumbline-stepped"
LOOKS = 0.02  # seconds
CONNECT = 15.0  # seconds that sessions may take to be there


class KneeShape(LoadTestShape):
    """All users at once, until the search is over."""

    use_common_options = True

    def __init__(self, users: int, over: Callable[[], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._users, self._over = users, over

    def tick(self) -> tuple[int, float] | None:
        """Once a second; None ends the run."""
        return None if self._over() else (self._users, min(self._users, 100))


class Stepper(Protocol):
    """Whatever can offer a rate for a while and tell what came of it."""

    def ready(self) -> bool:
        """Whether it may begin."""

    def step(self, offer: Offer) -> Measured:
        """Takes about offer.seconds."""


class Alone:
    """Steps in this process."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def ready(self) -> bool:
        """Whether a session is there, and the target has been asked for nothing yet."""
        return self._generator.engine.sessions > 0 and not self._generator.engine.busy

    def step(self, offer: Offer) -> Measured:
        """Offer, wait until what was begun is answered (for offer.settle seconds at most), and count."""
        engine, plan, begun = self._generator.engine, self._generator.plan, time.perf_counter()
        self._generator.begin_step()
        stage = Stage(offer.rate, offer.rate, offer.seconds)
        engine.offer(times((stage,), plan.poisson, plan.seed + int(offer.rate)))
        gevent.sleep(offer.seconds)
        wait_until(lambda: not engine.busy, offer.settle)
        took = time.perf_counter() - begun
        engine.offer(iter(()))
        tally = self._generator.end_step()
        return Measured(tally, took, (tally.cpu_s + tally.waited_s) / took)


class Workers:
    """Every worker offers its share; what they measured is merged."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._number = 0
        self._answers: dict[str, Measured] = {}

    def ready(self) -> bool:
        """Whether all users are there."""
        return bool(self._runner.state == "running")

    def step(self, offer: Offer) -> Measured:
        """Workers that do not answer are left out, and their messages with them: the step then falls short."""
        self._number += 1
        self._answers = {}
        workers = max(len(self._runner.clients.all), 1)
        share = Offer(offer.rate / workers, offer.seconds, offer.settle)
        self._runner.send_message(STEP, {"number": self._number, "offer": msgspec.to_builtins(share)})
        wait_until(lambda: len(self._answers) >= workers, offer.seconds + offer.settle + 5)
        merged = Tally()
        for measured in self._answers.values():
            merged.merge(measured.tally)
        answers = self._answers.values()
        busy = max((measured.busy for measured in answers), default=0.0)
        return Measured(merged, max((measured.took for measured in answers), default=offer.seconds), busy)

    def on_stepped(self, node: str, data: dict[str, Any]) -> None:
        """A worker has done its share."""
        if data["number"] == self._number:
            self._answers[node] = Measured(Tally.from_wire(data["tally"]), data["took"], data["busy"])


def answer(stepper: Stepper, data: dict[str, Any]) -> dict[str, Any]:
    """What a worker answers to STEP."""
    measured = stepper.step(Offer(**data["offer"]))
    return {
        "number": data["number"],
        "tally": measured.tally.to_wire(),
        "took": measured.took,
        "busy": measured.busy,
    }


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Let others run until it is so, but no longer than this."""
    end = time.perf_counter() + seconds
    while not true() and time.perf_counter() < end:
        gevent.sleep(LOOKS)
    return true()


class Hunt:
    """One search. `knee` is complete when `over`."""

    def __init__(self, search: Search, say: Callable[[str], None]) -> None:
        self._search, self._say = search, say
        self.steps: list[KneeStep] = []
        self.knee = Knee(objective=search.objective.text, steps=self.steps)
        self.over = False

    def run(self, stepper: Stepper) -> None:
        """To the end."""
        wait_until(stepper.ready, CONNECT)
        talk = self._search.run(self.steps)
        try:
            offer = next(talk)
            while True:
                measured = stepper.step(offer)
                said = len(self.steps)
                try:
                    offer = talk.send(measured)
                finally:
                    for step in self.steps[said:]:
                        self._say(line(step))
        except StopIteration as stop:
            self.knee = stop.value
        finally:
            self.over = True


def line(step: KneeStep) -> str:
    """A step, for the console."""
    p99 = step.latency.get("p99", 0.0) * 1e3
    verdict = "ok" if step.ok else f"missed: {step.why}"
    limit = f" (generator: {step.generator})" if step.generator else ""
    return f"{step.offered:.0f}/s offered, {step.achieved:.0f}/s achieved, p99 {p99:.1f} ms: {verdict}{limit}"
