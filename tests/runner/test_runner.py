"""The thread: results arrive, and whatever happens nobody is left waiting."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest
import trio
from plumbline.probes import runner as runner_module
from plumbline.probes.runner import Plan, Runner
from plumbline.probes.trials import Attempted
from plumbline.reports.records import Verdict

from tests.runner.making import PASS, SETTING, case


class Trials:
    """In place of the real ones. A case called "hang" never ends, "crash" raises what nobody expects."""

    def __init__(self, _setting, _plan):
        self.begun = threading.Event()

    async def result(self, ready):
        if ready.spec.id == "hang":
            await trio.sleep_forever()
        if ready.spec.id == "crash":
            raise KeyError("lost")
        if ready.spec.id == "end-of-thread":
            raise SystemExit
        return Attempted(ready, PASS)


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.setattr(runner_module, "Trials", Trials)
    made = Runner(SETTING, Plan())
    yield made
    made.close()


def test_results(runner):
    runner.start()

    futures = [runner.submit(case(f"c{n}")) for n in range(50)]

    assert [future.result(10).case.id for future in futures] == [f"smtp/c{n}" for n in range(50)]


def test_a_crash_is_inconclusive_and_spares_the_others(runner):
    runner.start()

    crashed, other = runner.submit(case("crash")), runner.submit(case("other"))

    assert crashed.result(10).outcome.verdict is Verdict.INCONCLUSIVE
    assert crashed.result(10).outcome.reason == "a fault of Plumbline's own: KeyError: 'lost'"
    assert other.result(10).outcome.verdict is Verdict.PASS


def test_closing_tells_whoever_waits(runner):
    runner.start()
    hanging = runner.submit(case("hang"))

    runner.close()

    with pytest.raises(CancelledError, match="the run was closed"):
        hanging.result(10)


def test_closing_twice_and_unstarted(runner):
    runner.close()
    runner.close()


def test_after_closing_no_case_is_taken(runner):
    runner.start()
    runner.close()

    late = runner.submit(case("late")).result(10)

    assert late.outcome.verdict is Verdict.INCONCLUSIVE
    assert "the run was closed" in late.outcome.reason


def test_before_the_start_no_case_is_taken(runner):
    assert runner.submit(case()).result(10).outcome.verdict is Verdict.INCONCLUSIVE


def test_the_end_of_the_thread_ends_all_waiting(runner):
    runner.start()
    hanging = runner.submit(case("hang"))

    runner.submit(case("end-of-thread"))

    with pytest.raises(CancelledError):
        hanging.result(10)
    assert runner.submit(case("late")).result(10).outcome.verdict is Verdict.INCONCLUSIVE


def test_a_thread_that_cannot_begin_does_not_block(monkeypatch):
    def broken(_setting, _plan):
        raise RuntimeError("no trials today")

    monkeypatch.setattr(runner_module, "Trials", broken)
    runner = Runner(SETTING, Plan())

    runner.start()

    late = runner.submit(case()).result(10)
    assert late.outcome.verdict is Verdict.INCONCLUSIVE
    assert "no trials today" in late.outcome.reason
