"""`plumbline` and `plumbline check`: what they make of their arguments, without starting anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from plumbline.probes import check, cli
from plumbline.probes.collection import named
from plumbline.probes.version import VERSION


@pytest.fixture
def started(monkeypatch):
    """The command line and the environment with which pytest would be started."""
    calls = []

    def run(command, *, env, check):
        calls.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(check.subprocess, "run", run)
    return calls


def words(started, *arguments):
    assert cli.main(["check", *arguments]) == 0
    (command, _) = started[-1]
    return command[command.index("cache_dir=" + str(check._cache())) + 1 :]


def test_targets_and_options(started):
    found = words(
        started,
        "smtp://h",
        "--profile",
        "p.yaml",
        "ftp://h",
        "--case",
        "a b",
        "--case=c",
        "--strict",
        "--in-flight",
        "4",
    )

    targets = [word for word in found if word.startswith("--target")]
    assert targets == ["--target=smtp://h", "--target=ftp://h"]
    cases = [word for word in found if word.startswith("--case")]
    assert cases == ["--case=a b", "--case=c"]
    assert {"--profile=p.yaml", "--strict", "--in-flight=4"} <= set(found)
    assert "--slow" not in found


def test_options_of_pytest(started):
    found = words(
        started, "h:25", "-k", "a and b", "-m", "must", "-x", "--junitxml=j.xml", "-n", "2", "--again", "0"
    )

    assert found[found.index("-k") + 1] == "a and b"
    assert found[found.index("-m") + 1] == "must"
    assert found[found.index("-n") + 1] == "2"
    assert {"-x", "--junitxml=j.xml", "--again=0"} <= set(found)


def test_own_suites_stand_in_for_the_shipped_ones(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert str(tmp_path / "mine.probe.yaml") in words(started, "h:25", "mine.probe.yaml")
    assert not any(word.endswith("/suites") for word in words(started, "h:25", "mine.probe.yaml"))
    assert any(word.endswith("/suites") for word in words(started, "h:25"))


def test_nothing_around_us_has_a_say(started, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--maxfail=1")

    cli.main(["check", "h:25"])

    command, environment = started[-1]
    assert command[:7] == [sys.executable, "-P", "-m", "pytest", "-c", os.devnull, "--noconftest"]
    assert environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
    assert "PYTEST_ADDOPTS" not in environment
    assert environment[check.COMMAND] == "plumbline check h:25"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "which server?"),
        (["check", "h:25", "--in-flight", "many"], "invalid int value"),
        (["check", "h:25", "--segments", "bits"], "is none of octets, lines, cr-lf, whole, all"),
        (["chekc", "h:25"], "invalid choice"),
    ],
)
def test_usage(started, capsys, arguments, said):
    assert cli.main(arguments) == 4
    assert said in capsys.readouterr().err
    assert started == []


def test_help_and_version(capsys):
    assert cli.main([]) == 0
    assert "check TARGET" in capsys.readouterr().out
    assert cli.main(["check", "--help"]) == 0
    assert "--deviations" in capsys.readouterr().out
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"plumbline {VERSION}\n"


def test_list_and_explain(capsys):
    assert cli.main(["list", "--protocol", "smtp", "--level", "must not"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed
    assert all(line.startswith("smtp/") and " MUST NOT " in line for line in listed)

    assert cli.main(["explain", "smtp/greeting"]) == 0
    told = capsys.readouterr().out
    assert "RFC5321-3.1-a" in told
    assert "suites/smtp/" in told
    assert "--case 'smtp/greeting'" in told

    assert cli.main(["explain", "smtp/greting"]) == 4
    assert "did you mean 'smtp/greeting'?" in capsys.readouterr().err


def test_a_missing_extra_is_said(capsys, monkeypatch):
    def missing(_name):
        raise ModuleNotFoundError("No module named 'locust'", name="locust")

    monkeypatch.setattr(cli.importlib, "import_module", missing)

    assert cli.main(["load", "smtp"]) == 4
    assert "'locust' is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "patterns", "meant"),
    [
        ("smtp/one", [], True),
        ("smtp/one", ["smtp/one"], True),
        ("smtp/one", ["smtp/o*"], True),
        ("smtp/one", ["ftp/*", "smtp/two"], False),
        ("smtp/m[NOOP-mail]", ["smtp/m[NOOP-mail]"], True),
        ("smtp/m[NOOP-mail]", ["smtp/m[NOOP-*"], True),
        ("smtp/mN", ["smtp/m[NOOP-mail]"], False),
    ],
)
def test_names_and_patterns(name, patterns, meant):
    assert named(name, patterns) is meant
