"""The mail store that model servers of one world share: mailboxes of messages, for one user."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from tests.models.world import World

USER, PASSWORD = "alice", "secret"
OLDER = b"Subject: older\r\n\r\nolder\r\n"


@dataclass(slots=True)
class Message:
    """One stored message. `octets` has CRLF line ends."""

    uid: int
    octets: bytes
    flags: set[str] = field(default_factory=set)

    @property
    def header(self) -> bytes:
        return self.octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    @property
    def text(self) -> bytes:
        return self.octets.partition(b"\r\n\r\n")[2]

    def field(self, name: str) -> bytes:
        """The header line of that name with its CRLF, or nothing."""
        lines = self.header.split(b"\r\n")
        found = [line for line in lines if line.lower().startswith(name.lower().encode() + b":")]
        return found[0] + b"\r\n" if found else b""


class Store:
    """Mailboxes by name; INBOX has one message from the start, so that numbers are not all 1."""

    def __init__(self) -> None:
        self.uids = itertools.count(1)
        self.mailboxes: dict[str, list[Message]] = {"INBOX": []}
        self.add("INBOX", OLDER)

    def add(self, mailbox: str, octets: bytes) -> Message:
        message = Message(next(self.uids), octets)
        self.mailboxes[mailbox].append(message)
        return message


_STORES: WeakKeyDictionary[World, Store] = WeakKeyDictionary()


def store_of(world: World) -> Store:
    """The store of a world, made when it is first asked for."""
    return _STORES.setdefault(world, Store())
