"""FTP replies: RFC 959's and RFC 2389's examples, real servers' octets, and every fault of form."""

from __future__ import annotations

import pytest
from plumbline.probes.protocols import ftp
from plumbline.probes.protocols.base import Bounds, Endless

from .feeding import assert_any_split, replies, rules

EXAMPLE_OF_4_2 = (
    b"123-First line\r\nSecond line\r\n  234 A line beginning with numbers\r\n123 The last line\r\n"
)
FEAT = (
    b"211-Extensions supported:\r\n MLST size*;create;modify*;perm;media-type\r\n SIZE\r\n COMPRESSION\r\n"
    b" MDTM\r\n211 END\r\n"
)  # RFC 2389, 3.2
PURE_FTPD = (
    b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n"
    b"220-You are user number 1 of 50 allowed.\r\n220-Local time is now 12:00. Server port: 21.\r\n"
    b"220 You will be disconnected after 15 minutes of inactivity.\r\n"
)
SESSION = (
    b"220 (vsFTPd 3.0.5)\r\n"
    b"331 Please specify the password.\r\n230 Login successful.\r\n215 UNIX Type: L8\r\n"
    b"227 Entering Passive Mode (127,0,0,1,19,136).\r\n150 Here comes the directory listing.\r\n"
    b"226 Directory send OK.\r\n221 Goodbye.\r\n"
)


@pytest.mark.parametrize(
    "octets", [EXAMPLE_OF_4_2, FEAT, PURE_FTPD, b"220-\r\n220 \r\n", b"213-\r\n\r\n213 b\r\n"]
)
def test_one_reply_of_many_lines(octets: bytes) -> None:
    (reply,) = assert_any_split(ftp.FtpReader, octets)
    assert (reply.status, set(rules(reply)) - {"unlisted-code"}) == (octets[:3].decode(), set())
    assert len(reply.lines) == octets.count(b"\r\n")


def test_text_of_the_lines() -> None:
    (numbers,) = replies(ftp.FtpReader(), [EXAMPLE_OF_4_2])
    assert numbers.lines == (
        "First line",
        "Second line",
        "  234 A line beginning with numbers",
        "The last line",
    )
    (banner,) = replies(ftp.FtpReader(), [PURE_FTPD])
    assert banner.lines[1] == "You are user number 1 of 50 allowed."


def test_a_session() -> None:
    got = assert_any_split(ftp.FtpReader, SESSION)
    assert [reply.status for reply in got] == ["220", "331", "230", "215", "227", "150", "226", "221"]
    assert not any(reply.faults for reply in got)


@pytest.mark.parametrize(
    ("octets", "status", "broken"),
    [
        (b"220 hi\n", "220", ["bare-lf"]),
        (b"220-hi\nthere\n220 ho\r\n", "220", ["bare-lf"]),
        (b"220 h\ri\r\n", "220", ["bare-cr"]),
        (b"220 hi\r\r\n", "220", ["bare-cr"]),
        (b"720 hi\r\n", "720", ["code-range"]),
        (b"020 hi\r\n", "020", ["code-range"]),
        (b"260 hi\r\n", "260", ["code-range"]),
        (b"631 T0s=\r\n", "631", ["protected-reply"]),
        (b"220:hi\r\n", "220", ["separator"]),
        (b"220\r\n", "220", ["bare-code"]),
        (b"211-a\r\n150 x\r\n211 b\r\n", "211", ["unpadded-number"]),
        (b"211-a\r\n212-x\r\n211 b\r\n", "211", ["nested", "unpadded-number"]),
        (b"219 hi\r\n", "219", ["unlisted-code"]),
        (b"219-hi\r\n219 ho\r\n", "219", ["unlisted-code"]),
        (b"211-a\r\n211\r\n211 b\r\n", "211", ["unpadded-number"]),
        (b"hello\r\n", "", ["not-a-reply"]),
        (b"2200 hi\r\n", "", ["not-a-reply"]),
    ],
)
def test_faults(octets: bytes, status: str, broken: list[str]) -> None:
    (reply,) = assert_any_split(ftp.FtpReader, octets)
    assert (reply.status, rules(reply)) == (status, broken)


def test_every_rule_has_a_fault_above_and_a_sentence() -> None:
    (mark,) = (m for m in test_faults.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {rule for _, _, broken in mark.args[1] for rule in broken} == ftp.DIALECT.rules.keys()


@pytest.mark.parametrize(
    "octets",
    [
        b"250 gr\xc3\xbc\xc3\x9fe\r\n",  # RFC 2640
        b"220 bell \x07 and NUL \x00\r\n",  # RFC 854 knows both
        b"211-a\r\n2024 files\r\n127.0.0.1\r\n12 x\r\n211 b\r\n",
        b"220 " + b"x" * 2000 + b"\r\n",  # no limit is stated
    ],
)
def test_what_no_rfc_forbids(octets: bytes) -> None:
    (reply,) = assert_any_split(ftp.FtpReader, octets)
    assert reply.faults == ()


def test_cr_nul_is_a_cr_and_ends_nothing() -> None:
    (reply,) = assert_any_split(ftp.FtpReader, b'257 "a\r\0b\r\0\n')
    assert reply.lines == ('"a\rb\r',)
    assert rules(reply) == ["bare-lf"]


def test_telnet_commands_are_kept_apart() -> None:
    octets = b"\xff\xfb\x01220\xff\xf1-a\r\n220 b\xff\xff\r\xff\xf9\n331 c\xff"
    for segments in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        reader = ftp.FtpReader()
        (reply,) = replies(reader, segments)
        assert reply.octets == b"220-a\r\n220 b\xff\r\n"
        assert reply.lines[1].encode("utf-8", "surrogateescape") == b"b\xff"
        assert reader.telnet == [b"\xff\xfb\x01", b"\xff\xf1", b"\xff\xf9"]
        assert reader.unread == b"331 c\xff"


def test_a_reply_knows_the_telnet_commands_so_far() -> None:
    reader = ftp.FtpReader()
    first, second, third = replies(reader, [b"220 a\r\n", b"\xff\xfc\x1f200 b\r\n", b"200 c\r\n"])
    assert (first.telnet, second.telnet, third.telnet) == ((), (b"\xff\xfc\x1f",), (b"\xff\xfc\x1f",))


def test_another_code_does_not_end_a_reply() -> None:
    reader = ftp.FtpReader()
    assert replies(reader, [b"220-a\r\n230 b\r\n220\r\n"]) == []
    assert reader.unread == b"220-a\r\n230 b\r\n220\r\n"


def test_endless() -> None:
    with pytest.raises(Endless, match="a reply"):
        ftp.FtpReader(Bounds(lines=10)).feed(b"220-a\r\n" + b"free\r\n" * 11)


@pytest.mark.parametrize(
    ("line", "wire"),
    [
        (b"NOOP", b"NOOP\r\n"),
        (b"STOR \xff\xfe", b"STOR \xff\xff\xfe\r\n"),
        (b"STOR a\rb", b"STOR a\r\0b\r\n"),
        (b"STOR a\r\nNOOP", b"STOR a\r\nNOOP\r\n"),
    ],
)
def test_command(line: bytes, wire: bytes) -> None:
    assert ftp.DIALECT.command(line) == wire


@pytest.mark.parametrize("text", ["150", "22z", "5yz", "6yz"])
def test_patterns(text: str) -> None:
    assert ftp.DIALECT.is_pattern(text)


@pytest.mark.parametrize("text", ["", "050", "750", "1xx", "2y5", "150 "])
def test_no_patterns(text: str) -> None:
    assert not ftp.DIALECT.is_pattern(text)


def test_files_are_not_touched() -> None:
    assert ftp.DIALECT.content(b".\r\n\xff") == b".\r\n\xff"


@pytest.mark.parametrize(
    ("command", "status", "is_policy"),
    [
        (b"RETR a\r\n", "522", True),
        (b"list\r\n", "521", True),
        (b"STOR a\r\n", "534", True),
        (b"NOOP\r\n", "533", True),
        (b"EPRT |2|::1|5|\r\n", "522", False),  # another network protocol (RFC 2428 section 2)
        (b"RETR a\r\n", "550", False),
        (b"", "521", False),
    ],
)
def test_who_wants_protection_breaks_no_other_rule(command: bytes, status: str, is_policy: bool) -> None:
    assert bool(ftp.DIALECT.policy(command, status)) is is_policy
