"""What a server module works with: its folder, its ports, its programs, its certificate."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from . import accounts, certificate, commands, packages
from .certificate import Certificate
from .model import USERS, Program
from .packages import Installed


@dataclass
class Bench:
    """One instance while it is being set up. `links` are the system paths made for it."""

    directory: Path
    installed: Installed
    ports: Mapping[str, int]
    links: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.installed.root

    @cached_property
    def openssl(self) -> Path:
        return packages.openssl()

    @cached_property
    def certificate(self) -> Certificate:
        return certificate.make(self.directory, self.openssl)

    def folder(self, name: str, mode: int = 0o755, owner: str = "") -> Path:
        """A new folder, as `owner` (user or user:group)."""
        path = self.directory / name
        path.mkdir(parents=True)
        return _own(path, mode, owner)

    def put(self, name: str | Path, text: str, mode: int = 0o644, owner: str = "") -> Path:
        """Write a file, as `owner` (user or user:group)."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return _own(path, mode, owner)

    def copy(self, shipped: str, name: str) -> Path:
        """Copy a folder or file of the package."""
        source, path = self.root / shipped, self.directory / name
        if source.is_dir():
            shutil.copytree(source, path)
        else:
            shutil.copy(source, path)
        return path

    def shipped(self, name: str) -> str:
        """The text of a file of the package."""
        return (self.root / name).read_text()

    def environment(self, *folders: Path, **variables: str) -> dict[str, str]:
        """Variables with which the package's programs find its libraries, those in `folders` too."""
        path = ":".join([*map(str, folders), self.installed.library_path])
        return {"LD_LIBRARY_PATH": path, **variables}

    def program(self, *argv: str | Path, environment: Mapping[str, str] | None = None) -> Program:
        """A program of the package: the first word is its path in the package."""
        first, *rest = argv
        variables = self.environment() if environment is None else environment
        return Program((str(self.root / first), *map(str, rest)), variables)

    def run(self, *argv: str | Path, environment: Mapping[str, str] | None = None, given: str = "") -> str:
        """Run a program of the package to its end; its output. Raises LabError."""
        program = self.program(*argv, environment=environment)
        return commands.run(program.argv, environment=program.environment, given=given)

    def password_hashes(self) -> dict[str, str]:
        """User -> password in the form of crypt(5)."""
        return {user: accounts.password_hash(password, self.openssl) for user, password in USERS.items()}

    def link(self, path: str, target: Path) -> None:
        """A symbolic link at a path that is compiled into the server; removed with the last instance.

        What is there already (the product as a package of the system) stays and is used.
        """
        place = Path(path)
        if place.is_symlink() and not place.exists():
            place.unlink()
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
        if place.is_symlink() and place.resolve() == target.resolve():
            self.links.append(path)


def give(path: Path, owner: str) -> None:
    """Change the owner (user or user:group)."""
    user, _, group = owner.partition(":")
    shutil.chown(path, user, group or None)


def _own(path: Path, mode: int, owner: str) -> Path:
    path.chmod(mode)
    if owner:
        give(path, owner)
    return path
