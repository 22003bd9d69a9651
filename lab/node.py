"""Servers that are a Node.js library: a script beside the server module, with its setting as a JSON argument."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from . import servers
from .bench import Bench
from .model import DOMAIN, HOSTNAME, USERS, LabError, Program


def program(*arguments: str) -> Program:
    """node with these arguments. Raises LabError when there is no node."""
    if found := shutil.which("node"):
        return Program((found, *arguments))
    raise LabError("node is missing on this machine: apt-get install nodejs npm")


def script(bench: Bench, name: str, **setting: Any) -> Program:
    """The script `name` of plumbline.lab.servers; besides `setting` it gets what every server must know."""
    common = {
        "modules": str(bench.root / "node_modules"),
        "hostname": HOSTNAME,
        "domain": DOMAIN,
        "users": dict(USERS),
        "ports": dict(bench.ports),
        "certificate": str(bench.certificate.certificate),
        "key": str(bench.certificate.key),
    }
    path = Path(servers.__file__).with_name(name)
    return program(str(path), json.dumps(common | setting))


def maildirs(bench: Bench) -> Path:
    """An empty maildir for each user."""
    for user in USERS:
        for kind in ("new", "cur", "tmp"):
            bench.folder(f"mail/{user}/{kind}")
    return bench.directory / "mail"
