"""Transcripts: what is kept, how much, and the shell line that is made of it."""

from __future__ import annotations

import subprocess

import pytest
from plumbline.probes.masking import Masker
from plumbline.probes.ops import (
    Accept,
    Address,
    Close,
    Endpoints,
    Listen,
    Lost,
    Now,
    Open,
    Recv,
    Reset,
    Send,
    Shutdown,
    Sleep,
    StartTLS,
    Trouble,
)
from plumbline.probes.reproducer import reproducer
from plumbline.probes.script.outcome import Endpoint
from plumbline.probes.transcript import EVENTS, FILE, OCTETS, Transcript
from plumbline.reports.records import escape

ENDS = Endpoints(Address("127.1.2.3", 40_000), Address("127.0.0.1", 25))
OPEN = Open("main", "127.0.0.1", 25, 1.0), ENDS


def kept(*seen, masker=None):
    transcript = Transcript(masker)
    for number, (op, answer) in enumerate(seen):
        transcript.saw(op, 100.0 + number, 100.5 + number, answer)
    return transcript


def send(data, **more):
    return Send("main", data, 1.0, **more), None


def texts(transcript):
    return [f"{event.who}: {event.text}" for event in transcript.events]


def test_a_conversation():
    transcript = kept(
        OPEN,
        (Recv("main", 1.0), b"220 hi\r\n"),
        send(b"EHLO \xff\r\n"),
        (Now(), 1.0),
        (Recv("main", 1.5), Lost(Trouble.SILENT)),
        (Recv("main", 1.0), b""),
        (Close("main"), None),
    )

    assert texts(transcript) == [
        "*: connected: 127.1.2.3 port 40000 to 127.0.0.1 port 25",
        r"S: 220 hi\r\n",
        r"C: EHLO \xff\r\n",
        "*: silence for 1.5 s",
        "*: the server closed the connection (FIN)",
        "*: we closed the connection",
    ]
    assert [event.at for event in transcript.events[:3]] == [
        0.5,
        1.5,
        2.0,
    ]  # answers when over, writes when begun


@pytest.mark.parametrize(
    ("op", "answer", "text"),
    [
        (Recv("main", 1.0), Lost(Trouble.RESET), "the server reset the connection (RST)"),
        (Shutdown("main"), None, "we sent FIN"),
        (Reset("main"), None, "we sent RST"),
        (Sleep(0.25), None, "pause of 0.25 s"),
        (Listen("main data", "main"), Address("127.1.2.3", 5000), "we listen on 127.1.2.3 port 5000"),
        (Open("main", "h", 1, 1.0), Lost(Trouble.REFUSED, "nobody there"), "refused: nobody there"),
        (Send("main", b"x", 1.0), Lost(Trouble.RESET, "send"), "reset: send"),
    ],
)
def test_what_is_not_octets(op, answer, text):
    assert texts(kept((op, answer))) == [f"*: {text}"]


def test_looking_again_and_again_is_one_pause():
    look = (Sleep(0.25), None)
    transcript = kept(look, (Now(), 1.0), look, look, send(b"a"), look)

    assert texts(transcript) == ["*: pause of 0.75 s", "C: a", "*: pause of 0.25 s"]


def test_tls_is_flagged_from_the_handshake_on():
    transcript = kept(send(b"a"), (StartTLS("main", "h", 1.0), "TLSv1.3 X"), send(b"b"), OPEN, send(b"c"))

    assert [event.tls for event in transcript.events if event.who == "C"] == [False, True, False]


def test_secrets():
    transcript = kept(
        send(b"PASS x\r\n", secret=True), send(b"RAW hidden\r\n"), masker=Masker({"password": "hidden"})
    )

    assert texts(transcript) == ["C: ****", r"C: RAW ****\r\n"]
    assert transcript.events[0].secret


def test_ftp_data_connection():
    accepted = kept((Accept("main data", 1.0), ENDS), (Recv("main data", 1.0), b"listing"))

    assert [(event.who, event.conn) for event in accepted.events] == [("*", "main"), ("S data", "main")]


def test_long_octets_are_cut_with_their_size():
    (event,) = kept((Recv("main", 1.0), b"x" * (OCTETS + 1))).events

    assert (len(event.text), event.size) == (OCTETS, OCTETS + 1)


def data(*pieces, conn="main"):
    return [(Recv(f"{conn} data", 1.0), piece) for piece in pieces]


def test_of_a_file_the_ends_are_kept_and_its_length_is_told():
    octets = bytes(range(256)) * 400
    pieces = [octets[start : start + 1000] for start in range(0, len(octets), 1000)]

    (event,) = kept(*data(*pieces)).events

    left_out = len(octets) - 2 * FILE
    told = f" [... {left_out:,} octets are not shown ...] "
    assert event.text == escape(octets[:FILE]) + told + escape(octets[-FILE:])
    assert (event.size, event.who) == (len(octets), "S data")


@pytest.mark.parametrize("length", [1, FILE - 1, FILE, FILE + 1, 2 * FILE])
@pytest.mark.parametrize("step", [1, 7, 5000])
def test_a_short_file_is_kept_whole(length, step):
    octets = (bytes(range(256)) * 8)[:length]

    (event,) = kept(*data(*(octets[start : start + step] for start in range(0, length, step)))).events

    assert (event.text, event.size) == (escape(octets), 0)


def test_what_stands_between_divides_files():
    sent = (Send("main data", b"up", 1.0), None)
    transcript = kept(*data(b"a", b"b"), (Recv("main", 1.0), b"226 ok\r\n"), *data(b"c"), sent, *data(b"d"))
    other = kept(*data(b"a"), *data(b"b", conn="second"))

    assert texts(transcript) == ["S data: ab", r"S: 226 ok\r\n", "S data: c", "C data: up", "S data: d"]
    assert [(event.conn, event.text) for event in other.events] == [("main", "a"), ("second", "b")]


def test_a_secret_in_a_file_hides_it():
    transcript = kept((Send("main data", b"a", 1.0), None), (Send("main data", b"b", 1.0, secret=True), None))

    assert texts(transcript) == ["C data: ****"]


def test_files_do_not_make_a_transcript_longer_than_it_may_be():
    events = kept(*([send(b"x")] * EVENTS), *data(*[b"y"] * 100)).events

    assert len(events) == EVENTS + 1
    assert "the rest is not shown" in events[-1].text


def test_memory_is_bounded():
    transcript = kept(*([send(b"x")] * (EVENTS + 100)))

    assert len(transcript.events) == EVENTS + 1
    assert "the rest is not shown" in transcript.events[-1].text
    assert len(transcript.uttered) == EVENTS


SMTP = Endpoint("smtp", "127.0.0.1", 2525)


def test_reproducer_says_the_same():
    data = b"EHLO a%b\\c'd\r\n\x00\xff0\r\n"
    line = reproducer(kept(OPEN, send(data)), SMTP)

    assert line.endswith("} | nc 127.0.0.1 2525")
    spoken = line.replace("sleep 1", "true").replace("nc 127.0.0.1 2525", "cat")
    for shell in ("sh", "bash"):
        done = subprocess.run([shell, "-c", spoken], capture_output=True, check=True)
        assert done.stdout == data


def test_reproducer_leaves_secrets_to_the_reader():
    line = reproducer(
        kept(
            OPEN,
            send(b"USER alice\r\n"),
            send(b"PASS alicepw\r\n", secret=True),
            send(b"bG9n\r\n", secret=True),
        ),
        Endpoint("ftp", "127.0.0.1", 2121),
    )

    assert r"'USER alice\r\n'" in line
    assert r"'PASS ****\r\n'" in line
    assert "alicepw" not in line
    assert "bG9n" not in line


def test_reproducer_after_starttls_begins_where_openssl_is():
    talk = kept(
        OPEN,
        send(b"EHLO a\r\n"),
        send(b"STARTTLS\r\n"),
        (StartTLS("main", "h", 1.0), "TLSv1.3"),
        send(b"NOOP\r\n"),
    )

    line = reproducer(talk, SMTP)

    assert line.endswith("openssl s_client -quiet -connect 127.0.0.1:2525 -starttls smtp")
    assert "NOOP" in line
    assert "EHLO" not in line


def test_reproducer_for_implicit_tls_and_ipv6():
    talk = kept(OPEN, (StartTLS("main", "h", 1.0), "TLSv1.3"), send(b"a LOGOUT\r\n"))

    line = reproducer(talk, Endpoint("imap", "::1", 993, tls=True))

    assert line.endswith("openssl s_client -quiet -connect '[::1]:993'")


def test_no_reproducer_where_a_line_does_not_do():
    assert reproducer(kept(OPEN), SMTP) == ""
    assert reproducer(kept(OPEN, send(b"x" * 3000)), SMTP) == ""
