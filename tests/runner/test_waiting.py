"""Waiting for a case: results, a run that broke down, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import CancelledError, Future

import pytest
from plumbline.probes.trials import Attempted
from plumbline.probes.waiting import Waiting
from plumbline.reports.records import Verdict

from tests.runner.making import PASS, case


@pytest.fixture
def waiting():
    made = Waiting()
    made.begin()
    yield made
    made.end()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_result_that_comes_later(waiting):
    future: Future[Attempted] = Future()
    threading.Timer(0.25, future.set_result, [Attempted(case(), PASS)]).start()

    assert waiting.outcome(case(), future).outcome is PASS


def test_there_is_something_to_do_meanwhile(waiting):
    future: Future[Attempted] = Future()

    assert waiting.outcome(case(), future, lambda: future.set_result(Attempted(case(), PASS))).outcome is PASS


def test_a_run_that_broke_down(waiting):
    future: Future[Attempted] = Future()
    future.set_exception(CancelledError("the run is over"))

    outcome = waiting.outcome(case(), future).outcome

    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.reason == "not run to its end: the run is over"


def test_ctrl_c_while_waiting(waiting):
    timer = threading.Timer(0.05, interrupt)
    timer.start()

    with pytest.raises(KeyboardInterrupt) as raised:
        waiting.outcome(case(), Future())

    timer.join()
    assert raised.traceback[-1].name == "outcome"  # a place of ours, not the inside of a lock


def test_ctrl_c_elsewhere_is_python_s_own(waiting):
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_a_handler_of_somebody_else_is_left_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        made = Waiting()
        made.begin()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        made.end()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
