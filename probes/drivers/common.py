"""What both drivers share: names for trouble, TLS contexts, choice of our address, files of a mail store."""

from __future__ import annotations

import errno
import glob
import ipaddress
import socket
import ssl
from functools import cache
from pathlib import Path

from ..ops import Address, Lost, ReadFiles, Trouble

RECV_SIZE = 65_536
_LARGEST_FILE = 16_777_216
_GONE = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN}


def lost(error: BaseException, what: str) -> Lost:
    """The one vocabulary for whatever sockets and TLS raise. `what` says what was being done."""
    if isinstance(error, ssl.SSLError):
        reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
        return Lost(Trouble.TLS, f"{what}: {reason}")
    if isinstance(error, ConnectionRefusedError):
        return Lost(Trouble.REFUSED, f"{what}: connection refused")
    if isinstance(error, TimeoutError):
        return Lost(Trouble.SILENT, f"{what}: timed out")
    if isinstance(error, OSError) and error.errno in _GONE:
        return Lost(Trouble.RESET, f"{what}: connection reset")
    if isinstance(error, socket.gaierror):
        return Lost(Trouble.UNREACHABLE, f"{what}: {error.strerror or 'unknown host'}")
    if isinstance(error, OSError):
        return Lost(Trouble.UNREACHABLE, f"{what}: {error.strerror or error}")
    return Lost(Trouble.RESET, f"{what}: {error}")


@cache
def tls_context(*, verify: bool) -> ssl.SSLContext:
    """One context for all: making one costs 20 ms. Unverified ones also take old and weak servers."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def numeric(host: str) -> bool:
    """Whether a host is an address, for which no name server needs to be asked."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def source_fits(source: str | None, family: int) -> bool:
    """Whether our address can be used towards a peer of that family."""
    return source is not None and (":" in source) == (family == socket.AF_INET6)


def address(name: tuple[object, ...]) -> Address:
    """A socket name as an Address."""
    return Address(str(name[0]), int(str(name[1])))


def read_files(op: ReadFiles) -> list[bytes]:
    """Files that match and contain what is asked for; files that vanish meanwhile are passed over."""
    found: list[bytes] = []
    names = sorted({name for pattern in op.patterns for name in glob.glob(pattern, recursive=True)})
    for name in names:
        if len(found) >= op.limit:
            break
        try:
            with Path(name).open("rb") as file:
                data = file.read(_LARGEST_FILE)
        except OSError:
            continue
        if op.containing in data:
            found.append(data)
    return found
