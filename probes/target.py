"""Targets: how they are written on the command line, and which protocol is spoken there."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, replace
from difflib import get_close_matches

from .ops import Close, Lost, Open, Recv, Send, StartTLS, Talk, Trouble, handshake, now, opened, received
from .protocols.registry import SCHEMES
from .script.outcome import Endpoint

_FORM = re.compile(
    r"(?:(?P<scheme>[A-Za-z0-9+.-]+)://)?(?:\[(?P<six>[0-9A-Fa-f:.%a-z]+)\]|(?P<host>[^\[\]/:\s]+))(?::(?P<port>\d+))?/?"
)
_PATIENCE = 10.0
_BEFORE_TLS = 3.0  # seconds of silence after which implicit TLS is tried


class BadTarget(Exception):
    """The text is no target. A mistake on the command line: exit code 4."""


class CannotTest(Exception):
    """Nothing can be tested there. Exit code 2."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the user wrote. `protocol` is "" where it has to be found by looking."""

    text: str
    host: str
    port: int
    protocol: str = ""
    tls: bool = False

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.protocol, self.host, self.port, self.tls)


def parse(text: str) -> Target:
    """`smtp://host:25`, `host:25`, `smtps://[::1]`. Raises BadTarget."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise BadTarget(f"{text!r} is no target: write host:port or smtp://host:port")
    host = match["six"] or match["host"]
    scheme = (match["scheme"] or "").lower()
    port = int(match["port"] or 0)
    if port > 65_535:
        raise BadTarget(f"{text!r}: there is no port {port} (1 to 65535)")
    if not scheme:
        if not port:
            raise BadTarget(f"{text!r}: a port is missing; write {host}:25, or smtp://{host}")
        return Target(text, host, port)
    if scheme not in SCHEMES:
        close = get_close_matches(scheme, SCHEMES, n=1)
        meant = f"; did you mean {close[0]}://?" if close else f" (known: {', '.join(SCHEMES)})"
        raise BadTarget(f"{text!r}: unknown protocol {scheme!r}{meant}")
    known = SCHEMES[scheme]
    return Target(text, host, port or known.port, known.protocol, known.implicit_tls)


def is_loopback(host: str) -> bool:
    """Whether every address of the host is on this machine's loopback."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in found)


def recognised(target: Target) -> Talk[Target]:
    """The target with its protocol, found by looking. Raises CannotTest."""
    if target.protocol:
        return target
    try:
        yield from opened(Open("look", target.host, target.port, _PATIENCE))
        banner, tls = yield from _banner(target)
        protocol = yield from _protocol(banner)
    except Lost as lost:
        raise CannotTest(f"{target.text}: {_advice(lost)}") from None
    yield Close("look")
    if not protocol:
        raise CannotTest(
            f"{target.text} speaks no protocol that is known here; it says {banner[:80]!r}. "
            "Expected is a greeting of SMTP, LMTP, FTP (220), POP3 (+OK) or IMAP (* OK)."
        )
    return replace(target, protocol=protocol, tls=tls)


def _advice(lost: Lost) -> str:
    match lost.trouble:
        case Trouble.REFUSED:
            return "nobody listens there (connection refused). Is the server running, is the port right?"
        case Trouble.SILENT:
            return f"no greeting within {_PATIENCE:g} s, neither in clear nor under TLS"
        case _:
            return str(lost)


def _banner(target: Target) -> Talk[tuple[bytes, bool]]:
    """The first line of the server, and whether TLS had to come first."""
    try:
        return (yield from _line(_BEFORE_TLS)), False
    except Lost as lost:
        if lost.trouble is not Trouble.SILENT:
            raise
    try:
        yield from handshake(StartTLS("look", target.host, _BEFORE_TLS))
    except Lost:
        # A handshake spoils the connection for a server that is merely slow: ask it again.
        yield from opened(Open("look", target.host, target.port, _PATIENCE))
        return (yield from _line(_PATIENCE)), False
    return (yield from _line(_PATIENCE)), True


def _line(within: float) -> Talk[bytes]:
    """Octets up to the last line of a reply (`220-` announces more), at most 64 KiB."""
    deadline, got = (yield from now()) + within, b""
    while not (got.endswith(b"\n") and not re.match(rb"\d{3}-", got.splitlines()[-1])):
        data = yield from received(Recv("look", max(0.0, deadline - (yield from now()))))
        got += data
        if not data or len(got) > 65_536:
            break
    return got


def _protocol(banner: bytes) -> Talk[str]:
    if banner.startswith(b"+OK"):
        return "pop3"
    if re.match(rb"\* (OK|PREAUTH|BYE)", banner, re.IGNORECASE):
        return "imap"
    if not re.match(rb"[1-5]\d\d[ -]", banner):
        return ""
    if (yield from _asked(b"EHLO probe.invalid")).startswith(b"250"):
        return "smtp"
    if (yield from _asked(b"LHLO probe.invalid")).startswith(b"250"):
        return "lmtp"
    said = yield from _asked(b"NOOP")
    return "ftp" if re.match(rb"(200|2\d\d|530|5\d\d)", said) else ""


def _asked(command: bytes) -> Talk[bytes]:
    yield Send("look", command + b"\r\n", _PATIENCE)
    return (yield from _line(_PATIENCE))
