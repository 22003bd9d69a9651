"""The next hop of the tester: what it answers, and what it keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plumbline.probes.protocols.nexthop import MOST_OCTETS, Postbox, Receiver

BEGIN = b"EHLO mx.test\r\nMAIL FROM:<a@b.test>\r\n"


def session(octets: bytes, hop: str = "full") -> tuple[Postbox, str]:
    postbox = Postbox()
    return postbox, Receiver(hop, postbox).feed(octets).decode()


def test_a_mail_is_kept_with_its_commands_and_its_octets():
    postbox, said = session(
        b"ehlo mx.test\r\nMail From:<> BODY=8BITMIME\r\nRCPT TO:<X@full.test> NOTIFY=NEVER\r\nDATA\r\n"
        b"Subject: a\r\n\r\n..\r\n..b\r\n\xe9\r\n.\r\nQUIT\r\n"
    )

    (mail,) = postbox.arrivals
    assert mail.commands == (
        "EHLO mx.test",
        "MAIL FROM:<> BODY=8BITMIME",
        "RCPT TO:<X@full.test> NOTIFY=NEVER",
    )
    assert mail.octets == b"Subject: a\r\n\r\n.\r\n.b\r\n\xe9\r\n"
    assert (mail.hop, mail.mailbox, mail.answer) == ("full", "X@full.test", 250)
    assert [line[:3] for line in said.splitlines() if line[3] == " "] == [
        "250",
        "250",
        "250",
        "354",
        "250",
        "221",
    ]


def test_plain_offers_nothing_and_has_no_enhanced_codes():
    assert session(b"EHLO mx.test\r\n", "plain")[1] == "250 plain.nexthop.plumbline.test\r\n"
    assert "250 ok" in session(BEGIN, "plain")[1]
    assert "250-DSN\r\n" in session(b"EHLO mx.test\r\n")[1]
    assert "DSN" not in session(b"HELO mx.test\r\n")[1]


@pytest.mark.parametrize("code", ["550", "451", "554", "452"])
def test_the_local_part_says_what_is_answered(code):
    postbox, said = session(BEGIN + b"RCPT TO:<%s.x@h.test>\r\nDATA\r\nbody\r\n.\r\n" % code.encode())

    (mail,) = postbox.arrivals
    assert mail.answer == int(code)
    assert f"\r\n{code} {code[0]}." in said
    assert bool(mail.octets) is (code in ("554", "452"))


@pytest.mark.parametrize("login", [b"AUTH PLAIN AGEAYg==\r\n", b"auth plain\r\nAGEAYg==\r\n"])
def test_a_login_is_kept_without_its_secret(login):
    octets = b"EHLO x\r\n" + login + b"MAIL FROM:<> AUTH=<>\r\nRCPT TO:<a@h>\r\nDATA\r\n.\r\n"
    postbox, said = session(octets)

    assert postbox.arrivals[0].commands == ("EHLO x", "AUTH PLAIN", "MAIL FROM:<> AUTH=<>", "RCPT TO:<a@h>")
    assert "235 2.7.0" in said
    assert session(login, "plain")[1].startswith("502")
    assert session(b"AUTH LOGIN\r\n")[1].startswith("504")


def test_a_source_route_is_not_part_of_the_mailbox():
    postbox, _ = session(BEGIN + b"RCPT TO:<@r.test,@s.test:550.x@h.test>\r\n")

    assert postbox.arrivals[0].mailbox == "550.x@h.test"
    assert postbox.arrivals[0].path.startswith("@r.test")


def test_each_recipient_has_its_mail_and_a_new_transaction_forgets_the_last():
    again = b"RCPT TO:<b@h.test>\r\nDATA\r\n.\r\n"
    postbox, said = session(
        BEGIN + b"RCPT TO:<a@h.test>\r\n" + again + b"DATA\r\nMAIL FROM:<c@d>\r\n" + again
    )

    assert [mail.path for mail in postbox.arrivals] == ["a@h.test", "b@h.test", "b@h.test"]
    assert postbox.arrivals[2].commands[1:] == ("MAIL FROM:<c@d>", "RCPT TO:<b@h.test>")
    assert "503" in said


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"MAIL FROM:<a@b>\r\n", "503"),
        (b"EHLO x\r\nRCPT TO:<a@b>\r\n", "503"),
        (b"EHLO x\r\nDATA\r\n", "503"),
        (b"EHLO x\r\nMAIL nonsense\r\n", "501"),
        (b"STARTTLS\r\n", "502"),
        (b"\xff\xfe\r\n", "502"),
        (b"\r\n", "502"),
    ],
)
def test_nonsense_is_refused(octets, code):
    assert session(octets, "plain")[1].splitlines()[-1][:3] == code


def test_half_a_message_is_not_kept_but_noted():
    postbox = Postbox()
    receiver = Receiver("full", postbox)
    receiver.feed(BEGIN + b"RCPT TO:<a@h.test>\r\nDATA\r\nhalf a mess")
    receiver.ended()

    assert postbox.arrivals == []
    assert "in the middle of a message" in str(postbox)


def test_endless_lines_and_messages_end_the_connection():
    for octets in (b"x" * 70_000, BEGIN + b"RCPT TO:<a@h>\r\nDATA\r\n" + b"x" * (MOST_OCTETS + 1)):
        postbox = Postbox()
        receiver = Receiver("full", postbox)
        receiver.feed(octets)
        assert receiver.closing
        assert postbox.arrivals == []
        assert "gave up" in str(postbox)


def test_memory_is_bounded():
    mail = b"MAIL FROM:<>\r\nRCPT TO:<a@h>\r\nDATA\r\n" + b"x" * 30_000_000 + b"\r\n.\r\n"
    postbox = Postbox()
    receiver = Receiver("full", postbox)
    receiver.feed(b"EHLO x\r\n")
    answers = [receiver.feed(mail).decode().splitlines()[-1][:3] for _ in range(10)]

    assert answers == ["250"] * 8 + ["452"] * 2
    assert len(postbox.arrivals) == 8
    assert "no room" in str(postbox)
    assert "452 4.3.1" in session(BEGIN + b"RCPT TO:<a@h>\r\n" * 1001)[1]


@given(st.lists(st.integers(1, 60), max_size=8))
def test_segments_make_no_difference(cuts):
    octets = BEGIN + b"RCPT TO:<a@h.test>\r\nDATA\r\na\r\n..\r\n.\r\nQUIT\r\n"
    whole, said = session(octets)
    postbox = Postbox()
    receiver = Receiver("full", postbox)
    pieces, rest = b"", octets
    for cut in cuts:
        pieces, rest = pieces + receiver.feed(rest[:cut]), rest[cut:]
    pieces += receiver.feed(rest)

    assert pieces.decode() == said
    assert postbox.arrivals == whole.arrivals


def test_a_postbox_tells_what_came():
    postbox = Postbox()
    assert str(postbox) == "the target has connected to no next hop"
    Receiver("full", postbox)
    assert str(postbox) == "connections so far: 1 to full"
    postbox.trouble = "port in use"
    assert str(postbox) == "port in use"
