"""Whole runs in which the target relays to a next hop of ours, on real sockets."""

from __future__ import annotations

import smtplib
import socket
from pathlib import Path

import pytest

from tests.models.smtp import SmtpModel
from tests.plugin.test_check import cases, run
from tests.support.live import live


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def relay_to(port: int, change: bytes = b"") -> type[SmtpModel]:
    """A relay to that port of this machine (0: to nowhere), which puts something behind every mail."""

    class Relay(SmtpModel):
        def recipient(self, path):
            self.recipients.append(path)
            self.say("250 OK")

        def deliver(self, mail):
            if not port:
                return
            with smtplib.SMTP("127.0.0.1", port, local_hostname="mx.example.test", timeout=10) as hop:
                hop.sendmail(self.sender or "", self.recipients, mail + change)

    return Relay


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def profile(tmp_path: Path, port: int) -> Path:
    path = tmp_path / "profile.yaml"
    path.write_text(f'next_hops: {{full: {{domain: full.test, listen: "127.0.0.1:{port}"}}}}\n')
    return path


CASES = ("--case", "smtp/relay-changes-nothing[periods]", "--case", "smtp/relay-adds-no-fields")


def test_what_the_target_passes_on_is_seen(tmp_path, profile, port):
    with live(relay_to(port)) as server:
        done = run(
            "check",
            f"smtp://127.0.0.1:{server.port}",
            "--profile",
            profile,
            *CASES,
            "--results",
            "r.jsonl",
            cwd=tmp_path,
        )

    assert done.returncode == 0, done.stdout
    assert {one["verdict"] for one in cases(tmp_path / "r.jsonl").values()} == {"pass"}


def test_a_changed_mail_is_a_violation(tmp_path, profile, port):
    with live(relay_to(port, b"scanned by example.test\r\n")) as server:
        done = run("check", f"smtp://127.0.0.1:{server.port}", "--profile", profile, *CASES, cwd=tmp_path)

    assert done.returncode == 1, done.stdout
    assert "relay-changes-nothing[periods]" in done.stdout
    assert "scanned by example.test" in done.stdout


def test_a_port_in_use_hinders_these_cases_only(tmp_path, profile, port):
    with live(relay_to(0)) as server, socket.create_server(("127.0.0.1", port)):
        done = run(
            *(
                "check",
                f"smtp://127.0.0.1:{server.port}",
                "--profile",
                profile,
                "--case",
                CASES[3],
                "--case",
                "smtp/ehlo-*",
            ),
            *("--results", "r.jsonl", "--patience", "2"),
            cwd=tmp_path,
        )

    assert done.returncode == 2, done.stdout
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stdout
    verdicts = {name: one["verdict"] for name, one in cases(tmp_path / "r.jsonl").items()}
    assert verdicts.pop("smtp/relay-adds-no-fields") == "inconclusive"
    assert "pass" in verdicts.values()


def test_without_next_hops_the_missing_fact_is_told(tmp_path, port):
    with live(relay_to(port)) as server:
        done = run("check", f"smtp://127.0.0.1:{server.port}", *CASES, "--results", "r.jsonl", cwd=tmp_path)

    assert done.returncode == 2, done.stdout
    assert {one["reason"] for one in cases(tmp_path / "r.jsonl").values()} == {
        "needs the profile fact 'full_hop'"
    }


def test_processes_of_n_do_not_share_a_next_hop(tmp_path, profile, port):
    with live(relay_to(port)) as server:
        done = run(
            *(
                "check",
                f"smtp://127.0.0.1:{server.port}",
                "--profile",
                profile,
                *CASES,
                "-n",
                "2",
                "--results",
                "r.jsonl",
            ),
            cwd=tmp_path,
        )

    assert {one["verdict"] for one in cases(tmp_path / "r.jsonl").values()} == {"skipped"}, done.stdout
    assert "not shared by the processes of -n" in str(cases(tmp_path / "r.jsonl"))
