"""The grammar of paths and domains for the model SMTP server (RFC 5321 sections 4.1.2 and 4.1.3)."""

from __future__ import annotations

import ipaddress
import re

_LITERAL = r"\[[^\[\]\s\\]+\]"
_DOT_STRING = r"""[^\s"(),:;<>@\[\\\].]+(?:\.[^\s"(),:;<>@\[\\\].]+)*"""


def _domain(other: str) -> str:
    label = rf"[A-Za-z0-9{other}](?:[A-Za-z0-9{other}-]*[A-Za-z0-9{other}])?"
    return rf"{label}(?:\.{label})*"


def _path(other: str) -> re.Pattern[str]:
    """Paths of ASCII and of other characters (RFC 6531 section 3.3)."""
    atext, domain = rf"[A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~{other}]", _domain(other)
    dot_string = rf"{atext}+(?:\.{atext}+)*"
    quoted = rf'"(?:[ !#-\[\]-~{other}]|\\[ -~])*"'
    route = rf"@{domain}(?:,@{domain})*:"
    mailbox = rf"(?:{route})?(?P<local>{dot_string}|{quoted})@(?P<domain>{domain}|{_LITERAL})"
    return re.compile(rf"<(?:{mailbox}|(?P<alone>postmaster)|)>", re.IGNORECASE)


_DOMAIN = _domain("")
_PATH, _WIDE = _path(""), _path("\x80-\U0010ffff")
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~]+)?")


def is_domain(text: str) -> bool:
    """Whether this is a domain or an address literal."""
    return re.fullmatch(_DOMAIN, text) is not None or is_literal(text)


def is_literal(text: str) -> bool:
    """Whether this is an address literal of IPv4 or IPv6."""
    if not (text.startswith("[") and text.endswith("]")):
        return False
    inner = text[1:-1]
    try:
        if inner[:5].upper() == "IPV6:":
            ipaddress.IPv6Address(inner[5:])
        else:
            ipaddress.IPv4Address(inner)
    except ValueError:
        return False
    return "%" not in inner


def unquoted(local: str) -> str:
    """The local-part that a quoted string stands for."""
    return re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local


def quoted(path: str) -> str:
    """The path of a mailbox, its local-part in quotes where it needs them."""
    local, at, domain = path.rpartition("@")
    if not at or re.fullmatch(_DOT_STRING, local):
        return path
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + f'"@{domain}'


def path(text: str, *, wide: bool = False) -> str | None:
    """The mailbox of a path at the start of the text, without route and quotes; "" for <>; None: no path.

    wide: characters outside ASCII may stand in it (RFC 6531).
    """
    match = (_WIDE if wide else _PATH).match(text)
    if match is None or text[match.end() :][:1] not in ("", " "):
        return None
    if match["alone"]:
        return match["alone"]
    if not match["domain"]:
        return ""
    if match["domain"].startswith("[") and not is_literal(match["domain"]):
        return None
    return f"{unquoted(match['local'])}@{match['domain']}"


def parameters(text: str) -> list[str]:
    """The words behind the path."""
    match = _PATH.match(text)
    return text[match.end() :].split() if match else []


def is_parameter(word: str) -> bool:
    """Whether a word behind the path is a keyword, or a keyword and its value."""
    return _PARAMETER.fullmatch(word) is not None
