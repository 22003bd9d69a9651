"""The servers for real: they greet, know their users, and leave nothing behind."""

import ftplib
import os
import shutil
import smtplib
import socket
from collections.abc import Iterator

import pytest
from plumbline import lab
from plumbline.lab import catalogue, processes
from plumbline.lab.model import Server

_GREETING = {
    "smtp": b"220 ",
    "submission": b"220 ",
    "lmtp": b"220 ",
    "ftp": b"220",
    "pop3": b"+OK",
    "imap": b"* OK",
}


def _source(host: str) -> tuple[str, int] | None:
    """An address of our own to come from: 127.0.0.0/8 as a whole is ours, and ::1 is alone."""
    return None if ":" in host else ("127.9.8.7", 0)


def _why_not() -> str:
    if not shutil.which("apt-get"):
        return "no Debian: there is no apt-get here"
    return "" if os.geteuid() == 0 else "not root: the servers change to the accounts of their mail users"


pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "-")]


_STARTED = (
    *("postfix", "exim", "sendmail", "opensmtpd", "qpsmtpd", "haraka", "nodemailer-smtp-server"),
    *("dovecot", "cyrus", "courier", "mailutils", "pymap"),
    *(
        "vsftpd",
        "vsftpd-ipv6",
        "vsftpd-brief",
        "vsftpd-strict",
        "proftpd",
        "proftpd-ipv6",
        "proftpd-hosts",
        "pure-ftpd",
        "inetutils-ftpd",
        "pyftpdlib",
        "ftp-srv",
    ),
)

_PROTECTED_DATA_ONLY = {"vsftpd-strict"}  # set up to refuse data connections in clear


@pytest.fixture(params=_STARTED, scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Started by the first test of the product, stopped by its last, which looks at what is left."""
    started = lab.start(request.param)

    yield started
    if processes.look(started.pid):
        lab.stop(started)


def test_every_plain_endpoint_greets_a_client_from_an_address_of_its_own(server: Server) -> None:
    greeted = 0
    for protocol, endpoint in server.endpoints.items():
        if protocol in _GREETING:
            with socket.create_connection(endpoint, 10, source_address=_source(endpoint[0])) as sock:
                assert sock.recv(500).startswith(_GREETING[protocol])
            greeted += 1
    assert greeted


def test_recipients(server: Server) -> None:
    for protocol in server.endpoints.keys() & {"smtp", "lmtp"}:
        kind = smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP
        with kind(
            *server.endpoints[protocol], source_address=_source(server.endpoints[protocol][0])
        ) as client:
            client.ehlo("client.example.test")
            client.mail("sender@elsewhere.example")
            assert client.rcpt(server.profile["recipient"])[0] == 250
            assert client.rcpt(server.profile["unknown_recipient"])[0] == 550
            assert client.rcpt(server.profile["foreign_recipient"])[0] in (454, 550, 554)


def test_ftp_login_and_the_files_of_the_profile(server: Server) -> None:
    if "ftp" not in server.endpoints:
        return
    facts = server.profile
    with ftplib.FTP(timeout=10, source_address=_source(server.endpoints["ftp"][0])) as client:
        client.connect(*server.endpoints["ftp"])
        client.login("alice", "alicepw")
        assert client.pwd() == facts["home"]
        if server.name in _PROTECTED_DATA_ONLY:
            with pytest.raises(ftplib.error_perm, match=r"^522 "):
                client.nlst()
        else:
            assert {facts["directory"], *facts["files"].values()} <= set(client.nlst())


def test_stop_leaves_no_process_and_no_folder(server: Server) -> None:
    main = processes.look(server.pid)
    assert main
    family = {main, *processes.descendants([main])}
    lab.stop(server)
    assert not any(processes.alive(process) for process in family)
    assert not processes.marked(str(server.directory))
    assert not server.directory.exists()
    for endpoint in server.endpoints.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(endpoint, 10)


def test_every_product_is_tried_here() -> None:
    assert {*_STARTED, "embedded"} == set(catalogue.products())
