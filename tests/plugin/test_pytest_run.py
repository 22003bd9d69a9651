"""Runs by `pytest --target` and the corners of a run: markers, --lf, strictness, hanging and missing targets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

from tests.models.smtp import SmtpModel
from tests.plugin.test_check import FACTS, ROOT, Nested, cases, profile, pytest_run, records, run
from tests.support.live import LiveServer, live, saying

__all__ = ["profile"]


class NoHelp(SmtpModel):
    """Misses a SHOULD: HELP is not there."""

    def do_HELP(self, _argument):
        self.say("502 no help")


class Wordless(SmtpModel):
    """Serves the first two dozen connections, then accepts and says nothing."""

    served = 0

    def greet(self):
        type(self).served += 1
        if self.served <= 24:
            super().greet()
        else:
            self.on_mute = True

    def received(self, data, *, urgent=False):
        if not hasattr(self, "on_mute"):
            super().received(data, urgent=urgent)


def test_lf_runs_only_what_failed(tmp_path, profile):
    with live(Nested) as server:
        common = [
            f"--target=smtp://127.0.0.1:{server.port}",
            f"--profile={profile}",
            "--again=0",
            "-p",
            "cacheprovider",
            "-o",
            f"cache_dir={tmp_path / 'cache'}",
            "-k",
            "mail-twice or rset",
        ]
        line = [sys.executable, "-m", "pytest", *common]
        subprocess.run(line, cwd=ROOT, capture_output=True, check=False, timeout=120)
        before = server.connections
        done = subprocess.run(
            [*line, "--lf"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )

    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]
    assert server.connections - before < 6  # preflight, the case, the sanity probe


def test_strictness(tmp_path, profile):
    with live(NoHelp) as server:
        common = (
            f"smtp://127.0.0.1:{server.port}",
            "--profile",
            profile,
            "--again",
            "0",
            "--case",
            "smtp/help*",
        )
        lax = run("check", *common, "--results", "r.jsonl", cwd=tmp_path)
        strict = run("check", *common, "--strict", cwd=tmp_path)

    missed = [one for one in cases(tmp_path / "r.jsonl").values() if one["verdict"] == "fail"]
    assert {str(one["level"]) for one in missed} <= {"SHOULD", "MAY"}
    if any(one["level"] == "SHOULD" for one in missed):
        assert "missed SHOULD" in lax.stdout
        assert strict.returncode == 1
    assert lax.returncode == 0, lax.stdout


def test_junit_has_requirement_and_reason(tmp_path, profile):
    with live(Nested) as server:
        done = pytest_run(
            f"--target=smtp://127.0.0.1:{server.port}",
            f"--profile={profile}",
            "--again=0",
            "--case=smtp/mail-twice",
            f"--junitxml={tmp_path / 'j.xml'}",
            cwd=ROOT,
        )

    assert done.returncode == 1
    (case,) = ElementTree.parse(tmp_path / "j.xml").iter("testcase")
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert told == {"requirement": "RFC5321-4.1.4-m", "level": "MUST", "verdict": "fail"}
    failure = case.find("failure")
    assert failure is not None
    assert "expected  503" in (failure.text or "")


def test_markers(tmp_path):
    done = pytest_run("--target=smtp://127.0.0.1:25", "--collect-only", "-q", "-m", "must and smtp", cwd=ROOT)

    assert done.returncode == 0
    assert "suites/smtp/" in done.stdout
    assert "suites/ftp/" not in done.stdout


@pytest.mark.parametrize("option", ["--help", "--markers", "--version"])
def test_asking_about_pytest_talks_to_nobody(tmp_path, option):
    with live(SmtpModel) as server:
        done = pytest_run(f"--target=smtp://127.0.0.1:{server.port}", option, cwd=tmp_path)

        assert done.returncode == 0
        assert server.connections == 0


def test_from_somewhere_else_without_paths(tmp_path, profile):
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert False\n")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").write_text("raise SystemExit\n")
    with live(SmtpModel) as server:
        done = pytest_run(
            f"--target=smtp://127.0.0.1:{server.port}", f"--profile={profile}", "-k", "noop", cwd=tmp_path
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_own" not in done.stdout


def test_in_a_hostile_folder(tmp_path, profile):
    (tmp_path / "conftest.py").write_text("raise RuntimeError('conftest was loaded')\n")
    (tmp_path / "yaml.py").write_text("raise RuntimeError('yaml was shadowed')\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    with live(SmtpModel) as server:
        done = run("check", f"smtp://127.0.0.1:{server.port}", "-k", "noop", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_without_target_nothing_of_ours_is_imported(tmp_path):
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n"
        "    ours = sorted(name for name in sys.modules if name.startswith('plumbline'))\n"
        "    few = ['plumbline', 'plumbline.probes', 'plumbline.probes.options', "
        "'plumbline.probes.plugin', 'plumbline.probes.segments']\n"
        "    assert ours in ([], few)\n"
    )
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "plumbline.probes.plugin", "-q"]
    done = subprocess.run(
        line, cwd=tmp_path, capture_output=True, text=True, check=False, env=_only_our_plugin(), timeout=60
    )

    assert done.returncode == 0, done.stdout


def _only_our_plugin():
    import os

    return {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def test_a_run_that_cannot_begin_still_leaves_its_results(tmp_path):
    with saying(b"421 too busy\r\n") as port:
        done = run("check", f"smtp://127.0.0.1:{port}", "--results", "r.jsonl", cwd=tmp_path)

    assert done.returncode == 2
    kinds = [one["kind"] for one in records(tmp_path / "r.jsonl")]
    assert kinds == ["run", "sanity", "summary"]
    _, sanity, summary = records(tmp_path / "r.jsonl")
    assert "421 too busy" in str(sanity["detail"])
    assert summary["exit_code"] == 2


def test_a_mail_server_named_as_ftp(tmp_path):
    with live(SmtpModel) as server:
        done = run("check", f"ftp://127.0.0.1:{server.port}", cwd=tmp_path)

    assert done.returncode == 2
    assert f"try smtp://127.0.0.1:{server.port}" in done.stdout + done.stderr


def test_two_targets_for_one_protocol(tmp_path):
    done = run("check", "smtp://127.0.0.1:1", "smtp://127.0.0.1:2", cwd=tmp_path)

    assert done.returncode == 4
    assert "two targets for smtp" in done.stderr + done.stdout


def test_a_target_that_falls_silent(tmp_path, profile):
    Wordless.served = 0
    begun = time.monotonic()
    with live(Wordless) as server:
        done = run(
            "check",
            f"smtp://127.0.0.1:{server.port}",
            *("--profile", profile, "--results", "r.jsonl", "--in-flight", "4", "--patience", "2"),
            cwd=tmp_path,
        )

    assert done.returncode == 2, done.stdout
    assert time.monotonic() - begun < 60
    last = [one for one in records(tmp_path / "r.jsonl") if one["kind"] == "sanity"][-1]
    assert "stopped answering after smtp/" in str(last["detail"])
    assert last["last_good_case"]
    verdicts = [one["verdict"] for one in cases(tmp_path / "r.jsonl").values()]
    assert "pass" in verdicts
    assert verdicts.count("inconclusive") > 10


def test_interrupt_of_pytest_writes_the_report(tmp_path, profile):
    class Deaf(SmtpModel):
        def do_NOOP(self, _argument):
            pass

    with live(Deaf) as server:
        line = [
            *(
                sys.executable,
                "-m",
                "pytest",
                f"--target=smtp://127.0.0.1:{server.port}",
                "-p",
                "no:cacheprovider",
            ),
            *(f"--profile={profile}", f"--results={tmp_path / 'r.jsonl'}", f"--report={tmp_path / 'r.html'}"),
        ]
        process = subprocess.Popen(
            line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        _wait_for_cases(tmp_path / "r.jsonl", 5)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 2, output
    assert "KeyboardInterrupt" in output
    assert "<html" in (tmp_path / "r.html").read_text()
    assert records(tmp_path / "r.jsonl")[-1]["interrupted"] is True


def test_a_killed_run_keeps_every_record(tmp_path, profile):
    class Deaf(SmtpModel):
        def do_NOOP(self, _argument):
            pass

    with live(Deaf) as server:
        line = [
            *(
                sys.executable,
                "-m",
                "pytest",
                f"--target=smtp://127.0.0.1:{server.port}",
                "-p",
                "no:cacheprovider",
            ),
            *(f"--profile={profile}", f"--results={tmp_path / 'r.jsonl'}"),
        ]
        process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_cases(tmp_path / "r.jsonl", 5)
        process.kill()
        process.wait()

    found = records(tmp_path / "r.jsonl")  # every line is whole
    assert sum(one["kind"] == "case" for one in found) >= 5
    assert found[-1]["kind"] != "summary"


def _wait_for_cases(path, number):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().count('"case"') >= number:
            return
        time.sleep(0.05)  # the run is another process: there is nothing else to wait on
    raise AssertionError(f"no {number} cases in time")


@pytest.mark.parametrize("option", ["--results", "--report"])
def test_places_that_cannot_be_written(tmp_path, option):
    (tmp_path / "file").write_text("")
    with live(SmtpModel) as server:
        done = run(
            "check", f"smtp://127.0.0.1:{server.port}", option, tmp_path / "file" / "below", cwd=tmp_path
        )

        assert server.connections == 0  # said before anything else
    assert done.returncode == 4
    assert f"{option} " in done.stdout + done.stderr
    assert "cannot write there" in done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_wrong_id_is_told(tmp_path, workers):
    with live(SmtpModel) as server:
        done = run("check", f"smtp://127.0.0.1:{server.port}", "--case", "smtp/nop", *workers, cwd=tmp_path)

    assert done.returncode == 4
    assert "unknown case 'smtp/nop'" in done.stdout + done.stderr


def test_an_expired_deviation_covers_nothing(tmp_path, profile):
    (tmp_path / "accepted.yaml").write_text(
        "deviations:\n  - {id: smtp/mail-twice, reason: known, expires: 2020-01-31}\n"
    )
    with live(Nested) as server:
        done = run(
            "check",
            f"smtp://127.0.0.1:{server.port}",
            *(
                "--profile",
                profile,
                "--deviations",
                "accepted.yaml",
                "--case",
                "smtp/mail-twice",
                "--again",
                "0",
            ),
            cwd=tmp_path,
        )

    assert done.returncode == 1
    assert "was accepted until 2020-01-31" in done.stdout


def test_passwords_are_nowhere_in_the_files(tmp_path):
    (tmp_path / "p.yaml").write_text(FACTS + "accounts: [{user: alice, password: Tr0ub4dor}]\n")
    with live(SmtpModel) as server:
        run(
            "check",
            f"smtp://127.0.0.1:{server.port}",
            *("--profile", "p.yaml", "--results", "r.jsonl", "--report", "r.html", "-k", "noop or auth"),
            cwd=tmp_path,
        )

    assert "Tr0ub4dor" not in (tmp_path / "r.jsonl").read_text() + (tmp_path / "r.html").read_text()
    assert json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])["profile"]["accounts"] == [
        {"user": "alice", "password": "****"}
    ]


def test_every_worker_leaves_the_target_in_peace(tmp_path, profile):
    server = LiveServer(SmtpModel)
    try:
        done = run(
            "check",
            f"smtp://127.0.0.1:{server.port}",
            *("--profile", profile, "-n", "2", "--results", "r.jsonl"),
            cwd=tmp_path,
        )
    finally:
        server.close()

    assert done.returncode == 0, done.stdout + done.stderr
    found = records(tmp_path / "r.jsonl")
    assert len(cases(tmp_path / "r.jsonl")) == sum(one["kind"] == "case" for one in found)
    assert server.connections < 2 * len(cases(tmp_path / "r.jsonl"))
