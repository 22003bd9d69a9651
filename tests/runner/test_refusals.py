"""A refusal is a failure only where the target takes our mail in its plainest form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plumbline.probes.protocols.base import Reply
from plumbline.probes.refusals import control_of
from plumbline.probes.script.cases import Placed, ReadyState
from plumbline.probes.script.outcome import Outcome, Seen
from plumbline.probes.script.types import Delivered, Expect, Step
from plumbline.probes.trials import Plan, Trials
from plumbline.reports.records import Verdict

from tests.runner.making import PASS, SETTING, Driver, case

STATES = {name: ReadyState(name, "smtp", ()) for name in ("mail", "rcpt", "data", "poor", "sent")}


def seen(command, text):
    return Seen("smtp", command, Reply(text.encode() + b"\r\n", text[:3], (text[4:],)))


def failed(command, text, *before, want=250):
    got = f"{text}\\r\\n"
    step = Placed(Step(C="x", S=want), "suites/smtp/x.yaml", 1, 1)
    return Outcome(
        Verdict.FAIL, f"expected 250, got {got}", step, got=got, seen=(*before, seen(command, text))
    )


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (failed(b"MAIL FROM:<a@b> SIZE=1", "550 not you"), "mail"),
        (failed(b"rcpt to:<a@b>", "554 not there"), "rcpt"),
        (failed(b"DATA", "554 no"), "data"),
        (failed(b"(message)", "550 spam"), "poor"),
        (failed(b"BDAT 3\r\nRCP", "552 full"), "poor"),
        (failed(b"text\r\n.\r\n", "554 spam", seen(b"DATA", "354 go on")), "poor"),
        (failed(b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n", "550 no"), "poor"),
        (failed(b"MAIL FROM:<a@b>", "500 what?"), ""),
        (failed(b"MAIL FROM:<a@b> X", "555 what?"), ""),
        (failed(b"MAIL FROM:<a@b>", "354 go on"), ""),
        (failed(b"NOOP", "550 no"), ""),
        (failed(b"MAIL FROM:<a@b>", "550 no", want=Expect(not_="5yz")), ""),
        (replace(failed(b"DATA", "554 no"), got="silence"), ""),
        (replace(failed(b"DATA", "554 no"), verdict=Verdict.INCONCLUSIVE), ""),
        (replace(failed(b"DATA", "554 no"), step=None), ""),
    ],
)
def test_what_a_refusal_is_held_against(outcome, state):
    control = control_of(outcome, STATES)

    assert (control.state.name if control else "") == state


@pytest.mark.trio
@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        (PASS, "fail"),
        (replace(failed(b"MAIL", "550 never"), verdict=Verdict.INCONCLUSIVE), "inconclusive"),
        (replace(failed(b"MAIL", "451 later"), verdict=Verdict.INCONCLUSIVE), "inconclusive"),
        (replace(failed(b"MAIL", "500 what?"), verdict=Verdict.INCONCLUSIVE), "fail"),
        (Outcome(Verdict.INCONCLUSIVE, "could not connect"), "fail"),
    ],
    ids=["taken", "refused", "deferred", "unknown", "gone"],
)
async def test_the_plain_form_is_tried_once_a_run(control, verdict, autojump_clock):
    wrong = failed(b"MAIL FROM:<a@b> SIZE=1", "550 not you")
    driver = Driver([wrong, control, wrong])
    trials = Trials(SETTING, Plan(again=0, states=STATES), driver.play)

    results = [await trials.result(case(name)) for name in ("one", "two")]

    assert [one.outcome.verdict.value for one in results] == [verdict, verdict]
    assert driver.played == 3
    assert all("550 not you" in one.outcome.reason for one in results)


def lost(got="0 after 20.0 s"):
    step = Placed(Step(delivered=Delivered()), "suites/smtp/x.yaml", 1, 1)
    return Outcome(
        Verdict.FAIL, f"expected exactly 1 mails, got {got}", step, got=got, seen=(seen(b"DATA", "354 go"),)
    )


@pytest.mark.parametrize(("outcome", "state"), [(lost(), "sent"), (lost("2 after 2.0 s"), "")])
def test_a_mail_that_is_missing_is_held_against_an_ordinary_one(outcome, state):
    control = control_of(outcome, STATES)

    assert (control.state.name if control else "") == state


@pytest.mark.trio
@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        (PASS, "fail"),
        (replace(lost(), verdict=Verdict.INCONCLUSIVE), "inconclusive"),
        (lost(), "inconclusive"),
    ],
    ids=["seen", "refused", "late"],
)
async def test_a_missing_mail_is_lost_where_an_ordinary_one_is_seen(control, verdict, autojump_clock):
    driver = Driver([lost(), control])
    trials = Trials(SETTING, Plan(again=0, states=STATES), driver.play)

    result = await trials.result(case())

    assert result.outcome.verdict.value == verdict
    assert "0 after 20.0 s" in result.outcome.reason
