"""Locust's side: progress lines, its own files and page, and the shapes of load, always in a process of its own."""

from __future__ import annotations

import csv
import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from plumbline.loadtests import cli
from plumbline.reports import records

from tests.loadtests.driving import free_port
from tests.loadtests.sink import Behaviour, running
from tests.loadtests.test_locust_run import LONGEST, command, load_of, locust


def test_locusts_own_files_are_written(tmp_path):
    with running() as sink:
        done = locust(
            sink.port, "-u", "3", "-t", "2s", "--csv", str(tmp_path / "run"), "--html", str(tmp_path / "run.html"),
            "--json-file", str(tmp_path / "run"), "--results", str(tmp_path / "load.jsonl"),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    load = load_of(tmp_path / "load.jsonl")
    (entry,) = json.loads((tmp_path / "run.json").read_text())
    assert entry["num_requests"] == load.messages == sink.acknowledged
    rows = list(csv.DictReader((tmp_path / "run_stats.csv").read_text().splitlines()))
    assert [row["Name"] for row in rows] == ["message", "Aggregated"]
    assert "message" in (tmp_path / "run.html").read_text()
    assert load.facts["generator"]["processors"] >= 1


def test_progress_is_told():
    with running(Behaviour(pauses={"END": 0.01})) as sink:
        done = locust(sink.port, "-u", "2", "-t", "3s", "--progress", "1")
    lines = [line for line in done.stdout.splitlines() if "acknowledged, " in line and "sessions" in line]
    assert len(lines) >= 2
    assert lines[-1].split(" s: ")[0].strip() in ("2", "3")
    assert "0 failed, 2 sessions" in lines[-1]


def test_nothing_is_lost_though_progress_was_told(tmp_path):
    results = tmp_path / "load.jsonl"
    with running() as sink:
        done = locust(sink.port, "-u", "3", "-t", "2s", "--progress", "0.2", "--results", str(results))
    assert done.returncode == 0
    load = load_of(results)
    assert load.messages == load.latency["n"] == sink.acknowledged
    samples = [record for record in records.read(results) if isinstance(record, records.Sample)]
    assert sum(sample.messages for sample in samples) == load.messages
    assert all(sample.p50 <= sample.p90 <= sample.p99 <= sample.max for sample in samples)


def test_a_trace_and_a_pace(tmp_path):
    times, results = tmp_path / "times", tmp_path / "load.jsonl"
    times.write_text("# recorded\n0\n0.1\n\n0.1  # twice\n1.5\n")
    with running() as sink:
        done = locust(sink.port, "-u", "2", "--trace", str(times), "--results", str(results))
    assert done.returncode == 0, done.stderr
    load = load_of(results)
    assert load.messages == sink.acknowledged == 4
    assert load.facts["loop"] == "open"
    assert 1.4 < load.duration_s < 3
    with running() as sink:
        done = locust(sink.port, "-u", "2", "--pace", "0.2", "-t", "3s", "--results", str(results))
    assert done.returncode == 0, done.stderr
    assert 20 <= load_of(results).messages == sink.acknowledged <= 34


@pytest.mark.parametrize(
    ("text", "said"),
    [("1\nx\n", ":2: 'x' is no time"), ("2\n1\n", ":2: '1' is no time in seconds from 2 on"),
     ("inf\n", ":1: 'inf'"), ("# nothing\n", "no time in it")],
)  # fmt: skip
def test_bad_traces_are_told(text, said, tmp_path, capsys):
    (tmp_path / "times").write_text(text)
    assert cli.main(["smtp", "127.0.0.1:2525", "--trace", str(tmp_path / "times")]) == 4
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--trace", "/nonexistent"], "--trace /nonexistent: No such file"),
        (["--trace", "x", "--rate", "5"], "--trace says all the times"),
        (["--think", "1", "--pace", "1"], "give one of them"),
    ],
)
def test_wrong_usage(words, said, capsys):
    assert cli.main(["smtp", "127.0.0.1:2525", *words]) == 4
    assert said in capsys.readouterr().err


def ask(url: str, data: bytes | None = None) -> dict[str, object]:
    with urllib.request.urlopen(url, data, timeout=5) as answer:
        return dict(json.load(answer))


def patiently(url: str, data: bytes | None = None) -> dict[str, object]:
    """The page takes a moment to be there."""
    end = time.monotonic() + 20
    while True:
        try:
            return ask(url, data)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_the_web_page_starts_and_stops_runs(tmp_path):
    results, page = tmp_path / "load.jsonl", f"http://127.0.0.1:{(web := free_port())}"
    with running() as sink:
        words = command(
            sink.port, "--web-host", "127.0.0.1", "--web-port", str(web), "--results", str(results)
        )
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                started = patiently(f"{page}/swarm", b"user_count=3&spawn_rate=10")
                assert started["success"], started
                time.sleep(2)
                ask(f"{page}/stop", b"")
                end = time.monotonic() + 10
                while not results.exists() and time.monotonic() < end:
                    time.sleep(0.1)
                total = ask(f"{page}/stats/requests")["stats"]
            finally:
                process.terminate()
                said, _ = process.communicate(timeout=LONGEST)
    assert load_of(results).messages == sink.acknowledged > 100
    assert [one["num_requests"] for one in total if one["name"] == "Aggregated"] == [sink.acknowledged]
    assert "messages acknowledged, 0 failed" in said
    assert "Traceback" not in said


def test_a_process_for_each_core(tmp_path):
    results, port = tmp_path / "load.jsonl", str(free_port())
    with running() as sink:
        done = locust(
            sink.port, "--processes", "-1", "-u", "4", "-t", "2s", "--results", str(results),
            "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert load_of(results).messages == sink.acknowledged == len(sink.messages) > 100
