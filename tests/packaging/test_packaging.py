"""What is built is what the tree has, and it works in an empty environment beside folders of the same names."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("probes", "suites", "loadtests", "reports", "lab")
DATA = {
    "suites": {".yaml", ".json"},
    "reports": {".html", ".css", ".js", ".jsonl", ".typed"},
    "probes": {".typed"},
    "lab": {".yaml", ".js", ".conf"},
    "loadtests": set(),
}


def tracked() -> set[Path]:
    """Files of the five folders that belong into a release."""
    found = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            ours = path.suffix == ".py" or path.suffix in DATA[folder] or path.name == "py.typed"
            if path.is_file() and ours and "__pycache__" not in path.parts:
                found.add(path.relative_to(ROOT))
    return found


def run(*command: object, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in command], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from it."""
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_wheel_has_every_file_of_the_tree_and_no_other(built: Path):
    (wheel,) = built.glob("*.whl")
    names = {Path(name) for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == {Path("plumbline") / path for path in tracked()}


def test_sdist_has_the_shape_of_the_checkout(built: Path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {Path(*Path(name).parts[1:]) for name in archive.getnames()}

    assert tracked() <= names
    assert {
        Path(name) for name in ("conftest.py", "pyproject.toml", "README.md", "LICENSE", "Makefile")
    } <= names


def test_installed_wheel_checks_a_server_from_an_unrelated_folder(built: Path, tmp_path: Path):
    """The folder has reports/, loadtests/ and a conftest.py of its own: they are not ours and stay untouched."""
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", f"{wheel}[embedded]", cwd=tmp_path)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    work = tmp_path / "work"
    for folder in ("reports", "loadtests"):
        (work / folder).mkdir(parents=True)
        (work / folder / "__init__.py").write_text("raise RuntimeError('not yours')\n")
    (work / "conftest.py").write_text("raise RuntimeError('not yours')\n")
    (work / "test_own.py").write_text("raise RuntimeError('not yours')\n")
    script = tmp_path / "check.py"
    script.write_text(
        "import subprocess, sys\n"
        "from plumbline.lab import embedded\n"
        "with embedded.start() as servers:\n"
        "    host, port = servers.endpoints['smtp']\n"
        "    command = [sys.argv[1], 'check', f'smtp://{host}:{port}', '--results', 'r.jsonl', '--report', 'r.html']\n"
        "    command += ['-k', 'noop']\n"
        "    sys.exit(subprocess.run(command).returncode)\n"
    )

    done = run(python, script, tmp_path / "env" / "bin" / "plumbline", cwd=work)

    assert done.returncode == 0, done.stdout + done.stderr
    kinds = [json.loads(line)["kind"] for line in (work / "r.jsonl").read_text().splitlines()]
    assert kinds[0] == "run"
    assert kinds[-1] == "summary"
    assert kinds.count("case") > 3
    assert "Plumbline" in (work / "r.html").read_text()
    assert sorted(path.name for path in work.iterdir()) == [
        "conftest.py",
        "loadtests",
        "r.html",
        "r.jsonl",
        "reports",
        "test_own.py",
    ]
