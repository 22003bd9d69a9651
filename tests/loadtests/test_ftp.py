"""FTP loads under Locust against pyftpdlib: totals agree with the server's, content is checked, trouble is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from plumbline.loadtests import cli
from plumbline.loadtests.crew import ports
from plumbline.reports import records

from tests.loadtests.driving import free_port
from tests.loadtests.ftpd import PASSWORD, running

pytest.importorskip("pyftpdlib")


def load(words: list[str], folder: Path, *more: str) -> tuple[int, records.Load, records.Target]:
    results = folder / "load.jsonl"
    code = cli.main([*words, "--results", str(results), *more])
    found = list(records.read(results))
    (one,) = [record for record in found if isinstance(record, records.Load)]
    (target,) = [record for record in found if isinstance(record, records.Target)]
    return code, one, target


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_sessions(home, tmp_path):
    with running(home) as server:
        code, found, target = load(server.words, tmp_path, "-u", "3", "--messages", "30")
    assert code == 0
    assert (found.scenario, found.messages, found.failures) == ("ftp", 30, 0)
    assert server.counts["listed"] == 30
    assert server.counts["logins"] == 32, "one of the preflight, one before the load"
    phases = (
        "connect",
        "banner",
        "USER",
        "PASS",
        "TYPE",
        "EPSV",
        "data connection",
        "150",
        "transfer",
        "226",
        "QUIT",
    )
    assert all(found.phases[name]["n"] >= 30 for name in phases)
    assert target.greeting.startswith("220 ")
    assert "UTF8" in target.capabilities
    assert PASSWORD not in (tmp_path / "load.jsonl").read_text()


@pytest.mark.parametrize("size", ["0", "1", "1000000"])
def test_uploads_are_stored_as_they_were_sent(size, home, tmp_path):
    with running(home) as server:
        words = ["-u", "3", "--messages", "20", "--do", "upload", "--size", size, "--verify-content"]
        code, found, _ = load(server.words, tmp_path, *words)
    assert (code, found.messages, found.failures) == (0, 20, 0)
    assert server.counts["stored"] == 20
    assert server.counts.get("sent", 0) == 20, "each was read back"
    assert found.facts["octets"] == 20 * int(size)
    assert list(home.iterdir()) == [], "nothing is left behind"


def test_downloads_and_listings_in_turn(home, tmp_path):
    with running(home) as server:
        words = ["-u", "2", "--messages", "30", "--do", "mixed", "--size", "50000", "--verify-content"]
        code, found, _ = load(server.words, tmp_path, *words)
    assert (code, found.messages) == (0, 30)
    assert (server.counts["listed"], server.counts["stored"]) == (10, 11)
    assert server.counts["sent"] == 20
    assert list(home.iterdir()) == []


def test_a_file_that_is_there(home, tmp_path):
    (home / "data").write_bytes(b"x" * 12_345)
    with running(home) as server:
        words = ["-u", "2", "--messages", "10", "--do", "download", "--file", "data"]
        code, found, _ = load(server.words, tmp_path, *words)
        missing, unknown, _ = load(server.words, tmp_path, "--do", "download", "--file", "nowhere")
    assert (code, found.facts["octets"]) == (0, 123_450)
    assert missing == 2
    assert "550 at RETR" in unknown.facts["stopped_early"]


def test_many_data_connections_at_the_same_time(home, tmp_path):
    with running(home) as server:
        words = ["-u", "8", "--messages", "80", "--do", "download", "--size", "3000000"]
        code, found, _ = load(server.words, tmp_path, *words)
    assert code == 0
    assert 3 <= server.counts["data at the same time"] <= 8
    assert found.facts["octets"] == 80 * 3_000_000


@pytest.mark.parametrize(("mishap", "kind"), [("corrupt", "content differs"), ("cut", "length differs")])
def test_content_that_is_not_what_was_stored_fails(mishap, kind, home, tmp_path):
    with running(home, mishap) as server:
        words = ["-u", "2", "--messages", "10", "--do", "upload", "--size", "1000", "--verify-content"]
        code, found, _ = load(server.words, tmp_path, *words)
    assert (code, found.messages, found.failures) == (1, 0, 10)
    assert found.errors == {kind: 10}
    assert server.counts["stored"] == 10


def test_refusals_leave_the_session_be(home, tmp_path):
    with running(home, "refuse") as server:
        code, found, _ = load(server.words, tmp_path, "-u", "1", "--messages", "20", "--do", "list")
    assert (code, found.messages, found.failures) == (1, 16, 4)
    assert found.errors == {"450 at LIST": 4}
    assert found.replies["450"] == 4
    assert server.counts["logins"] == 3


def test_a_session_that_the_target_ends_is_replaced(home, tmp_path):
    with running(home, "hang up") as server:
        code, found, _ = load(server.words, tmp_path, "-u", "1", "--messages", "20", "--do", "list")
    assert (code, found.messages, found.failures) == (1, 16, 4)
    assert found.errors == {"421 at LIST": 4}
    assert server.counts["logins"] >= 6


def test_a_target_without_epsv_is_asked_for_pasv(home, tmp_path):
    with running(home, "no EPSV") as server:
        code, found, _ = load(server.words, tmp_path, "-u", "1", "--messages", "5", "--do", "list")
    assert (code, found.messages) == (0, 5)
    assert found.phases["PASV"]["n"] == 5


def test_a_mute_target_is_given_up(home, tmp_path, capfd):
    with running(home, "mute") as server:
        code, _, _ = load(server.words, tmp_path, "-u", "1", "-t", "5s", "--reply-timeout", "0.5")
    assert code == 2
    assert "silent at TYPE: no answer in time" in capfd.readouterr().out


def test_an_open_loop_and_its_end(home, tmp_path):
    with running(home) as server:
        words = ["-u", "3", "--do", "list", "--steps", "40:1s,80:1s"]
        code, found, _ = load(server.words, tmp_path, *words)
    assert (code, found.messages) == (0, 120)
    assert server.counts["listed"] == 120
    assert 1.9 < found.duration_s < 4
    assert found.phases["generator lag"]["n"] == 120


def test_time_and_pace_end_a_run_in_order(home, tmp_path):
    with running(home) as server:
        words = ["-u", "3", "--do", "list", "-t", "2s", "--pace", "0.2"]
        code, found, _ = load(server.words, tmp_path, *words)
    assert code == 0
    assert found.messages == server.counts["listed"]
    assert 20 <= found.messages <= 36


def test_by_two_processes(home, tmp_path):
    port = str(free_port())
    with running(home) as server:
        words = ["-u", "4", "--processes", "2", "--messages", "41", "--do", "mixed", "--size", "1000"]
        locust = ["--", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
        code, found, _ = load(server.words, tmp_path, *words, *locust)
    assert (code, found.messages) == (0, 41)
    assert found.latency["n"] == 41
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("words", [["--auth-password", "wrong"], []])
def test_who_cannot_log_in_is_told_at_once(words, home, tmp_path, capfd):
    with running(home) as server:
        given = ["ftp", f"127.0.0.1:{server.port}", "--auth-user", "nobody", *words]
        assert cli.main(given) == 2
    assert "Could not test ftp://127.0.0.1" in (said := capfd.readouterr().out)
    assert "530 at PASS" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--do", "fly"], "'fly' is none of session, list, upload, download, mixed"),
        (["--do", "session,list"], "does not go with other work"),
        (["--folder", "a\nb"], "no name or password for FTP"),
        (["--sender", "a@x"], "unrecognized arguments"),
    ],
)
def test_wrong_usage(words, said, capsys):
    assert cli.main(["ftp", "127.0.0.1:2121", *words]) == 4
    assert said in capsys.readouterr().err
    assert cli.main(["ftp", "smtp://127.0.0.1:25"]) == 4


def test_ports_that_run_out_are_warned_of():
    assert ports.warning(1_000, 28_232) == ports.warning(-5, 28_232) == ""
    assert "28232 ports" in ports.warning(25_000, 28_232)
    assert ports.ephemeral() > 1_000
    assert ports.time_wait() >= 0
