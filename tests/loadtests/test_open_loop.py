"""Sending by the clock: schedules, and latency that a stall cannot hide from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import islice, pairwise
from pathlib import Path

import pytest
from plumbline.loadtests.engine.plan import Timeouts
from plumbline.loadtests.engine.schedule import Stage, share, times
from plumbline.loadtests.options import UsageError, stages

from tests.loadtests.driving import run
from tests.loadtests.sink import Behaviour, running


def test_a_constant_rate_has_equal_gaps():
    assert list(times((Stage(4, 4, 1.0),))) == [0.0, 0.25, 0.5, 0.75]
    assert list(islice(times((Stage(10, 10),)), 3)) == pytest.approx([0.0, 0.1, 0.2])


def test_a_ramp_sends_as_many_as_the_area_under_it():
    ramp = list(times((Stage(0, 100, 2.0),)))
    assert len(ramp) == 100
    assert ramp == sorted(ramp)
    assert sum(at < 1.0 for at in ramp) == 25
    down = list(times((Stage(100, 0, 2.0),)))
    assert len(down) == 100
    assert sum(at < 1.0 for at in down) == 75


def test_stages_follow_one_another_without_a_gap_or_a_double():
    both = list(times((Stage(10, 10, 1.05), Stage(20, 20, 1.0))))
    assert both == sorted(both)
    assert len(both) == 31
    assert both[11] == pytest.approx(1.05 + 0.5 / 20)


def test_poisson_gaps_are_random_repeatable_and_of_the_right_rate():
    many = list(islice(times((Stage(100, 100),), poisson=True, seed=5), 20_000))
    assert many == list(islice(times((Stage(100, 100),), poisson=True, seed=5), 20_000))
    gaps = [b - a for a, b in pairwise(many)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(0.01, rel=0.05)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.05)


def test_workers_share_a_rate():
    assert share((Stage(10, 20, 3.0),), 2) == (Stage(5, 10, 3.0),)


OFF = {"rate": None, "ramp": 0.0, "steps": None, "poisson": False, "think": 0.0, "pace": 0.0}


def test_options_make_stages():
    assert stages(OFF) == ()
    assert stages({**OFF, "rate": 50.0}) == (Stage(50, 50),)
    assert stages({**OFF, "rate": 50.0, "ramp": 2.0}) == (Stage(0, 50, 2), Stage(50, 50))
    assert stages({**OFF, "steps": "10:1s,20:2"}) == (Stage(10, 10, 1), Stage(20, 20, 2))
    for wrong in ({"steps": "10"}, {"steps": "10:0s"}, {"steps": "1:1", "rate": 1.0}, {"ramp": 1.0}):
        with pytest.raises(UsageError):
            stages({**OFF, **wrong})


@pytest.mark.parametrize("pipelining", ["on", "off"])
def test_all_messages_of_a_schedule_are_sent_at_its_rate(pipelining):
    with running() as sink:
        tally, _ = run(sink.port, messages=0, pipelining=pipelining, stages=(Stage(500, 500, 0.5),))
    assert tally.acknowledged == sink.acknowledged == 250
    assert tally.failed == 0
    assert tally.phases["generator lag"].count == 250
    assert 0.4 < tally.duration < 1.5


def test_latency_counts_from_the_intended_time():
    """One session and a target that is silent for 0.3 s: everything due meanwhile was late, and says so."""
    slow = Behaviour(delays={"END": (60, 0.3)})
    with running(slow) as sink:
        tally, _ = run(sink.port, sessions=1, messages=0, stages=(Stage(200, 200, 0.5),))
    assert tally.acknowledged == sink.acknowledged == 100
    late = sum(n for bucket, n in tally.message.counts.items() if bucket > 1_000_000)
    assert late > 15, "many messages waited more than 100 ms"
    slow_ones = sum(n for bucket, n in tally.phases["transaction"].counts.items() if bucket > 1_000_000)
    assert slow_ones == 1, "only one transaction was slow by itself"
    assert tally.longest_queue > 15


def test_what_could_not_be_begun_has_failed():
    limits = Timeouts(connect=1.0, reply=5.0, drain=0.3, give_up=5.0)
    with running(Behaviour(answers={"END": ""})) as sink:
        tally, engine = run(
            sink.port, sessions=1, messages=0, stages=(Stage(100, 100, 0.3),), timeouts=limits, stop_after=0.4
        )
    assert tally.acknowledged == 0
    assert tally.failed == 30
    assert tally.errors == {"not begun": 29, "unanswered at the end": 1}
    assert tally.in_doubt == 1
    assert engine.gone == ""


@pytest.mark.parametrize("verb", ["MAIL", "END"])
def test_no_arrival_is_forgotten_when_sessions_end(verb):
    with running(Behaviour(every={verb: (10, "HANGUP")})) as sink:
        tally, _ = run(sink.port, sessions=1, messages=0, stages=(Stage(2000, 2000, 0.1),))
    assert tally.acknowledged + tally.failed == 200
    assert tally.acknowledged == sink.acknowledged
    assert tally.failed > 5


SERVER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.loadtests.sink import Behaviour, Sink
async def main():
    sink = Sink(Behaviour())
    await sink.start()
    print(sink.port, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_a_target_stopped_for_a_while_shows_in_p99():
    """The experiment that closed loops fail: the server's process is stopped (SIGSTOP) in the middle."""
    root = str(Path(__file__).parents[2])
    words = [sys.executable, "-c", SERVER, root]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            stall = subprocess.Popen(
                [sys.executable, "-c", STALL, str(server.pid), str(signal.SIGSTOP), str(signal.SIGCONT)]
            )
            begun = time.monotonic()
            tally, _ = run(port, sessions=10, messages=0, stages=(Stage(500, 500, 5),))
            assert time.monotonic() - begun < 30
            assert stall.wait(10) == 0
        finally:
            os.kill(server.pid, signal.SIGKILL)
    assert tally.acknowledged == 2500
    assert tally.message.percentile(99) >= 0.9
    assert tally.phases["transaction"].percentile(50) < 0.5


STALL = """
import os, sys, time
pid, stop, go = map(int, sys.argv[1:])
time.sleep(0.7); os.kill(pid, stop); time.sleep(1.0); os.kill(pid, go)
"""
