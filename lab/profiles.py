"""The profile of a running server: the facts that cases need, as a YAML file beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .model import (
    DOMAIN,
    FOREIGN_RECIPIENT,
    HOST,
    PRIVATE_PORTS,
    RECIPIENT,
    SECOND_RECIPIENT,
    UNKNOWN_RECIPIENT,
    USERS,
    place,
)

_ROLES = {
    "smtp": "mx",
    "submission": "submission",
    "lmtp": "lmtp",
    "pop3": "store",
    "imap": "store",
    "ftp": "ftp",
}
_FTP_FACTS = frozenset(  # the others are of mail
    {
        *("files", "directory", "writable", "home", "anonymous", "large_file", "large_file_size"),
        *("quota_user", "quota_password", "idle_timeout", "virtual_host", "second_virtual_host"),
    }
)


def plain(protocol: str) -> str:
    """The protocol without TLS from the first octet: smtps -> smtp."""
    return protocol.removesuffix("s") if protocol.removesuffix("s") in _ROLES else protocol


def public(protocols: Iterable[str]) -> list[str]:
    """The protocols that are endpoints, without the ports of helpers."""
    return [protocol for protocol in protocols if protocol not in PRIVATE_PORTS]


def urls(ports: Mapping[str, int], host: str = HOST) -> dict[str, str]:
    return {name: f"{name}://{place(host, port)}" for name, port in ports.items() if name in public(ports)}


def build(
    protocol: str,
    ports: Mapping[str, int],
    facts: Mapping[str, Any],
    *,
    starttls: bool,
    certificate: Path | None,
    host: str = HOST,
) -> dict[str, Any]:
    """The profile for one protocol of a server.

    `companions` are the server's other endpoints, on the same users and mailboxes.
    """
    ftp = plain(protocol) == "ftp"
    profile: dict[str, Any] = {
        "role": _ROLES[plain(protocol)],
        "accounts": [{"user": user, "password": password} for user, password in USERS.items()],
    }
    if not ftp:
        profile |= _mail_facts()
    if certificate and (starttls or f"{plain(protocol)}s" in ports):
        profile["tls"] = _tls(protocol, ports, starttls=starttls, certificate=certificate)
    profile |= {key: value for key, value in facts.items() if ftp == (key in _FTP_FACTS)}
    if companions := {name: url for name, url in urls(ports, host).items() if name != protocol}:
        profile["companions"] = companions
    return profile


def _mail_facts() -> dict[str, Any]:
    return {
        "domain": DOMAIN,
        "recipient": RECIPIENT,
        "second_recipient": SECOND_RECIPIENT,
        "unknown_recipient": UNKNOWN_RECIPIENT,
        "foreign_recipient": FOREIGN_RECIPIENT,
    }


def _tls(protocol: str, ports: Mapping[str, int], *, starttls: bool, certificate: Path) -> dict[str, Any]:
    tls: dict[str, Any] = {"starttls": starttls, "ca": str(certificate)}
    if implicit := ports.get(f"{plain(protocol)}s"):
        tls["implicit_port"] = implicit
    return tls


def write(path: Path, profile: Mapping[str, Any], about: str) -> None:
    text = yaml.safe_dump(dict(profile), sort_keys=False, allow_unicode=True)
    path.write_text(f"# {about}\n{text}")
