"""All protocols by name, and the schemes by which a target may name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plumbline.probes.protocols import ftp, imap, pop3, smtp
from plumbline.probes.protocols.base import Dialect

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (smtp.DIALECT, smtp.SUBMISSION, smtp.LMTP, ftp.DIALECT, pop3.DIALECT, imap.DIALECT)
}


@dataclass(frozen=True, slots=True)
class Scheme:
    """What stands before `://`: the protocol, its port unless told, TLS from the first octet on?"""

    protocol: str
    port: int
    implicit_tls: bool = False


IMPLICIT_TLS: Mapping[str, Scheme] = {
    "smtps": Scheme("smtp", 465, implicit_tls=True),
    "submissions": Scheme("submission", 465, implicit_tls=True),
    "ftps": Scheme("ftp", 990, implicit_tls=True),
    "pop3s": Scheme("pop3", 995, implicit_tls=True),
    "imaps": Scheme("imap", 993, implicit_tls=True),
}
SCHEMES: Mapping[str, Scheme] = {
    **{name: Scheme(name, dialect.port) for name, dialect in DIALECTS.items()},
    **IMPLICIT_TLS,
}
