"""POP3 responses: RFC 1939's sessions, bodies and their end, and every fault of form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plumbline.probes.protocols import pop3
from plumbline.probes.protocols.base import Bounds, Endless, Shape

from .feeding import assert_any_split, replies, rules, the_reply

BODY = Shape(multiline=True)
LINE = Shape()

# RFC 1939, 10 (greeting, APOP, STAT, LIST, RETR, DELE, QUIT), with RFC 2449's CAPA and RFC 5034's AUTH.
SESSION = (
    b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n"
    b"+OK mrose's maildrop has 2 messages (320 octets)\r\n"
    b"+OK 2 320\r\n"
    b"+OK 2 messages (320 octets)\r\n1 120\r\n2 200\r\n.\r\n"
    b"+OK 120 octets\r\nSubject: x\r\n\r\n..\r\n...a\r\nend\r\n.\r\n"
    b"+OK message 1 deleted\r\n"
    b"+OK Capability list follows\r\nTOP\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
    b"+ \r\n"
    b"-ERR [AUTH] no\r\n"
    b"+OK dewey POP3 server signing off (maildrop empty)\r\n"
)
SHAPES = [LINE, LINE, LINE, BODY, BODY, LINE, BODY, LINE, BODY, LINE]


def test_a_session() -> None:
    got = assert_any_split(pop3.Pop3Reader, SESSION, SHAPES)
    assert [reply.status for reply in got] == ["+OK"] * 7 + ["+", "-ERR", "+OK"]
    assert [reply.body for reply in got[:4]] == [None, None, None, b"1 120\r\n2 200\r\n"]
    assert got[4].body == b"Subject: x\r\n\r\n.\r\n..a\r\nend\r\n"
    assert got[8].body is None
    assert not any(reply.faults for reply in got)


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"+OK\r\n.\r\n", b""),
        (b"+OK\r\n..\r\n.\r\n", b".\r\n"),
        (b"+OK\r\n\r\n.\r\n", b"\r\n"),
        (b"+OK\r\na\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"+OK\r\na\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n"),
        (b"+OK\r\na.\r\n.\r\n", b"a.\r\n"),
        (b"+OK\n1 120\n..x\n.\n", b"1 120\n.x\n"),
        (b"+OK\n.\n", b""),
    ],
)
def test_bodies(octets: bytes, body: bytes) -> None:
    (reply,) = assert_any_split(pop3.Pop3Reader, octets, [BODY])
    assert reply.body == body


@pytest.mark.parametrize(
    ("octets", "shape", "status", "broken"),
    [
        (b"+ok\r\n", LINE, "+OK", ["status-case"]),
        (b"-Err no\r\n", LINE, "-ERR", ["status-case"]),
        (b"+OKAY\r\n", LINE, "+OK", ["separator"]),
        (b"-ERR: no\r\n", LINE, "-ERR", ["separator"]),
        (b"+\r\n", LINE, "+", ["separator"]),
        (b"+OK " + b"x" * 507 + b"\r\n", LINE, "+OK", ["line-too-long"]),
        (b"+OK x\n", LINE, "+OK", ["bare-lf"]),
        (b"+OK x\na\n.\n", BODY, "+OK", ["bare-lf"]),
        (b"+OK x\r\na\nb\r\n.\r\n", BODY, "+OK", ["bare-lf-body"]),
        (b"+OK x\r\n.a\r\n.\r\n", BODY, "+OK", ["unstuffed-dot"]),
        (b"+OK x\r\nb\r\n.a\r\n.\r\n", BODY, "+OK", ["unstuffed-dot"]),
        (b"OK\r\n", LINE, "", ["not-a-reply"]),
        (b"+x\r\n", LINE, "", ["not-a-reply"]),
        (b"\r\n", BODY, "", ["not-a-reply"]),
        (b"220 hello\r\n", BODY, "", ["not-a-reply"]),
    ],
)
def test_faults(octets: bytes, shape: Shape, status: str, broken: list[str]) -> None:
    (reply,) = assert_any_split(pop3.Pop3Reader, octets, [shape])
    assert (reply.status, rules(reply)) == (status, broken)


def test_every_rule_has_a_fault_above_and_a_sentence() -> None:
    (mark,) = (m for m in test_faults.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {rule for *_, broken in mark.args[1] for rule in broken} == pop3.DIALECT.rules.keys()


@pytest.mark.parametrize(
    "octets", [b"+OK " + b"x" * 506 + b"\r\n", b"+ " + b"x" * 2000 + b"\r\n", b"+OK\r\n"]
)
def test_lengths_that_are_allowed(octets: bytes) -> None:
    assert the_reply(pop3.Pop3Reader(), octets).faults == ()


def test_long_lines_of_a_message_are_its_own_affair() -> None:
    assert the_reply(pop3.Pop3Reader(), b"+OK\r\n" + b"x" * 100_000 + b"\r\n.\r\n", BODY).faults == ()


def test_unread_within_a_body() -> None:
    reader = pop3.Pop3Reader()
    assert replies(reader, [b"+OK\r\n1 120\r\n"], [BODY]) == []
    assert reader.unread == b"+OK\r\n1 120\r\n"


def test_another_shape_may_be_asked_for_while_octets_are_missing() -> None:
    reader = pop3.Pop3Reader()
    assert replies(reader, [b"+OK a\r\n+OK b\r\n+O"], [BODY]) == []
    assert [reply.text for reply in replies(reader, [b"K c\r\n"])] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "octets", [b"+" * 65, b"+OK\r\n" + b"a\r\n" * 50, b"+OK\r\n" + b"a\r\n" * 50 + b".\r\n"]
)
def test_endless(octets: bytes) -> None:
    for segments in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        with pytest.raises(Endless):
            replies(pop3.Pop3Reader(Bounds(line=64, body=128)), segments, [BODY])


@given(st.lists(st.sampled_from([b".", b"\r\n", b"a", b"\n", b"\r"])).map(b"".join))
def test_any_body_comes_back(text: bytes) -> None:
    body = text + b"\r\n"
    stuffed = (b"." if body.startswith(b".") else b"") + body.replace(b"\r\n.", b"\r\n..")
    reply = the_reply(pop3.Pop3Reader(), b"+OK\r\n" + stuffed + b".\r\n", BODY)
    assert reply.body == body
    assert set(rules(reply)) <= {"bare-lf-body"}


@pytest.mark.parametrize("line", [b"LIST", b"uidl ", b"RETR 1", b"top 1 0", b"CAPA", b"LANG", b"RETR"])
def test_multi_line_commands(line: bytes) -> None:
    assert pop3.DIALECT.multiline(line)


@pytest.mark.parametrize(
    "line", [b"LIST 1", b"UIDL 1", b"STAT", b"", b" ", b"\xff", b"LANG de", b"LISTS", b"QUIT"]
)
def test_one_line_commands(line: bytes) -> None:
    assert not pop3.DIALECT.multiline(line)


def test_patterns() -> None:
    assert [
        text for text in ("+OK", "-ERR", "+", "+ok", "OK", "250", "") if pop3.DIALECT.is_pattern(text)
    ] == [
        "+OK",
        "-ERR",
        "+",
    ]
    assert pop3.DIALECT.matches("+OK", "+OK")
    assert not pop3.DIALECT.matches("+", "+OK")
