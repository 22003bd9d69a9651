"""The search for the knee: against targets made of arithmetic, and under Locust against slow sinks."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from plumbline.loadtests import cli
from plumbline.loadtests.engine.tally import Tally
from plumbline.loadtests.search import BadObjective, Measured, Offer, Search, objective
from plumbline.reports import records

from tests.loadtests.driving import free_port
from tests.loadtests.sink import Behaviour, running
from tests.loadtests.test_locust_run import LONGEST, command, load_of, locust

WANTED = objective("p99<200ms,errors<0.1%")


def measured(offer: Offer, capacity: float, lag: float = 0.0001, busy: float = 0.2) -> Measured:
    """A target with one queue: what goes beyond its capacity waits."""
    tally = Tally()
    count = max(int(offer.rate * offer.seconds), 1)
    waits = [max(n / capacity - n / offer.rate, 0) + 0.002 for n in range(count)]
    answered = [wait for wait in waits if wait < offer.settle]
    tally.acknowledged, tally.failed = len(answered), count - len(answered)
    tally.message.add(answered)
    tally.phase("generator lag").add([lag] * count)
    return Measured(tally, offer.seconds + waits[-1], busy)


def find(search: Search, target) -> records.Knee:
    talk = search.run([])
    offer = next(talk)
    for _ in range(200):
        try:
            offer = talk.send(target(offer))
        except StopIteration as stop:
            return stop.value
    raise AssertionError("the search does not end")


@pytest.mark.parametrize("capacity", [37.0, 450.0, 5_100.0, 40_000.0])
@pytest.mark.parametrize("start", [10.0, 100.0, 3_000.0])
def test_the_capacity_is_found(capacity, start):
    knee = find(Search(WANTED, start), lambda offer: measured(offer, capacity))
    assert knee.limited_by == "target"
    assert knee.rate == pytest.approx(capacity, rel=0.06)
    assert knee.why
    assert any(not step.ok for step in knee.steps)


def test_a_hiccup_is_no_verdict():
    source = random.Random(5)

    def target(offer: Offer) -> Measured:
        return measured(offer, 30.0 if source.random() < 0.15 else 1000.0)

    rates = [find(Search(WANTED), target).rate for _ in range(3)]
    assert max(rates) / min(rates) < 1.1


@pytest.mark.parametrize(("lag", "busy"), [(0.03, 0.5), (0.0001, 0.97)])
def test_the_generators_limit_is_not_the_targets(lag, busy):
    def target(offer: Offer) -> Measured:
        limited = offer.rate > 1000
        return measured(offer, 1000.0, lag if limited else 0.0001, busy if limited else 0.2)

    knee = find(Search(WANTED), target)
    assert knee.limited_by == "generator"
    assert knee.rate == 800.0
    assert knee.why == knee.steps[-1].generator


def test_a_busy_generator_does_not_spoil_a_step_that_is_fine():
    knee = find(Search(WANTED, highest=400.0), lambda offer: measured(offer, 1e6, busy=0.99))
    assert (knee.rate, knee.limited_by) == (400.0, "highest rate")


def test_a_target_that_sustains_nothing():
    def target(offer: Offer) -> Measured:
        tally = Tally()
        tally.failed = 10
        return Measured(tally, offer.seconds, 0.1)

    knee = find(Search(WANTED), target)
    assert (knee.rate, knee.limited_by, knee.why) == (0.0, "target", "errors 100.00%")


@pytest.mark.parametrize("text", ["", "p99", "p98<1s", "p99<5", "errors<5ms", "p50<3%", "p99<1s;errors<1%"])
def test_objectives_that_are_none(text):
    with pytest.raises(BadObjective):
        objective(text)


def test_objectives():
    wanted = objective("p50<1.5ms, p99.9 <= 2s,errors<1%")
    assert wanted.latencies == {"p50": 0.0015, "p99.9": 2.0}
    assert wanted.errors == pytest.approx(0.01)
    assert objective("mean<10us").errors == 0.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--find-knee", "--rate", "5"], "--find-knee chooses the rates"),
        (["--find-knee", "--objective", "fast"], "'fast' is no limit"),
        (["--find-knee", "--max-p99", "5"], "leave --max-p99 out"),
        (["--find-knee", "--knee-from", "50", "--knee-to", "20"], "--knee-to 20 is below"),
    ],
)
def test_wrong_usage(words, said, capsys):
    assert cli.main(["smtp", "127.0.0.1:2525", *words]) == 4
    assert said in capsys.readouterr().err


SLOW = Behaviour(pauses={"END": 0.02})  # two sessions: about 95 messages a second
KNEE = ["-u", "2", "--find-knee", "--knee-from", "20", "--step-time", "1"]


def knee_of(path: Path) -> records.Knee:
    knee = load_of(path).knee
    assert knee is not None
    return knee


def test_a_knee_under_locust(tmp_path):
    results = tmp_path / "load.jsonl"
    with running(SLOW) as sink:
        done = locust(sink.port, *KNEE, "--objective", "p99<300ms,errors<1%", "--results", str(results))
    assert done.returncode == 0, done.stderr
    knee = knee_of(results)
    assert knee.limited_by == "target"
    assert 60 < knee.rate < 110
    assert "Knee: the target sustains" in done.stdout
    assert "20/s offered" in done.stdout, "each step is told when it is done"
    assert load_of(results).messages == sink.acknowledged


def test_a_knee_by_workers(tmp_path):
    results, bind = tmp_path / "load.jsonl", str(free_port())
    with running(SLOW) as sink:
        workers = [
            subprocess.Popen(command(0, "--worker", "--master-host", "127.0.0.1", "--master-port", bind))
            for _ in range(2)
        ]
        try:
            done = locust(
                sink.port, *KNEE, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", bind,
                "--expect-workers", "2", "--knee-to", "40", "--results", str(results),
            )  # fmt: skip
            codes = [worker.wait(LONGEST) for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    assert (done.returncode, codes) == (0, [0, 0]), done.stderr
    knee = knee_of(results)
    assert (knee.rate, knee.limited_by) == (40.0, "highest rate")
    assert [step.offered for step in knee.steps if step.ok] == [20.0, 40.0]
    assert load_of(results).messages == sink.acknowledged
    assert sum(step.latency["n"] for step in knee.steps) == sink.acknowledged


def test_a_target_that_dies_during_the_search(tmp_path):
    results = tmp_path / "load.jsonl"
    with running(Behaviour(die_after=40)) as sink:
        done = locust(sink.port, *KNEE, "--give-up", "0.5", "--results", str(results))
    assert "the search did not come to its end" in done.stdout
    assert knee_of(results).limited_by == ""
    assert done.returncode == 2
