"""The words of the lab: what a product is, what a running server is, and how a failure is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bench import Bench

HOST = "127.0.0.1"
DOMAIN = "example.test"
HOSTNAME = f"mail.{DOMAIN}"
USERS: Mapping[str, str] = {"alice": "alicepw", "bob": "bobpw"}
RECIPIENT, SECOND_RECIPIENT = (f"{user}@{DOMAIN}" for user in USERS)
UNKNOWN_RECIPIENT = f"nobody@{DOMAIN}"
UTF8_RECIPIENT = f"jürgen@{DOMAIN}"
# Where a server can have more than mailboxes: an alias of alice, a list of both, one who is elsewhere now.
NAMES = {"alias": f"office@{DOMAIN}", "mailing_list": "staff", "moved_recipient": f"moved@{DOMAIN}"}
FOREIGN_RECIPIENT = "someone@elsewhere.example"

# Protocols with the offset of their port above --port-base. The name is also the scheme of the URL; an s at
# the end means TLS from the first octet. smtps follows the rules of smtp, submissions those of submission.
PORT_OFFSETS: Mapping[str, int] = {
    "smtp": 0,
    "smtps": 1,
    "submission": 2,
    "submissions": 3,
    "lmtp": 4,
    "pop3": 5,
    "pop3s": 6,
    "imap": 7,
    "imaps": 8,
    "ftp": 9,
    "ftps": 10,
    "backend": 11,  # not an endpoint: a helper that a server needs behind it
    "full-hop": 12,  # not the server's: whoever tests listens there (see hops)
    "plain-hop": 13,
    "dead-hop": 14,
}
OTHERS_PORTS = frozenset({"full-hop", "plain-hop", "dead-hop"})  # which the server does not open
PRIVATE_PORTS = frozenset({"backend", *OTHERS_PORTS})


class LabError(Exception):
    """Something a person must know: what went wrong, where, and what to do next."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program to start: it stays in the foreground. `argv[0]` is an absolute path."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Launch:
    """What a product's `prepare` hands back.

    `facts` are profile keys of this server; `logs` are the files that explain a failed start.
    `starttls` names the protocols that offer an upgrade to TLS.
    """

    programs: tuple[Program, ...]
    facts: Mapping[str, Any]
    logs: tuple[Path, ...] = ()
    starttls: frozenset[str] = frozenset()
    version: str = ""  # where the packages do not tell it
    called: Mapping[str, str] = field(default_factory=dict)  # protocol -> product, where the endpoints differ


@dataclass(frozen=True, slots=True)
class Source:
    """Where a product's programs come from; the first package of the list gives the version."""

    kind: str  # debian, python, node, or own (no package of the lab's)
    packages: tuple[str, ...]
    suite: str = ""  # a Debian suite beside the machine's own, like bookworm-backports


@dataclass(frozen=True, slots=True)
class Account:
    """A system account that a server insists on."""

    user: str
    group: str = ""  # the same name as the user when empty
    groups: tuple[str, ...] = ()  # groups that must exist besides


@dataclass(frozen=True, slots=True)
class Product:
    """A server that the lab can start. One module of plumbline.lab.servers defines one as PRODUCT.

    `variant_of`: the product that it is, set up otherwise. `host`: the address of its ports.
    """

    name: str
    about: str
    protocols: tuple[str, ...]  # the first is the main one; keys of PORT_OFFSETS
    source: Source
    prepare: Callable[[Bench], Launch]
    aliases: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    mail_users: bool = True  # alice and bob must be system accounts
    single: str = ""  # why only one instance may run at a time; empty when several may
    needs_root: bool = True
    variant_of: str = ""
    host: str = HOST

    @property
    def software(self) -> str:
        """What it is called by others: a variant is the same software."""
        return self.variant_of or self.name


def place(host: str, port: int) -> str:
    """Host and port as a URL has them: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `endpoints`: protocol to (host, port); `profile`: that of the main protocol."""

    name: str
    product: str
    version: str
    pid: int
    endpoints: dict[str, tuple[str, int]]
    directory: Path
    profile: dict[str, Any]
    profiles: dict[str, Path]  # protocol -> profile file
    main: str  # the main protocol

    @property
    def profile_path(self) -> Path:
        return self.profiles[self.main]

    def url(self, protocol: str) -> str:
        return f"{protocol}://{place(*self.endpoints[protocol])}"
