"""The profile: facts about a target that nobody can find out from outside (docs/reference/profile.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from .masking import masked
from .script.outcome import Endpoint
from .script.shape import convert, unknown
from .script.source import Document, Path_, SourceError, read
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
    """The keys with a meaning of their own. Any other key of yours is a fact as well.

    Mappings become dotted names: `tls: {ca: cert.pem}` is the fact `tls.ca`, and `tls` itself says "yes".
    """

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
    alias: str = ""
    moved_recipient: str = ""
    ambiguous_user: str = ""
    accounts: list[Account] = []
    companions: dict[str, str] = {}
    delivered: Mailbox | None = None
    tls: dict[str, Any] = {}
    anonymous: bool = False
    directory: str = ""
    writable: str = ""
    second_address: str = ""


ROLES = ("mx", "submission", "lmtp", "store", "ftp")
WAYS = ("maildir", "mbox", "files", "pop3", "imap", "sink")
_FLATTENED_ELSEWHERE = ("accounts", "companions", "delivered", "anonymous")


@dataclass(frozen=True, slots=True)
class Profile:
    """Facts by name, endpoints of the same store, the way to see mail, and what a report may show of it.

    doubts: what may be a slip of the pen, for the user to look at.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, Endpoint] = field(default_factory=dict)
    mailbox: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    product: str = ""
    doubts: tuple[str, ...] = ()


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
    known: Facts = convert(document, document.tree, Facts)
    if known.role and known.role not in ROLES:
        raise document.error(("role",), unknown("role", known.role, ROLES))
    companions = _companions(known, document)
    return Profile(
        facts=_facts(known, document.tree),
        companions=companions,
        mailbox=_mailbox(known, document, companions),
        shown=masked(document.tree),
        product=known.product,
        doubts=tuple(_doubts(document)),
    )


def _facts(known: Facts, tree: Mapping[str, Any]) -> dict[str, str]:
    own = {key: value for key, value in tree.items() if key not in _FLATTENED_ELSEWHERE}
    facts = {key: value for key, value in _flat(own, "") if value}
    facts.setdefault("client", known.client)
    facts.setdefault("sender", f"probe@{facts['client']}")
    for name in ("tls", "anonymous"):
        if getattr(known, name):
            facts[name] = "yes"
    if known.delivered is not None:
        facts["delivered"] = known.delivered.via
    for prefix, account in zip(("", "second_"), known.accounts, strict=False):
        facts[f"{prefix}user"], facts[f"{prefix}password"] = account.user, account.password
    if known.recipient and not known.domain:
        facts["domain"] = known.recipient.rpartition("@")[2]
    for key, value in list(facts.items()):
        local, at, domain = value.rpartition("@")
        if at and " " not in value:
            facts |= {f"{key}.local": local, f"{key}.domain": domain}
    return {key: value for key, value in facts.items() if value}


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        match value:
            case dict():
                yield from _flat(value, f"{prefix}{key}.")
            case bool():
                yield f"{prefix}{key}", "yes" if value else ""
            case str() | int() | float():
                yield f"{prefix}{key}", str(value)


def _companions(known: Facts, document: Document) -> dict[str, Endpoint]:
    found = {}
    for name, url in known.companions.items():
        endpoint = _endpoint(document, ("companions", name), url, name)
        found[endpoint.protocol] = endpoint
    return found


def _endpoint(document: Document, place: Path_, url: str, protocol: str) -> Endpoint:
    try:
        target = parse(url)
    except BadTarget as error:
        raise document.error(place, str(error)) from None
    if not target.protocol:
        raise document.error(place, f"write the protocol: {protocol}://{url}")
    return target.endpoint


def _mailbox(known: Facts, document: Document, companions: dict[str, Endpoint]) -> dict[str, str]:
    """How to see mail. Paths count from the folder of the profile; a server named here is a companion."""
    if known.delivered is None:
        return {}
    if known.delivered.via not in WAYS:
        raise document.error(("delivered", "via"), unknown("way to see mail", known.delivered.via, WAYS))
    box: dict[str, str] = {key: value for key, value in msgspec.to_builtins(known.delivered).items() if value}
    if "path" in box:
        box["path"] = str(Path(document.name).parent.resolve() / Path(box["path"]).expanduser())
    elif box["via"] in ("maildir", "mbox", "files"):
        raise document.error(("delivered",), f"via: {box['via']} needs the path of the mail")
    if "target" in box:
        endpoint = _endpoint(document, ("delivered", "target"), box["target"], box["via"])
        companions.setdefault(endpoint.protocol, endpoint)
    return box


def _doubts(document: Document) -> Iterator[str]:
    """Keys that are no names of ours, and almost are."""
    names = Facts.__struct_fields__
    for key in document.tree:
        close = get_close_matches(key, names, n=1, cutoff=0.85)
        if key not in names and key.removeprefix("second_") not in ("user", "password") and close:
            yield f"{document.where((key,))}: the key {key!r} has no meaning here; did you mean {close[0]!r}?"


__all__ = ["CLIENT", "Profile", "SourceError", "default", "load"]
