"""What the drivers share and needs no waiting: troubles, source addresses, TLS contexts, mail stores."""

from __future__ import annotations

import errno
import functools
import glob
import ipaddress
import os
import ssl
import warnings
from collections.abc import Iterator

from ..ops import Lost, ReadFiles, Trouble

FILE_LIMIT = 16 * 1024 * 1024  # octets read of one file

_OP_LEGACY_SERVER_CONNECT = 0x4  # named in module ssl from Python 3.12 on

_VERSIONS = {"1.0": "TLSv1", "1.1": "TLSv1_1", "1.2": "TLSv1_2", "1.3": "TLSv1_3"}

_TROUBLES = {
    errno.ECONNREFUSED: Trouble.REFUSED,
    errno.ECONNRESET: Trouble.RESET,
    errno.ECONNABORTED: Trouble.RESET,
    errno.EPIPE: Trouble.RESET,
    errno.ENOTCONN: Trouble.RESET,
}


def lost_by(error: OSError, where: str) -> Lost:
    """The trouble behind an error of a socket or of TLS; `where` names the peer: "192.0.2.1 port 25"."""
    if isinstance(error, ssl.SSLError):
        return Lost(Trouble.TLS, f"TLS with {where} failed: {ssl_reason(error)}")
    if isinstance(error, TimeoutError):
        return Lost(Trouble.SILENT, f"{where} no longer answers")
    trouble = _TROUBLES.get(error.errno or 0, Trouble.UNREACHABLE)
    return Lost(trouble, _sentence(trouble, error, where))


def _sentence(trouble: Trouble, error: OSError, where: str) -> str:
    if error.errno == errno.EPIPE:
        return f"{where} has closed the connection and takes no more octets"
    match trouble:
        case Trouble.REFUSED:
            return f"connection refused by {where}"
        case Trouble.RESET:
            return f"connection reset by {where}"
        case _:
            return f"cannot reach {where}: {reason(error)}"


def reason(error: Exception) -> str:
    """An error as words, without its number."""
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def ssl_reason(error: ssl.SSLError) -> str:
    """ "wrong version number", "certificate verify failed: self-signed certificate"."""
    words = (getattr(error, "reason", None) or error.strerror or str(error)).replace("_", " ").lower()
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{words}: {error.verify_message}"
    return words


def source_for(source: str | None, host: str) -> str | None:
    """The address to bind to before connecting to the numeric address `host`; None: any.

    Families must agree, and a loopback address reaches loopback targets only.
    """
    if source is None:
        return None
    ours, theirs = ipaddress.ip_address(source), ipaddress.ip_address(host)
    fits = ours.version == theirs.version and (theirs.is_loopback or not ours.is_loopback)
    return source if fits else None


@functools.lru_cache(maxsize=16)
def tls_context(verify: bool, ca: str, version: str = "") -> ssl.SSLContext:
    """One context for all connections, for to make one costs some 20 ms. Raises OSError over `ca`, ValueError.

    Whatever protocol the machine's OpenSSL still speaks is allowed, TLS 1.0 included: what a target
    offers is for the suites to judge.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= _OP_LEGACY_SERVER_CONNECT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # level 1 and above forbid TLS 1.0 and 1.1
    elif ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs()
    if version:
        _only(context, version)
    return context


def _only(context: ssl.SSLContext, version: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what is deprecated is what we want to see
        context.minimum_version = ssl.TLSVersion[_VERSIONS[version.removesuffix("+")]]
        if not version.endswith("+"):
            context.maximum_version = context.minimum_version


def read_files(op: ReadFiles) -> list[bytes]:
    """The answer to ReadFiles. A file that vanishes or cannot be read is passed over."""
    found: list[bytes] = []
    for name in sorted({name for pattern in op.patterns for name in glob.iglob(pattern, recursive=True)}):
        if len(found) >= op.limit:
            break
        found += [data for data in _contents(name) if op.containing in data]
    return found


def _contents(name: str) -> Iterator[bytes]:
    if not os.path.isfile(name):  # noqa: PTH113 - a pipe would block, a Path costs more than the test
        return
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            if (size := os.fstat(file.fileno()).st_size) > FILE_LIMIT:
                file.seek(size - FILE_LIMIT)  # an mbox grows at its end: what is new stands there
            yield file.read(FILE_LIMIT)
    except OSError:
        return
