"""How a target is written, and what is said where it is written wrong."""

from __future__ import annotations

import pytest
from plumbline.probes.target import BadTarget, CannotTest, Target, addresses, is_loopback, parse


@pytest.mark.parametrize(
    ("text", "protocol", "host", "port", "tls"),
    [
        ("smtp://localhost", "smtp", "localhost", 25, False),
        ("SMTP://localhost:2525/", "smtp", "localhost", 2525, False),
        ("smtps://mx.example", "smtp", "mx.example", 465, True),
        ("submission://mx.example", "submission", "mx.example", 587, False),
        ("submissions://mx.example", "submission", "mx.example", 465, True),
        ("lmtp://127.0.0.1:24", "lmtp", "127.0.0.1", 24, False),
        ("ftp://[::1]", "ftp", "::1", 21, False),
        ("ftps://[::1]:990", "ftp", "::1", 990, True),
        ("pop3://h", "pop3", "h", 110, False),
        ("imaps://h", "imap", "h", 993, True),
        ("[::1]:2525", "", "::1", 2525, False),
        (" localhost:25 ", "", "localhost", 25, False),
    ],
)
def test_forms(text, protocol, host, port, tls):
    assert parse(text) == Target(text, host, port, protocol, tls)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smpt://h", "did you mean smtp://?"),
        ("gopher://h", "known: smtp"),
        ("localhost", "a port is missing; write localhost:25"),
        ("localhost:smtp", "a port is a number"),
        ("::1:25", r"such as \[::1\]:25"),
        ("smtp://alice:secret@h", "belong in the profile"),
        ("h:0", "no port 0"),
        ("smtp://h:70000", "no port 70000"),
        ("", "is no target"),
    ],
)
def test_mistakes(text, words):
    with pytest.raises(BadTarget, match=words):
        parse(text)


def test_loopback():
    assert is_loopback("127.3.4.5")
    assert is_loopback("::1")
    assert not is_loopback("192.0.2.1")


def test_unknown_host_is_no_loopback_question():
    with pytest.raises(CannotTest, match="no address is known"):
        addresses("no-such-host.invalid")


def test_url_of_an_endpoint():
    assert parse("ftps://[::1]:990").endpoint.url == "ftps://[::1]:990"
