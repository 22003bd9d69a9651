"""When is a delivered mail the one that was sent? A number that both must share.

Servers on the way add trace fields (RFC 5321, 4.4) and others of their own, and store line ends their way;
an mbox quotes lines that begin with "From ". All that is left out. What remains is ours: header fields in
their order, and every octet of the body.
"""

from __future__ import annotations

import re
import zlib

_ADDED = frozenset(
    b"return-path received delivered-to envelope-to delivery-date authentication-results received-spf "
    b"dkim-signature status content-length lines".split()
)
_PREFIXES = (b"x-", b"arc-")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
_QUOTED = re.compile(rb"^>+(?=From )", re.MULTILINE)


def likeness(mail: bytes) -> int:
    """CRC-32 of what must not change."""
    text = mail.replace(b"\r\n", b"\n")
    head, _, body = text.partition(b"\n\n")
    kept = b"".join(match[0] for match in _FIELD.finditer(head + b"\n") if not _added(match[1].lower()))
    return zlib.crc32(_QUOTED.sub(b"", body).rstrip(b"\n"), zlib.crc32(kept))


def _added(name: bytes) -> bool:
    return name in _ADDED or name.startswith(_PREFIXES)
