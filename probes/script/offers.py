"""What a server says that it offers: the lists of EHLO, LHLO, FEAT, CAPA and CAPABILITY."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..protocols.base import Reply
from .cases import ReadyCase
from .outcome import Seen

_KINDRED = ("smtp", "submission", "lmtp")
_OUR_WORDS = frozenset({"TLS", "IMPLICIT TLS"})
ASK = {"ftp": "FEAT", "pop3": "CAPA", "imap": "CAPABILITY"}  # SMTP tells by itself, in the EHLO reply


def told(seen: Seen) -> frozenset[str]:
    """What this reply lists; nothing where it is no list."""
    return offered(_lists(seen.protocol, seen.command.upper(), seen.reply))


def capabilities(seen: Iterable[Seen]) -> frozenset[str]:
    """Capability words in capitals: "AUTH", and "AUTH PLAIN" for its parameters."""
    return frozenset(word for one in seen for word in told(one))


def offered(lines: Iterable[str]) -> frozenset[str]:
    """The words of capability lines, one keyword with its parameters each."""
    return frozenset(word for line in lines for word in _words(line.upper()))


def with_tls(words: frozenset[str], *, implicit: bool) -> frozenset[str]:
    """Two words of our own besides: TLS where it can be had, IMPLICIT TLS where it is there from the first octet."""
    if implicit:
        return words | {"TLS", "IMPLICIT TLS"}
    return words | {"TLS"} if words & {"STARTTLS", "STLS", "AUTH TLS"} else words


def lists_others(case: ReadyCase, offers: frozenset[str]) -> str:
    """How a mail server's list differs from what the case was chosen by, or "".

    Behind one address there may be several hosts, and a host may tell a client that it knows more than a stranger.
    """
    if case.protocol not in _KINDRED or not offers - _OUR_WORDS:
        return ""
    lacks = sorted(need for need in _capabilities(case.needs) if need not in offers)
    has = sorted(word for word in _capabilities(case.unless) if word in offers)
    return f"does not list {lacks[0]}" if lacks else f"lists {has[0]}" if has else ""


def _capabilities(words: Iterable[str]) -> set[str]:
    return {word for word in words if word == word.upper()} - _OUR_WORDS


def _lists(protocol: str, command: bytes, reply: Reply) -> list[str]:
    if command.startswith((b"EHLO", b"LHLO")) and reply.status == "250":
        return list(reply.lines[1:])
    if command == b"FEAT" and reply.status == "211":
        return [line.strip() for line in reply.lines[1:-1]]
    if command == b"CAPA" and reply.body is not None:
        return reply.body.decode("utf-8", "replace").splitlines()
    if protocol == "imap":
        text = "\r\n".join((*(part.decode("utf-8", "replace") for part in reply.untagged), reply.text))
        return [word for match in re.findall(r"CAPABILITY ([^\]\r\n]*)", text) for word in match.split()]
    return []


def _words(line: str) -> set[str]:
    keyword, *parameters = line.replace("=", " ", 1).split() or [""]
    return {keyword, line, *(f"{keyword} {parameter}" for parameter in parameters)} - {""}
