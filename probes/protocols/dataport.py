"""Where FTP's data connection goes: reading 227 and 229, writing the arguments of PORT and EPRT."""

from __future__ import annotations

import ipaddress
import re

from plumbline.probes.ops import Address

_SIX_NUMBERS = re.compile(r"[^0-9]*([0-9]+),([0-9]+),([0-9]+),([0-9]+),([0-9]+),([0-9]+)")
_EXTENDED = re.compile(r"\(([!-~])\1\1([0-9]+)\1\)")
_FAMILIES = {4: "1", 6: "2"}  # RFC 2428, 2


def read_227(text: str) -> Address:
    """The address in the text of a reply to PASV.

    Nothing is presumed but that the first digit begins the six numbers (RFC 1123, 4.1.2.6).
    Raises ValueError.
    """
    found = _SIX_NUMBERS.match(text)
    numbers = [int(number[:4]) for number in found.groups()] if found else []
    if not numbers or max(numbers) > 255:
        raise ValueError(f"expected six numbers from 0 to 255, h1,h2,h3,h4,p1,p2, got {text!a}")
    return Address(".".join(map(str, numbers[:4])), _port(numbers[4] * 256 + numbers[5], text))


def read_229(text: str) -> int:
    """The port in the text of a reply to EPSV, such as `(|||6446|)` (RFC 2428, 3). Raises ValueError."""
    found = _EXTENDED.search(text)
    if found is None:
        raise ValueError(f"expected (|||port|), any delimiter, got {text!a}")
    return _port(int(found[2][:6]), text)


def _port(port: int, text: str) -> int:
    if not 1 <= port <= 65_535:
        raise ValueError(f"expected a port from 1 to 65535, got {port} in {text!a}")
    return port


def port_argument(address: Address) -> str:
    """`127,0,0,1,19,136` for 127.0.0.1, port 5000 (RFC 959, 5.3.2). Raises ValueError unless IPv4."""
    host = ipaddress.IPv4Address(address.host)
    return ",".join(map(str, (*host.packed, address.port >> 8, address.port & 255)))


def eprt_argument(address: Address, delimiter: str = "|") -> str:
    """`|2|::1|5000|` (RFC 2428, 2); a zone is left out. Raises ValueError unless an IP address."""
    host = ipaddress.ip_address(address.host.partition("%")[0])
    parts = ("", _FAMILIES[host.version], str(host), str(address.port), "")
    return delimiter.join(parts)
