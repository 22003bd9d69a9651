import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from plumbline.lab import catalogue, lifecycle
from plumbline.lab.cli import main
from plumbline.lab.model import Product

Make = Callable[..., Product]
Capture = pytest.CaptureFixture[str]


def test_start_status_stop(make_product: Make, capsys: Capture) -> None:
    make_product()
    assert main(["start", "listener"]) == 0
    started = capsys.readouterr().out
    told = json.loads(started)
    assert told["name"] == told["product"] == "listener"
    assert told["endpoints"]["smtp"].startswith("smtp://127.0.0.1:")
    assert yaml.safe_load(Path(told["profile"]).read_text())["recipient"] == "alice@example.test"
    assert main(["status"]) == 0
    assert capsys.readouterr().out == started
    assert main(["stop", "listener"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "listener", "stopped": True}
    assert main(["status"]) == 0
    assert capsys.readouterr().out == ""


def test_a_second_start_is_refused_and_says_what_to_do(make_product: Make, capsys: Capture) -> None:
    make_product()
    assert main(["start", "listener"]) == 0
    assert main(["start", "listener"]) == 2
    assert "--as ANOTHER-NAME" in capsys.readouterr().err
    assert main(["start", "listener", "--as", "second"]) == 0
    assert main(["stop", "--all"]) == 0
    assert lifecycle.status() == []


def test_stop_of_something_that_does_not_run(capsys: Capture) -> None:
    assert main(["stop", "embedded"]) == 2
    assert capsys.readouterr().err == "plumbline lab: embedded is not running\n"


def test_status_of_something_that_does_not_run(capsys: Capture) -> None:
    assert main(["status", "embedded"]) == 2
    assert "embedded is not running" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "meant"), [("posfix", "postfix"), ("Dovcot", "dovecot"), ("pureftp", "pure-ftpd")]
)
def test_an_unknown_server_is_answered_with_a_guess(given: str, meant: str, capsys: Capture) -> None:
    assert main(["start", given]) == 4
    assert f"unknown server {given!r}; did you mean {meant}?" in capsys.readouterr().err


def test_one_unknown_server_starts_none_of_them(make_product: Make, capsys: Capture) -> None:
    make_product()
    assert main(["start", "listener", "unheard-of"]) == 4
    assert lifecycle.status() == []


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["begin"],
        ["start"],
        ["stop"],
        ["start", "embedded", "--port-base", "70000"],
        ["start", "embedded", "--port-base", "x"],
        ["start", "embedded", "postfix", "--as", "one"],
    ],
)
def test_wrong_use(argv: list[str], capsys: Capture) -> None:
    assert main(argv) == 4
    assert "plumbline lab" in capsys.readouterr().err


def test_fixed_ports(make_product: Make, capsys: Capture) -> None:
    make_product()
    assert main(["start", "listener", "--port-base", "23456"]) == 0
    assert json.loads(capsys.readouterr().out)["endpoints"] == {"smtp": "smtp://127.0.0.1:23456"}


def test_list_names_every_server(capsys: Capture) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in catalogue.products())


@pytest.mark.parametrize("alias", ["exim4", "pureftpd", "PURE-FTPD", "Postfix"])
def test_other_names_of_a_server(alias: str) -> None:
    assert catalogue.find(alias).name in {"exim", "pure-ftpd", "postfix"}


def test_without_root_the_way_out_is_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["start", "postfix"]) == 2
    assert "must be started by root; 'embedded' needs no root" in capsys.readouterr().err


def test_without_debian_the_way_out_is_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr("plumbline.lab.places.closed_part", lambda _folder: None)
    assert main(["start", "postfix"]) == 2
    said = capsys.readouterr().err
    assert "apt-get, apt-cache, dpkg is missing here" in said
    assert "Debian 12 container" in said
