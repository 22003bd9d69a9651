"""The profile: facts about a target that nobody can find out from outside (docs/reference/profile.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from .script.outcome import Endpoint
from .script.shape import convert
from .script.source import Document, SourceError, read
from .target import BadTarget, parse

CLIENT = "client.plumbline.test"  # RFC 2606: nobody's name


class Account(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody who can log in."""

    user: str
    password: str


class Mailbox(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to see delivered mail: maildir, mbox, files (`path`) or pop3 (`target`, `user`, `password`)."""

    via: str
    path: str = ""
    target: str = ""
    user: str = ""
    password: str = ""


class Facts(msgspec.Struct, kw_only=True):
    """The keys with a meaning of their own. Any other key is a fact as well, if it is text."""

    role: str = ""
    product: str = ""
    domain: str = ""
    client: str = CLIENT
    sender: str = ""
    recipient: str = ""
    second_recipient: str = ""
    unknown_recipient: str = ""
    foreign_recipient: str = ""
    mailing_list: str = ""
    accounts: list[Account] = []
    companions: dict[str, str] = {}
    delivered: Mailbox | None = None
    tls: dict[str, Any] = {}
    anonymous: bool = False
    directory: str = ""
    writable: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Facts by name, endpoints of the same store, the way to see mail, and what a report may show of it."""

    facts: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, Endpoint] = field(default_factory=dict)
    mailbox: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    product: str = ""


def load(path: Path) -> Profile:
    """Read a profile (YAML, or JSON, which is YAML). Raises SourceError."""
    return _profile(read(path))


def of(facts: Mapping[str, Any], product: str = "") -> Profile:
    """A profile made by a program. Raises SourceError."""
    return _profile(Document("profile", "", {"product": product, **facts}))


def default() -> Profile:
    """What is assumed where there is no profile: only what we say of ourselves."""
    return Profile(facts={"client": CLIENT, "sender": f"probe@{CLIENT}"})


def _profile(document: Document) -> Profile:
    if not isinstance(document.tree, dict):
        raise document.error((), "a profile is a mapping, such as  recipient: alice@example.test")
    known = convert(document, document.tree, Facts)
    return Profile(
        facts=_facts(known, document.tree),
        companions=_companions(known, document),
        mailbox={key: value for key, value in msgspec.to_builtins(known.delivered or {}).items() if value},
        shown=_masked(document.tree),
        product=known.product,
    )


def _facts(known: Facts, tree: Mapping[str, Any]) -> dict[str, str]:
    facts = {key: str(value) for key, value in tree.items() if isinstance(value, str | int) and value != ""}
    facts = {key: value for key, value in facts.items() if value not in ("False", "True")}
    facts.setdefault("client", known.client)
    facts.setdefault("sender", f"probe@{known.client}")
    if known.anonymous:
        facts["anonymous"] = "anonymous"
    if known.delivered is not None:
        facts["delivered"] = known.delivered.via
    for prefix, account in zip(("", "second_"), known.accounts, strict=False):
        facts[f"{prefix}user"], facts[f"{prefix}password"] = account.user, account.password
    for key, value in list(facts.items()):
        local, at, domain = value.rpartition("@")
        if at and " " not in value:
            facts |= {f"{key}.local": local, f"{key}.domain": domain}
    return facts


def _companions(known: Facts, document: Document) -> dict[str, Endpoint]:
    found = {}
    for name, url in known.companions.items():
        try:
            target = parse(url)
        except BadTarget as error:
            raise document.error(("companions", name), str(error)) from None
        if not target.protocol:
            raise document.error(("companions", name), f"write the protocol: {name}://{url}")
        found[target.protocol] = target.endpoint
    return found


def _masked(node: Any) -> Any:
    match node:
        case dict():
            return {key: "****" if key == "password" else _masked(value) for key, value in node.items()}
        case list():
            return [_masked(value) for value in node]
        case _:
            return node


__all__ = ["CLIENT", "Profile", "SourceError", "default", "load"]
