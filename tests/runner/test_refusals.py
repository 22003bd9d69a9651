"""A refusal is a failure only where the target takes our mail in its plainest form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plumbline.probes.protocols.base import Reply
from plumbline.probes.refusals import control_of, excused, refused
from plumbline.probes.script.cases import Placed, ReadyState
from plumbline.probes.script.outcome import Outcome, Seen
from plumbline.probes.script.types import Delivered, Expect, Step
from plumbline.probes.trials import Plan, Trials
from plumbline.reports.records import Verdict

from tests.runner.making import PASS, SETTING, Driver, case

STATES = {name: ReadyState(name, "smtp", ()) for name in ("mail", "rcpt", "data", "poor")}


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

    assert (control.name if control else "") == state


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
async def test_the_plain_form_is_tried_behind_every_refusal(control, verdict, autojump_clock):
    wrong = failed(b"MAIL FROM:<a@b> SIZE=1", "550 not you")
    driver = Driver([wrong, control, wrong, control])
    trials = Trials(SETTING, Plan(again=0, states=STATES), driver.play)

    results = [await trials.result(case(name)) for name in ("one", "two")]

    assert [one.outcome.verdict.value for one in results] == [verdict, verdict]
    assert driver.played == 4
    assert all("550 not you" in one.outcome.reason for one in results)


def test_a_mail_that_did_not_arrive_is_held_against_an_ordinary_one():
    look = Placed(Step(delivered=Delivered()), "suites/smtp/x.yaml", 1, 1)
    lost = Outcome(Verdict.FAIL, "lost", look, got="0 after 60.0 s", seen=(seen(b"(message)", "250 ok"),))
    states = {"sent": ReadyState("sent", "smtp", ())}

    control = control_of(lost, states)

    assert control is not None
    assert control.steps[-1].step.delivered is not None
    assert refused(replace(lost, verdict=Verdict.INCONCLUSIVE)) == "0 after 60.0 s"
    assert "where the profile says" in excused(lost, "0 after 60.0 s").reason
    assert control_of(replace(lost, got="2 after 2.0 s"), states) is None
    assert control_of(lost, {}) is None


def test_a_client_that_is_dropped_is_held_against_an_ordinary_one():
    gone = replace(failed(b"NOOP", "250 ok"), got="the server closed the connection (FIN)")
    states = {"ehlo": ReadyState("ehlo", "smtp", ())}
    other = Placed(Step(S=220, on="second"), "suites/smtp/x.yaml", 1, 1)

    assert control_of(gone, states) is states["ehlo"]
    assert control_of(replace(gone, step=other), states) is None
    assert refused(replace(gone, verdict=Verdict.INCONCLUSIVE)) == gone.got
