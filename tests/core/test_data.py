"""What the data steps of FTP do: coding, deadlines, TLS, and where connections come from and go to."""

from __future__ import annotations

import textwrap

import pytest
from plumbline.probes.ops import Accept, Address, Listen, Lost, Open, Recv, StartTLS, Trouble
from plumbline.reports.records import Verdict

from tests.core.helpers import outcome
from tests.support.wire import Fin, Hears, Peer, Rst, Says, Wire

HI = b"220 hi\r\n"
PASV = (Hears(b"PASV\r\n"), b"227 ok (127,0,0,1,4,1)\r\n")


def played(tmp_path, wire: Wire, script: str, host: str = "127.0.0.1"):
    return outcome(tmp_path, textwrap.dedent(script), wire, protocol="ftp", host=host)


def control(*commands: str, tls: str | Lost = "") -> Peer:
    """A server that takes every one of these commands with 200, and PASV before what comes last."""
    cues = [cue for command in commands for cue in (Hears(command.encode()), b"200 ok\r\n")]
    return Peer(HI, *cues, *PASV, **({"tls": tls} if tls else {}))


RECEIVED = "- data: {receive: {}}\n"


def after(*commands: str) -> str:
    """The steps that go with it."""
    lines = ["- S: 220", *(f"- {{C: {command}, S: 200}}" for command in commands), "- data: passive"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("commands", "wire_octets", "content", "records"),
    [
        ((), b"a\r\nb\r\n", "a\\nb\\n", None),
        (("TYPE E",), b"\x81\x15\x82\x15", "a\\nb\\n", None),
        (("TYPE A", "STRU R"), b"a\xff\x01b\xff\x03", "a\\nb\\n", 2),
        (("TYPE I", "MODE B"), b"\x40\0\2ab", "ab", None),
        (("TYPE I", "MODE C"), b"\0\x40\x85x", "xxxxx", None),
        (("STRU R", "MODE B"), b"\x80\0\1a\xc0\0\1b", "a\\nb\\n", 2),
    ],
)
def test_files_are_coded_as_the_server_has_accepted(tmp_path, commands, wire_octets, content, records):
    told = f", records: {records}" if records is not None else ""
    wire = Wire(control(*commands), Peer(wire_octets, Fin()))
    script = after(*commands) + f'- data: {{receive: {{equals: "{content}"{told}}}}}\n'

    assert played(tmp_path, wire, script).verdict is Verdict.PASS


def test_what_is_not_accepted_changes_nothing(tmp_path):
    server = Peer(HI, Hears(b"MODE B\r\n"), b"504 no\r\n", *PASV)
    wire = Wire(server, Peer(b"plain", Fin()))
    script = "- S: 220\n- {C: MODE B, S: 504}\n- data: passive\n- data: {receive: {equals: plain}}\n"

    assert played(tmp_path, wire, script).verdict is Verdict.PASS


def test_what_is_sent_is_coded_too(tmp_path):
    wire = Wire(control("TYPE E", "STRU R", "MODE B"), Peer())
    script = (
        after("TYPE E", "STRU R", "MODE B") + '- data: {send: "a\\nb\\n"}\n- C: NOOP\n  S: {silence: 1s}\n'
    )

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert wire.sent("main data") == b"\x80\0\1\x81\xc0\0\1\x82"
    assert wire.line("main data").ended == "close"


def test_restart_markers_go_out_and_come_in(tmp_path):
    wire = Wire(control("TYPE I", "MODE B"), Peer(b"\0\0\2ab\x10\0\1m\x40\0\1c"))
    script = after("TYPE I", "MODE B") + (
        "- data: {send: abc, mark: 2, keep: true}\n"
        "- data: {receive: {equals: abc, save_marker: place}}\n"
        "- C: REST {place}\n  S: {silence: 1s}\n"
    )

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert wire.sent("main data") == b"\0\0\2ab\x10\0\x06000002\x40\0\1c"
    assert wire.sent("main").endswith(b"REST m\r\n")


def test_in_block_mode_two_files_come_over_one_connection(tmp_path):
    wire = Wire(control("TYPE I", "MODE B"), Peer(b"\x40\0\1a\x40\0\1b"))
    script = after("TYPE I", "MODE B") + (
        "- data: {receive: {equals: a}, keep: true}\n- data: {receive: {equals: b}}\n"
    )

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert wire.line("main data").ended == "close"


def test_raw_is_the_wire(tmp_path):
    wire = Wire(control("MODE B"), Peer(b"\x40\0\1a", Fin()))
    script = after("MODE B") + '- data: {send: {hex: "400000"}, raw: true, keep: true}\n'
    script += '- data: {receive: {equals: {hex: "40000161"}}, raw: true}\n'

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert wire.sent("main data") == b"\x40\0\0"


def test_the_first_octets_alone(tmp_path):
    wire = Wire(control(), Peer(b"abc", b"def", Fin()))
    script = after() + (
        "- data: {receive: {first: 4, equals: abcd}}\n- data: {receive: {equals: {text: abcdef, drop: 4}}}\n"
    )

    assert played(tmp_path, wire, script).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("commands", "peer", "want", "expected", "got"),
    [
        (("MODE B",), Peer(b"\0\0\1a", Fin()), "{}", "MODE B has it", "closed before the end of the file"),
        (("MODE B",), Peer(b"\x41\0\0", Fin()), "{}", "MODE B has it", "descriptor of 0x41"),
        (("MODE B",), Peer(b"\x40"), "{}", "a close of the data connection", "silence after 0 octets"),
        ((), Peer(b"ab", Rst()), "{}", "a close of the data connection", "after 2 octets"),
        ((), Peer(b"ab", Fin()), "{first: 3}", "a close of the data connection", "a close after 2 octets"),
        (("STRU R",), Peer(b"a\xff\x03", Fin()), "{records: 2}", "exactly 2 records", "got 1"),
        ((), Peer(b"ab", Fin()), "{equals: ac}", "these 2 octets: ac", "2 octets: ab"),
        ((), Peer(b"a" * 1000 + b"x", Fin()), "{equals: '{repeat a 1001}'}", "from octet 980", "aaax"),
        ((), Peer(b"a", Fin()), "{equals: ab}", "these 2 octets: ab", "1 octets: a"),
    ],
)
def test_a_wrong_file_fails_and_says_how(tmp_path, commands, peer, want, expected, got):
    result = played(
        tmp_path, Wire(control(*commands), peer), after(*commands) + f"- data: {{receive: {want}}}\n"
    )

    assert result.verdict is Verdict.FAIL
    assert expected in result.expected
    assert got in f"got {result.got}"


@pytest.mark.parametrize(
    ("way", "verdict"),
    [
        ("active", Verdict.SKIPPED),
        ("extended-passive", Verdict.SKIPPED),
        ("passive", Verdict.INCONCLUSIVE),
    ],
)
def test_what_may_be_switched_off_is_skipped(tmp_path, way, verdict):
    wire = Wire(Peer(HI, Hears(b"\r\n"), b"550 switched off\r\n"))
    result = played(tmp_path, wire, f"- S: 220\n- data: {way}\n")

    assert result.verdict is verdict
    assert "550 switched off" in result.reason


def test_a_slow_file_is_right_and_one_without_end_is_nobodys_verdict(tmp_path):
    slow = [Says(b"a", 20.0) for _ in range(7)]
    endless = [Says(b"a", 20.0) for _ in range(9)]

    assert played(tmp_path, Wire(control(), Peer(*slow, Fin())), after() + RECEIVED).verdict is Verdict.PASS
    result = played(tmp_path, Wire(control(), Peer(*endless, Fin())), after() + RECEIVED)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "a file that has come within 150 s, got more after 8 octets" in result.reason


def test_a_run_that_unfolds_without_end_is_cut(tmp_path):
    bomb = b"\xbfx" * 32_000
    wire = Wire(control("MODE C"), Peer(*[bomb] * 40, Fin()))

    result = played(tmp_path, wire, after("MODE C") + "- data: {receive: {size: 1}}\n")

    assert result.verdict is Verdict.FAIL
    assert wire.line("main data").ended == "close"


def test_pages_of_odd_bytes_are_our_own_limit(tmp_path):
    wire = Wire(control("TYPE L 36", "STRU P"), Peer())

    result = played(tmp_path, wire, after("TYPE L 36", "STRU P") + "- data: {send: x}\n- S: 226\n")

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "whole octets" in result.reason


# -- TLS


def test_after_prot_p_a_handshake_comes_first_and_resumes(tmp_path):
    wire = Wire(control("PROT P"), Peer(b"a", Fin(), tls="TLSv1.3"))

    assert (
        played(tmp_path, wire, after("PROT P") + "- data: {receive: {equals: a}}\n").verdict is Verdict.PASS
    )
    (handshake,) = [op for op in wire.ops if isinstance(op, StartTLS)]
    assert (handshake.conn, handshake.resume) == ("main data", "main")


def test_a_handshake_of_its_own_is_not_repeated(tmp_path):
    wire = Wire(control("PROT P"), Peer(b"a", Fin(), tls="TLSv1.3"))
    script = after("PROT P") + "- data: {tls: {resume: false}}\n- data: {receive: {equals: a}}\n"

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert [op.resume for op in wire.ops if isinstance(op, StartTLS)] == [""]


@pytest.mark.parametrize(("announced", "waits"), [(0.3, False), (4.0, True)], ids=["at-once", "behind"])
def test_a_server_that_announces_behind_the_handshake_gets_it(tmp_path, announced, waits):
    server = Peer(
        HI, Hears(b"PROT P"), b"200 ok\r\n", *PASV, Hears(b"LIST"), Says(b"150 here\r\n", announced)
    )
    wire = Wire(server, Peer(b"a", Fin(), tls="TLSv1.3"))
    script = after("PROT P") + "- {C: LIST, S: 150}\n- data: {receive: {equals: a}}\n"

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert [op.resume for op in wire.ops if isinstance(op, StartTLS)] == ["main"]
    assert wire.now == pytest.approx(announced)
    handshake = next(number for number, op in enumerate(wire.ops) if isinstance(op, StartTLS))
    assert any(isinstance(op, Recv) and op.conn == "main" for op in wire.ops[handshake:]) is waits


def test_a_handshake_that_must_fail(tmp_path):
    good, bad = Peer(tls="TLSv1.3"), Peer(tls=Lost(Trouble.TLS, "alert"))
    script = after() + "- data: {tls: {fails: true}}\n"

    assert played(tmp_path, Wire(control(), bad), script).verdict is Verdict.PASS
    assert played(tmp_path, Wire(control(), good), script).verdict is Verdict.FAIL
    failed = played(tmp_path, Wire(control("PROT P"), bad), after("PROT P") + "- data: {receive: {}}\n")
    assert failed.verdict is Verdict.FAIL
    assert "handshake" in failed.expected


# -- where connections come from and go to


def test_connecting_from_another_address(tmp_path):
    wire = Wire(control(), Peer())
    script = "- S: 220\n- C: PASV\n  S: 227\n- data: {open: reply, from: 127.0.0.3}\n- data: {silence: 1s}\n"

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert [op.source for op in wire.ops if isinstance(op, Open)] == ["", "127.0.0.3"]


def test_listening_on_another_address_and_saying_so(tmp_path):
    server = Peer(HI, Hears(b"PORT 127,0,0,1,"), b"200 ok\r\n")
    wire = Wire(server)
    script = """\
        - S: 220
        - data: {open: listen, at: 127.0.0.3}
        - C: PORT {data_port_argument}
          S: 200
        - data: {unconnected: 1s}
        """

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert [op.host for op in wire.ops if isinstance(op, Listen)] == ["127.0.0.3"]
    assert wire.sent("main").count(b",") == 5

    assert played(tmp_path, Wire(server, Peer()), script).verdict is Verdict.FAIL


def test_the_default_data_port(tmp_path):
    wire = Wire(Peer(HI), Peer(b"a", Fin(), address=Address("127.0.0.1", 24)))
    script = """\
        - S: 220
        - data: default
        - data: {peer: {host: "{host}", port: "{default_data_port}"}}
        - data: {receive: {equals: a}}
        """

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert [op.port for op in wire.ops if isinstance(op, Listen)] == [50_001]


@pytest.mark.parametrize(
    ("want", "verdict"),
    [
        ("127.0.0.1", Verdict.PASS),
        ("127.0.0.2", Verdict.FAIL),
        ("{port: 20}", Verdict.PASS),
        ("{port: 21}", Verdict.FAIL),
    ],
)
def test_where_the_server_comes_from(tmp_path, want, verdict):
    wire = Wire(Peer(HI, Hears(b"\r\n"), b"200 ok\r\n"), Peer())

    assert played(tmp_path, wire, f"- S: 220\n- data: active\n- data: {{peer: {want}}}\n").verdict is verdict
    assert any(isinstance(op, Accept) for op in wire.ops)


BLOCKED = {
    "425": ((b"200 ok\r\n", Hears(b"LIST\r\n"), b"425 no\r\n"), Peer(), "- C: LIST\n  S: 150\n"),
    "nobody": ((b"200 ok\r\n",), Peer(fails=Trouble.SILENT), "- data: {receive: {}}\n"),
    "another": ((b"200 ok\r\n",), Peer(), "- data: {peer: 127.0.0.9}\n"),
}


@pytest.mark.parametrize(
    ("where", "verdict"), [("192.0.2.7", Verdict.INCONCLUSIVE), ("127.0.0.1", Verdict.FAIL)]
)
@pytest.mark.parametrize("how", BLOCKED)
def test_a_firewall_or_translation_on_the_way_is_not_the_servers_doing(tmp_path, how, where, verdict):
    cues, data, steps = BLOCKED[how]
    wire = Wire(Peer(HI, Hears(b"\r\n"), *cues), data)

    assert played(tmp_path, wire, f"- S: 220\n- data: active\n{steps}", where).verdict is verdict


@pytest.mark.parametrize(
    ("where", "verdict"), [("127,0,0,1", Verdict.FAIL), ("10,0,0,5", Verdict.INCONCLUSIVE)]
)
def test_a_refusal_by_another_host_may_be_translation(tmp_path, where, verdict):
    server = Peer(HI, Hears(b"PASV\r\n"), f"227 ok ({where},4,1)\r\n".encode())
    wire = Wire(server, Peer(fails=Trouble.REFUSED))

    assert played(tmp_path, wire, "- S: 220\n- {C: PASV, S: 227}\n- data: reply\n").verdict is verdict


def test_where_the_server_comes_from_is_known_of_its_connections_only(tmp_path):
    result = played(tmp_path, Wire(control(), Peer()), after() + "- data: {peer: 127.0.0.1}\n")

    assert result.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("peer", "verdict"),
    [
        (Peer(), Verdict.PASS),
        (Peer(Fin()), Verdict.PASS),
        (Peer(Rst()), Verdict.PASS),
        (Peer(Says(b"a", 2.0)), Verdict.PASS),
        (Peer(b"a"), Verdict.FAIL),
    ],
)
def test_silence(tmp_path, peer, verdict):
    assert played(tmp_path, Wire(control(), peer), after() + "- data: {silence: 1s}\n").verdict is verdict


@pytest.mark.parametrize(
    ("peer", "verdict"),
    [
        (Peer(Fin()), Verdict.PASS),
        (Peer(Rst()), Verdict.PASS),
        (Peer(Fin(2.0)), Verdict.FAIL),
        (Peer(b"a", Fin()), Verdict.FAIL),
    ],
)
def test_closed(tmp_path, peer, verdict):
    assert played(tmp_path, Wire(control(), peer), after() + "- data: {closed: 1s}\n").verdict is verdict


def test_an_upload_that_may_be_cut(tmp_path):
    script = after() + "- data: {silence: 1s}\n- data: {send: a%s}\n- data: {silence: 1s}\n"

    assert played(tmp_path, Wire(control(), Peer(Rst())), script % ", may_fail: true").verdict is Verdict.PASS
    assert played(tmp_path, Wire(control(), Peer(Rst())), script % "").verdict is Verdict.FAIL


def test_reply_means_the_last_227_whatever_came_behind(tmp_path):
    server = Peer(HI, *PASV, Hears(b"RETR f\r\n"), b"150 ok\r\n")
    script = "- S: 220\n- {C: PASV, S: 227}\n- {C: RETR f, S: 150}\n- data: reply\n- data: {receive: {equals: a}}\n"

    assert played(tmp_path, Wire(server, Peer(b"a", Fin())), script).verdict is Verdict.PASS


def test_silence_where_nobody_connects(tmp_path):
    wire = Wire(Peer(HI, Hears(b"\r\n"), b"200 ok\r\n"))

    assert played(tmp_path, wire, "- S: 220\n- data: active\n- data: {silence: 1s}\n").verdict is Verdict.PASS


# -- cases that end as skipped


def test_skip_ends_the_case_with_the_answer_as_reason(tmp_path):
    wire = Wire(Peer(HI, Hears(b"MODE B\r\n"), b"504 no such mode\r\n"))

    result = played(tmp_path, wire, "- S: 220\n- C: MODE B\n  S: 200\n  skip: [500, 504]\n")

    assert result.verdict is Verdict.SKIPPED
    assert result.reason == "the server does not do this: MODE B was answered 504 no such mode"
    assert result.step is None


def test_skip_is_for_these_answers_only(tmp_path):
    wire = Wire(Peer(HI, Hears(b"MODE B\r\n"), b"550 no\r\n"))

    assert played(tmp_path, wire, "- S: 220\n- C: MODE B\n  S: 200\n  skip: 504\n").verdict is Verdict.FAIL


@pytest.mark.parametrize("how", ["passive", "active"])
def test_over_ipv6_only_the_extended_commands_can_name_an_address(how):
    from plumbline.probes.ops import Endpoints
    from plumbline.probes.script.channel import _way
    from plumbline.probes.script.connection import Connection

    class Control(Connection):
        def __init__(self, host):
            self.ends = Endpoints(Address(host, 40_000), Address(host, 21))

    assert _way(how, Control("::1")) == f"extended-{how}"
    assert _way(how, Control("127.0.0.1")) == how
    assert _way("reply", Control("::1")) == "reply"


def test_what_was_received_can_be_saved_from(tmp_path):
    wire = Wire(control("TYPE I"), Peer(b"type=cdir; here\r\n", Fin()))
    script = after("TYPE I") + (
        "- data: {receive: {size: {at_least: 1}}}\n  save: 'type=cdir; (?P<place>[^\\r]+)'\n"
        "- C: CWD {place}\n  S: {silence: 1s}\n"
    )

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert wire.sent("main").endswith(b"CWD here\r\n")


def test_nothing_to_save_from_the_data_skips_the_case(tmp_path):
    wire = Wire(control("TYPE I"), Peer(b"type=file; here\r\n", Fin()))
    script = after("TYPE I") + "- data: {receive: {}}\n  save: 'type=cdir; (?P<place>[^\\r]+)'\n"

    outcome = played(tmp_path, wire, script)

    assert (outcome.verdict, "nothing to save" in outcome.reason) == (Verdict.SKIPPED, True)


CUT = Lost(Trouble.CLOSED, "FIN")


@pytest.mark.parametrize(("ends", "verdict"), [(None, Verdict.PASS), (CUT, Verdict.FAIL)])
def test_the_end_of_tls_before_that_of_tcp(tmp_path, ends, verdict):
    wire = Wire(control("PROT P"), Peer(b"a", Fin(), tls="TLSv1.3", ends=ends))
    script = after("PROT P") + "- data: {receive: {equals: a, tls_ended: true}}\n"

    assert played(tmp_path, wire, script).verdict is verdict


def test_an_upload_that_is_cut_off_ends_without_the_end_of_tls(tmp_path):
    wire = Wire(control("PROT P"), Peer(tls="TLSv1.3"))
    script = after("PROT P") + "- data: {send: a, cut: true}\n- C: NOOP\n  S: {silence: 1s}\n"

    assert played(tmp_path, wire, script).verdict is Verdict.PASS
    assert wire.line("main data").ended == "shutdown"


@pytest.mark.parametrize(("shown", "verdict"), [("c0ffee", Verdict.PASS), ("decaf", Verdict.FAIL)])
def test_the_certificate_of_a_data_connection(tmp_path, shown, verdict):
    wire = Wire(control("PROT P"), Peer(tls="TLSv1.3", certificate=shown))
    script = after("PROT P") + "- data: {tls: {resume: false, same_certificate: true}}\n"

    assert played(tmp_path, wire, script).verdict is verdict
