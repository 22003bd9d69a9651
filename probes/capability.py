"""What a target offers, and which cases therefore make sense."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from .protocols.base import Reply
from .script.cases import ReadyCase
from .script.outcome import Seen

ASK = {"ftp": "FEAT", "pop3": "CAPA", "imap": "CAPABILITY"}  # SMTP tells by itself, in the EHLO reply


def capabilities(seen: Iterable[Seen]) -> frozenset[str]:
    """Capability words in capitals: "AUTH", and "AUTH PLAIN" for its parameters."""
    return offered(line for one in seen for line in _lists(one.protocol, one.command.upper(), one.reply))


def offered(lines: Iterable[str]) -> frozenset[str]:
    """The words of capability lines, one keyword with its parameters each."""
    return frozenset(word for line in lines for word in _words(line.upper()))


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


_TOLD_BY = {
    "smtp": "EHLO",
    "submission": "EHLO",
    "lmtp": "LHLO",
    "ftp": "FEAT",
    "pop3": "CAPA",
    "imap": "CAPABILITY",
}


def skip_reason(case: ReadyCase, offered: Collection[str], facts: Mapping[str, str]) -> str:
    """Why a case makes no sense on this target, or ""."""
    for need in sorted(case.needs):
        if need == need.lower() and not facts.get(need):
            return f"needs the profile fact {need!r}"
        if need != need.lower() and need.upper() not in offered:
            return (
                f"needs {need}, which the target does not offer in {_TOLD_BY.get(case.protocol, 'any list')}"
            )
    for hindrance in sorted(case.unless):
        if hindrance.upper() in offered or facts.get(hindrance):
            return f"does not apply where there is {hindrance}"
    return ""
