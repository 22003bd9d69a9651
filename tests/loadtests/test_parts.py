"""The pure parts: histogram, tally, replies, session fed in every split."""

from __future__ import annotations

import random

import pytest
from plumbline.loadtests.engine.histogram import Histogram
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.payload import FIRST, Content, Payload
from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.replies import NotAReplyError, Replies, good_envelope
from plumbline.loadtests.engine.session import Session
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.engine.tally import Tally


@pytest.mark.parametrize("scale", [20e-6, 300e-6, 4e-3, 0.06, 0.9, 7.0])
def test_percentiles_are_within_one_percent_of_the_exact_list(scale):
    source = random.Random(7)
    values = sorted(source.lognormvariate(0, 0.5) * scale for _ in range(20_000))
    histogram = Histogram()
    histogram.add(values[:5000])
    histogram.add(values[5000:])
    for percent in (50, 90, 99, 99.9):
        exact = values[min(len(values) - 1, -int(-len(values) * percent // 100) - 1)]
        assert histogram.percentile(percent) == pytest.approx(exact, rel=0.01)
    assert histogram.highest == values[-1]
    assert histogram.mean == pytest.approx(sum(values) / len(values))


def test_what_a_run_settles_is_within_one_percent_of_its_list():
    source = random.Random(11)
    contents = [Content(b"a", b"b"), Content(b"c", b"d")]
    ledger = Ledger(contents=contents)
    exact = []
    for _ in range(20):
        for content in contents:
            content.latencies += [source.lognormvariate(-8, 0.8) for _ in range(300)]
        exact += ledger.settle().acknowledged
    exact.sort()
    found = ledger.take().message
    assert found.count == len(exact) == 12_000
    for percent in (50, 90, 99, 99.9):
        assert found.percentile(percent) == pytest.approx(
            exact[round(len(exact) * percent / 100) - 1], rel=0.01
        )


def test_merging_histograms_equals_counting_at_once():
    source = random.Random(3)
    parts = [[source.expovariate(100) for _ in range(500)] for _ in range(5)]
    merged, once = Histogram(), Histogram()
    for part in parts:
        one = Histogram()
        one.add(part)
        merged.merge(Histogram.from_wire(one.to_wire()))
        once.add(part)
    assert merged.counts == once.counts
    assert (merged.count, merged.lowest, merged.highest) == (once.count, once.lowest, once.highest)


def test_rare_percentiles_are_left_out_of_small_samples():
    small, large = Histogram(), Histogram()
    small.add([0.001] * 9_999)
    large.add([0.001] * 10_000)
    assert "p99.9" not in small.summary()
    assert "p99.9" in large.summary()
    assert Histogram().summary() == {}


def test_a_tally_survives_the_wire():
    content = Content(b"a" * 10, b"b" * 77)
    assert content.octets == 100
    ledger = Ledger(contents=[content])
    ledger.begun()
    content.latencies += [0.001, 0.002]
    ledger.failure(0.5, "550 at RCPT", "550 no", in_doubt=True)
    ledger.phase("connect", 0.01)
    ledger.settle()
    tally = ledger.take()
    again = Tally.from_wire(tally.to_wire())
    assert again.to_wire() == tally.to_wire()
    total = Tally()
    total.merge(tally)
    total.merge(again)
    assert (total.acknowledged, total.failed, total.in_doubt, total.octets) == (4, 2, 2, 400)
    assert total.errors == {"550 at RCPT": 2}
    assert total.begun_at == tally.begun_at


ANSWERS = b"250-one\r\n250 two\r\n250\r\n550 5.1.1 no\r\n354 go\n"


@pytest.mark.parametrize("cut", range(len(ANSWERS)))
def test_replies_in_every_split(cut):
    reader = Replies()
    found = reader.feed(ANSWERS[:cut]) + reader.feed(ANSWERS[cut:])
    assert [reply.code for reply in found] == [250, 250, 550, 354]
    assert found[0].text == "250-one 250 two"
    assert reader.rest == b""


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"250 ok\r\nno\r\n",
        b"25",
        b"x",
        b"2502 x\r\n",
        b"250-a\r\nzzz\r\n",
        b"9",
        b"\r\n",
        b"\x00\xff",
    ],
)
def test_what_is_no_reply_is_refused_at_once(octets):
    if octets == b"25":
        assert Replies().feed(octets) == []
        return
    with pytest.raises(NotAReplyError):
        Replies().feed(octets)


@pytest.mark.parametrize("octets", [b"250 " + b"x" * 70_000, b"250-x\r\n" * 10_000])
def test_endless_replies_are_refused(octets):
    with pytest.raises(NotAReplyError, match="more than"):
        Replies().feed(octets)


@pytest.mark.parametrize(
    ("octets", "good"),
    [
        (b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", True),
        (b"250-a\r\n250 b\r\n250 ok\r\n251 ok\r\n354 go\r\n", True),
        (b"250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n", False),
        (b"451 ok\r\n250 ok\r\n250 no\r\n354 go\r\n", False),
        (b"250 ok\r\n250 ok\r\n250 ok\r\n554 go\r\n", False),
        (b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n421 bye\r\n", False),
        (b"250 ok\r\n250 ok\r\n354 go\r\n", False),
    ],
)
def test_the_fast_path_takes_good_answers_only(octets, good):
    assert bool(good_envelope(1)(octets)) is good


class Messages:
    """A supply of so many messages."""

    finished = False

    def __init__(self, count: int) -> None:
        self.left = self.total = count
        self.resting = 0

    def claim(self) -> int:
        self.finished = self.left <= 1
        self.left -= 1
        return FIRST + self.total - self.left if self.left >= 0 else 0

    def intended(self, now: float) -> float:
        return now

    def unclaim(self, intended: float) -> None:
        self.left += 1

    def idle(self, _session: Session) -> None:
        self.resting += 1


def talk(answers: list[bytes], count: int, **plan: object) -> tuple[list[bytes], Ledger, Session]:
    """Play answers, one for each write; gives back what the session wrote."""
    made = Plan(host="127.0.0.1", port=25, size=2, **plan)  # type: ignore[arg-type]
    ledger, payload = Ledger(), Payload(made)
    ledger.serve(payload)
    session = Session(made, payload, ledger, Messages(count), 0.0)
    written = []
    for at, answer in enumerate(answers, 1):
        output = session.feed(answer, float(at))
        if output is not None:
            written.append(output if isinstance(output, bytes) else b"".join(output))
    return written, ledger, session


def last_line(octets: bytes) -> bytes:
    return octets.splitlines()[-1]


def test_a_pipelined_session_needs_one_write_a_message():
    hello = [b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n"]
    steady = b"250 q\r\n250 a\r\n250 b\r\n354 c\r\n"
    written, ledger, _ = talk(
        [*hello, b"250 a\r\n250 b\r\n354 c\r\n", steady, steady, b"250 q\r\n", b"221 bye\r\n"],
        count=3,
        phase_sample=0,
    )
    assert written[1] == b"MAIL FROM:<load@client.example>\r\nRCPT TO:<sink@server.example>\r\nDATA\r\n"
    assert [last_line(octets) for octets in written[2:]] == [b"DATA", b"DATA", b".", b"QUIT"]
    assert written[2].count(b"\r\n.\r\nMAIL FROM:") == 1
    ledger.settle()
    assert ledger.take().acknowledged == 3


def test_a_lockstep_session_sends_nothing_ahead():
    written, ledger, _ = talk(
        [b"220 x\r\n", b"250 x\r\n", b"250 a\r\n", b"250 b\r\n", b"354 c\r\n", b"250 q\r\n"], count=1
    )
    assert [octets.split()[0] for octets in written[:4]] == [b"EHLO", b"MAIL", b"RCPT", b"DATA"]
    assert [last_line(octets) for octets in written[4:]] == [b".", b"QUIT"]
    assert ledger.settle().acknowledged == [6.0 - 2.0], "from MAIL to the reply to the end of data"


STEADY = b"250 q\r\n250 a\r\n250 b\r\n354 c\r\n"


@pytest.mark.parametrize("cut", range(1, len(STEADY)))
def test_a_steady_answer_may_come_in_any_two_pieces(cut):
    _, ledger, session = talk(
        [
            b"220 x\r\n",
            b"250-x\r\n250 PIPELINING\r\n",
            b"250 a\r\n250 b\r\n354 c\r\n",
            STEADY[:cut],
            STEADY[cut:],
            STEADY,
        ],
        count=10,
        phase_sample=0,
    )
    ledger.settle()
    assert ledger.take().acknowledged == 2
    assert session.steady


def test_ehlo_refused_falls_back_to_helo():
    written, _, session = talk([b"220 x\r\n", b"502 no\r\n", b"250 x\r\n"], count=1)
    assert [octets.split()[0] for octets in written] == [b"EHLO", b"HELO", b"MAIL"]
    assert not session.pipelining


def test_auth_plain_and_login():
    hello = b"250-x\r\n250 AUTH %b\r\n"
    written, _, _ = talk([b"220 x\r\n", hello % b"PLAIN LOGIN"], count=1, user="alice", password="pw")
    assert written[1] == b"AUTH PLAIN AGFsaWNlAHB3\r\n"
    answers = [
        b"220 x\r\n",
        hello % b"LOGIN",
        b"334 VXNlcm5hbWU6\r\n",
        b"334 UGFzc3dvcmQ6\r\n",
        b"235 in\r\n",
    ]
    written, _, _ = talk(answers, count=1, user="alice", password="pw")
    assert written[1:4] == [b"AUTH LOGIN\r\n", b"YWxpY2U=\r\n", b"cHc=\r\n"]
    assert written[4].startswith(b"MAIL")
    with pytest.raises(EndedError, match="neither AUTH PLAIN nor LOGIN"):
        talk([b"220 x\r\n", hello % b"GSSAPI"], count=1, user="alice", password="pw")


def test_starttls_refuses_octets_sent_before_the_handshake():
    hello = b"250-x\r\n250 STARTTLS\r\n"
    _, _, session = talk([b"220 x\r\n", hello, b"220 go\r\n"], count=1, tls="starttls")
    assert session.wants_tls
    with pytest.raises(EndedError, match="before the TLS handshake"):
        talk([b"220 x\r\n", hello, b"220 go\r\n250"], count=1, tls="starttls")


def test_dots_are_stuffed_and_data_ends_once():
    made = Plan(host="h", port=25, size=500)
    octets = Payload(made).contents[0].message(7)
    assert isinstance(octets, bytes)
    assert octets.endswith(b"\r\n.\r\n")
    assert octets.count(b"\r\n.") == 1
    assert b"\n" not in octets.replace(b"\r\n", b"")
