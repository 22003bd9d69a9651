"""Which protocol is spoken there: looked up on a wire in virtual time."""

from __future__ import annotations

import pytest
from plumbline.probes.ops import Lost, Trouble
from plumbline.probes.recognise import recognised
from plumbline.probes.target import CannotTest, parse

from tests.support.wire import Fin, Hears, Peer, Says, Wire, play

EHLO = Hears(b"EHLO probe.invalid\r\n")
SYST = Hears(b"SYST\r\n")
LHLO = Hears(b"LHLO probe.invalid\r\n")
HELO = Hears(b"HELO probe.invalid\r\n")
NO_TLS = Lost(Trouble.TLS, "wrong version number")


def found(*peers: Peer, text: str = "127.0.0.1:2525") -> str:
    return play(recognised(parse(text)), Wire(*peers)).endpoint.url


def said(*peers: Peer) -> str:
    with pytest.raises(CannotTest) as trouble:
        found(*peers)
    return str(trouble.value)


def test_a_named_protocol_is_believed():
    assert found(text="smtp://127.0.0.1:2525") == "smtp://127.0.0.1:2525"


@pytest.mark.parametrize(
    ("cues", "protocol"),
    [
        ((b"220 mx ESMTP\r\n", EHLO, b"250-mx\r\n", b"250 HELP\r\n"), "smtp"),
        ((b"220-mx\r\n", Says(b"220 hello\r\n", after=1.0), EHLO, b"250 mx\r\n"), "smtp"),
        ((b"220 ready\r\n", EHLO, b"500 what?\r\n", SYST, b"215 UNIX\r\n"), "ftp"),
        ((b"220 ready\r\n", EHLO, b"530 log in\r\n", SYST, b"530 log in\r\n"), "ftp"),
        ((b"220 ready\r\n", EHLO, b"500 no\r\n", SYST, b"500 no\r\n", LHLO, b"250 mx\r\n"), "lmtp"),
        (
            (
                b"220 old\r\n",
                EHLO,
                b"500 no\r\n",
                SYST,
                b"500 no\r\n",
                LHLO,
                b"500 no\r\n",
                HELO,
                b"250 old\r\n",
            ),
            "smtp",
        ),
        ((b"+OK ready\r\n",), "pop3"),
        ((b"* OK [CAPABILITY IMAP4rev1] ready\r\n",), "imap"),
        ((b"* PREAUTH welcome\r\n",), "imap"),
    ],
)
def test_protocols(cues, protocol):
    assert found(Peer(*cues)) == f"{protocol}://127.0.0.1:2525"


def test_a_server_that_hangs_up_on_foreign_commands_is_asked_again():
    first = Peer(b"220 ProFTPD\r\n", EHLO, Fin())
    second = Peer(b"220 ProFTPD\r\n", SYST, b"215 UNIX\r\n")

    assert found(first, second) == "ftp://127.0.0.1:2525"


def test_the_greeting_decides_where_every_answer_is_no():
    no = b"502 no\r\n"

    assert found(Peer(b"220 FTP server\r\n", EHLO, no, SYST, no, LHLO, no, HELO, no)).startswith("ftp:")


def test_implicit_tls_is_tried_after_silence():
    assert found(Peer(Says(b"* OK ready\r\n", after=4.0))) == "imaps://127.0.0.1:2525"


def test_a_slow_greeting_is_waited_for_on_a_fresh_connection():
    spoilt = Peer(tls=NO_TLS)
    slow = Peer(Says(b"220 mx\r\n", after=6.0), EHLO, b"250 mx\r\n")

    assert found(spoilt, slow) == "smtp://127.0.0.1:2525"


def test_nobody_listens():
    assert "nobody listens there" in said(Peer(fails=Trouble.REFUSED))


def test_silence():
    assert "in which the client speaks first, such as HTTP" in said(Peer(tls=NO_TLS), Peer())


def test_another_protocol_is_named():
    assert "this is SSH: the server says 'SSH-2.0-OpenSSH_9.2'" in said(Peer(b"SSH-2.0-OpenSSH_9.2\r\n"))


def test_control_characters_of_a_stranger_stay_out_of_the_message():
    assert r"\x1b[2J" in said(Peer(b"\x1b[2J\xff\r\n"))


@pytest.mark.parametrize(
    "greeting", [b"421 too busy\r\n", b"554 go away\r\n", b"* BYE busy\r\n", b"-ERR busy\r\n"]
)
def test_a_server_that_refuses_to_serve(greeting):
    assert "refuses to serve" in said(Peer(greeting))


def test_closed_without_a_word():
    assert "without a greeting" in said(Peer(Fin()))
