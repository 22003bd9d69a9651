"""The embedded servers: what they answer, and that they never outlive their parent."""

import ftplib
import importlib.util
import io
import os
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plumbline import lab
from plumbline.lab import embedded, processes
from plumbline.lab.embedded import Embedded
from plumbline.lab.model import LabError
from plumbline.probes import deviations
from plumbline.probes.deviations import check_ids
from plumbline.probes.script.loader import Library

from .conftest import until


@pytest.fixture
def servers() -> Iterator[Embedded]:
    with embedded.start() as running:
        yield running


def _smtp(servers: Embedded) -> smtplib.SMTP:
    return smtplib.SMTP(*servers.endpoints["smtp"], timeout=10, source_address=("127.9.8.7", 0))


def test_mail_arrives_in_the_maildir_that_the_profile_names(servers: Embedded) -> None:
    with _smtp(servers) as client:
        recipients = ["alice@example.test", "bob@example.test"]
        assert (
            client.sendmail("x@elsewhere.example", recipients, b"Subject: hello\r\n\r\n.\r\nbody\r\n") == {}
        )
    delivered = servers.profiles["smtp"]["delivered"]
    assert delivered["via"] == "maildir"
    (mail,) = Path(delivered["path"], "new").iterdir()
    text = mail.read_text()
    assert text.startswith("Return-Path: <x@elsewhere.example>\nReceived: from ")
    assert text.endswith("\nSubject: hello\n\n.\nbody\n")
    assert len(list(Path(delivered["path"]).parent.glob("bob/new/*"))) == 1


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("alice@example.test", 250),
        ("ALICE@EXAMPLE.TEST", 250),
        ("postmaster", 250),
        ("Postmaster@example.test", 250),
        ("nobody@example.test", 550),
        ("someone@elsewhere.example", 550),
    ],
)
def test_recipients(servers: Embedded, recipient: str, code: int) -> None:
    with _smtp(servers) as client:
        client.ehlo("client.example.test")
        client.mail("x@elsewhere.example")
        assert client.rcpt(recipient)[0] == code


def test_login_after_starttls_and_with_tls_from_the_start(servers: Embedded) -> None:
    tls = servers.profiles["smtp"]["tls"]
    context = ssl.create_default_context(cafile=tls["ca"])
    assert tls["starttls"] is True
    with smtplib.SMTP("localhost", servers.endpoints["smtp"][1], timeout=10) as client:
        client.starttls(context=context)
        assert client.login("alice", "alicepw")[0] == 235
    with smtplib.SMTP_SSL("localhost", tls["implicit_port"], timeout=10, context=context) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("alice", "wrong")
        assert client.login("bob", "bobpw")[0] == 235


def test_ftp(servers: Embedded) -> None:
    facts = servers.profiles["ftp"]
    with ftplib.FTP(timeout=10, source_address=("127.9.8.7", 0)) as client:
        client.connect(*servers.endpoints["ftp"])
        client.login("alice", "alicepw")
        assert client.pwd() == facts["home"]
        assert facts["directory"] in client.nlst()
        got = io.BytesIO()
        client.retrbinary(f"RETR {facts['files']['binary']}", got.write)
        assert set(got.getvalue()) == set(range(256))
        client.cwd(facts["writable"])
        client.storbinary("STOR new", io.BytesIO(b"abc"))
        assert client.size("new") == 3


def test_a_wrong_ftp_password_is_refused_without_a_pause(servers: Embedded) -> None:
    with ftplib.FTP(timeout=2) as client:
        client.connect(*servers.endpoints["ftp"])
        with pytest.raises(ftplib.error_perm, match="530"):
            client.login("alice", "wrong")


def test_stop_leaves_nothing(servers: Embedded) -> None:
    assert servers.directory.is_dir()
    servers.stop()
    assert processes.look(servers.pid) is None
    assert not servers.directory.exists()
    servers.stop()


def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    code = "import time; from plumbline.lab import embedded; s = embedded.start(); print(s.pid, s.directory, flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert parent.stdout
    pid, directory = parent.stdout.readline().split()
    assert processes.look(int(pid))
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert until(lambda: processes.look(int(pid)) is None)
    assert not Path(directory.decode()).exists()


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "aiosmtpd" else name)
    with pytest.raises(LabError, match=r"aiosmtpd not installed: pip install 'plumbline\[embedded\]'"):
        embedded.start()


def test_a_child_that_dies_shows_its_log(monkeypatch: pytest.MonkeyPatch, lab_folder: Path) -> None:
    monkeypatch.setattr(
        embedded, "command", lambda python, _setting: (python, "-c", "raise SystemExit('no luck')")
    )
    with pytest.raises(LabError, match="do not start\nno luck"):
        embedded.start()
    assert list(lab_folder.glob("plumbline-*")) == []


def test_as_a_server_to_stay(lab_folder: Path) -> None:
    with lab.running("embedded") as server:
        assert set(server.endpoints) == {"smtp", "ftp", "smtps"}
        with smtplib.SMTP(*server.endpoints["smtp"], timeout=10) as client:
            assert client.noop()[0] == 250
        assert set(server.profile["companions"]) == {"ftp", "smtps"}
    assert processes.look(server.pid) is None
    assert not server.directory.exists()


def test_the_accepted_deviations_are_of_cases_that_exist() -> None:
    path = Path(lab.__file__).with_name("embedded-deviations.yaml")
    library = Library.open()
    known = [f"{protocol}/{name}" for protocol in ("smtp", "ftp") for name in library.ids(protocol)]

    assert check_ids(deviations.load(path), known, path) == []
