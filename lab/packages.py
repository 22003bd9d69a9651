"""Bring a product's programs into the cache, without installing anything into the system.

Debian packages, with those dependencies that the machine lacks, are downloaded by apt-get and unpacked by
dpkg -x: no maintainer script runs, and servers that conflict as packages stand side by side.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import apt, places
from .commands import run
from .model import LabError, Product, Source

_STAMP = "plumbline-packages.json"
_INSTALL_DEADLINE = 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Installed:
    """Programs in the cache: where, and the version of every package."""

    root: Path
    versions: dict[str, str]

    @property
    def library_path(self) -> str:
        """For LD_LIBRARY_PATH."""
        folders = [*self.root.glob("usr/lib/*-linux-gnu*"), *self.root.glob("lib/*-linux-gnu*")]
        return ":".join(str(folder) for folder in [*folders, self.root / "usr/lib", self.root / "lib"])


def install(product: Product) -> Installed:
    """Bring the product's programs. Raises LabError."""
    match product.source.kind:
        case "debian":
            return debian(product.software, product.source)
        case "python":
            return python(product.software, product.source.packages)
        case "node":
            return node(product.software, product.source.packages)
        case "own":
            return Installed(Path(__file__).parent, {})
        case other:
            raise AssertionError(other)


def _known(root: Path, packages: Sequence[str]) -> Installed | None:
    """What an earlier call left, when it has all these packages."""
    try:
        versions = json.loads((root / _STAMP).read_text())
    except (OSError, ValueError):
        return None
    return Installed(root, versions) if set(packages) <= set(versions) else None


def _finish(root: Path, versions: dict[str, str]) -> Installed:
    (root / _STAMP).write_text(json.dumps(versions, indent=1, sort_keys=True))
    return Installed(root, versions)


def _fresh(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return root


# ---- Debian
def debian(name: str, source: Source) -> Installed:
    apt.require()
    root = places.cache_folder("debian") / name
    with places.lock(f"debian-{name}"):
        if known := _known(root, source.packages):
            return known
        _say(f"downloading {', '.join(source.packages)} and what they need ...")
        files = apt.download(source.packages, source.suite)
        new = _fresh(root.with_name(f"{name}.new"))
        for file in files.values():
            run(["dpkg", "-x", file.path, new])
        shutil.rmtree(root, ignore_errors=True)
        new.rename(root)
        return _finish(root, {package: file.version for package, file in files.items()})


# ---- Python
def python(name: str, packages: Sequence[str]) -> Installed:
    """A virtual environment of its own; its programs are in bin/."""
    root = places.cache_folder("python") / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}"
    with places.lock(f"python-{name}"):
        if known := _known(root, packages):
            return known
        _say(f"pip install {' '.join(packages)} ...")
        _fresh(root)
        run([sys.executable, "-m", "venv", root], deadline=_INSTALL_DEADLINE)
        pip: list[str | Path] = [root / "bin/python", "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", *packages], deadline=_INSTALL_DEADLINE)
        listed = json.loads(run([*pip, "list", "--format=json"]).strip().splitlines()[-1])
        found = {re.sub(r"[-_.]+", "-", entry["name"].lower()): entry["version"] for entry in listed}
        return _finish(root, {package: found[package.lower()] for package in packages})


def interpreter(module: str, package: str) -> Path:
    """A Python that can import `module`: this one, or one in the cache with `package` installed."""
    if importlib.util.find_spec(module):
        return Path(sys.executable)
    return python(package, (package,)).root / "bin/python"


# ---- Node
def node(name: str, packages: Sequence[str]) -> Installed:
    """A folder with node_modules/. Node.js and npm must be on the machine."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise LabError(f"{name} needs {program}, which this machine lacks: apt-get install nodejs npm")
    root = places.cache_folder("node") / name
    with places.lock(f"node-{name}"):
        if known := _known(root, packages):
            return known
        _say(f"npm install {' '.join(packages)} ...")
        _fresh(root)
        (root / "package.json").write_text(json.dumps({"name": f"lab-{name}", "private": True}))
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        run(["npm", "install", *options, *packages], folder=root, deadline=_INSTALL_DEADLINE)
        manifests = {package: root / "node_modules" / package / "package.json" for package in packages}
        return _finish(root, {p: json.loads(path.read_text())["version"] for p, path in manifests.items()})


def openssl() -> Path:
    """The machine's openssl program, or one from the cache. Raises LabError."""
    if found := shutil.which("openssl"):
        return Path(found)
    installed = debian("openssl", Source("debian", ("openssl",)))
    wrapper = installed.root / "openssl"
    if not wrapper.exists():
        program = installed.root / "usr/bin/openssl"
        wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={installed.library_path} exec {program} "$@"\n')
        wrapper.chmod(0o755)
    return wrapper


def _say(text: str) -> None:
    """Progress of something that takes long, for the person who waits."""
    if "PLUMBLINE_QUIET" not in os.environ:
        print(f"plumbline lab: {text}", file=sys.stderr, flush=True)
