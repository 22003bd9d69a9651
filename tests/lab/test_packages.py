"""apt-get is played by a script: what is asked of it, and when the package lists are brought up to date."""

import os
from pathlib import Path

import pytest
from plumbline.lab import apt, packages
from plumbline.lab.model import LabError, Source

# Knows the packages once `update` was called; "downloads" by making a file.
_APT = """#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
  *indextargets*) echo "http://mirror.example/debian bookworm-security"; echo "http://mirror.example/debian bookworm" ;;
  *update*) touch {folder}/updated ;;
  *simulate*) [ -e {folder}/updated ] || {{ echo "E: Unable to locate package"; exit 100; }}
    echo "Inst libfoo1 (1:2.0-1 Debian:12/stable [amd64])"; echo "Inst foo [1.0-0] (1.0-1 Debian:12/stable [amd64])" ;;
  *libfoo1=*) touch "libfoo1_1%3a2.0-1_amd64.deb" ;;
  *foo=*) touch foo_1.0-1_amd64.deb ;;
esac
"""
_DPKG = '#!/bin/sh\necho "$2" >> "$3/unpacked"\n'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", _APT.format(folder=tmp_path)), ("apt-cache", ""), ("dpkg", _DPKG)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    lists = tmp_path / "lists"
    lists.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(apt, "_LISTS", lists)
    return tmp_path


def _calls(machine: Path) -> list[str]:
    lines = (machine / "calls").read_text().splitlines()
    return [next(word for word in ("update", "simulate", "download") if word in line) for line in lines]


def test_a_fresh_machine_gets_its_package_lists_first(machine: Path) -> None:
    installed = packages.debian("foo", Source("debian", ("foo",)))
    assert installed.versions == {"libfoo1": "1:2.0-1", "foo": "1.0-1"}
    assert len((installed.root / "unpacked").read_text().splitlines()) == 2
    assert _calls(machine) == ["update", "simulate", "download", "download"]


def test_old_package_lists_are_brought_up_to_date_once(machine: Path) -> None:
    (machine / "lists/x_Packages").touch()
    packages.debian("foo", Source("debian", ("foo",)))
    assert _calls(machine) == ["simulate", "update", "simulate", "download", "download"]


def test_what_is_in_the_cache_is_not_asked_for_again(machine: Path) -> None:
    first = packages.debian("foo", Source("debian", ("foo",)))
    (machine / "calls").unlink()
    assert packages.debian("foo", Source("debian", ("foo",))) == first
    assert not (machine / "calls").exists()


def test_an_unknown_package_shows_what_apt_says(machine: Path) -> None:
    (machine / "bin/apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package bar'; exit 100\n")
    with pytest.raises(LabError, match="exit code 100\nE: Unable to locate package bar"):
        packages.debian("bar", Source("debian", ("bar",)))


def test_another_suite_comes_from_the_machines_own_mirror(machine: Path) -> None:
    packages.debian("foo", Source("debian", ("foo",), suite="bookworm-backports"))
    (sources,) = machine.rglob("sources.list")
    assert sources.read_text() == "deb http://mirror.example/debian bookworm-backports main\n"
