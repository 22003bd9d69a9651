"""TLS and capabilities as a script sees them."""

from __future__ import annotations

import pytest
from plumbline.probes.ops import Lost, StartTLS, Trouble
from plumbline.probes.script.interpreter import play
from plumbline.probes.script.outcome import Endpoint, Setting
from plumbline.reports.records import Verdict

from tests.core.helpers import case, outcome
from tests.support.wire import Hears, Peer, Wire
from tests.support.wire import play as play_wire

GO = b"220 go\r\n"
FAILED = Lost(Trouble.TLS, "alert")


@pytest.mark.parametrize("answer", ["TLSv1.2 X", FAILED], ids=["succeeds", "fails"])
def test_a_handshake_that_may_fail_is_observed(tmp_path, answer):
    wire = Wire(Peer(GO, tls=answer))

    seen = outcome(tmp_path, '- S: 220\n- tls: {version: "1.1", may_fail: true}\n  observe: "1.1"\n', wire)

    assert seen.verdict is Verdict.INFO
    assert seen.observations == {"1.1": str(answer)}


def test_a_version_that_we_cannot_speak_is_nobodys_fault(tmp_path):
    wire = Wire(Peer(GO, tls=Lost(Trouble.UNREACHABLE, "no TLS 1.0 here")))

    seen = outcome(tmp_path, '- S: 220\n- tls: {version: "1.0", fails: true}\n', wire)

    assert seen.verdict is Verdict.INCONCLUSIVE


def test_a_step_for_what_is_offered(tmp_path):
    script = "- S: 220\n- C: EHLO x\n  S: 250\n- C: NOOP\n  offered: {word}\n  S: 250\n- C: RSET\n  S: 250\n"

    def sent(word):
        offers = b"250-mx\r\n250-AUTH PLAIN\r\n250 SIZE\r\n"
        wire = Wire(Peer(GO, Hears(b"EHLO x\r\n"), offers, Hears(b"NOOP\r\n"), b"250 a\r\n250 b\r\n"))
        outcome(tmp_path, script.format(word=word), wire)
        return wire.sent("main")

    assert b"NOOP" in sent("AUTH PLAIN")
    assert b"NOOP" in sent("SIZE")
    assert b"NOOP" not in sent("AUTH LOGIN")


def test_nothing_is_offered_before_there_is_a_list(tmp_path):
    wire = Wire(Peer(GO))

    assert outcome(tmp_path, "- S: 220\n- C: NOOP\n  offered: SIZE\n  S: 250\n", wire).verdict is Verdict.PASS
    assert wire.sent("main") == b""


@pytest.mark.parametrize("implicit", [True, False])
def test_tls_from_the_first_octet_counts_as_offered_beside_what_is_listed(tmp_path, implicit):
    script = """
        - S: 220
        - C: FEAT
          S: 211
        - C: PROT P
          offered: IMPLICIT TLS
          S: 200
    """
    answers = b"211-Features\r\n MDTM\r\n211 End\r\n", Hears(b"PROT P\r\n"), b"200 ok\r\n"
    wire = Wire(Peer(GO, Hears(b"FEAT\r\n"), *(answers if implicit else answers[:1])))
    setting = Setting(endpoints={"ftp": Endpoint("ftp", "127.0.0.1", 990, tls=implicit)}, facts={})

    result = play_wire(play(case(tmp_path, script, "ftp"), setting, {}), wire)

    assert result.verdict is Verdict.PASS, result.reason
    assert (b"PROT" in wire.sent("main")) is implicit


def test_clear_keeps_a_connection_from_tls(tmp_path):
    script = """
- S: 220
- connect: {name: second, state: connected, clear: true}
- raw: "HELP\\r\\n"
  on: second
  S: closed
"""
    endpoint = Endpoint("smtp", "127.0.0.1", 465, tls=True)
    wire = Wire(Peer(GO), Peer(Hears(b"HELP\r\n")))
    ready = case(tmp_path, script)

    play_wire(play(ready, Setting(endpoints={"smtp": endpoint}, facts={}), {}), wire)

    assert [write.tls for write in wire.line("second").writes] == [False]


class Answering:
    """An observer that keeps the handshakes."""

    def __init__(self):
        self.ops = []

    def saw(self, op, _started, _ended, _answer):
        if isinstance(op, StartTLS):
            self.ops.append(op)


def test_the_certificate_is_held_against_the_authority_of_the_profile(tmp_path):
    ready = case(tmp_path, "- S: 220\n- tls: {verify: true}\n")
    observer, setting = (
        Answering(),
        Setting(endpoints={"smtp": Endpoint("smtp", "h", 25)}, facts={"tls.ca": "/ca.pem"}),
    )

    play_wire(play(ready, setting, {}), Wire(Peer(GO)), observer=observer)

    assert [(op.verify, op.ca, op.version) for op in observer.ops] == [(True, "/ca.pem", "")]


def test_a_challenge_that_cannot_be_answered_is_inconclusive(tmp_path):
    script = """
- S: 220
- C: AUTH CRAM-MD5
  S: 334
  save: (?P<challenge>\\S+)
- C: "{cram_md5 $challenge u p}"
  S: 235
"""
    wire = Wire(Peer(GO, Hears(b"AUTH CRAM-MD5\r\n"), b"334 <in-clear>\r\n"))

    seen = outcome(tmp_path, script, wire)

    assert seen.verdict is Verdict.INCONCLUSIVE
    assert "no base64: '<in-clear>'" in seen.reason


def test_tls_that_ends_leaves_the_connection_in_clear(tmp_path):
    wire = Wire(Peer(GO, Hears(b"CCC\r\n"), b"200 ok\r\n", Hears(b"NOOP\r\n"), b"200 ok\r\n"))
    script = "- S: 220\n- tls: true\n- C: CCC\n  S: 200\n- tls: {ends: true}\n- C: NOOP\n  S: 200\n"

    assert outcome(tmp_path, script, wire).verdict is Verdict.PASS
    assert [(write.data, write.tls) for write in wire.line("main").writes] == [
        (b"CCC\r\n", True),
        (b"NOOP\r\n", False),
    ]


@pytest.mark.parametrize(
    ("given", "verdict"), [("", Verdict.FAIL), ("  given: true\n", Verdict.INCONCLUSIVE)]
)
def test_tls_that_the_server_does_not_end(tmp_path, given, verdict):
    wire = Wire(Peer(GO, ends=Lost(Trouble.CLOSED, "FIN")))

    seen = outcome(tmp_path, "- S: 220\n- tls: true\n- tls: {ends: true}\n" + given, wire)

    assert (seen.verdict, "TLS to be closed" in seen.expected) == (verdict, True)
