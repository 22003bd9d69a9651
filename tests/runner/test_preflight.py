"""Preflight and sanity, on a wire in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plumbline.probes.capability import LOGIN_ONLY_WITH_TLS
from plumbline.probes.ops import Lost, Trouble
from plumbline.probes.preflight import preflight, sanity, second_look
from plumbline.probes.script.loader import Library
from plumbline.probes.script.outcome import Endpoint, Setting
from plumbline.probes.target import CannotTest

from tests.runner import making
from tests.support.wire import Fin, Hears, Peer, Says, Wire, play

FACTS = {"client": "c.test", "sender": "s@c.test"}
ACCOUNT = {**FACTS, "user": "alice", "password": "alicepw"}
SMTP, FTP = Endpoint("smtp", "127.0.0.1", 25), Endpoint("ftp", "127.0.0.1", 21)


def look(endpoint, *peers, facts=FACTS):
    setting = Setting(endpoints={endpoint.protocol: endpoint}, facts=facts)
    wire = Wire(*peers)
    return play(preflight(endpoint, setting, Library.open().states(endpoint.protocol)), wire), wire


def wrong(endpoint, *peers, facts=FACTS):
    with pytest.raises(CannotTest) as trouble:
        look(endpoint, *peers, facts=facts)
    return str(trouble.value)


def test_smtp():
    ehlo = b"250-mx\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 AUTH=LOGIN\r\n"
    facts, wire = look(SMTP, Peer(b"220 mx ESMTP\r\n", Hears(b"EHLO c.test\r\n"), ehlo))

    assert facts.greeting == "mx ESMTP"
    assert {"SIZE", "SIZE 1000", "AUTH", "AUTH PLAIN", "AUTH LOGIN"} <= facts.capabilities
    assert wire.sent("main").endswith(b"QUIT\r\n")


def test_ftp_with_an_account():
    peer = Peer(
        b"220 hi\r\n",
        Hears(b"USER alice\r\n"),
        b"331 password\r\n",
        Hears(b"PASS alicepw\r\n"),
        b"230 in\r\n",
        Hears(b"FEAT\r\n"),
        b"211-Features\r\n MDTM\r\n REST STREAM\r\n211 End\r\n",
    )
    facts, _ = look(FTP, peer, facts=ACCOUNT)

    assert {"MDTM", "REST", "REST STREAM"} <= facts.capabilities


def test_ftp_where_nobody_logs_in_without_tls():
    clear = Peer(b"220 hi\r\n", Hears(b"USER alice\r\n"), b"530 TLS first\r\n")
    begins = (b"220 hi\r\n", Hears(b"AUTH TLS\r\n"), b"234 go on\r\n")
    login = (Hears(b"USER alice\r\n"), b"331 p\r\n", Hears(b"PASS alicepw\r\n"), b"230 in\r\n")
    listed = (Hears(b"FEAT\r\n"), b"211-Features\r\n AUTH TLS\r\n211 End\r\n")
    facts, _ = look(FTP, clear, Peer(*begins, *login, *listed), facts=ACCOUNT)

    assert {"AUTH TLS", LOGIN_ONLY_WITH_TLS} <= facts.capabilities


def test_ftp_without_account_greets_only():
    facts, wire = look(FTP, Peer(b"220 hi\r\n", Hears(b"FEAT\r\n"), b"530 log in\r\n"))

    assert facts.capabilities == frozenset()
    assert b"USER" not in wire.sent("main")


def test_a_wrong_password_is_said_so():
    peer = Peer(
        b"220 hi\r\n", Hears(b"USER alice\r\n"), b"331 p\r\n", Hears(b"PASS alicepw\r\n"), b"530 no\r\n"
    )
    no_tls = Peer(b"220 hi\r\n", Hears(b"AUTH TLS\r\n"), b"502 what?\r\n")
    said = wrong(FTP, peer, no_tls, facts=ACCOUNT)

    assert "530 no" in said
    assert "Check the account in the profile" in said
    assert "alicepw" not in said


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (Peer(fails=Trouble.REFUSED), "nobody listens there"),
        (Peer(), "silence"),
        (Peer(Fin()), "closed the connection"),
        (Peer(b"421 too many\r\n"), "421 too many"),
        (Peer(b"HTTP/1.1 400 Bad Request\r\n"), "HTTP/1.1 400"),
    ],
)
def test_what_cannot_be_tested(peer, words):
    assert words in wrong(SMTP, peer)


@pytest.mark.parametrize("greeting", [b"554 nothing here\r\n", b"521 no mail\r\n"])
def test_a_host_that_refuses_all_service_may_be_tested_for_just_that(greeting):
    facts, wire = look(SMTP, Peer(greeting), facts={**FACTS, "refuses_service": "yes"})

    assert facts.capabilities == frozenset()
    assert wire.sent("main") == b"QUIT\r\n"


def test_a_host_that_serves_after_all():
    said = wrong(SMTP, *[Peer(b"220 welcome\r\n")] * 3, facts={**FACTS, "refuses_service": "yes"})

    assert r"the profile says refuses_service, but: it greets with 220 welcome\r\n" in said


def test_second_look_sees_the_slip():
    ftp = Peer(
        b"220 hi\r\n", Hears(b"EHLO probe.invalid\r\n"), b"500 what\r\n", Hears(b"SYST\r\n"), b"215 UNIX\r\n"
    )

    assert play(second_look(SMTP), Wire(ftp)) == " It looks like ftp: try ftp://127.0.0.1:25"


def test_second_look_under_tls():
    said = play(second_look(Endpoint("imap", "h", 993)), Wire(Peer(Says(b"* OK hi\r\n", after=4.0))))

    assert said == " It looks like imap under TLS: try imaps://h:993"


def test_second_look_has_nothing_to_add():
    assert play(second_look(SMTP), Wire(Peer(fails=Trouble.REFUSED))) == ""
    smtp = Peer(b"220 mx\r\n", Hears(b"EHLO probe.invalid\r\n"), b"250 mx\r\n")
    assert play(second_look(SMTP), Wire(smtp)) == ""


def sane(*peers):
    wire = Wire(*peers)
    return play(sanity(SMTP, Setting(endpoints={"smtp": SMTP}, facts=FACTS)), wire), wire


def test_sane():
    assert sane(Peer(b"220 mx\r\n"))[0].wrong == ""


def test_a_moment_of_trouble_is_forgiven():
    seen, wire = sane(Peer(b"421 busy\r\n"), Peer(Fin()), Peer(b"220 mx\r\n"))

    assert seen.wrong == ""
    assert wire.now == pytest.approx(2.5)


def test_nobody_there_any_more():
    seen, _ = sane(*[Peer(fails=Trouble.REFUSED)] * 3)

    assert seen.certain
    assert "refused" in seen.wrong


def test_unwilling_is_not_dead():
    seen, _ = sane(*[Peer(b"421 busy\r\n")] * 3)

    assert seen.wrong == r"it greets with 421 busy\r\n"
    assert not seen.certain


def test_silence_is_waited_for_once():
    seen, wire = sane(Peer())

    assert "silence" in seen.wrong
    assert wire.now == pytest.approx(30.0)


def test_a_mail_server_is_no_ftp_server_without_feat():
    mail = Peer(b"220 mx\r\n", Hears(b"FEAT\r\n"), b"502 what\r\n")
    again = Peer(b"220 mx\r\n", Hears(b"EHLO probe.invalid\r\n"), b"250 mx\r\n")

    assert "It looks like smtp: try smtp://127.0.0.1:21" in wrong(FTP, mail, again)


def test_an_old_ftp_server_without_feat_is_one():
    old = Peer(b"220 hi\r\n", Hears(b"FEAT\r\n"), b"500 what\r\n")
    no = b"500 what\r\n"
    again = Peer(b"220 hi\r\n", Hears(b"EHLO probe.invalid\r\n"), no, Hears(b"SYST\r\n"), b"215 UNIX\r\n")

    facts, _ = look(FTP, old, again)

    assert facts.capabilities == frozenset()


CLEAR = b"250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
SECURE = b"250-mx\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"
EHLO = Hears(b"EHLO c.test\r\n")
UPGRADE = (b"220 mx\r\n", EHLO, CLEAR, Hears(b"STARTTLS\r\n"), b"220 go\r\n", EHLO, SECURE)


def start(state, facts):
    """What a case that starts there can count on."""
    return facts.offered_to(replace(making.case(), state=Library.open().states("smtp")[state]))


def test_what_is_offered_under_tls_counts_under_tls():
    facts, _ = look(SMTP, Peer(b"220 mx\r\n", EHLO, CLEAR), Peer(*UPGRADE))

    assert "AUTH PLAIN" in facts.capabilities
    assert "STARTTLS" in facts.capabilities
    for state in ("connected", "greeting", "first-ehlo", "ehlo", "rcpt"):
        assert start(state, facts) == {"SIZE", "SIZE 1000", "STARTTLS", "TLS"}
    for state in ("protected", "tls", "login"):
        assert start(state, facts) == {"SIZE", "SIZE 1000", "AUTH", "AUTH PLAIN", "TLS"}


def test_a_handshake_that_fails_leaves_the_first_list():
    peers = Peer(b"220 mx\r\n", EHLO, CLEAR), Peer(*UPGRADE, tls=Lost(Trouble.TLS, "alert"))
    facts, _ = look(SMTP, *peers)

    assert start("tls", facts) == {"SIZE", "SIZE 1000", "STARTTLS", "TLS"}


def test_implicit_tls_is_said():
    facts, _ = look(Endpoint("smtp", "127.0.0.1", 465, tls=True), Peer(b"220 mx\r\n", EHLO, SECURE))

    assert {"TLS", "IMPLICIT TLS", "AUTH PLAIN"} <= start("tls", facts)
