"""Every kind of peer trouble ends in a verdict: no hang, no traceback, bounded memory, in virtual time."""

from __future__ import annotations

import pytest
from plumbline.probes.ops import Lost, Trouble
from plumbline.reports.records import Verdict

from tests.core.helpers import outcome
from tests.support.wire import Fin, Hears, Peer, Rst, Says, Wire, cuts

GREETING = b"220 mx.test ESMTP\r\n"
NOOP = """
- S: 220
- C: NOOP
  S: 250
"""


def peer(*cues):
    return Wire(Peer(GREETING, Hears(b"NOOP\r\n"), *cues))


@pytest.mark.parametrize("segments", list(cuts(b"250-mx.test\r\n250-SIZE 100\r\n250 HELP\r\n")))
def test_any_split_gives_the_same_verdict(tmp_path, segments):
    result = outcome(tmp_path, NOOP, peer(*(Says(one) for one in segments)))

    assert result.verdict is Verdict.PASS


def test_reply_in_pieces_of_one_octet_with_pauses(tmp_path):
    slow = [Says(bytes([one]), after=1.0) for one in b"250 OK\r\n"]

    assert outcome(tmp_path, NOOP, peer(*slow)).verdict is Verdict.PASS


def test_reply_that_never_ends_within_the_deadline_is_silence(tmp_path):
    dribble = [Says(bytes([one]), after=3.0) for one in b"250 a very long line\r\n"]
    wire = peer(*dribble)

    result = outcome(tmp_path, NOOP, wire)

    assert result.verdict is Verdict.FAIL
    assert "silence" in result.got
    assert "250 a" in result.got
    assert wire.now == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("cues", "verdict", "words"),
    [
        ((Fin(),), Verdict.FAIL, "FIN"),
        ((Rst(),), Verdict.FAIL, "RST"),
        ((), Verdict.FAIL, "silence"),
        ((b"\x00\xff garbage\r\n",), Verdict.FAIL, r"\x00\xff garbage"),
        ((b"250 half", Fin()), Verdict.FAIL, "incomplete reply 250 half"),
        ((b"250 OK\r\n", Fin()), Verdict.PASS, ""),
        ((b"250 OK\r\n", Rst()), Verdict.PASS, ""),
        ((b"421 too busy\r\n", Fin()), Verdict.INCONCLUSIVE, "421 too busy"),
        ((b"451 later\r\n",), Verdict.INCONCLUSIVE, "451 later"),
        ((b"454 no TLS now\r\n",), Verdict.INCONCLUSIVE, "454 no TLS now"),
        ((b"530 log in\r\n",), Verdict.FAIL, "530 log in"),
        ((b"535 not you\r\n",), Verdict.INCONCLUSIVE, "535 not you"),
        ((b"x" * 70_000,), Verdict.FAIL, "without end"),
        ((b"250-y\r\n" * 20_000,), Verdict.FAIL, "without end"),
    ],
    ids=[
        "fin",
        "rst",
        "silent",
        "garbage",
        "half",
        "then-fin",
        "then-rst",
        "421",
        "451",
        "454",
        "530",
        "535",
        "line",
        "lines",
    ],
)
def test_trouble_after_a_command(tmp_path, cues, verdict, words):
    result = outcome(tmp_path, NOOP, peer(*cues))

    assert result.verdict is verdict
    assert words in result.got


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [("250", Verdict.INCONCLUSIVE), ("{reply: 250, not: 530}", Verdict.FAIL), ("[250, 5yz]", Verdict.PASS)],
    ids=["unasked", "not", "asked"],
)
def test_a_login_demanded_is_no_answer_unless_the_step_asks_for_it(tmp_path, wanted, verdict):
    wire = Wire(Peer(b"220 hi\r\n", Hears(b"MAIL FROM:<>\r\n"), b"530 5.7.0 log in\r\n"))
    result = outcome(tmp_path, f"- S: 220\n- C: MAIL FROM:<>\n  S: {wanted}\n", wire)

    assert result.verdict is verdict


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.RESET, Trouble.SILENT, Trouble.UNREACHABLE])
def test_no_connection_is_inconclusive_and_a_sign_of_overload(tmp_path, trouble):
    result = outcome(tmp_path, NOOP, Wire(Peer(fails=trouble)))

    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.unavailable
    assert trouble.value in result.reason


def test_closed_accepts_fin_and_rst(tmp_path):
    script = NOOP + "- S: closed\n"

    assert outcome(tmp_path, script, peer(b"250 OK\r\n", Fin())).verdict is Verdict.PASS
    assert outcome(tmp_path, script, peer(b"250 OK\r\n", Rst())).verdict is Verdict.PASS


def test_a_close_alert_is_no_reset(tmp_path):
    script = NOOP + "- S: {reply: closed, alert: true}\n"

    assert outcome(tmp_path, script, peer(b"250 OK\r\n", Fin())).verdict is Verdict.PASS
    result = outcome(tmp_path, script, peer(b"250 OK\r\n", Rst()))
    assert result.verdict is Verdict.FAIL
    assert result.expected == "a TLS close alert, then the end"


def test_what_came_before_the_close_is_judged_first(tmp_path):
    script = NOOP + "- S: closed\n"

    result = outcome(tmp_path, script, peer(b"250 OK\r\n", b"250 more\r\n", Fin()))

    assert result.verdict is Verdict.FAIL
    assert "250 more" in result.got


def test_trouble_in_the_set_up_is_inconclusive(tmp_path):
    script = "- {S: 220, given: true}\n- C: NOOP\n  S: 250\n"

    result = outcome(tmp_path, script, Wire(Peer(b"354 go away\r\n")))

    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.reason.startswith("set-up")


def test_a_client_that_is_greeted_with_a_refusal_learns_nothing(tmp_path):
    result = outcome(tmp_path, "- S: 220\n", Wire(Peer(b"554 go away\r\n")))
    asked = outcome(tmp_path, "- S: {reply: 220, not: 554}\n", Wire(Peer(b"554 go away\r\n")))

    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.reason.startswith("the server serves nobody now, or not this client: 554")
    assert asked.verdict is Verdict.FAIL


def test_silence_is_met_by_silence_only(tmp_path):
    script = "- S: 220\n- raw: NOOP\n- S: {silence: 2s}\n"
    mute = Wire(Peer(GREETING))
    hasty = Wire(Peer(GREETING, Hears(b"NOOP"), b"250 OK\r\n"))

    assert outcome(tmp_path, script, mute).verdict is Verdict.PASS
    assert mute.now == pytest.approx(2.0)
    assert outcome(tmp_path, script, hasty).verdict is Verdict.FAIL


def test_octets_in_clear_behind_the_go_ahead_fail_before_tls(tmp_path):
    script = "- S: 220\n- C: STARTTLS\n  S: 220\n- tls: true\n- C: NOOP\n  S: 250\n"
    injecting = Wire(Peer(GREETING, Hears(b"STARTTLS\r\n"), b"220 go\r\n250 injected\r\n"))

    result = outcome(tmp_path, script, injecting)

    assert result.verdict is Verdict.FAIL
    assert "250 injected" in result.got


def test_failing_handshake_fails_or_is_asked_for(tmp_path):
    script = "- S: 220\n- tls: true\n"
    wanted = "- S: 220\n- tls: {fails: true}\n"

    def broken():
        return Wire(Peer(GREETING, tls=Lost(Trouble.TLS, "alert")))

    assert outcome(tmp_path, script, broken()).verdict is Verdict.FAIL
    assert outcome(tmp_path, wanted, broken()).verdict is Verdict.PASS
    assert outcome(tmp_path, wanted, Wire(Peer(GREETING))).verdict is Verdict.FAIL


def test_memory_stays_bounded_on_an_endless_line(tmp_path):
    wire = peer(*(Says(b"z" * 60_000) for _ in range(50)))

    result = outcome(tmp_path, NOOP, wire)

    assert result.verdict is Verdict.FAIL
    assert len(result.got) < 1000
