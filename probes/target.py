"""Targets: how they are written on the command line."""

from __future__ import annotations

import ipaddress
import re
import socket
import sys
from dataclasses import dataclass
from difflib import get_close_matches

from .protocols.registry import SCHEMES, Scheme
from .script.outcome import Endpoint

_FORM = re.compile(
    r"(?:(?P<scheme>[A-Za-z0-9+.-]+)://)?(?:\[(?P<six>[0-9A-Fa-f:.%a-z]+)\]|(?P<host>[^\[\]/:@\s]+))(?::(?P<port>\d+))?/?"
)


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
        raise BadTarget(f"{text!r} is no target{_hint(text)}: write host:port or smtp://host:port")
    host = match["six"] or match["host"]
    scheme = (match["scheme"] or "").lower()
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65_536:
        raise BadTarget(f"{text!r}: there is no port {port} (1 to 65535)")
    if scheme:
        known = _scheme(text, scheme)
        return Target(text, host, port or known.port, known.protocol, known.implicit_tls)
    if port is None:
        raise BadTarget(f"{text!r}: a port is missing; write {host}:25, or smtp://{host}")
    return Target(text, host, port)


def _scheme(text: str, name: str) -> Scheme:
    if name not in SCHEMES:
        close = get_close_matches(name, SCHEMES, n=1)
        meant = f"; did you mean {close[0]}://?" if close else f" (known: {', '.join(SCHEMES)})"
        raise BadTarget(f"{text!r}: unknown protocol {name!r}{meant}")
    return SCHEMES[name]


def _hint(text: str) -> str:
    rest = text.partition("://")[2] or text
    if "@" in rest:
        return " (user and password belong in the profile)"
    if rest.count(":") > 1:
        return " (an IPv6 address stands in brackets, such as [::1]:25)"
    return " (a port is a number)" if ":" in rest else ""


def addresses(host: str) -> set[str]:
    """All addresses of a host. Raises CannotTest where there is none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotTest(f"{host!r}: no address is known for this host") from None
    return {str(entry[4][0]).partition("%")[0] for entry in found}


def is_loopback(host: str) -> bool:
    """Whether every address of the host is on this machine's loopback. Raises CannotTest."""
    return all(ipaddress.ip_address(address).is_loopback for address in addresses(host))


_SECOND_ADDRESS = "127.0.0.3"


def surroundings(address: str) -> dict[str, str]:
    """Facts that follow from the address under which a target is reached: its family, another address of ours."""
    if not address:
        return {}
    found = ipaddress.ip_address(address.partition("%")[0])
    facts = {f"ipv{found.version}": "yes"}
    if found.version == 4 and found.is_loopback and sys.platform == "linux":
        facts["second_address"] = _SECOND_ADDRESS  # 127.0.0.0/8 as a whole is ours there
    return facts
