"""Run a helper program to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .model import LabError

_TAIL = 2000  # characters of output shown


def run(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    given: str = "",
    folder: Path | None = None,
    deadline: float = 60.0,
) -> str:
    """What the program printed. Raises LabError when it fails or takes longer than `deadline` seconds."""
    command = [str(part) for part in argv]
    try:
        done = subprocess.run(
            command,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            timeout=deadline,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is missing on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(command)}: not done after {deadline:g} s") from error
    if done.returncode:
        raise LabError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-_TAIL:].strip()}")
    return done.stdout
