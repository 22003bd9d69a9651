"""SMTP and LMTP replies: RFC 5321's examples, real servers' octets, and every fault of form."""

from __future__ import annotations

import pytest
from plumbline.probes.protocols import smtp
from plumbline.probes.protocols.base import Bounds, Endless

from .feeding import assert_any_split, replies, rules, the_reply

# RFC 5321, appendix D.1, the server's side; D.3's 550 and a multi-line one of 4.2.1.
TYPICAL = (
    b"220 foo.com Simple Mail Transfer Service Ready\r\n"
    b"250-foo.com greets bar.com\r\n250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 HELP\r\n"
    b"250 OK\r\n"
    b"250 OK\r\n"
    b"550 No such user here\r\n"
    b"250 OK\r\n"
    b"354 Start mail input; end with <CRLF>.<CRLF>\r\n"
    b"250 OK\r\n"
    b"221 foo.com Service closing transmission channel\r\n"
)


def test_a_typical_session() -> None:
    got = assert_any_split(smtp.reader, TYPICAL)
    assert [reply.status for reply in got] == ["220", "250", "250", "250", "550", "250", "354", "250", "221"]
    assert got[1].lines == ("foo.com greets bar.com", "8BITMIME", "SIZE", "DSN", "HELP")
    assert got[1].text == "foo.com greets bar.com\n8BITMIME\nSIZE\nDSN\nHELP"
    assert not any(reply.faults for reply in got)


def test_multi_line_example_of_4_2_1() -> None:
    octets = (
        b"250-First line\r\n250-Second line\r\n250-234 Text beginning with numbers\r\n250 The last line\r\n"
    )
    (reply,) = assert_any_split(smtp.reader, octets)
    assert (reply.status, reply.faults) == ("250", ())
    assert reply.lines[2] == "234 Text beginning with numbers"


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"220-mx.example ESMTP\r\n220-\r\n220- No UCE\r\n220 \r\n", ("mx.example ESMTP", "", " No UCE", "")),
        (b"250-\r\n250 \r\n", ("", "")),
        (b"334 \r\n", ("",)),
        (b"250 -hyphen behind the space\r\n", ("-hyphen behind the space",)),
        (b"250 \tHT is text\r\n", ("\tHT is text",)),
        (b"550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", ("5.1.1 no", "5.1.1 such", "5.1.1 user")),
        (b"354 2.0.0 go on\r\n", ("2.0.0 go on",)),
        (b"250 2 recipients\r\n", ("2 recipients",)),
    ],
)
def test_unusual_but_legal(octets: bytes, lines: tuple[str, ...]) -> None:
    (reply,) = assert_any_split(smtp.reader, octets)
    assert (reply.status, reply.lines, reply.faults) == (octets[:3].decode(), lines, ())


@pytest.mark.parametrize(
    ("octets", "status", "broken"),
    [
        (b"250 OK\n", "250", ["bare-lf"]),
        (b"250-a\n250 b\r\n", "250", ["bare-lf"]),
        (b"250 OK\r\r\n", "250", ["bare-cr"]),
        (b"250 O\rK\r\n", "250", ["bare-cr"]),
        (b"250 O\x00K\r\n", "250", ["control"]),
        (b"250 \x1b[31mred\r\n", "250", ["control"]),
        (b"250 \x7f\r\n", "250", ["control"]),
        (b"250 gr\xc3\xbc\xc3\x9fe\r\n", "250", ["eight-bit"]),
        (b"250 gr\xfc\xdfe\r\n", "250", ["eight-bit"]),
        (b"571 no\r\n", "571", ["code-range", "unlisted-code"]),
        (b"150 no\r\n", "150", ["code-range", "unlisted-code"]),
        (b"650 no\r\n", "650", ["code-range", "unlisted-code"]),
        (b"255 odd\r\n", "255", ["unlisted-code"]),
        (b"250-a\r\n251 b\r\n", "251", ["code-differs"]),
        (b"250:OK\r\n", "250", ["separator"]),
        (b"250\tOK\r\n", "250", ["separator"]),
        (b"250\r\n", "250", ["bare-code"]),
        (b"250-a\r\n250\r\n", "250", ["bare-code"]),
        (b"250-a\r\nfree text\r\n250 b\r\n", "250", ["not-a-reply"]),
        (b"250-a\r\n250:b\r\n250 c\r\n", "250", ["separator"]),
        (b"250 " + b"x" * 507 + b"\r\n", "250", ["line-too-long"]),
        (b"250 5.1.1 what\r\n", "250", ["enhanced-class"]),
        (b"550-5.1.1 a\r\n550 b\r\n", "550", ["enhanced-differs"]),
        (b"550-5.1.1 a\r\n550 5.1.2 b\r\n", "550", ["enhanced-differs"]),
        (b"hello\r\n", "", ["not-a-reply"]),
        (b"\r\n", "", ["not-a-reply"]),
        (b"25 OK\r\n", "", ["not-a-reply"]),
        (b"2500 OK\r\n", "", ["not-a-reply"]),
        (b" 250 OK\r\n", "", ["not-a-reply"]),
        (b"\x16\x03\x01\x02\x00\n", "", ["not-a-reply"]),
        ("٢٥٠ OK\r\n".encode(), "", ["not-a-reply"]),
    ],
)
def test_faults(octets: bytes, status: str, broken: list[str]) -> None:
    (reply,) = assert_any_split(smtp.reader, octets)
    assert (reply.status, rules(reply)) == (status, broken)
    assert set(broken) <= smtp.DIALECT.rules.keys()


CONTEXTS = [
    (b"NOOP", b"250 2.0.0 OK\r\n", "220", []),
    (b"NOOP", b"250 OK\r\n", "220", ["enhanced-missing"]),
    (b"NOOP", b"250 2.0.0.1 OK\r\n", "220", ["enhanced-missing"]),
    (b"NOOP", b"250 2.0.0OK\r\n", "220", ["enhanced-missing"]),
    (b"", b"220 mx.example.test\r\n", "220", []),
    (b"", b"220 2.0.0 mx.example.test\r\n", "220", ["enhanced-misplaced"]),
    (b"EHLO a", b"250-mx\r\n250 HELP\r\n", "220", []),
    (b"lhlo a", b"250 2.1.0 mx\r\n", "220", ["enhanced-misplaced"]),
    (b"helo", b"501 5.5.4 whose?\r\n", "220", []),
    (b"DATA", b"354 go on\r\n", "220", []),
    (b"DATA", b"354 2.0.0 go on\r\n", "220", ["enhanced-misplaced"]),
    (b"QUIT", b"221 2.00.0 bye\r\n", "220", ["enhanced-zeros"]),
    (b"QUIT", b"221 2.1000.0 bye\r\n", "220", ["enhanced-digits"]),
    (b"QUIT", b"221 2.7.31 bye\r\n", "220", ["enhanced-unknown"]),
    (b"QUIT", b"221 2.8.0 bye\r\n", "220", ["enhanced-unknown"]),
    (b"QUIT", b"221 2.7.30 bye\r\n", "220", []),
    (b"", b"521 no mail here\r\n", "521", []),
    (b"EHLO a", b"521 no mail here\r\n", "521", []),
    (b"NOOP", b"521 5.7.1 go away\r\n", "220", ["521-misplaced"]),
    (b"rcpt TO:<a@b>", b"556 5.1.10 null MX\r\n", "220", []),
    (b"NOOP", b"556 5.1.10 null MX\r\n", "220", ["556-misplaced"]),
]


@pytest.mark.parametrize(("command", "octets", "greeting", "broken"), CONTEXTS)
def test_faults_in_context(command: bytes, octets: bytes, greeting: str, broken: list[str]) -> None:
    reply = the_reply(smtp.reader(), octets)

    assert [fault.rule for fault in smtp.DIALECT.faults(command, reply, greeting)] == broken


def test_every_rule_has_a_fault_above_and_a_sentence() -> None:
    (mark,) = (m for m in test_faults.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    seen = {rule for _, _, broken in mark.args[1] for rule in broken}
    in_context = {rule for *_, broken in CONTEXTS for rule in broken}
    assert seen | in_context == smtp.RULES.keys()


def test_limits_are_exact() -> None:
    assert the_reply(smtp.reader(), b"250 " + b"x" * 506 + b"\r\n").faults == ()
    assert the_reply(smtp.reader(), b"334 " + b"x" * 5000 + b"\r\n").faults == ()


def test_details_name_the_line_and_the_octets() -> None:
    (fault,) = the_reply(smtp.reader(), b"250-a\r\n250 b\n").faults
    assert fault.detail == "line 2: LF without CR ends '250 b'"


def test_text_that_is_not_utf_8_can_be_had_back() -> None:
    (line,) = the_reply(smtp.reader(), b"250 gr\xfc\xdfe\r\n").lines
    assert line.encode("utf-8", "surrogateescape") == b"gr\xfc\xdfe"


def test_lmtp_answers_for_each_recipient() -> None:
    octets = b"250 2.1.5 <a@x> ok\r\n550-5.1.1 <b@x>\r\n550 5.1.1 unknown\r\n452 4.2.2 <c@x> full\r\n"
    got = replies(smtp.LMTP.reader(), [octets])
    assert [reply.status for reply in got] == ["250", "550", "452"]


def test_unread_is_what_no_reply_had() -> None:
    reader = smtp.reader()
    reader.feed(b"220 a\r\n250-b\r\n25")
    assert reader.unread == b"220 a\r\n250-b\r\n25"
    assert reader.next_reply() is not None
    assert (reader.next_reply(), reader.unread) == (None, b"250-b\r\n25")


@pytest.mark.parametrize(
    ("octets", "what"),
    [(b"2" * 65, "line"), (b"250 " + b"x" * 65 + b"\r\n", "line"), (b"250-x\r\n" * 5, "reply")],
)
def test_endless(octets: bytes, what: str) -> None:
    bounds = Bounds(line=64, lines=4)
    for segments in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        with pytest.raises(Endless, match=f"a {what} did not end within"):
            replies(smtp.reader(bounds), segments)


def test_endless_by_octets_and_what_was_complete_stays() -> None:
    reader = smtp.reader(Bounds(reply=64))
    with pytest.raises(Endless) as caught:
        reader.feed(b"220 a\r\n" + b"250-0123456789\r\n" * 5)
    assert caught.value.seen == 80
    assert (reply := reader.next_reply()) is not None
    assert reply.status == "220"


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n..\r\n.a\r\n", b"..\r\n...\r\n..a\r\n.\r\n"),
        (b"\r\n.\r\n", b"\r\n..\r\n.\r\n"),
        (b"a\n.\nb\r\n", b"a\n.\nb\r\n.\r\n"),
        (b"a\r.\rb\r\n", b"a\r.\rb\r\n.\r\n"),
        (b"a\n", b"a\n\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
    ],
)
def test_content(message: bytes, wire: bytes) -> None:
    assert smtp.DIALECT.content(message) == wire


@pytest.mark.parametrize(
    ("pattern", "status", "meant"),
    [
        ("250", "250", True),
        ("250", "251", False),
        ("2yz", "299", True),
        ("2yz", "350", False),
        ("25z", "259", True),
        ("25z", "260", False),
        ("2yz", "", False),
        ("250", "", False),
    ],
)
def test_matches(pattern: str, status: str, meant: bool) -> None:
    assert smtp.DIALECT.is_pattern(pattern)
    assert smtp.DIALECT.matches(pattern, status) is meant


@pytest.mark.parametrize(
    "text", ["", "2", "25", "2500", "150", "650", "2xx", "5YZ", "yyz", "2y0", "+OK", "٢٥٠", "250\n"]
)
def test_no_patterns(text: str) -> None:
    assert not smtp.DIALECT.is_pattern(text)


def test_the_three_dialects() -> None:
    named = [(d.name, d.port, d.command(b"QUIT")) for d in (smtp.DIALECT, smtp.SUBMISSION, smtp.LMTP)]
    assert named == [("smtp", 25, b"QUIT\r\n"), ("submission", 587, b"QUIT\r\n"), ("lmtp", 24, b"QUIT\r\n")]
