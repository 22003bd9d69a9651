"""What the engine offers to those who verify delivery, pace sessions, and search a rate."""

from __future__ import annotations

import time

import pytest
from plumbline.loadtests.engine.ledger import Receipts
from plumbline.loadtests.engine.payload import Payload
from plumbline.loadtests.engine.plan import Plan

from tests.loadtests.driving import run
from tests.loadtests.sink import Behaviour, running


def receipts(engine) -> Receipts:
    assert engine.ledger.receipts is not None
    return engine.ledger.receipts


@pytest.mark.parametrize(
    "plan", [{}, {"pipelining": "off"}, {"per_session": 1}, {"phase_sample": 5}], ids=str
)
def test_receipts_name_every_acknowledged_message(plan):
    with running(Behaviour(every={"END": (7, "452 full")})) as sink:
        tally, engine = run(sink.port, verify=True, **plan)
    seen = receipts(engine).take()
    named = {f"run.0.{number:x}@plumbline.invalid" for number, _ in seen.acknowledged}
    assert named == set(sink.messages)
    assert len(seen.acknowledged) == tally.acknowledged == sink.acknowledged > 80
    assert seen.doubtful == []
    assert receipts(engine).take().acknowledged == []


def test_receipts_name_messages_without_an_answer():
    with running(Behaviour(every={"END": (10, "HANGUP")})) as sink:
        tally, engine = run(sink.port, verify=True)
    seen = receipts(engine)
    assert len(seen.doubtful) == tally.in_doubt >= 10
    assert not set(seen.doubtful) & {number for number, _ in seen.acknowledged}


def test_mail_is_what_a_reader_sees():
    payload = Payload(Plan(host="h", port=25, size=700, run_id="abc", part=2))
    sent = payload.content(31).message(31)
    assert isinstance(sent, bytes)
    assert sent.replace(b"\r\n..", b"\r\n.") == payload.plain(31) + b".\r\n"
    assert b"<abc.2.1f@plumbline.invalid>" in payload.plain(31)


@pytest.mark.parametrize("pipelining", ["on", "off"])
def test_paced_sessions_begin_at_constant_intervals(pipelining):
    with running() as sink:
        tally, _ = run(sink.port, sessions=2, messages=12, pace_s=0.05, pipelining=pipelining)
    assert tally.acknowledged == 12
    assert 0.24 < tally.duration < 0.6, "five intervals of two sessions"


def test_an_open_loop_by_a_trace():
    with running() as sink:
        tally, _ = run(sink.port, messages=0, trace=(0.0, 0.01, 0.02, 0.2))
    assert tally.acknowledged == sink.acknowledged == 4
    assert 0.19 < tally.duration < 1.0


def test_the_schedule_can_be_replaced_while_the_run_goes_on():
    steps = [[n / 200 for n in range(20)], [n / 100 for n in range(30)]]

    def change(engine) -> None:
        for step in steps:
            engine.offer(iter(step))
            time.sleep(0.4)
        engine.stop()

    with running() as sink:
        tally, _ = run(sink.port, messages=0, search=True, meanwhile=change)
    assert tally.acknowledged == sink.acknowledged == 50
    assert tally.failed == 0


def test_what_a_replaced_schedule_left_has_failed():
    def change(engine) -> None:
        engine.offer(iter([0.0] * 3000))
        time.sleep(0.05)
        engine.offer(iter([0.0]))
        time.sleep(0.3)
        engine.stop()

    with running() as sink:
        tally, _ = run(sink.port, sessions=1, messages=0, search=True, meanwhile=change)
    assert tally.acknowledged + tally.failed == 3001
    assert tally.acknowledged == sink.acknowledged
    assert tally.errors == {"not begun": tally.failed}
