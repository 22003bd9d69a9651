"""The profile: facts about a target that nobody can find out from outside (docs/reference/profile.md)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from .masking import masked
from .ops import Address
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
    """How to see delivered mail: maildir, mbox, files (`path`) or pop3 (`target`, `user`, `password`).

    queue: the folder in which the target keeps accepted mail until it is delivered.
    """

    via: str
    path: str = ""
    queue: str = ""
    target: str = ""
    user: str = ""
    password: str = ""


class Hop(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Mail for `domain` goes to `listen` (address:port), where we are; without it nobody of ours listens.

    login: the target logs in there, with whatever name.
    """

    domain: str
    listen: str = ""
    login: bool = False


class NextHops(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the target relays to, by what is found there."""

    full: Hop | None = None
    plain: Hop | None = None
    dead: Hop | None = None
    loop: Hop | None = None
    unknown: Hop | None = None


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
    refuses_service: bool = False
    reads_postmaster: bool = False
    one_mailbox: bool = False
    failing_recipient: str = ""
    utf8_recipient: str = ""
    moved_to_utf8: str = ""
    large_file: str = ""
    large_file_size: int = 0
    idle_timeout: float = 0
    quota_user: str = ""
    quota_password: str = ""
    account_user: str = ""
    account_password: str = ""
    account: str = ""
    virtual_host: str = ""
    second_virtual_host: str = ""
    unavailable_host: str = ""
    delay_warning: bool = False
    next_hops: NextHops | None = None
    forwarded: str = ""


ROLES = ("mx", "submission", "lmtp", "store", "ftp")
WAYS = ("maildir", "mbox", "files", "pop3", "imap", "sink")
_FLATTENED_ELSEWHERE = ("accounts", "companions", "delivered", "anonymous", "next_hops")
_LISTENING = ("full", "plain")  # the next hops that are ours


@dataclass(frozen=True, slots=True)
class Profile:
    """Facts by name, endpoints of the same store, the way to see mail, and what a report may show of it.

    hops: where each next hop of ours listens, by name. doubts: what may be a slip of the pen, for the user to look at.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    companions: Mapping[str, Endpoint] = field(default_factory=dict)
    mailbox: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    product: str = ""
    doubts: tuple[str, ...] = ()
    hops: Mapping[str, Address] = field(default_factory=dict)


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
        hops=dict(_hops(known, document)),
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
    for name, hop in _named_hops(known):
        facts[f"{name}_hop"] = hop.domain
        facts[f"{name}_login"] = "yes" if hop.login else ""
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
    for key in ("path", "queue"):
        if key in box:
            box[key] = str(Path(document.name).parent.resolve() / Path(box[key]).expanduser())
    if "path" not in box and box["via"] in ("maildir", "mbox", "files"):
        raise document.error(("delivered",), f"via: {box['via']} needs the path of the mail")
    if "target" in box:
        endpoint = _endpoint(document, ("delivered", "target"), box["target"], box["via"])
        companions.setdefault(endpoint.protocol, endpoint)
    return box


def _named_hops(known: Facts) -> Iterator[tuple[str, Hop]]:
    for name in NextHops.__struct_fields__ if known.next_hops else ():
        if (hop := getattr(known.next_hops, name)) is not None:
            yield name, hop


def _hops(known: Facts, document: Document) -> Iterator[tuple[str, Address]]:
    """Where we are to listen."""
    taken: dict[str, str] = {}
    for name, hop in _named_hops(known):
        path = ("next_hops", name)
        if (name in _LISTENING) != bool(hop.listen):
            what = (
                "listens at  listen: address:port"
                if name in _LISTENING
                else "listens nowhere: leave out listen"
            )
            raise document.error(path, f"the next hop {name!r} {what}")
        if taken.setdefault(hop.domain.lower(), name) != name:
            raise document.error(path, f"{hop.domain} is the domain of {taken[hop.domain.lower()]!r} already")
        if hop.listen:
            yield name, _address(hop.listen, document, (*path, "listen"))


def _address(text: str, document: Document, path: Path_) -> Address:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        colon = ""
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise document.error(path, f"{text!r} is no address and port of this machine, such as 127.0.0.1:2601")
    return Address(host, int(port))


def _doubts(document: Document) -> Iterator[str]:
    """Keys that are no names of ours, and almost are."""
    names = Facts.__struct_fields__
    for key in document.tree:
        close = get_close_matches(key, names, n=1, cutoff=0.85)
        if key not in names and key.removeprefix("second_") not in ("user", "password") and close:
            yield f"{document.where((key,))}: the key {key!r} has no meaning here; did you mean {close[0]!r}?"


__all__ = ["CLIENT", "Profile", "SourceError", "default", "load"]
