"""Locust with our locustfile, always in a process of its own: importing Locust would spoil this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plumbline.loadtests import cli
from plumbline.reports import records

from tests.loadtests.driving import free_port
from tests.loadtests.sink import Behaviour, running

FILE = Path(__file__).parents[2] / "loadtests" / "smtp_transfer.py"
LONGEST = 60


def command(port: int, *options: str) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", str(FILE), "--host", f"smtp://127.0.0.1:{port}", *options]


def locust(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    words = command(port, "--headless", *options)
    return subprocess.run(words, capture_output=True, text=True, timeout=LONGEST, check=False)


def load_of(path: Path) -> records.Load:
    (load,) = [record for record in records.read(path) if isinstance(record, records.Load)]
    return load


def total_of(path: Path) -> int:
    return sum(entry["num_requests"] for entry in json.loads(path.read_text()))


def test_totals_of_sink_engine_and_locust_agree(tmp_path):
    results, stats = tmp_path / "load.jsonl", tmp_path / "stats"
    with running() as sink:
        done = locust(
            sink.port, "-u", "10", "-t", "2s", "--max-error-ratio", "0.001", "--min-rate", "50",
            "--max-p99", "2000", "--results", str(results), "--json-file", str(stats),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    load = load_of(results)
    assert load.messages == sink.acknowledged == total_of(stats.with_suffix(".json"))
    assert len(sink.messages) == sink.acknowledged > 100
    assert load.thresholds["--min-rate"]["ok"]
    kinds = [type(record).__name__ for record in records.read(results)]
    assert kinds[:3] == ["Run", "Target", "Load"]
    assert kinds[-1] == "Summary"
    samples = [record for record in records.read(results) if isinstance(record, records.Sample)]
    assert sum(sample.messages for sample in samples) == load.messages
    assert "Traceback" not in done.stderr


def test_a_missed_threshold_is_exit_code_1():
    with running() as sink:
        done = locust(sink.port, "-u", "2", "--messages", "50", "--max-p99", "0.000001")
    assert done.returncode == 1
    assert sink.acknowledged == 50, "the run ended by itself after its messages"
    assert "MISSED --max-p99" in done.stdout


def test_failures_are_in_locusts_statistics_too(tmp_path):
    stats = tmp_path / "stats"
    with running(Behaviour(every={"END": (4, "452 full")})) as sink:
        done = locust(sink.port, "-u", "3", "--messages", "80", "--json-file", str(stats))
    assert done.returncode == 1, "any failure fails the run unless --max-error-ratio allows it"
    (entry,) = json.loads(stats.with_suffix(".json").read_text())
    assert entry["num_requests"] == 80
    assert entry["num_failures"] == 20
    assert sink.acknowledged == 60
    assert "20 x 452 at end of data: 452 full" in done.stdout


@pytest.mark.parametrize("answer", ["554 go away", "hello", "HANGUP"])
def test_a_target_that_cannot_be_tested_is_exit_code_2(answer, tmp_path):
    results = tmp_path / "load.jsonl"
    with running(Behaviour(answers={"CONNECT": answer})) as sink:
        done = locust(sink.port, "-u", "2", "-t", "5s", "--results", str(results))
    assert done.returncode == 2
    assert "Could not test smtp://127.0.0.1" in done.stdout
    assert "Traceback" not in done.stderr
    (summary,) = [r for r in records.read(results) if isinstance(r, records.Summary)]
    assert summary.exit_code == 2


def test_a_target_that_dies_in_the_middle_keeps_its_results(tmp_path):
    results = tmp_path / "load.jsonl"
    with running(Behaviour(die_after=200)) as sink:
        done = locust(sink.port, "-u", "4", "-t", "20s", "--give-up", "0.5", "--results", str(results))
    assert done.returncode == 1
    load = load_of(results)
    assert 0 <= sink.acknowledged - load.messages <= load.facts["in_doubt"] <= 4
    assert "refused" in load.facts["stopped_early"]
    assert "Stopped early" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_in_order_and_keeps_its_results(number, tmp_path):
    results = tmp_path / "load.jsonl"
    with running() as sink:
        words = command(sink.port, "--headless", "-u", "3", "-t", "50s", "--results", str(results))
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 20
            while sink.acknowledged < 300 and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(number)
            _, errors = process.communicate(timeout=LONGEST)
    load = load_of(results)
    assert load.messages == sink.acknowledged >= 300
    assert load.failures == 0
    assert process.returncode == 2, "the run did not come to its end"
    assert "Traceback" not in errors
    (summary,) = [r for r in records.read(results) if isinstance(r, records.Summary)]
    assert summary.interrupted


def test_a_master_and_three_workers_lose_nothing(tmp_path):
    results, stats = tmp_path / "load.jsonl", tmp_path / "stats"
    bind = str(free_port())
    with running() as sink:
        workers = [
            subprocess.Popen(
                command(0, "--worker", "--master-host", "127.0.0.1", "--master-port", bind),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(3)
        ]
        try:
            done = locust(
                sink.port, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", bind,
                "--expect-workers", "3", "-u", "6", "-t", "3s", "--results", str(results),
                "--json-file", str(stats),
            )  # fmt: skip
            codes = [worker.wait(20) for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    assert done.returncode == 0, done.stderr
    load = load_of(results)
    assert load.messages == sink.acknowledged == total_of(stats.with_suffix(".json"))
    assert len(sink.messages) == sink.acknowledged > 100, "no two workers use the same identifier"
    assert load.latency["n"] == load.messages
    assert codes == [0, 0, 0]


def test_processes_share_a_number_of_messages(tmp_path):
    results = tmp_path / "load.jsonl"
    with running() as sink:
        port = str(free_port())
        done = locust(
            sink.port, "--processes", "2", "-u", "4", "--messages", "101", "--results", str(results),
            "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert load_of(results).messages == sink.acknowledged == 101


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["smtp", "192.0.2.1:25"], "--i-may-test-this-target"),
        (["smtp", "smtp://127.0.0.1:port"], "the port must be a number"),
        (["smtp", "gopher://127.0.0.1"], "the scheme must be one of smtp"),
        (["smtp", "127.0.0.1", "--size", "1"], "--size 1: must be from 2"),
        (["smtp", "127.0.0.1", "--profile", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (["smtp", "127.0.0.1", "--recipient", "a b"], "not an address"),
        (["smtp", "127.0.0.1", "--no-such-option"], "unrecognized arguments"),
        (["smtp"], "target"),
    ],
)
def test_wrong_usage_is_told_before_locust_starts(words, said, capsys):
    assert cli.main(words) == 4
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_wrong_usage_of_the_locustfile_is_exit_code_4():
    done = locust(1, "-u", "1", "-t", "1s", "--min-rate", "-1")
    assert done.returncode == 4
    assert "--min-rate -1: must be from 0" in done.stderr


def test_the_short_form(tmp_path, capfd):
    results, facts = tmp_path / "load.jsonl", tmp_path / "target.yaml"
    facts.write_text("recipient: alice@example.test\naccounts: [{user: alice, password: hidden}]\n")
    with running() as sink:
        code = cli.main(
            ["smtp", f"127.0.0.1:{sink.port}", "-u", "2", "--messages", "20", "--profile", str(facts),
             "--results", str(results)]
        )  # fmt: skip
    assert code == 0
    assert sink.acknowledged == 20
    assert "20 messages acknowledged, 0 failed" in capfd.readouterr().out
    assert "hidden" not in results.read_text()
    assert "alice@example.test" in sink.recipients


def test_a_report_can_be_written_without_a_results_file(tmp_path):
    report = tmp_path / "deep" / "report.html"
    with running() as sink:
        done = locust(sink.port, "-u", "2", "--messages", "20", "--report", str(report))
    assert done.returncode == 0, done.stderr
    assert f"smtp://127.0.0.1:{sink.port}" in report.read_text()


def test_a_results_file_that_cannot_be_written_is_told(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with running() as sink:
        done = locust(sink.port, "-u", "1", "--messages", "5", "--results", str(in_the_way / "load.jsonl"))
    assert done.returncode == 2
    assert "not written" in done.stderr
    assert "5 messages acknowledged" in done.stdout


def test_without_locust_the_instruction_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["smtp", "127.0.0.1:2525"]) == 2
    assert capsys.readouterr().err == cli.INSTRUCTION + "\n"


def test_the_command_line_does_not_import_locust():
    code = "import sys, plumbline.loadtests.cli; sys.exit('locust' in sys.modules or 'gevent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=LONGEST, check=False).returncode == 0


def test_the_engine_imports_neither_locust_nor_gevent_nor_trio():
    code = (
        "import sys, plumbline.loadtests.engine.engine;"
        "print(sorted({'locust', 'gevent', 'trio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LONGEST, check=True
    )
    assert done.stdout == "[]\n"


def test_a_bare_checkout_needs_no_installation(tmp_path):
    environment = {**os.environ, "PYTHONPATH": ""}
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if 'editable' not in p];"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f)];"
        "from locust.util.load_locustfile import load_locustfile;"
        f"print(list(load_locustfile({str(FILE)!r})[0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=LONGEST, check=False,
    )  # fmt: skip
    assert done.stdout == "['SmtpTransfer']\n", done.stderr
