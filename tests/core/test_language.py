"""What the steps of the language do, one by one."""

from __future__ import annotations

import pytest
from plumbline.reports.records import Verdict

from tests.core.helpers import outcome
from tests.support.wire import File, Fin, Hears, Peer, Wire

HI = b"220 hi\r\n"


def test_pipelined_commands_go_out_in_one_write(tmp_path):
    wire = Wire(Peer(HI, Hears(b"NOOP\r\nRSET\r\n"), b"250 a\r\n250 b\r\n"))
    script = "- S: 220\n- C: [NOOP, RSET]\n- S: {reply: 250, text: a}\n- S: {reply: 250, text: b}\n"

    assert outcome(tmp_path, script, wire).verdict is Verdict.PASS
    assert [write.data for write in wire.line("main").writes] == [b"NOOP\r\nRSET\r\n"]


@pytest.mark.parametrize(
    ("segments", "writes"),
    [
        ("octets", [b"H", b"I", b"\r", b"\n"]),
        ("cr-lf", [b"HI\r", b"\n"]),
        ("{every: 2}", [b"HI", b"\r\n"]),
        ("{at: [1]}", [b"H", b"I\r\n"]),
    ],
)
def test_segments(tmp_path, segments, writes):
    wire = Wire(Peer(HI, Hears(b"HI\r\n"), b"250 ok\r\n"))

    outcome(tmp_path, f"- S: 220\n- C: HI\n  segments: {segments}\n  S: 250\n", wire)

    assert [write.data for write in wire.line("main").writes] == writes


def test_raw_is_sent_as_written_and_message_is_stuffed(tmp_path):
    wire = Wire(Peer(HI, Hears(b"\x00\xff\n"), b"250 a\r\n", Hears(b".\r\n"), b"250 b\r\n"))
    script = """
        - S: 220
        - raw: ["a\\0", {hex: "ff"}, "\\n"]
          S: 250
        - message: "x\\n.y"
          S: 250
        """
    import textwrap

    assert outcome(tmp_path, textwrap.dedent(script), wire).verdict is Verdict.PASS
    assert wire.sent("main") == b"a\x00\xff\nx\r\n..y\r\n.\r\n"


def test_chunks_know_their_size_and_keep_their_line_ends(tmp_path):
    wire = Wire(Peer(HI, Hears(b"LAST\r\n\x00\xff"), b"250 a\r\n250 b\r\n"))
    script = (
        '- S: 220\n- raw: [{chunk: "{marker}\\r"}, {chunk: {hex: 00 ff}, last: true}]\n  S: 250\n- S: 250\n'
    )

    assert outcome(tmp_path, script, wire).verdict is Verdict.PASS
    assert wire.sent("main") == b"BDAT 3\r\nm1\rBDAT 2 LAST\r\n\x00\xff"


def test_the_first_reply_is_the_greeting_whatever_was_sent_before(tmp_path):
    wire = Wire(Peer(Hears(b"NOOP\r\n"), HI, b"250 ok\r\n"))

    found = outcome(tmp_path, "- C: NOOP\n  S: 220\n- S: 250\n", wire)

    assert [seen.command for seen in found.seen] == [b"", b"NOOP"]


def test_captures_are_used_later(tmp_path):
    wire = Wire(Peer(HI, Hears(b"NOOP\r\n"), b"250 id=42 ok\r\n", Hears(b"VRFY 42\r\n"), b"252 42\r\n"))
    script = "- S: 220\n- C: NOOP\n  S: 250\n  save: 'id=(?P<id>\\d+)'\n- C: VRFY {id}\n  S: {reply: 252, text: '{id}'}\n"

    assert outcome(tmp_path, script, wire).verdict is Verdict.PASS


def test_tolerated_and_observed(tmp_path):
    wire = Wire(Peer(HI, Hears(b"NOOP\r\n"), b"251 x\r\n"))
    tolerated = outcome(tmp_path, "- S: 220\n- C: NOOP\n  S: 250\n  tolerate: [251]\n", wire)
    wire = Wire(Peer(HI, Hears(b"NOOP\r\n"), b"251 x\r\n"))
    observed = outcome(tmp_path, "- S: 220\n- C: NOOP\n  observe: noop\n", wire)

    assert tolerated.verdict is Verdict.TOLERATED
    assert "tolerated 251" in tolerated.reason
    assert observed.verdict is Verdict.INFO
    assert observed.observations == {"noop": "251 x\\r\\n"}


def test_when_leaves_a_step_out(tmp_path):
    wire = Wire(Peer(b"120 wait\r\n", b"220 hi\r\n"))
    script = "- S: [120, 220]\n- {S: 220, when: 120}\n- {S: 999, when: 220}\n".replace("999", "250")

    result = outcome(tmp_path, script, wire, protocol="ftp")

    assert result.verdict is Verdict.FAIL  # the last reply is 220 now, so the third step is played
    wire = Wire(Peer(b"220 hi\r\n"))
    assert (
        outcome(tmp_path, "- S: [120, 220]\n- {S: 220, when: 120}\n", wire, protocol="ftp").verdict
        is Verdict.PASS
    )


def test_times_plays_a_step_again_as_long_as_when_holds(tmp_path):
    wire = Wire(
        Peer(
            HI,
            Hears(b"NOOP\r\n"),
            b"250 a\r\n",
            Hears(b"NOOP\r\n"),
            b"500 b\r\n",
            Hears(b"QUIT\r\n"),
            b"221 c\r\n",
        )
    )
    script = "- S: 220\n- C: NOOP\n  when: [220, 250]\n  times: 5\n  S: {}\n- C: QUIT\n  S: 221\n"

    assert outcome(tmp_path, script, wire).verdict is Verdict.PASS
    assert wire.sent("main") == b"NOOP\r\nNOOP\r\nQUIT\r\n"


def test_two_connections(tmp_path):
    wire = Wire(Peer(HI, Hears(b"NOOP\r\n"), b"250 one\r\n"), Peer(HI, Hears(b"RSET\r\n"), b"250 two\r\n"))
    script = """\
- S: 220
- connect: second
- {C: RSET, on: second, S: {reply: 250, text: two}}
- {C: NOOP, S: {reply: 250, text: one}}
"""

    assert outcome(tmp_path, script, wire).verdict is Verdict.PASS
    assert wire.sent("second") == b"RSET\r\n"


def test_passive_data_connection(tmp_path):
    control = Peer(
        HI, Hears(b"PASV\r\n"), b"227 ok (127,0,0,1,4,1)\r\n", Hears(b"LIST\r\n"), b"150 x\r\n", b"226 y\r\n"
    )
    wire = Wire(control, Peer(b"a\r\n", b"b\r\n", Fin()))
    script = (
        '- S: 220\n- data: passive\n- C: LIST\n  S: 150\n- data: {receive: {equals: "a\\nb\\n"}}\n- S: 226\n'
    )

    assert outcome(tmp_path, script, wire, protocol="ftp").verdict is Verdict.PASS


def test_active_data_connection_is_announced_and_accepted(tmp_path):
    control = Peer(HI, Hears(b"\r\n"), b"200 ok\r\n", Hears(b"STOR f\r\n"), b"150 x\r\n226 y\r\n")
    wire = Wire(control, Peer())
    script = "- S: 220\n- data: active\n- C: STOR f\n  S: 150\n- data: {send: {size: 10, kind: binary}}\n- S: 226\n"

    assert outcome(tmp_path, script, wire, protocol="ftp").verdict is Verdict.PASS
    assert wire.sent("main").startswith(b"PORT 127,0,0,1,")
    assert wire.sent("main data") == bytes(range(10))
    assert wire.line("main data").ended == "close"


def test_delivered_waits_for_the_mail_and_counts(tmp_path):
    script = "- S: 220\n- delivered: {count: 1}\n"
    facts = {"delivered": "maildir"}
    from plumbline.probes.script.interpreter import play
    from plumbline.probes.script.outcome import Endpoint, Setting

    from tests.core.helpers import case
    from tests.support.wire import play as play_wire

    setting = Setting(
        {"smtp": Endpoint("smtp", "127.0.0.1", 25)}, facts, mailbox={"via": "maildir", "path": "/m"}
    )

    def played(*files):
        return play_wire(play(case(tmp_path, script), setting, {"marker": "m1"}), Wire(Peer(HI), files=files))

    assert played(File(b"Subject: m1\r\n", since=3.0)).verdict is Verdict.PASS
    assert played().verdict is Verdict.FAIL
    assert played(File(b"m1"), File(b"m1", since=1.0)).verdict is Verdict.FAIL


def test_secret_is_not_told(tmp_path):
    wire = Wire(Peer(HI, Hears(b"PASS hunter2\r\n"), b"530 no\r\n"))

    result = outcome(tmp_path, "- S: 220\n- {C: PASS hunter2, secret: true, S: 230}\n", wire, protocol="ftp")

    assert result.sent == "****"
    assert "hunter2" not in result.reason


def test_imap_tags_literals_and_untagged_data(tmp_path):
    wire = Wire(
        Peer(
            b"* OK hi\r\n",
            Hears(b"p1 APPEND x {3}\r\n"),
            b"+ go\r\n",
            Hears(b"abc\r\n"),
            b"* 1 EXISTS\r\np1 OK [APPENDUID 1 2] done\r\n",
        )
    )
    script = """\
- S: OK
- C: APPEND x
  literal: abc
  S: {reply: OK, code: APPENDUID, untagged: ['^\\* 1 EXISTS'], never: ['EXPUNGE']}
"""

    assert outcome(tmp_path, script, wire, protocol="imap").verdict is Verdict.PASS


def test_imap_literal_refused_answers_the_step(tmp_path):
    wire = Wire(
        Peer(b"* OK hi\r\n", Hears(b"p1 APPEND x {3}\r\n"), b"p1 NO [TRYCREATE] no such mailbox\r\n"),
    )
    script = """\
- S: OK
- C: APPEND x
  literal: abc
  S: {reply: NO, code: TRYCREATE}
"""

    assert outcome(tmp_path, script, wire, protocol="imap").verdict is Verdict.PASS


def test_imap_no_room_is_inconclusive(tmp_path):
    wire = Wire(
        Peer(b"* OK hi\r\n", Hears(b"p1 LOGIN a b\r\n"), b"p1 NO [LIMIT] too many connections\r\n"),
    )
    result = outcome(tmp_path, "- S: OK\n- C: LOGIN a b\n  S: OK\n", wire, protocol="imap")

    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.unavailable


def test_utf8_in_replies_is_a_fault_until_the_client_says_smtputf8(tmp_path):
    talk = (HI, Hears(b"NOOP\r\n"), b"250 \xfc\r\n", Hears(b"MAIL FROM:<> SMTPUTF8\r\n"), b"250 \xfc\r\n")
    wire = Wire(Peer(*talk))

    found = outcome(tmp_path, "- S: 220\n- C: NOOP\n  S: 250\n- C: MAIL FROM:<> SMTPUTF8\n  S: 250\n", wire)

    rules = [{fault.rule for fault in seen.reply.faults} for seen in found.seen]
    assert ["eight-bit" in one for one in rules] == [False, True, False]


def test_a_tls_alert_in_clear_is_a_close_and_no_reply_of_bad_form(tmp_path):
    wire = Wire(Peer(HI, Hears(b"no handshake\r\n"), b"\x15\x03\x03\x00\x02\x02\x0a"))

    found = outcome(tmp_path, '- S: 220\n- raw: "no handshake\\r\\n"\n  S: closed\n', wire)

    assert found.verdict is Verdict.PASS
    assert [seen.command for seen in found.seen] == [b""]
