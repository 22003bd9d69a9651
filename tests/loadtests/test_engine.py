"""The engine against a sink: every acknowledged message is counted exactly once, whatever happens."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from plumbline.loadtests.engine.plan import Timeouts

from tests.loadtests.driving import BRISK, free_port, run
from tests.loadtests.sink import Behaviour, running

NO_PIPELINING = Behaviour(capabilities=("8BITMIME",))


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"pipelining": "off"},
        {"per_session": 1},
        {"per_session": 7},
        {"per_session": 1, "pipelining": "off"},
        {"phase_sample": 10},
        {"phase_sample": 0},
        {"size": 100_000},
        {"recipients": ("a@server.example", "b@server.example", "c@server.example")},
        {"think_s": 0.001, "messages": 20},
    ],
    ids=str,
)
def test_every_message_is_acknowledged_once_and_counted_once(plan):
    with running() as sink:
        tally, _ = run(sink.port, **plan)
    wanted = plan.get("messages", 100)
    assert (tally.acknowledged, tally.failed, tally.errors) == (wanted, 0, {})
    assert sink.acknowledged == wanted
    assert len(sink.messages) == wanted, "every Message-ID is used once"
    assert tally.message.count == wanted
    assert tally.replies == {"250": wanted}
    assert sum(second.messages for second in tally.seconds.values()) == wanted


def test_content_arrives_with_the_size_asked_for():
    with running() as sink:
        tally, _ = run(sink.port, sessions=1, messages=1, size=5_000)
    (size,) = sink.sizes
    assert tally.octets == size + len(".\r\n")
    assert 5_000 < size < 5_400


def test_without_pipelining_offered_no_command_is_sent_ahead():
    with running(NO_PIPELINING) as sink:
        tally, _ = run(sink.port)
    assert tally.acknowledged == sink.acknowledged == 100
    assert tally.phases["MAIL"].count == tally.phases["DATA"].count == 100


def test_phases_are_sampled_in_pipelined_sessions():
    with running() as sink:
        tally, _ = run(sink.port, sessions=1, messages=50, phase_sample=10)
    assert {name: tally.phases[name].count for name in ("MAIL", "RCPT", "DATA", "acknowledgement")} == {
        "MAIL": 5,
        "RCPT": 5,
        "DATA": 5,
        "acknowledgement": 5,
    }
    assert tally.phases["connect"].count == tally.phases["banner"].count == tally.phases["EHLO"].count == 1


def test_replies_octet_by_octet():
    with running(Behaviour(piecemeal=True)) as sink:
        tally, _ = run(sink.port)
    assert tally.acknowledged == sink.acknowledged == 100


def test_lmtp_has_an_answer_for_each_recipient():
    with running(Behaviour(lmtp=True)) as sink:
        tally, _ = run(sink.port, protocol="lmtp", recipients=("a@x.example", "b@x.example"))
    assert tally.acknowledged == sink.acknowledged == 100
    assert sink.commands["LHLO"] >= 1
    assert sink.commands["EHLO"] == 0


@pytest.mark.parametrize("way", [{}, {"pipelining": "off"}, {"in_flight": 4}], ids=str)
def test_lmtp_that_delivers_to_some_recipients_only(way):
    capabilities = ("PIPELINING", "CHUNKING")
    behaviour = Behaviour(lmtp=True, capabilities=capabilities, every={"END": (5, "452 4.2.2 full")})
    to = ("a@x.example", "b@x.example")
    with running(behaviour) as sink:
        tally, engine = run(sink.port, sessions=1, protocol="lmtp", recipients=to, verify=True, **way)
    assert (tally.acknowledged, tally.failed, tally.in_doubt) == (60, 40, 40)
    assert tally.errors == {"452 at end of data": 40}
    assert engine.ledger.receipts
    assert len(engine.ledger.receipts.doubtful) == 40, "they may be found in the mailbox of a recipient"


REFUSALS = {
    "MAIL": "451 4.3.0 later",
    "RCPT": "550 5.1.1 no such user",
    "DATA": "554 5.5.1 no",
    "END": "452 4.2.2 full",
}


@pytest.mark.parametrize("pipelining", ["on", "off"])
@pytest.mark.parametrize("verb", REFUSALS)
def test_refusals_are_counted_and_the_session_goes_on(verb, pipelining):
    with running(Behaviour(every={verb: (5, REFUSALS[verb])})) as sink:
        tally, _ = run(sink.port, sessions=2, pipelining=pipelining)
    code = REFUSALS[verb][:3]
    where = "end of data" if verb == "END" else verb
    assert tally.acknowledged + tally.failed == 100
    assert tally.acknowledged == sink.acknowledged
    assert tally.errors == {f"{code} at {where}": tally.failed}
    assert tally.failed >= 15
    assert tally.replies[code] == tally.failed
    assert tally.in_doubt == 0
    assert tally.samples[f"{code} at {where}"] == REFUSALS[verb]


@pytest.mark.parametrize("pipelining", ["on", "off"])
def test_some_recipients_refused(pipelining):
    with running(Behaviour(every={"RCPT": (2, "550 5.1.1 no")})) as sink:
        tally, _ = run(
            sink.port, sessions=1, pipelining=pipelining, recipients=("a@x.example", "b@x.example")
        )
    assert (tally.acknowledged, tally.failed) == (100, 0)
    assert tally.replies == {"250": 100, "550": 100}
    assert tally.errors == {"550 at RCPT of an accepted message": 100}


def test_data_accepted_without_a_recipient_gets_a_lone_dot():
    behaviour = Behaviour(answers={"RCPT": "550 5.1.1 no", "DATA": "354 go on"}, capabilities=("PIPELINING",))
    with running(behaviour) as sink:
        tally, _ = run(sink.port, sessions=1, messages=3, phase_sample=0)
    assert (tally.acknowledged, tally.failed) == (0, 3)
    assert sink.messages == {"": 3}, "three empty contents, none of ours"
    assert sink.commands["RSET"] == 3


@pytest.mark.parametrize("answer", ["HANGUP", "RESET", "421 4.3.2 shutting down"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_a_session_that_ends_is_counted_and_replaced(verb, answer):
    with running(Behaviour(every={verb: (10, answer)})) as sink:
        tally, _ = run(sink.port, sessions=2, messages=60)
    assert tally.acknowledged == sink.acknowledged
    assert tally.acknowledged + tally.failed == 60
    assert tally.failed >= 1
    doubtful = verb == "END" and not answer.startswith("421")
    assert tally.in_doubt == (tally.failed if doubtful else 0) or not answer.startswith("421")


def test_garbage_is_named():
    with running(Behaviour(answers={"RCPT": "hello there"})) as sink:
        tally, _ = run(sink.port, sessions=1, messages=5)
    assert tally.acknowledged == 0
    (kind,) = tally.errors
    assert kind == "garbage at RCPT"
    assert "hello there" in tally.samples[kind]


def test_silence_has_a_deadline():
    limits = Timeouts(connect=1.0, reply=0.3, drain=0.5, give_up=0.5)
    with running(Behaviour(every={"END": (3, "")})) as sink:
        tally, _ = run(sink.port, sessions=1, messages=5, timeouts=limits)
    assert tally.acknowledged == sink.acknowledged
    assert tally.errors == {"silent at acknowledgement": tally.failed}
    assert tally.in_doubt == tally.failed >= 1


def test_a_target_that_dies_is_given_up_and_everything_before_is_kept():
    with running(Behaviour(die_after=50)) as sink:
        tally, engine = run(sink.port, messages=10_000)
    assert tally.acknowledged <= sink.acknowledged, "an acknowledgement may be cut off on the way"
    assert sink.acknowledged - tally.acknowledged <= tally.in_doubt
    assert "refused" in engine.gone
    assert tally.acknowledged + tally.failed < 10_000


def test_a_refused_target_is_given_up():
    tally, engine = run(free_port(), messages=10)
    assert (tally.acknowledged, tally.failed) == (0, 0)
    assert engine.gone == "refused at connect: connection refused"


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, ""),
        ({"CONNECT": "554 go away"}, "554 at banner: 554 go away"),
        ({"CONNECT": "421 busy"}, "421 at banner: 421 busy"),
        ({"RCPT": "550 no such user"}, "550 at RCPT: 550 no such user"),
        ({"MAIL": "530 log in first"}, "530 at MAIL: 530 log in first"),
        ({"CONNECT": "SSH-2.0-OpenSSH"}, "garbage at banner: no SMTP reply: b'SSH-2.0-OpenSSH\\r\\n'"),
        ({"CONNECT": "HANGUP"}, "closed at banner: the target closed the connection"),
    ],
)
def test_preflight_tries_one_envelope_and_sends_nothing(answers, why):
    with running(Behaviour(answers=answers)) as sink:
        _, engine = run(sink.port, sessions=1, check=True)
    assert engine.why == why
    assert sink.acknowledged == 0
    assert sink.commands["DATA"] == 0
    assert sink.connections == 1


def test_preflight_of_a_silent_target_ends():
    with running(Behaviour(answers={"CONNECT": ""})) as sink:
        limits = Timeouts(connect=1.0, reply=0.2, drain=BRISK.drain, give_up=BRISK.give_up)
        _, engine = run(sink.port, sessions=1, check=True, timeouts=limits)
    assert engine.why == "silent at banner: no reply within 0.2 s"


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize(
    ("verb", "answer", "kind"),
    [
        ("CONNECT", "554 5.3.2 away", "554 at banner"),
        ("MAIL", "451 4.3.0 later", "451 at MAIL"),
        ("RCPT", "550 5.1.1 no", "550 at RCPT"),
        ("DATA", "554 5.5.1 no", "554 at DATA"),
        ("END", "452 4.2.2 full", "452 at end of data"),
        ("END", "HANGUP", "closed at acknowledgement"),
    ],
)
def test_sessions_that_are_not_answered_like_the_one_before(verb, answer, kind, lmtp):
    usual = {"END": "250 always the same", "CONNECT": "220 always the same"}
    with running(Behaviour(answers=usual, every={verb: (7, answer)}, lmtp=lmtp)) as sink:
        protocol = "lmtp" if lmtp else "smtp"
        tally, _ = run(sink.port, sessions=2, per_session=1, phase_sample=0, protocol=protocol)
    assert tally.acknowledged == sink.acknowledged == len(sink.messages)
    assert tally.acknowledged + tally.failed == 100
    assert set(tally.errors) == {kind}
    if verb == "CONNECT":
        assert tally.acknowledged == 100
        assert tally.errors[kind] >= 15
    else:
        assert tally.errors[kind] == tally.failed >= 13
    assert tally.message.count == tally.acknowledged
    assert tally.phases["banner"].count == tally.connections


@contextmanager
def abrupt(answer: bytes) -> Iterator[int]:
    """A target that takes a little of each content, says this, and closes; the port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 x\r\n")
            for reply in (b"250-x\r\n250 PIPELINING\r\n", b"250 a\r\n", b"250 b\r\n", b"354 c\r\n"):
                self.rfile.readline()
                self.wfile.write(reply)
            self.rfile.read(10_000)
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("pipelining", ["on", "off"])
@pytest.mark.parametrize("answer", [b"", b"552 5.3.4 too big\r\n"])
def test_a_target_that_closes_in_the_middle_of_the_content(answer, pipelining):
    with abrupt(answer) as port:
        tally, _ = run(port, sessions=2, messages=6, size=20_000_000, pipelining=pipelining, phase_sample=0)
    assert tally.acknowledged == 0
    assert tally.failed == tally.in_doubt
    assert 1 <= tally.failed <= 6
    words = ("closed at", "reset at", "reply before the end of data")
    assert all(kind.startswith(words) for kind in tally.errors), tally.errors
