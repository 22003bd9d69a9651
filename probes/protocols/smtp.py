"""SMTP (RFC 5321), message submission (RFC 6409) and LMTP (RFC 2033) on the wire.

LMTP answers the end of data once for each recipient: to the reader those are just several replies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from plumbline.probes.protocols import enhanced
from plumbline.probes.protocols.base import BOUNDS, Bounds, Dialect, Fault
from plumbline.probes.protocols.codereply import CodeReader, Grammar, Line, code_matches
from plumbline.probes.protocols.octets import shown

LINE_LIMIT = 512  # octets of a reply line, code and CRLF included (RFC 5321, 4.5.3.1.5)

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")
_ENHANCED = re.compile(rb"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?=[ \t]|\Z)")
_NEVER_530 = (b"", b"EHLO", b"LHLO", b"NOOP", b"QUIT", b"AUTH", b"STAR")
_PATTERN = re.compile(r"[2-5](?:[0-9][0-9]|[0-9]z|yz)")

# Codes of RFC 5321 and of the extensions: 1985, 3207, 4468, 4954, 5248 (and the registry it made), 7504.
_LISTED = """
211 214 220 221 235 250 251 252 253 334 354 421 432 450 451 452 453 454 455 458 459 500 501 502 503 504
521 523 524 525 530 533 534 535 538 550 551 552 553 554 555 556
"""
LISTED = frozenset(_LISTED.split())

RULES = {
    "not-a-reply": "Every reply line begins with a three-digit code (RFC 5321, 4.2).",
    "code-range": "The first digit of a reply code is 2 to 5, the second 0 to 5 (RFC 5321, 4.2).",
    "unlisted-code": "A reply code SHOULD be one of this document or of an extension (RFC 5321, 4.2).",
    "code-differs": "All lines of a reply have the same code (RFC 5321, 4.2.1).",
    "separator": "Behind the code stands a space, or a hyphen where lines follow (RFC 5321, 4.2.1).",
    "bare-code": "The space behind the code SHOULD be sent even where no text follows (RFC 5321, 4.2.1).",
    "bare-lf": "Lines end with CRLF, not with a lone LF (RFC 5321, 2.3.8).",
    "bare-cr": "CR is sent before LF only (RFC 5321, 2.3.8).",
    "control": "Reply text has no control character but HT (RFC 5321, 4.2, textstring).",
    "eight-bit": "Reply text is ASCII (RFC 5321, 4.2), but where the client used SMTPUTF8 (RFC 6531, 3.7.4).",
    "line-too-long": "A reply line has at most 512 octets, CRLF included (RFC 5321, 4.5.3.1.5); "
    "the limit does not hold for the challenge of a 334 (RFC 4954, 4).",
    "enhanced-class": "Where ENHANCEDSTATUSCODES is offered, an enhanced status code begins with the first "
    "digit of the reply code (RFC 2034, 4).",
    "enhanced-differs": "Where ENHANCEDSTATUSCODES is offered, all lines of a reply begin with the same "
    "enhanced status code (RFC 2034, 4).",
    **enhanced.RULES,
}


def _line_faults(line: Line, _first: bool) -> Iterator[Fault]:
    if _CONTROL.search(line.text):
        yield Fault("control", f"control character in {shown(line.content)}")
    if _EIGHT_BIT.search(line.content):
        yield Fault("eight-bit", f"octet above 127 in {shown(line.content)}")
    if len(line.octets) > LINE_LIMIT and line.code != "334":
        yield Fault("line-too-long", f"{len(line.octets)} octets, at most {LINE_LIMIT} are allowed")


def _reply_faults(lines: Sequence[Line]) -> Iterator[Fault]:
    codes = dict.fromkeys(line.code for line in lines if line.code)
    if len(codes) > 1:
        yield Fault("code-differs", "codes of one reply: " + ", ".join(codes))
    for code in codes:
        if code not in LISTED:
            yield Fault("unlisted-code", f"reply code {code} is in no list")
    first = _enhanced(lines[0])
    if first and lines[0].code[0] in "245" and first[0] != lines[0].code[0]:
        yield Fault("enhanced-class", f"enhanced status code {first} under reply code {lines[0].code}")
    for number, line in enumerate(lines, 1):
        if first and _enhanced(line) != first:
            yield Fault("enhanced-differs", f"line {number}: {_enhanced(line) or 'none'} instead of {first}")
            return


def _enhanced(line: Line) -> str:
    found = _ENHANCED.match(line.text)
    return found[0].decode("ascii") if found else ""


_GRAMMAR = Grammar(
    codes=re.compile("[2-5][0-5][0-9]"),
    code_on_every_line=True,
    clean=re.compile(rb"[2-5][0-5][0-9][ -][\t -~]{0,506}\r\n"),
    bare_cr=re.compile(rb"\r"),
    line_faults=_line_faults,
    reply_faults=_reply_faults,
    text=bytes,
)


def reader(bounds: Bounds = BOUNDS) -> CodeReader:
    """A reader of SMTP replies."""
    return CodeReader(_GRAMMAR, bounds)


def command(line: bytes) -> bytes:
    """The line as sent."""
    return line + b"\r\n"


def content(message: bytes) -> bytes:
    """Mail data as sent: dots stuffed, the last line ended, end of data added (RFC 5321, 4.1.1.4 and 4.5.2).

    Only CRLF makes a new line. A lone CR or LF is left as it is: whoever wrote it will have meant it.
    """
    stuffed = (b"." if message.startswith(b".") else b"") + message.replace(b"\r\n.", b"\r\n..")
    ended = stuffed if not stuffed or stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
    return ended + b".\r\n"


def is_pattern(text: str) -> bool:
    """Whether this is a code ("250"), a class ("2yz") or a group ("25z")."""
    return _PATTERN.fullmatch(text) is not None


def _policy(command: bytes, status: str) -> str:
    """Refusals that are about the client: it has not logged in, or not under TLS, or not as the account demands.

    530 is not for the commands that are free of it whatever is wanted (RFC 3207, 4; RFC 4954, 6). 534 and 535 answer
    AUTH and its responses: an account may be locked, or kept in a way that one mechanism cannot use. Preflight was
    greeted well: another greeting is for a client that made itself disliked.
    """
    verb = command[:4].upper()
    if not command and status.startswith("5"):
        return "the server serves nobody now, or not this client"
    if status == "530" and verb not in _NEVER_530:
        return "the server wants a login or TLS first"
    if status in ("534", "535"):
        return "the server does not take these credentials in this way (profile, lock-out, site policy)"
    return ""


DIALECT = Dialect(
    name="smtp",
    port=25,
    reader=reader,
    command=command,
    content=content,
    matches=code_matches,
    is_pattern=is_pattern,
    # "Not now" is policy or load (greylisting, limits, no TLS for the moment), no violation (RFC 5321, 4.2.1).
    unavailable=("4yz",),
    policy=_policy,
    plain={b"MAIL": "mail", b"RCPT": "rcpt", b"DATA": "data", b"BDAT": "poor", b"(MES": "poor"},
    goodbye=b"QUIT\r\n",
    rules=RULES,
    faults=enhanced.faults,
    excuses={b"SMTPUTF8": "eight-bit"},
)
SUBMISSION = replace(DIALECT, name="submission", port=587)
LMTP = replace(DIALECT, name="lmtp", port=24)
