"""Several messages in flight by BDAT: acknowledged once, counted once, whatever is refused or breaks."""

from __future__ import annotations

import pytest
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.payload import Payload
from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.schedule import Stage
from plumbline.loadtests.engine.session import Session

from tests.loadtests.driving import run
from tests.loadtests.sink import Behaviour, running
from tests.loadtests.test_parts import Messages

CHUNKING = ("PIPELINING", "CHUNKING")
TWO = ("a@x.example", "b@x.example")


def chunking(**behaviour) -> Behaviour:
    return Behaviour(capabilities=CHUNKING, **behaviour)


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"in_flight": 100},
        {"per_session": 1},
        {"per_session": 7},
        {"phase_sample": 10},
        {"phase_sample": 0},
        {"size": 100_000},
        {"recipients": TWO},
        {"stages": (Stage(1000, 1000),)},
        {"verify": True},
    ],
    ids=str,
)
def test_every_message_is_acknowledged_once_and_counted_once(plan):
    with running(chunking()) as sink:
        tally, engine = run(sink.port, **{"in_flight": 5, **plan})
    assert (tally.acknowledged, tally.failed, tally.errors) == (100, 0, {})
    assert sink.acknowledged == len(sink.messages) == tally.message.count == 100
    assert tally.replies == {"250": 100}
    if plan.get("per_session") != 1:
        assert sink.commands["BDAT"] >= 80
    assert len(sink.sizes) == 1, "what BDAT and DATA bring is the same"
    if engine.ledger.receipts:
        assert len({number for number, _ in engine.ledger.receipts.acknowledged}) == 100


@pytest.mark.parametrize("capabilities", [("PIPELINING",), ("CHUNKING",), ()], ids=str)
def test_without_both_capabilities_one_message_at_a_time(capabilities):
    with running(Behaviour(capabilities=("X", *capabilities))) as sink:
        tally, _ = run(sink.port, in_flight=5)
    assert tally.acknowledged == sink.acknowledged == 100
    assert sink.commands["BDAT"] == 0


def test_replies_octet_by_octet():
    with running(chunking(piecemeal=True)) as sink:
        tally, _ = run(sink.port, in_flight=5)
    assert tally.acknowledged == sink.acknowledged == 100


def test_lmtp_has_an_answer_for_each_recipient():
    with running(chunking(lmtp=True)) as sink:
        tally, _ = run(sink.port, protocol="lmtp", recipients=TWO, in_flight=5)
    assert (tally.acknowledged, tally.failed, tally.errors) == (100, 0, {})
    assert sink.acknowledged == 100


REFUSALS = {"MAIL": "451 4.3.0 later", "RCPT": "550 5.1.1 no such user", "END": "452 4.2.2 full"}


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("verb", REFUSALS)
def test_a_refusal_spoils_no_other_message(verb, lmtp):
    behaviour = chunking(every={verb: (7, REFUSALS[verb])}, lmtp=lmtp)
    with running(behaviour) as sink:
        tally, _ = run(sink.port, sessions=2, in_flight=5, protocol="lmtp" if lmtp else "smtp")
    code, where = REFUSALS[verb][:3], "end of data" if verb == "END" else verb
    assert tally.acknowledged == sink.acknowledged
    assert tally.acknowledged + tally.failed == 100
    assert tally.failed >= 5
    refusals = {kind: times for kind, times in tally.errors.items() if "accepted message" not in kind}
    assert refusals == {f"{code} at {where}": tally.failed}, "a 503 is not the target's doing"
    assert tally.replies[code] == tally.failed
    assert tally.in_doubt == 0


def test_some_recipients_refused():
    with running(chunking(every={"RCPT": (2, "550 5.1.1 no")})) as sink:
        tally, _ = run(sink.port, sessions=1, in_flight=4, recipients=TWO)
    assert (tally.acknowledged, tally.failed) == (100, 0)
    assert tally.errors == {"550 at RCPT of an accepted message": 100}


@pytest.mark.parametrize("answer", ["HANGUP", "RESET", "421 4.3.2 shutting down"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "END"])
def test_a_session_that_ends_is_counted_and_replaced(verb, answer):
    with running(chunking(every={verb: (17, answer)})) as sink:
        tally, _ = run(sink.port, sessions=2, messages=60, in_flight=5)
    assert tally.acknowledged <= sink.acknowledged <= tally.acknowledged + tally.in_doubt
    assert tally.acknowledged + tally.failed == 60
    assert tally.failed >= 1
    if answer.startswith("421"):
        assert tally.in_doubt == 0


def test_garbage_is_named():
    with running(chunking(answers={"END": "hello there"})) as sink:
        tally, _ = run(sink.port, sessions=1, messages=5, in_flight=5, phase_sample=0)
    assert tally.acknowledged == 0
    assert tally.failed == 5
    assert set(tally.errors) == {"garbage at acknowledgement"}


ANSWER = b"250 a\r\n250 b\r\n250 q\r\n"


def session(count: int, **plan: object) -> tuple[Session, Ledger, bytes]:
    """A session after EHLO, and the first thing it sent."""
    made = Plan(host="127.0.0.1", port=25, size=2, phase_sample=0, **plan)  # type: ignore[arg-type]
    ledger, payload = Ledger(), Payload(made)
    ledger.serve(payload)
    talking = Session(made, payload, ledger, Messages(count), 0.0)
    talking.feed(b"220 x\r\n", 1.0)
    sent = talking.feed(b"250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n", 2.0)
    assert isinstance(sent, bytes)
    return talking, ledger, sent


def test_a_write_holds_as_many_messages_as_may_be_in_flight():
    talking, ledger, sent = session(10, in_flight=3)
    assert sent.count(b"MAIL FROM:") == sent.count(b" LAST\r\n") == 3
    size = int(sent.split(b"BDAT ")[1].split()[0])
    begin = sent.index(b" LAST\r\n") + 7
    assert sent[begin + size :].startswith(b"MAIL FROM:"), "the size that BDAT names is that of the content"
    more = talking.feed(ANSWER * 2, 3.0)
    assert isinstance(more, bytes)
    assert more.count(b"BDAT") == 2
    assert ledger.settle().acknowledged == [1.0, 1.0]


@pytest.mark.parametrize("cut", range(1, 2 * len(ANSWER)))
def test_answers_may_come_in_any_two_pieces(cut):
    talking, ledger, _ = session(10, in_flight=2)
    for piece in ((ANSWER * 2)[:cut], (ANSWER * 2)[cut:]):
        talking.feed(piece, 3.0)
    assert len(ledger.settle().acknowledged) == 2
    assert talking.stream
    assert len(talking.stream.flight) == 2


def test_what_got_503_because_of_a_refusal_before_it_is_sent_again():
    talking, ledger, _ = session(3, in_flight=3)
    refused = b"250 a\r\n550 b\r\n503 q\r\n"
    spoilt = b"503 nested\r\n503 b\r\n503 q\r\n"
    assert talking.feed(refused + spoilt + spoilt, 3.0) == b"RSET\r\n"
    assert len(ledger.failed) == 1
    again = talking.feed(b"250 reset\r\n", 4.0)
    assert isinstance(again, bytes)
    assert again.count(b"BDAT") == 2
    assert talking.feed(ANSWER * 2, 5.0) == b"QUIT\r\n"
    assert len(ledger.settle().acknowledged) == 2
