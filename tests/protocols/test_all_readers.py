"""What holds for every reader: any octets in any segments, nothing lost, no crash, linear time and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plumbline.probes.protocols.base import Bounds, Endless, Reader, Reply, Shape
from plumbline.probes.protocols.ftp import FtpReader
from plumbline.probes.protocols.imap import ImapReader
from plumbline.probes.protocols.pop3 import Pop3Reader
from plumbline.probes.protocols.registry import DIALECTS, IMPLICIT_TLS, SCHEMES
from plumbline.probes.protocols.smtp import reader as smtp_reader

PIECES = [b"250", b"220", b" ", b"-", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"\xfa", b"\xf0", b"ok", b"."]
PIECES += [
    b"+OK",
    b"-ERR",
    b"+ ",
    b"* ",
    b"a1 OK ",
    b"* OK [",
    b"]",
    b"{3}\r\n",
    b"~{1}\r\n",
    b'"',
    b"\\",
    b"{",
]
SHAPE = Shape(multiline=True, tag="a1")
READERS = [smtp_reader, FtpReader, Pop3Reader, ImapReader]
SMALL = Bounds(line=24, lines=4, reply=64, body=64)

hostile = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=40)


def told(reader: Reader, segments: list[bytes]) -> Iterator[Reply | str]:
    """All replies, and Endless as the last word."""
    try:
        for segment in segments:
            reader.feed(segment)
            while (reply := reader.next_reply(SHAPE)) is not None:
                yield reply
    except Endless as endless:
        yield endless.what


@pytest.mark.parametrize("make", READERS)
@given(segments=hostile)
@settings(max_examples=300)
def test_segments_make_no_difference(make: type[FtpReader], segments: list[bytes]) -> None:
    octets = b"".join(segments)
    whole = list(told(make(), [octets]))
    assert list(told(make(), segments)) == whole
    assert list(told(make(), [octets[i : i + 1] for i in range(len(octets))])) == whole


@pytest.mark.parametrize("make", READERS)
@given(segments=hostile)
@settings(max_examples=300)
def test_only_endless_is_raised_and_every_octet_is_accounted_for(
    make: type[FtpReader], segments: list[bytes]
) -> None:
    reader = make(SMALL)
    got = list(told(reader, segments))
    if not any(isinstance(word, str) for word in got):
        taken = sum(len(reply.octets) for reply in got if isinstance(reply, Reply))
        lost = len(b"".join(segments)) - taken - len(reader.unread)
        assert lost == 0 or (make is FtpReader and lost > 0)  # Telnet's octets are no reply's


@pytest.mark.parametrize("make", READERS)
@given(segments=hostile)
def test_a_reply_without_status_has_a_fault_and_faults_are_explained(
    make: type[FtpReader], segments: list[bytes]
) -> None:
    known = {smtp_reader: "smtp", FtpReader: "ftp", Pop3Reader: "pop3", ImapReader: "imap"}[make]
    for reply in told(make(), segments):
        if isinstance(reply, Reply):
            assert reply.status or [fault.rule for fault in reply.faults] == ["not-a-reply"]
            assert {fault.rule for fault in reply.faults} <= DIALECTS[known].rules.keys()


MIB = 1_048_576
WIDE = Bounds(line=2 * MIB, lines=MIB, reply=4 * MIB, body=4 * MIB)
LONG = {
    "one line": (smtp_reader, b"250 " + b"x" * MIB + b"\r\n"),
    "many replies": (smtp_reader, b"250 OK\r\n" * (MIB // 8)),
    "one reply of many lines": (smtp_reader, b"250-OK\r\n" * (MIB // 8) + b"250 OK\r\n"),
    "FTP lines": (FtpReader, b"211-OK\r\n" + b"inner\r\n" * (MIB // 7) + b"211 OK\r\n"),
    "a Telnet subnegotiation": (FtpReader, b"\xff\xfa" + b"x" * MIB + b"\xff\xf0220 OK\r\n"),
    "a POP3 body": (Pop3Reader, b"+OK\r\n" + b"..text\r\n" * (MIB // 8) + b".\r\n"),
    "a POP3 body of one line": (Pop3Reader, b"+OK\r\n" + b"." * MIB + b"\r\n.\r\n"),
    "untagged responses": (ImapReader, b"* 1 EXPUNGE\r\n" * (MIB // 13) + b"a1 OK\r\n"),
    "an IMAP literal": (ImapReader, b"* X {%d}\r\n" % MIB + b"x" * MIB + b"\r\na1 OK\r\n"),
    "many IMAP literals": (ImapReader, b"* X" + b" {1}\r\nx" * (MIB // 7) + b"\r\na1 OK\r\n"),
    "quotes and backslashes": (ImapReader, b"* X " + b'\\"' * (MIB // 2) + b"{5}\r\na1 OK\r\n"),
    "an open response code": (ImapReader, b"* NO [X" + b" {1}\r\nx" * (MIB // 7) + b"]\r\na1 OK\r\n"),
}


@pytest.mark.parametrize("name", LONG)
def test_a_mebibyte_octet_by_octet_takes_linear_time(name: str) -> None:
    """One pass over 2**20 octets takes seconds; a pass for every octet would take hours."""
    make, octets = LONG[name]
    reader = make(WIDE)
    started, got = process_time(), 0
    for octet in octets:
        reader.feed(bytes((octet,)))
        while reader.next_reply(SHAPE) is not None:
            got += 1
    assert process_time() - started < 30
    assert (got, reader.unread) == (MIB // 8 if name == "many replies" else 1, b"")


@pytest.mark.parametrize("make", READERS)
@pytest.mark.parametrize(
    "flood", [b"x", b"\xff\xf1", b"250-a\r\n", b"* 1 EXPUNGE\r\n", b"* X {9}\r\n123456789"]
)
def test_a_flood_is_cut_off_before_memory_is_gone(make: type[FtpReader], flood: bytes) -> None:
    """A peer that sends for ever is either called endless or answered with replies; nothing piles up."""
    reader = make(Bounds(line=4096, lines=100, reply=8192, body=8192))
    segment = flood * (2048 // len(flood))
    tracemalloc.start()
    try:
        sent = _flooded(reader, segment, times=200)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent == 200 or sent <= 16_384 // 2048
    assert peak < 500_000


def _flooded(reader: Reader, segment: bytes, times: int) -> int:
    """How many segments the reader took before it called the peer endless."""
    for sent in range(times):
        try:
            reader.feed(segment)
            while reader.next_reply(SHAPE) is not None:
                pass
        except Endless:
            return sent
    return times


def test_registry() -> None:
    assert list(DIALECTS) == ["smtp", "submission", "lmtp", "ftp", "pop3", "imap"]
    assert {name: (scheme.protocol, scheme.port) for name, scheme in IMPLICIT_TLS.items()} == {
        "smtps": ("smtp", 465),
        "submissions": ("submission", 465),
        "ftps": ("ftp", 990),
        "pop3s": ("pop3", 995),
        "imaps": ("imap", 993),
    }
    assert all(SCHEMES[name].port == dialect.port for name, dialect in DIALECTS.items())
    assert all(scheme.implicit_tls for scheme in IMPLICIT_TLS.values())
    assert not any(SCHEMES[name].implicit_tls for name in DIALECTS)
