"""IMAP responses: RFC 3501's session, literals that are and that only seem to be, faults of form."""

from __future__ import annotations

import pytest
from plumbline.probes.protocols import imap
from plumbline.probes.protocols.base import Bounds, Endless, Reply, Shape

from .feeding import assert_any_split, replies, rules, segmentations, the_reply

ONE = Shape()
HEADER = (
    b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
    b"Subject: IMAP4rev1 WG mtg summary and minutes\r\n\r\n"
)
ENVELOPE = (
    b'* 12 FETCH (FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286 ENVELOPE '
    b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) NIL NIL NIL NIL NIL NIL "<B2739@cac.washington.edu>") '
    b'BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92))'
)
FETCHED = b"* 12 FETCH (BODY[HEADER] {%d}\r\n%s)" % (len(HEADER), HEADER)

# RFC 3501, 8.
SESSION = (
    b"* OK IMAP4rev1 Service Ready\r\n"
    b"a001 OK LOGIN completed\r\n"
    b"* 18 EXISTS\r\n* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* 2 RECENT\r\n"
    b"* OK [UNSEEN 17] Message 17 is the first unseen message\r\n* OK [UIDVALIDITY 3857529045] UIDs valid\r\n"
    b"a002 OK [READ-WRITE] SELECT completed\r\n"
    + ENVELOPE
    + b"\r\na003 OK FETCH completed\r\n"
    + FETCHED
    + b"\r\n"
    b"a004 OK FETCH completed\r\n"
    b"* 12 FETCH (FLAGS (\\Seen \\Deleted))\r\na005 OK +FLAGS completed\r\n"
    b"* BYE IMAP4rev1 server terminating connection\r\na006 OK LOGOUT completed\r\n"
)
SHAPES = [ONE, *(Shape(tag=f"a00{n}") for n in range(1, 7))]


def test_a_session() -> None:
    got = assert_any_split(imap.ImapReader, SESSION, SHAPES)
    assert [(reply.tag, reply.status) for reply in got] == [
        ("", "OK"),
        *((f"a00{n}", "OK") for n in range(1, 7)),
    ]
    assert got[0].untagged == (b"* OK IMAP4rev1 Service Ready",)
    assert got[1].untagged == ()
    assert len(got[2].untagged) == 5
    assert got[2].lines == ("[READ-WRITE] SELECT completed",)
    assert [got[3].untagged, got[4].untagged] == [(ENVELOPE,), (FETCHED,)]
    assert got[6].untagged == (b"* BYE IMAP4rev1 server terminating connection",)
    assert not any(reply.faults for reply in got)


@pytest.mark.parametrize(
    "response",
    [
        b'* LIST () "/" {5}\r\na\r\nb\r',
        b"* LIST () NIL {0}\r\n",
        b"* 1 FETCH (BODY[HEADER.FIELDS ({4}\r\nDATE)] {3}\r\na\r\n UID 5)",
        b"* 1 FETCH (BINARY[1] ~{3}\r\n\x00\r\n)",
        b"* 1 FETCH (BODY[] {16}\r\na1 OK not done\r\n)",
        b'* 1 FETCH (ENVELOPE ("{3}" "a\\"{3}" {3}\r\n"\r\n))',
        b"* 1 FETCH (BODY[] {6}\r\n{100}\r)",
        b"* NO [BADCHARSET ({5}\r\nUTF-8)] no {5}",
    ],
)
def test_literals(response: bytes) -> None:
    (reply,) = assert_any_split(imap.ImapReader, response + b"\r\na1 OK done\r\n", [Shape(tag="a1")])
    assert (reply.untagged, reply.text, reply.faults) == ((response,), "done", ())


@pytest.mark.parametrize(
    "response",
    [
        b"* OK a text {5}",
        b'* NO [ALERT] an "open quote {5}',
        b'* 1 FETCH (ENVELOPE ("{5}',
        b'* LIST () "/" "a{5}"',
        b'* LIST () "/" "a\\"{5}',
        b"* X {}",
        b"* X {a}",
        b"* X {-1}",
        b"* X {%s}" % (b"9" * 5000),
        b"* bye {5}",
    ],
)
def test_braces_that_are_no_literal(response: bytes) -> None:
    (reply,) = assert_any_split_of_short(response + b"\r\na1 NO no {3}\r\n", Shape(tag="a1"))
    assert (reply.untagged, reply.text) == ((response,), "no {3}")


def assert_any_split_of_short(octets: bytes, shape: Shape) -> list[Reply]:
    """All splits, unless there are too many to try."""
    return assert_any_split(imap.ImapReader, octets, [shape]) if len(octets) < 500 else whole(octets, shape)


def whole(octets: bytes, shape: Shape) -> list[Reply]:
    return replies(imap.ImapReader(), [octets], [shape])


@pytest.mark.parametrize(
    ("octets", "status", "text"),
    [
        (b"* PREAUTH hello\r\n", "PREAUTH", "hello"),
        (b"* bye too busy\r\n", "BYE", "too busy"),
        (b"* NO [ALERT] full\r\n", "NO", "[ALERT] full"),
        (b"* BAD\r\n", "BAD", ""),
        (b"* 3 EXISTS\r\n", "*", "3 EXISTS"),
        (b"* OKAY\r\n", "*", "OKAY"),
        (b"+ \r\n", "+", ""),
        (b"+ go {3}\r\n", "+", "go {3}"),
        (b"a1 OK {3}\r\n", "OK", "{3}"),
        (b"a1 no [X {3}] y\r\n", "NO", "[X {3}] y"),
    ],
)
def test_single_responses(octets: bytes, status: str, text: str) -> None:
    (reply,) = assert_any_split(imap.ImapReader, octets)
    assert (reply.status, reply.text, reply.faults) == (status, text, ())
    assert reply.tag == ("a1" if octets.startswith(b"a1") else "")
    assert reply.untagged == ((octets[:-2],) if octets.startswith(b"*") else ())


@pytest.mark.parametrize(
    ("octets", "status", "broken"),
    [
        (b"* 3 EXISTS\n", "*", ["bare-lf"]),
        (b'* LIST () "/" {1}\na\r\n', "*", ["bare-lf"]),
        (b"* OK a\rb\r\n", "OK", ["bare-cr"]),
        (b"* OK a\r\r\n", "OK", ["bare-cr"]),
        (b"* OK a\x00b\r\n", "OK", ["nul"]),
        (b"* X {1}\r\n\x00\r\n", "*", ["nul"]),
        (b"* X {1+}\r\na\r\n", "*", ["literal-plus"]),
        (b"+\r\n", "+", ["separator"]),
        (b"\r\n", "", ["not-a-reply"]),
        (b"a1\r\n", "", ["not-a-reply"]),
        (b"a1 DONE\r\n", "", ["not-a-reply"]),
        (b"*\r\n", "", ["not-a-reply"]),
        (b"*OK\r\n", "", ["not-a-reply"]),
        (b"+go\r\n", "", ["not-a-reply"]),
        (b"HTTP/1.1 400 Bad Request {5}\r\n", "", ["not-a-reply"]),
        (b"\xff\x00{5}\n", "", ["not-a-reply"]),
    ],
)
def test_faults(octets: bytes, status: str, broken: list[str]) -> None:
    for shape in (ONE, Shape(tag="z")) if status in ("+", "") else (ONE,):
        (reply,) = assert_any_split(imap.ImapReader, octets, [shape])
        assert (reply.status, rules(reply)) == (status, broken)


def test_every_rule_has_a_fault_above_and_a_sentence() -> None:
    (mark,) = (m for m in test_faults.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {rule for *_, broken in mark.args[1] for rule in broken} == imap.DIALECT.rules.keys()


def test_faults_of_untagged_responses_are_the_reply_s() -> None:
    reply = the_reply(imap.ImapReader(), b"* 1 EXISTS\n* OK a\rb\r\n* 2 EXISTS\na1 OK x\r\n", Shape(tag="a1"))
    assert [(f.rule, f.detail) for f in reply.faults] == [
        ("bare-lf", "LF without CR ends '* 1 EXISTS'"),
        ("bare-cr", "CR inside '* OK a\\rb'"),
    ]


def test_a_continuation_request_ends_the_wait_and_loses_nothing() -> None:
    octets = b"* 5 EXISTS\r\n+ go ahead\r\n* 6 EXISTS\r\na1 OK APPEND completed\r\n"
    tag = Shape(tag="a1")
    for segments in segmentations(octets):
        ready, done = replies(imap.ImapReader(), segments, [tag, tag])
        assert (ready.status, ready.text, ready.untagged) == ("+", "go ahead", ())
        assert (done.status, done.untagged) == ("OK", (b"* 5 EXISTS", b"* 6 EXISTS"))


def test_answers_out_of_order() -> None:
    octets = b"* SEARCH 2\r\na2 OK b\r\n* 1 EXISTS\r\na1 OK a\r\n* 2 EXISTS\r\na3 NO c\r\n"
    shapes = [Shape(tag="a1"), Shape(tag="a2"), Shape(tag="a3")]
    for segments in segmentations(octets):
        reader = imap.ImapReader()
        got = replies(reader, segments, shapes)
        assert [(reply.tag, reply.text, len(reply.untagged)) for reply in got] == [
            ("a1", "a", 2),
            ("a2", "b", 0),
            ("a3", "c", 1),
        ]
        assert reader.unread == b""


def test_a_bye_in_place_of_the_completion_can_be_had() -> None:
    reader = imap.ImapReader()
    assert replies(reader, [b"* 1 EXISTS\r\n* BYE shutting down\r\n"], [Shape(tag="a1")]) == []
    assert reader.unread == b"* 1 EXISTS\r\n* BYE shutting down\r\n"
    assert [reply.status for reply in replies(reader, [b""])] == ["*", "BYE"]


def test_another_tag_alone_is_unread() -> None:
    reader = imap.ImapReader()
    assert replies(reader, [b"a2 OK b\r\na9"], [Shape(tag="a1")]) == []
    assert reader.unread == b"a2 OK b\r\na9"


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"* " + b"x" * 64, "a line"),
        (b"* X {200}\r\n" + b"x" * 200 + b"\r\n", "a response"),
        (b"* X {1}\r\n" + b"x {1}\r\n" * 20, "a response"),
        (b"* X\r\n" * 6 + b"a1 OK x\r\n", "a reply"),
        ((b"* " + b"x" * 50 + b"\r\n") * 3, "a reply"),
    ],
)
def test_endless(octets: bytes, what: str) -> None:
    for segments in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        with pytest.raises(Endless, match=f"{what} did not end"):
            replies(imap.ImapReader(Bounds(line=64, lines=5, body=128)), segments, [Shape(tag="a1")])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[READ-ONLY] done", ("READ-ONLY", "")),
        ("[uidvalidity 3857529045] UIDs valid", ("UIDVALIDITY", "3857529045")),
        ("[PERMANENTFLAGS (\\Deleted \\*)]", ("PERMANENTFLAGS", "(\\Deleted \\*)")),
        ("done [X]", ("", "")),
        ("[] x", ("", "")),
        ("[open", ("", "")),
        ("", ("", "")),
    ],
)
def test_response_codes(text: str, code: tuple[str, str]) -> None:
    assert imap.response_code(text) == code


def test_patterns_and_content() -> None:
    assert all(imap.DIALECT.is_pattern(status) for status in ("OK", "NO", "BAD", "BYE", "PREAUTH", "+", "*"))
    assert not any(imap.DIALECT.is_pattern(text) for text in ("", "ok", "+OK", "250"))
    assert imap.DIALECT.matches("OK", "OK")
    assert not imap.DIALECT.matches("OK", "")
    assert imap.DIALECT.content(b".\r\n\xff") == b".\r\n\xff"
    assert imap.DIALECT.command(b"a1 NOOP") == b"a1 NOOP\r\n"
