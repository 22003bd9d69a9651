"""The grammar of paths and domains for the model SMTP server (RFC 5321 sections 4.1.2 and 4.1.3)."""

from __future__ import annotations

import ipaddress
import re

_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]"
_DOT_STRING = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[^\[\]\s\\]+\]"
_ROUTE = rf"@{_DOMAIN}(?:,@{_DOMAIN})*:"
_PATH = re.compile(
    rf"<(?:(?:{_ROUTE})?(?P<local>{_DOT_STRING}|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL})|(?P<alone>postmaster)|)>",
    re.IGNORECASE,
)
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


def path(text: str) -> str | None:
    """The mailbox of a path at the start of the text, without route and quotes; "" for <>; None: no path."""
    match = _PATH.match(text)
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
