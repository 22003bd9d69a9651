"""Loads on real servers: killed in the middle of a run, the account adds up to the message; FTP through TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from plumbline import lab
from plumbline.reports import records

_HERE = bool(shutil.which("apt-get")) and os.geteuid() == 0
pytestmark = [pytest.mark.lab, pytest.mark.skipif(not _HERE, reason="needs root on Debian")]


@pytest.mark.parametrize(
    ("product", "protocol"), [("postfix", "smtp"), ("dovecot", "lmtp"), ("exim", "smtp")]
)
def test_acknowledged_is_delivered_plus_lost_though_the_target_was_killed(product, protocol, tmp_path):
    results = tmp_path / "load.jsonl"
    with lab.running(product) as server:
        words = ["load", "smtp", server.url(protocol), "-u", "5", "-t", "8s", "--max-error-ratio", "1"]
        words += ["--profile", str(server.profiles[protocol]), "--results", str(results)]
        words += ["--verify-delivery", "--verify-within", "20", "--give-up", "8"]
        main = "import sys; from plumbline.probes.cli import main; sys.exit(main(sys.argv[1:]))"
        with subprocess.Popen([sys.executable, "-c", main, *words]) as load:
            time.sleep(4)
            crash(server)
            code = load.wait(120)
    found = load_of(results)
    delivery = found.delivery
    assert delivery is not None
    assert delivery.incomplete == ""
    kept = delivery.delivered + (delivery.queued or 0)
    assert found.messages == delivery.acknowledged == kept + delivery.lost
    assert found.messages > 100
    assert found.errors, "the crash was seen"
    assert delivery.unanswered == found.facts["in_doubt"] <= found.failures
    assert delivery.unanswered_delivered <= delivery.unanswered
    closing = found.errors.get(
        "421 at acknowledgement", 0
    )  # Dovecot, killed, says so of messages that it has stored
    assert delivery.refused_delivered <= closing
    assert code == (1 if delivery.lost else 0)
    assert delivery.lost == 0, "what these servers acknowledge is on the disk"
    samples = [record for record in records.read(results) if isinstance(record, records.Sample)]
    crashed = max(sample.at for sample in samples if sample.failures)
    assert sum(sample.messages for sample in samples if sample.at > crashed), "it went on afterwards"


def crash(server: lab.Server) -> None:
    """Kill, and clear away the lock of a delivery that was killed: Postfix would respect it for 500 s."""
    with ThreadPoolExecutor(1) as pool:
        crashed = pool.submit(lab.crash, server, 1.0)
        time.sleep(0.5)
        for lock in server.directory.glob("mail/*.lock"):
            lock.unlink()
        crashed.result()


def load_of(path: Path) -> records.Load:
    (load,) = [record for record in records.read(path) if isinstance(record, records.Load)]
    return load


@pytest.mark.parametrize("product", ["vsftpd", "proftpd", "pure-ftpd"])
def test_ftp_through_tls(product, tmp_path):
    results = tmp_path / "load.jsonl"
    with lab.running(product) as server:
        words = [
            "load",
            "ftp",
            server.url("ftp"),
            "-u",
            "3",
            "--messages",
            "60",
            "--do",
            "mixed",
            "--starttls",
        ]
        words += ["--profile", str(server.profiles["ftp"]), "--results", str(results)]
        words += ["--size", "300000", "--verify-content"]
        main = "import sys; from plumbline.probes.cli import main; sys.exit(main(sys.argv[1:]))"
        code = subprocess.run([sys.executable, "-c", main, *words], timeout=120, check=False).returncode
    found = load_of(results)
    assert (code, found.messages, found.errors) == (0, 60, {})
    assert found.phases["TLS"]["n"] >= 3
