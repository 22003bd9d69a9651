"""Telnet within FTP's control connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plumbline.probes.protocols.base import Bounds, Endless
from plumbline.probes.protocols.telnet import Telnet, escaped, refusals

from .feeding import segmentations

SUBNEGOTIATION = b"\xff\xfa\x18\xff\xff\xf0\x01\xff\xf0"


@pytest.mark.parametrize(
    ("octets", "plain", "commands"),
    [
        (b"220 hello\r\n", b"220 hello\r\n", []),
        (b"22\xff\xf10\xff\xfb\x01 x\r\xff\xf9\n", b"220 x\r\n", [b"\xff\xf1", b"\xff\xfb\x01", b"\xff\xf9"]),
        (b"a\xff\xffb", b"a\xffb", []),
        (b"\xff\xff\xff\xff\xff\xf2", b"\xff\xff", [b"\xff\xf2"]),
        (b"\xff\xfd\xff\xff\xff", b"\xff", [b"\xff\xfd\xff"]),
        (b"a" + SUBNEGOTIATION + b"b", b"ab", [SUBNEGOTIATION]),
        (b"\xff\xfa\xff\xf0b", b"b", [b"\xff\xfa\xff\xf0"]),
        (b"\xff\xf4\xff\xf2ABOR", b"ABOR", [b"\xff\xf4", b"\xff\xf2"]),
    ],
)
def test_commands_are_taken_out(octets: bytes, plain: bytes, commands: list[bytes]) -> None:
    for segments in segmentations(octets):
        telnet = Telnet()
        assert b"".join(telnet.feed(segment) for segment in segments) == plain
        assert (telnet.commands, telnet.unfinished) == (commands, b"")


def test_unfinished_command() -> None:
    telnet = Telnet()
    assert telnet.feed(b"a\xff\xfa\x18\x01") == b"a"
    assert telnet.unfinished == b"\xff\xfa\x18\x01"


@pytest.mark.parametrize("octets", [b"\xff\xfa" + b"x" * 70, b"\xff\xf1" * 70])
def test_endless(octets: bytes) -> None:
    telnet = Telnet(Bounds(line=64, lines=64))
    with pytest.raises(Endless, match="Telnet"):
        telnet.feed(octets)


@given(st.binary() | st.lists(st.sampled_from([255, 253, 0, 13, 10, 65])).map(bytes))
def test_what_we_escape_comes_back(octets: bytes) -> None:
    telnet = Telnet()
    came = telnet.feed(escaped(octets))
    assert (came.replace(b"\r\0", b"\r"), telnet.commands) == (octets, [])


ANY = st.lists(st.sampled_from([255, 253, 250, 240, 0, 13, 10, 65])).map(bytes)


@given(st.lists(ANY))
def test_any_octets_in_any_segments(segments: list[bytes]) -> None:
    one, many = Telnet(), Telnet()
    whole = one.feed(b"".join(segments))
    assert b"".join(many.feed(segment) for segment in segments) == whole
    assert (many.commands, many.unfinished) == (one.commands, one.unfinished)


def test_only_requests_are_refused() -> None:
    came = [b"\xff\xfd\x01", b"\xff\xfb\x03", b"\xff\xfe\x01", b"\xff\xfc\x03", b"\xff\xf6", SUBNEGOTIATION]
    assert refusals(came) == b"\xff\xfc\x01\xff\xfe\x03"
