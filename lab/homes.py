"""FTP homes with a few known files, and the profile facts that name them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from .model import USERS

FILES = {
    "readme.txt": "".join(f"Line {number} of a text file.\n" for number in range(1, 21)).encode(),
    "octets.bin": bytes(range(256)) * 16,
    "empty.txt": b"",
    "reports/2026-q1.txt": b"First quarter\n",
    "reports/2026-q2.txt": b"Second quarter\n",
}
DIRECTORY, WRITABLE = "reports", "upload"
LARGE, LARGE_SIZE = "large.bin", 5 * 2**30  # octets; a hole as a whole, so it takes no room on the disk


def fill(home: Path, owner: tuple[int, int] | None = None) -> None:
    """Make one user's home, owned by `owner` (user and group number)."""
    for name in (DIRECTORY, WRITABLE):
        (home / name).mkdir(parents=True)
    for name, content in FILES.items():
        (home / name).write_bytes(content)
    (home / LARGE).touch()
    os.truncate(home / LARGE, LARGE_SIZE)
    if owner:
        for path in [home, *home.rglob("*")]:
            os.chown(path, *owner)


def fill_all(folder: Path) -> None:
    """Homes of alice and bob below `folder`, owned by their system accounts."""
    for user in USERS:
        fill_for(user, folder / user)


def fill_for(user: str, home: Path) -> None:
    """A home owned by the system account of `user`."""
    entry = pwd.getpwnam(user)
    fill(home, (entry.pw_uid, entry.pw_gid))


def fill_anonymous(folder: Path) -> None:
    """What anonymous users see: the same files, in which they may write nothing."""
    fill(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def facts(home: str, *, anonymous: bool = False) -> dict[str, Any]:
    """Profile facts; `home` is the first user's folder as the server shows it (PWD after login).

    The names are relative to it.
    """
    return {
        "home": home,
        "directory": DIRECTORY,
        "writable": WRITABLE,
        "files": {"text": "readme.txt", "binary": "octets.bin", "empty": "empty.txt"},
        "large_file": LARGE,
        "large_file_size": LARGE_SIZE,
        "anonymous": anonymous,
    }
