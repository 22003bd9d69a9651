"""Whole runs as users start them: what is printed, what is written, and with which code they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.models.smtp import SmtpModel
from tests.support.live import live, saying

ROOT = Path(__file__).parents[2]
FACTS = """\
recipient: alice@example.test
second_recipient: bob@example.test
unknown_recipient: nobody@example.test
foreign_recipient: someone@elsewhere.example
"""


class Nested(SmtpModel):
    """Accepts MAIL within a transaction."""

    def do_MAIL(self, argument):
        self.sender = None
        super().do_MAIL(argument)


NESTED = ["smtp/in-state[MAIL-mail]", "smtp/in-state[MAIL-rcpt]", "smtp/mail-twice"]  # what fails on it


class SlowNoop(SmtpModel):
    """Answers everything, but HELP never."""

    def do_HELP(self, argument):
        pass


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "plumbline.probes.cli", *map(str, arguments)]


def run(*arguments: object, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    line = command(*arguments)
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def pytest_run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def cases(path: Path) -> dict[str, dict[str, object]]:
    return {str(one["id"]): one for one in records(path) if one["kind"] == "case"}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.yaml"
    path.write_text(FACTS)
    return path


def test_conforming_server(tmp_path, profile):
    with live(SmtpModel) as server:
        done = run(
            "check",
            f"127.0.0.1:{server.port}",
            "--profile",
            profile,
            "--results",
            "r.jsonl",
            "--report",
            "r.html",
            cwd=tmp_path,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: conforming" in done.stdout
    found = records(tmp_path / "r.jsonl")
    assert [found[0]["kind"], found[1]["kind"], found[-1]["kind"]] == ["run", "target", "summary"]
    contract = {"kind", "id", "protocol", "requirement", "level", "verdict", "reason", "duration_s"}
    assert all(contract <= set(one) for one in found if one["kind"] == "case")
    assert "<h1" in (tmp_path / "r.html").read_text()


def test_violation_is_told_and_fails_the_run(tmp_path, profile):
    with live(Nested) as server:
        done = run(
            "check",
            f"smtp://127.0.0.1:{server.port}",
            "--profile",
            profile,
            "--results",
            "r.jsonl",
            cwd=tmp_path,
        )

    assert done.returncode == 1
    for words in (
        "RFC5321-4.1.4-m MUST",
        "sent      MAIL FROM:<probe@",
        "expected  503",
        "got       250",
        "again     plumbline check",
        "by hand",
    ):
        assert words in done.stdout
    found = cases(tmp_path / "r.jsonl")
    failed = sorted(name for name, one in found.items() if one["verdict"] == "fail")
    assert failed == NESTED
    assert found["smtp/mail-twice"]["attempts"] == ["fail", "fail", "fail"]


def test_accepted_deviation_and_stale_deviation(tmp_path, profile):
    (tmp_path / "accepted.yaml").write_text(
        "deviations:\n" + "".join(f"  - {{id: {name!r}, reason: known}}\n" for name in NESTED)
    )
    with live(Nested) as server:
        accepted = run(
            "check",
            f"127.0.0.1:{server.port}",
            "--profile",
            profile,
            "--deviations",
            "accepted.yaml",
            cwd=tmp_path,
        )
    with live(SmtpModel) as server:
        stale = run(
            "check",
            f"127.0.0.1:{server.port}",
            "--profile",
            profile,
            "--deviations",
            "accepted.yaml",
            cwd=tmp_path,
        )

    assert accepted.returncode == 0, accepted.stdout
    assert "accepted" in accepted.stdout
    assert stale.returncode == 1
    assert "does not fail any more" in stale.stdout


def test_deviation_for_no_case_is_a_usage_error(tmp_path):
    (tmp_path / "accepted.yaml").write_text("deviations:\n  - {id: smtp/mail-twize, reason: known}\n")
    with live(SmtpModel) as server:
        done = run("check", f"127.0.0.1:{server.port}", "--deviations", "accepted.yaml", cwd=tmp_path)

    assert done.returncode == 4
    assert "did you mean 'smtp/mail-twice'?" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nonsense", "a port is missing"),
        ("smpt://127.0.0.1:25", "did you mean smtp://"),
        ("127.0.0.1:99999", "no port 99999"),
        ("smtp://192.0.2.1:25", "--i-may-test-this-target"),
    ],
)
def test_wrong_target_is_a_usage_error(tmp_path, target, words):
    done = run("check", target, cwd=tmp_path)

    assert done.returncode == 4
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_dead_target_cannot_be_tested(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for target in (f"127.0.0.1:{port}", f"smtp://127.0.0.1:{port}"):
        done = run("check", target, cwd=tmp_path)

        assert done.returncode == 2
        assert "connection refused" in (done.stdout + done.stderr).lower()
        assert "Traceback" not in done.stdout + done.stderr


def test_target_of_another_protocol(tmp_path):
    with saying(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        looked = run("check", f"127.0.0.1:{port}", cwd=tmp_path)
        named = run("check", f"smtp://127.0.0.1:{port}", cwd=tmp_path)

    assert looked.returncode == 2
    assert "SSH-2.0" in looked.stdout + looked.stderr
    assert named.returncode == 2
    assert "SSH-2.0" in named.stdout + named.stderr


def test_target_that_dies_in_the_middle(tmp_path, profile):
    with live(SmtpModel, stop_after=20) as server:
        done = run(
            "check",
            f"127.0.0.1:{server.port}",
            "--profile",
            profile,
            "--results",
            "r.jsonl",
            "--in-flight",
            "4",
            cwd=tmp_path,
        )

    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    found = cases(tmp_path / "r.jsonl")
    verdicts = {one["verdict"] for one in found.values()}
    assert {"pass", "inconclusive"} <= verdicts
    assert "fail" not in verdicts
    last = records(tmp_path / "r.jsonl")
    assert any(one["kind"] == "sanity" and one["when"] == "end" and not one["ok"] for one in last)


def test_interrupt_keeps_what_was_learned(tmp_path, profile):
    with live(SlowNoop) as server:
        process = subprocess.Popen(
            command(
                "check",
                f"127.0.0.1:{server.port}",
                "--profile",
                profile,
                "--results",
                "r.jsonl",
                "--in-flight",
                "1",
            ),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        results = tmp_path / "r.jsonl"
        while time.monotonic() < deadline and not (
            results.exists() and results.read_text().count('"case"') > 20
        ):
            time.sleep(0.05)  # the run is another process: there is nothing else to wait on
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 2, output
    assert "Traceback" not in output
    found = records(results)
    assert sum(one["kind"] == "case" for one in found) > 20
    assert found[-1]["kind"] == "summary"
    assert found[-1]["interrupted"] is True


def test_bad_profile(tmp_path):
    (tmp_path / "p.yaml").write_text("recipient: [a, b]\n")
    with live(SmtpModel) as server:
        done = run("check", f"127.0.0.1:{server.port}", "--profile", "p.yaml", cwd=tmp_path)
        missing = run("check", f"127.0.0.1:{server.port}", "--profile", "none.yaml", cwd=tmp_path)

    assert done.returncode == 4
    assert "p.yaml:1" in done.stdout + done.stderr
    assert missing.returncode == 4
    assert "none.yaml" in missing.stdout + missing.stderr


def test_own_suite_with_errors(tmp_path):
    (tmp_path / "mine.probe.yaml").write_text(
        "suite: mine\nprotocol: smtp\nrfc: 5321\nstate: ehlo\ncases:\n"
        "  - id: one\n    requirement: X-1\n    title: t\n    script:\n      - C: NOOP\n        Z: 250\n"
    )
    with live(SmtpModel) as server:
        done = run("check", f"127.0.0.1:{server.port}", "mine.probe.yaml", cwd=tmp_path)

    assert done.returncode == 2
    assert "mine.probe.yaml:11" in done.stdout
    assert "Traceback" not in done.stdout


def test_case_that_does_not_exist(tmp_path):
    with live(SmtpModel) as server:
        done = run("check", f"127.0.0.1:{server.port}", "--case", "smtp/none", cwd=tmp_path)

    assert done.returncode == 4


def test_results_that_cannot_be_written(tmp_path):
    with live(SmtpModel) as server:
        done = run("check", f"127.0.0.1:{server.port}", "--results", tmp_path, cwd=tmp_path)

    assert done.returncode == 4
    assert "--results" in done.stdout + done.stderr


def test_pytest_selections(tmp_path, profile):
    with live(SmtpModel) as server:
        target = f"--target=127.0.0.1:{server.port}"
        by_name = pytest_run(target, f"--profile={profile}", "-k", "noop", cwd=ROOT)
        by_level = pytest_run(target, f"--profile={profile}", "-m", "should", cwd=ROOT)
        collected = server.connections
        only = pytest_run(target, "--collect-only", "-q", cwd=ROOT)
        assert server.connections == collected  # collecting talks to nobody
        workers = pytest_run(
            target,
            f"--profile={profile}",
            "-n",
            "2",
            "-k",
            "rset",
            f"--results={tmp_path / 'x.jsonl'}",
            cwd=ROOT,
        )

    assert by_name.returncode == 0, by_name.stdout
    assert by_level.returncode == 0, by_level.stdout
    assert "suites/smtp/4.1.1-commands.yaml::noop-after-ehlo" in only.stdout
    assert workers.returncode == 0, workers.stdout + workers.stderr
    assert len(cases(tmp_path / "x.jsonl")) >= 3


def test_first_failure_stops_with_x(tmp_path, profile):
    with live(Nested) as server:
        done = pytest_run(f"--target=127.0.0.1:{server.port}", f"--profile={profile}", "-x", cwd=ROOT)

    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_without_target_other_projects_are_left_alone(tmp_path):
    (tmp_path / "docker-compose.yaml").write_text("services: {}\n")
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")

    done = pytest_run(cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "target:" not in done.stdout
