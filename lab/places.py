"""Where the lab keeps things: a cache for programs and states, temporary folders for running servers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .model import LabError

PREFIX = "plumbline-"
_SHARED_CACHE = Path("/var/cache/plumbline/lab")


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The cache folder: $PLUMBLINE_LAB_CACHE, $XDG_CACHE_HOME/plumbline/lab or ~/.cache/plumbline/lab.

    Servers give up root for accounts of their own, which must reach the programs: where root's home is closed
    to others, root's default is /var/cache/plumbline/lab.
    """
    if given := environment.get("PLUMBLINE_LAB_CACHE"):
        return Path(given).absolute()
    if given := environment.get("XDG_CACHE_HOME"):
        folder = Path(given).absolute() / "plumbline/lab"
    else:
        folder = Path(environment.get("HOME") or Path.home()).absolute() / ".cache/plumbline/lab"
    return _SHARED_CACHE if os.geteuid() == 0 and closed_part(folder) else folder


def closed_part(folder: Path) -> Path | None:
    """The first folder on the way that other accounts may not pass, or None."""
    for part in [*reversed(folder.parents), folder]:
        if part.is_dir() and not part.stat().st_mode & 0o001:
            return part
    return None


def require_reachable(folder: Path, variable: str) -> None:
    """Raises LabError when servers that run as other accounts could not reach this folder."""
    if closed := closed_part(folder):
        raise LabError(
            f"{folder}: {closed} is closed to other accounts, and servers run as accounts of their own; "
            f"set {variable} to a folder that they can pass (mode 755)"
        )


def cache_folder(name: str) -> Path:
    folder = cache() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder}: {error.strerror}; set PLUMBLINE_LAB_CACHE to a folder of yours") from error
    return folder


def temporary(product: str) -> Path:
    """A new folder for one running server. A short name, since socket paths end at 107 octets."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{product}-"))
    folder.chmod(0o755)
    return folder


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Keep other processes of this lab out, until the end of the block."""
    path = cache_folder("locks") / name
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
