"""FTP's control connection (RFC 959, RFC 1123 4.1) on the wire: replies in a Telnet stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from plumbline.probes.protocols.base import BOUNDS, ONE_LINE, Bounds, Dialect, Fault, Reply, Shape
from plumbline.probes.protocols.codereply import CodeReader, Grammar, Line, code_matches
from plumbline.probes.protocols.octets import shown
from plumbline.probes.protocols.telnet import Telnet, escaped

_CODE_LIKE = re.compile(rb"[0-9]{3}(?:[ -]|\Z)")
_CODES = re.compile("[1-5][0-5][0-9]|63[123]")
_NESTED = re.compile(rb"[0-9]{3}-")
_PATTERN = re.compile(r"[1-6](?:[0-9][0-9]|[0-9]z|yz)")

LISTED = frozenset(
    (
        *(110, 120, 125, 150, 200, 202, 211, 212, 213, 214, 215, 220, 221, 225, 226, 227, 230, 250, 257),
        *(331, 332, 350, 421, 425, 426, 450, 451, 452, 500, 501, 502, 503, 504, 530, 532, 550, 551, 552, 553),
        *(554, 555),  # RFC 1123 section 4.1.3.4
        *(228, 229, 521, 522),  # RFC 1639, RFC 2428
        *(232, 234, 235, 334, 335, 336, 431, 533, 534, 535, 536, 537, 631, 632, 633),  # RFC 2228 section 5
    )
)  # RFC 959 section 4.2.2, and what was added

RULES = {
    "not-a-reply": "A reply begins with a three-digit code (RFC 959, 4.2).",
    "code-range": "The first digit of a reply code is 1 to 5, the second 0 to 5 (RFC 959, 4.2); "
    "631 to 633 are protected replies (RFC 2228, 4).",
    "separator": "Behind the code stands a space, or a hyphen where lines follow (RFC 959, 4.2).",
    "bare-code": "The code is followed by a space even where no text follows (RFC 959, 4.2).",
    "unpadded-number": "A line between first and last that begins with a three-digit number is padded "
    "in front, lest it be taken for the last (RFC 959, 4.2).",
    "nested": "No line before the last begins with another code and a hyphen: a reply of several lines does not stand "
    "within another one (RFC 959, 4.2).",
    "unlisted-code": "The reply code is one of RFC 959 (4.2.2) or of its extensions (RFC 1123, 1639, 2228, 2428).",
    "bare-lf": "Lines end with the Telnet end of line, CR LF (RFC 959, 4.2).",
    "protected-reply": "631 to 633 come only after a security exchange (RFC 2228, 5.2).",
    "bare-cr": "CR is followed by LF or, being data, by NUL (RFC 854, the NVT printer).",
}


def _line_faults(line: Line, _first: bool) -> Iterator[Fault]:
    if not line.code and _CODE_LIKE.match(line.content):
        yield Fault("unpadded-number", f"not the last line, yet it begins {shown(line.content)}")
        if _NESTED.match(line.content):
            yield Fault("nested", f"another reply begins within this one: {shown(line.content)}")
    if line.code.startswith("63"):
        yield Fault("protected-reply", f"reply code {line.code}, and there was no security exchange")


def _reply_faults(lines: Sequence[Line]) -> Iterator[Fault]:
    code = lines[-1].code
    if _CODES.fullmatch(code) and int(code) not in LISTED:
        yield Fault("unlisted-code", f"reply code {code} is in no list")


def _text(text: bytes) -> bytes:
    return text.replace(b"\r\0", b"\r")


_GRAMMAR = Grammar(
    codes=_CODES,
    code_on_every_line=False,
    clean=re.compile(rb"[1-5][0-5][0-9][ -][\t -~]*\r\n"),
    bare_cr=re.compile(rb"\r(?!\0)"),
    line_faults=_line_faults,
    reply_faults=_reply_faults,
    text=_text,
)


class FtpReader(CodeReader):
    """Replies, and apart from them the Telnet commands that came: `telnet`, each a whole command."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        super().__init__(_GRAMMAR, bounds)
        self._telnet = Telnet(bounds)

    def feed(self, data: bytes) -> None:
        super().feed(self._telnet.feed(data))

    def next_reply(self, shape: Shape = ONE_LINE) -> Reply | None:
        reply = super().next_reply(shape)
        return replace(reply, telnet=tuple(self.telnet)) if reply and self.telnet else reply

    @property
    def telnet(self) -> list[bytes]:
        return self._telnet.commands

    @property
    def unread(self) -> bytes:
        return super().unread + self._telnet.unfinished


def command(line: bytes) -> bytes:
    """The line as sent, Telnet's own octets escaped."""
    return escaped(line) + b"\r\n"


def content(message: bytes) -> bytes:
    """Unchanged: files travel on data connections."""
    return message


def is_pattern(text: str) -> bool:
    """Whether this is a code ("226"), a class ("2yz") or a group ("22z")."""
    return _PATTERN.fullmatch(text) is not None


_TRANSFERS = frozenset({b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD"})


def _policy(command: bytes, status: str) -> str:
    """Refusals for want of protection: 533, and 521, 522 or 534 to a transfer (RFC 2228, RFC 4217 section 10.2)."""
    wants = status == "533" or (status in ("521", "522", "534") and command[:4].upper() in _TRANSFERS)
    return "the server wants protected connections (AUTH TLS, PROT P)" if wants else ""


DIALECT = Dialect(
    name="ftp",
    port=21,
    reader=FtpReader,
    command=command,
    content=content,
    matches=code_matches,
    is_pattern=is_pattern,
    unavailable=("421",),
    policy=_policy,
    goodbye=b"QUIT\r\n",
    rules=RULES,
)
