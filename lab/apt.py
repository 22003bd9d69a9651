"""apt-get as a downloader: packages and the dependencies that the machine lacks, without installing them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import places
from .commands import run
from .model import LabError

_DEADLINE = 600.0  # seconds for one call
# The sandbox user of apt may not enter the cache. Slow mirrors are asked twice, not for ever.
_OPTIONS = ("-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30")
_LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True, slots=True)
class PackageFile:
    version: str
    path: Path


def require() -> None:
    """Raises LabError unless this is a Debian machine and we are root."""
    missing = [program for program in ("apt-get", "apt-cache", "dpkg") if not shutil.which(program)]
    if missing:
        raise LabError(
            f"this server comes from Debian packages, and {', '.join(missing)} is missing here: "
            "run the lab in a Debian 12 container (the server 'embedded' runs anywhere)"
        )
    if os.geteuid() != 0:
        raise LabError(
            "this server must be started by root, since it changes to the accounts of its mail users: "
            "run the lab as root in a container (the server 'embedded' needs no root)"
        )


def download(packages: Sequence[str], suite: str = "") -> dict[str, PackageFile]:
    """The .deb files of these packages and of what they need besides, by package name. Raises LabError.

    Package lists are brought up to date once when there are none, or when something is not found.
    """
    with places.lock("apt"):
        options = (*_OPTIONS, *(_suite_options(suite) if suite else ()))
        if not suite and not any(_LISTS.glob("*_Packages*")):
            _update(options)
            return _download(packages, options)
        try:
            return _download(packages, options)
        except LabError:
            _update(options)
            return _download(packages, options)


def _update(options: Sequence[str]) -> None:
    run(["apt-get", *options, "update"], deadline=_DEADLINE)


def _download(packages: Sequence[str], options: Sequence[str]) -> dict[str, PackageFile]:
    folder = places.cache_folder("deb")
    files = {}
    for package, version in _needed(packages, options).items():
        pattern = f"{package}_{version.replace(':', '%3a')}_*.deb"
        if not any(folder.glob(pattern)):
            run(["apt-get", *options, "download", f"{package}={version}"], folder=folder, deadline=_DEADLINE)
        files[package] = PackageFile(version, next(folder.glob(pattern)))
    return files


def _needed(packages: Sequence[str], options: Sequence[str]) -> dict[str, str]:
    """Package name -> version: what apt-get would install, and the packages themselves in any case."""
    plan = run(["apt-get", *options, "--simulate", "install", "--no-install-recommends", *packages])
    needed = dict(re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", plan, re.MULTILINE))
    for package in packages:
        if package not in needed:  # installed on the machine: a private copy all the same
            policy = run(["apt-cache", *options, "policy", package])
            found = re.search(r"Candidate: (\S+)", policy)
            if not found:
                raise LabError(f"no Debian package {package}; look with: apt-cache policy {package}")
            needed[package] = found[1]
    return needed


def _suite_options(suite: str) -> tuple[str, ...]:
    """Options that make apt look at another suite of the machine's own mirror, with lists of their own."""
    folder = places.cache_folder(f"apt/{suite}")
    sources = folder / "sources.list"
    options = (
        *("-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"),
        *("-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"),
    )
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not any((folder / "lists").glob("*_Packages*")):
        sources.write_text(f"deb {_mirror()} {suite} main\n")
        _update((*_OPTIONS, *options))
    return options


def _mirror() -> str:
    """The mirror of the machine's own release, from its apt sources."""
    listed = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)"])
    for line in listed.splitlines():
        uri, _, suite = line.partition(" ")
        if "security" not in uri and not suite.endswith(("-updates", "-security")):
            return uri
    raise LabError("no Debian mirror is configured on this machine; see sources.list(5)")
