"""What `make showcase` runs, without running it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from plumbline.lab import LabError, catalogue, lifecycle, showcase
from plumbline.lab.model import Server

FOLDER = Path("out")


def server(*protocols):
    return Server(
        name="showcase-x",
        product="x",
        version="1",
        pid=1,
        endpoints={name: ("127.0.0.1", 1000 + n) for n, name in enumerate(protocols)},
        directory=Path("/tmp/made-up"),
        profile={},
        profiles={name: Path(f"p-{name}.yaml") for name in protocols},
        main=protocols[0],
    )


def test_every_protocol_that_has_suites_is_checked_and_smtp_is_loaded():
    commands = list(showcase._commands(server("smtp", "smtps", "imap", "lmtp"), FOLDER, 5))

    assert [words[0] for words in commands] == ["check", "check", "check", "load"]
    assert [words[words.index("--results") + 1] for words in commands] == [
        "out/x-smtp.jsonl",
        "out/x-lmtp.jsonl",
        "out/x-imap.jsonl",
        "out/x-load.jsonl",
    ]
    assert commands[0][1:4] == ["smtp://127.0.0.1:1000", "--profile", "p-smtp.yaml"]
    assert [words[0] for words in showcase._commands(server("ftp"), FOLDER, 5)] == ["check"]
    assert [words[0] for words in showcase._commands(server("smtp"), FOLDER, 0)] == ["check"]


def test_ftp_within_tls_is_checked_once_for_a_product_and_its_variants():
    def checked(product):
        commands = showcase._commands(replace(server("ftp", "ftps"), product=product), FOLDER, 0)
        return [words[words.index("--results") + 1] for words in commands]

    assert checked("vsftpd") == ["out/vsftpd-ftp.jsonl", "out/vsftpd-ftps.jsonl"]
    assert checked("vsftpd-ipv6") == ["out/vsftpd-ipv6-ftp.jsonl"]


def test_sessions_that_disturb_each_other_are_played_alone():
    assert "--in-flight=1" in next(showcase._commands(replace(server("ftp"), product="pyftpdlib"), FOLDER, 0))
    assert "--in-flight=1" not in next(showcase._commands(server("ftp"), FOLDER, 0))


def test_all_products_are_shown():
    assert sorted(showcase._ordered()) == sorted(catalogue.products())


def test_a_server_that_does_not_start_is_left_out_and_said(tmp_path, monkeypatch, capsys):
    def refuse(*_args, **_more):
        raise LabError("no root here")

    monkeypatch.setattr(lifecycle, "start", refuse)

    assert showcase.main([str(tmp_path), "--only", "exim"]) == 2
    said = capsys.readouterr().err
    assert "exim does not run here: no root here" in said
    assert "left out: exim" in said


@pytest.mark.parametrize(("code", "fine"), [(0, True), (1, True), (2, True), (4, False)])
def test_violations_are_results_and_wrong_usage_is_not(code, fine, monkeypatch, capsys):
    done = subprocess.CompletedProcess([], code, "told", "")
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_more: done)

    assert showcase._run(["check"]) is fine
    assert ("told" in capsys.readouterr().err) is not fine


def test_the_temporary_folder_gets_a_name_in_what_is_kept(tmp_path):
    (tmp_path / "x-smtp.jsonl").write_text('["--profile","/tmp/made-up/profile.yaml"]')

    showcase._name_folder(server("smtp"), tmp_path)

    assert (tmp_path / "x-smtp.jsonl").read_text() == '["--profile","/lab/x/profile.yaml"]'


def test_the_server_is_stopped_when_a_run_fails(tmp_path, monkeypatch):
    stopped = []
    monkeypatch.setattr(lifecycle, "start", lambda *_args, **_more: server("ftp"))
    monkeypatch.setattr(lifecycle, "stop", stopped.append)
    monkeypatch.setattr(showcase, "_run", lambda _words: False)

    assert showcase.main([str(tmp_path), "--only", "vsftpd"]) == 2
    assert stopped == ["showcase-x"]
