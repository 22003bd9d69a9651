"""aiosmtpd and pyftpdlib in one child process, for runs without a target.

    with embedded.start() as servers:
        servers.endpoints["smtp"], servers.profiles["ftp"]

The child ends with its parent, however that ends: it watches a pipe whose other end only the parent holds.
No state is kept; `plumbline lab start embedded` starts the same servers to stay.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from . import certificate, homes, places, profiles
from .certificate import Certificate
from .model import DOMAIN, HOST, HOSTNAME, RECIPIENT, USERS, LabError

PROTOCOLS = ("smtp", "smtps", "ftp")
_READY = 20.0  # seconds
_GRACE = 5.0  # seconds for the child to end
_CHILD = Path(__file__).with_name("embedded_child.py")


@dataclass(slots=True)
class Embedded:
    """The running servers. `profiles` maps a protocol to a profile as a mapping, see docs/how-to/lab.md."""

    pid: int
    version: str
    directory: Path
    endpoints: dict[str, tuple[str, int]]
    profiles: dict[str, dict[str, Any]]
    _child: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the child and remove its folder; again is harmless."""
        _end(self._child)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Embedded:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


def start() -> Embedded:
    """Start both servers on free ports. Raises LabError when the extra [embedded] is not installed."""
    require()
    directory = places.temporary("embedded")
    try:
        certificate = prepare(directory)
        setting = settings(directory, dict.fromkeys(_offered(certificate), 0), certificate, watch=True)
        child = _spawn(setting, directory / "output.log")
        try:
            ports = _ports(child, directory / "output.log")
        except BaseException:
            _end(child)
            raise
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return Embedded(
        pid=child.pid,
        version=product_version(),
        directory=directory,
        endpoints={protocol: (HOST, ports[protocol]) for protocol in PROTOCOLS if protocol in ports},
        profiles={protocol: _profile(protocol, ports, directory, certificate) for protocol in ports},
        _child=child,
    )


def require() -> None:
    """Raises LabError when aiosmtpd or pyftpdlib is missing."""
    missing = [name for name in ("aiosmtpd", "pyftpdlib") if not importlib.util.find_spec(name)]
    if missing:
        raise LabError(f"{' and '.join(missing)} not installed: pip install 'plumbline[embedded]'")


def product_version() -> str:
    return ", ".join(dict.fromkeys(products().values()))


def products() -> dict[str, str]:
    """What answers at each endpoint."""
    smtp, ftp = (f"{name} {version(name)}" for name in ("aiosmtpd", "pyftpdlib"))
    return {"smtp": smtp, "smtps": smtp, "ftp": ftp}


def prepare(directory: Path) -> Certificate | None:
    """Fill the folder: FTP homes, and a certificate where the machine has an openssl program."""
    for user in USERS:
        homes.fill(directory / "ftp" / user)
    if program := shutil.which("openssl"):
        return certificate.make(directory, Path(program), certificate.ELLIPTIC)
    return None


def settings(
    directory: Path,
    ports: Mapping[str, int],
    certificate: Certificate | None,
    *,
    watch: bool,
    lmtp: int = 0,
) -> str:
    """The child's argument. `lmtp` is the port of a server that gets the mail instead of maildirs."""
    return json.dumps(
        {
            "directory": str(directory),
            "hostname": HOSTNAME,
            "domain": DOMAIN,
            "users": dict(USERS),
            "ports": dict(ports),
            "certificate": str(certificate.certificate) if certificate else "",
            "key": str(certificate.key) if certificate else "",
            "both": str(certificate.both) if certificate else "",
            "watch": watch,
            "lmtp": lmtp,
        }
    )


def command(python: Path | str, setting: str) -> tuple[str, ...]:
    """-P: the child must not find this folder's modules under the names of others'."""
    return (str(python), "-P", str(_CHILD), setting)


def facts(directory: Path) -> dict[str, Any]:
    mailbox = directory / "mail" / RECIPIENT.partition("@")[0]
    return {"delivered": {"via": "maildir", "path": str(mailbox)}, **homes.facts("/")}


def starttls() -> frozenset[str]:
    """Which protocols upgrade to TLS: pyftpdlib does with pyOpenSSL only, which the extra does not bring."""
    return frozenset({"smtp", "ftp"} if importlib.util.find_spec("OpenSSL") else {"smtp"})


def _offered(certificate: Certificate | None) -> tuple[str, ...]:
    return PROTOCOLS if certificate else tuple(protocol for protocol in PROTOCOLS if protocol != "smtps")


def _profile(
    protocol: str, ports: Mapping[str, int], directory: Path, certificate: Certificate | None
) -> dict[str, Any]:
    return profiles.build(
        protocol,
        ports,
        facts(directory),
        starttls=bool(certificate) and protocol in starttls(),
        certificate=certificate.certificate if certificate else None,
    )


def _spawn(setting: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as errors:
        return subprocess.Popen(
            command(sys.executable, setting), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )


def _ports(child: subprocess.Popen[bytes], log: Path) -> dict[str, int]:
    """The child's first line."""
    assert child.stdout is not None
    end, line = time.monotonic() + _READY, b""
    while not line.endswith(b"\n"):
        if not select.select([child.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
            raise LabError(f"the embedded servers do not start within {_READY:g} s\n{_tail(log)}")
        if not (piece := os.read(child.stdout.fileno(), 4096)):
            raise LabError(f"the embedded servers do not start\n{_tail(log)}")
        line += piece
    ports: dict[str, int] = json.loads(line)["ports"]
    return ports


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def _end(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)  # the closed pipe has told it
        return
    child.kill()
    child.wait()
