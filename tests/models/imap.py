"""A conforming IMAP server, as far as the suites look, made to be broken one rule at a time (RFC 3501)."""

from __future__ import annotations

import re

from tests.models.lines import LineService
from tests.models.store import PASSWORD, USER, Message, store_of
from tests.models.world import World

_LITERAL = re.compile(rb"\{(\d+)\}\Z")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\([^)]*\))|(\S+)')
_ITEM = re.compile(r"(BODY(?:\.PEEK)?)\[([A-Z.]*)(?: \(([^)]*)\))?\](?:<(\d+)\.(\d+)>)?|[A-Z0-9.]+")
_ALL_FLAGS = r"\Answered \Flagged \Deleted \Seen \Draft"
_ANY = ("CAPABILITY", "NOOP", "LOGOUT", "LOGIN")
_OF_MESSAGES = ("CLOSE", "EXPUNGE", "FETCH", "STORE", "SEARCH", "UID")


class ImapModel(LineService):
    """The server's side of one connection. INBOX apart, names are taken as they are."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.store = store_of(world)
        self.logged_in = False
        self.selected: str | None = None
        self.read_only = False
        self.known = 0  # messages that the client knows of
        self.pending: tuple[bytes, int] | None = None  # a command whose literal is awaited, and its size
        self.tag = ""

    def greet(self) -> None:
        self.say("* OK ready")

    # -- octets

    def step(self) -> bool:
        if self.pending is None:
            return super().step()
        line, size = self.pending
        if len(self.buffer) < size + 2:
            return False
        literal, self.buffer = self.buffer[:size], self.buffer[size + 2 :]
        self.pending = None
        self.command(line, literal)
        return True

    def on_line(self, line: bytes) -> None:
        found = _LITERAL.search(line)
        if found is None:
            return self.command(line, b"")
        self.pending = line[: found.start()].rstrip(), int(found[1])
        return self.go_on()

    def go_on(self) -> None:
        self.say("+ go on")

    def command(self, line: bytes, literal: bytes) -> None:
        self.tag, _, rest = line.decode().partition(" ")
        name, _, argument = rest.partition(" ")
        name = name.upper()
        method = getattr(self, "do_" + name, None)
        if method is None:
            self.unknown()
        elif not self.logged_in and name not in _ANY:
            self.before_login(name)
        elif self.selected is None and name in _OF_MESSAGES:
            self.done("BAD", "select a mailbox first")
        elif name == "APPEND":
            self.do_APPEND(argument, literal)
        else:
            method(f'{argument} "{literal.decode()}"' if literal else argument)

    def unknown(self) -> None:
        self.done("BAD", "unknown command")

    def before_login(self, _name: str) -> None:
        self.done("BAD", "log in first")

    def done(self, status: str, text: str = "done") -> None:
        self.say(f"{self.tag} {status} {text}")

    def words(self, argument: str) -> list[str]:
        return [match[1] if match[1] is not None else match[0] for match in _WORD.finditer(argument)]

    # -- any state

    def do_CAPABILITY(self, _argument: str) -> None:
        self.say("* CAPABILITY IMAP4rev1")
        self.done("OK")

    def do_NOOP(self, _argument: str) -> None:
        self.report()
        self.done("OK")

    def report(self) -> None:
        """Tell of messages that came meanwhile."""
        if self.selected is not None and len(self.messages) > self.known:
            self.known = len(self.messages)
            self.say(f"* {self.known} EXISTS")

    def do_LOGOUT(self, _argument: str) -> None:
        self.bye()
        self.done("OK")
        self.line.fin()

    def bye(self) -> None:
        self.say("* BYE see you")

    def do_LOGIN(self, argument: str) -> None:
        if self.words(argument) != [USER, PASSWORD]:
            return self.done("NO", "wrong password")
        self.logged_in = True
        return self.done("OK")

    # -- mailboxes

    @property
    def messages(self) -> list[Message]:
        return self.store.mailboxes.get(self.selected or "", [])

    def do_LIST(self, argument: str) -> None:
        name = self.words(argument)[1]
        if not name:
            self.delimiter()
        elif name in self.store.mailboxes:
            self.listed(name)
        self.done("OK")

    def delimiter(self) -> None:
        self.say(r'* LIST (\Noselect) "/" ""')

    def listed(self, name: str) -> None:
        self.say(f'* LIST () "/" {name}')

    def missing(self) -> None:
        self.done("NO", "no such mailbox")

    def do_CREATE(self, name: str) -> None:
        if name in self.store.mailboxes:
            return self.exists_already()
        self.create(name)
        return self.done("OK")

    def exists_already(self) -> None:
        self.done("NO", "it exists")

    def create(self, name: str) -> None:
        self.store.mailboxes[name] = []

    def do_DELETE(self, name: str) -> None:
        if name not in self.store.mailboxes:
            return self.missing()
        self.delete(name)
        return self.done("OK")

    def delete(self, name: str) -> None:
        del self.store.mailboxes[name]

    def do_RENAME(self, argument: str) -> None:
        old, new = self.words(argument)
        self.rename(old, new)
        self.done("OK")

    def rename(self, old: str, new: str) -> None:
        self.store.mailboxes[new] = self.store.mailboxes.pop(old)

    def do_SELECT(self, name: str) -> None:
        self.select(name, read_only=False)

    def do_EXAMINE(self, name: str) -> None:
        self.select(name, read_only=True)

    def select(self, name: str, *, read_only: bool) -> None:
        self.selected = None
        if name not in self.store.mailboxes:
            return self.missing_selected()
        self.selected, self.read_only, self.known = name, read_only, len(self.store.mailboxes[name])
        for line in self.mailbox_data():
            self.say(f"* {line}")
        return self.done("OK", f"[{self.access(read_only)}] done")

    def missing_selected(self) -> None:
        self.missing()

    def access(self, read_only: bool) -> str:
        return "READ-ONLY" if read_only else "READ-WRITE"

    def mailbox_data(self) -> list[str]:
        return [
            f"FLAGS ({_ALL_FLAGS})",
            f"{self.exists()} EXISTS",
            "0 RECENT",
            "OK [UIDVALIDITY 1] valid",
            f"OK [UIDNEXT {max((one.uid for one in self.messages), default=0) + 1}] next",
            f"OK [PERMANENTFLAGS ({_ALL_FLAGS})] kept",
        ]

    def exists(self) -> int:
        return len(self.messages)

    def do_APPEND(self, argument: str, literal: bytes) -> None:
        if argument not in self.store.mailboxes:
            return self.append_nowhere(argument)
        self.append(argument, literal)
        return self.done("OK")

    def append_nowhere(self, _name: str) -> None:
        self.done("NO", "[TRYCREATE] no such mailbox")

    def append(self, name: str, literal: bytes) -> None:
        self.store.add(name, literal)

    # -- messages

    def do_CLOSE(self, _argument: str) -> None:
        self.messages[:] = [one for one in self.messages if r"\Deleted" not in one.flags]
        self.selected = None
        self.done("OK")

    def do_UID(self, argument: str) -> None:
        """UID SEARCH and UID STORE, which the clean-up uses."""
        name, _, rest = argument.partition(" ")
        if name == "SEARCH":
            return self.search(rest, uids=True)
        uid, _, rest = rest.partition(" ")
        number = next((at for at, one in enumerate(self.messages, 1) if one.uid == int(uid)), 0)
        return self.do_STORE(f"{number} {rest}") if number else self.done("OK")

    def do_SEARCH(self, argument: str) -> None:
        self.search(argument, uids=False)

    def search(self, argument: str, *, uids: bool) -> None:
        key, text = self.words(argument)
        found = [
            str(message.uid if uids else number)
            for number, message in enumerate(self.messages, 1)
            if self.found(message, key, text.lower().encode())
        ]
        self.search_result(found)
        self.done("OK")

    def found(self, message: Message, key: str, text: bytes) -> bool:
        where = message.field("Subject") if key == "SUBJECT" else message.text
        return text in where.lower()

    def search_result(self, found: list[str]) -> None:
        self.say(" ".join(("* SEARCH", *found)))

    def do_STORE(self, argument: str) -> None:
        number, how, flags = self.words(argument)
        message = self.messages[int(number) - 1]
        self.change_flags(message, how, set(flags.strip("()").split()))
        if not how.endswith(".SILENT"):
            self.flags_changed(number, message)
        self.done("OK")

    def change_flags(self, message: Message, how: str, flags: set[str]) -> None:
        message.flags = message.flags | flags if how.startswith("+") else message.flags - flags

    def flags_changed(self, number: str, message: Message) -> None:
        self.say(f"* {number} FETCH (FLAGS ({' '.join(sorted(message.flags))}))")

    def do_EXPUNGE(self, _argument: str) -> None:
        for number in range(len(self.messages), 0, -1):
            if self.to_expunge(self.messages[number - 1]):
                self.expunge(number)
        self.known = len(self.messages)
        self.done("OK")

    def to_expunge(self, message: Message) -> bool:
        return r"\Deleted" in message.flags

    def expunge(self, number: int) -> None:
        del self.messages[number - 1]
        self.expunged(number)

    def expunged(self, number: int) -> None:
        self.say(f"* {number} EXPUNGE")

    def do_FETCH(self, argument: str) -> None:
        number, _, items = argument.partition(" ")
        message = self.messages[int(number) - 1]
        parts = [self.item(message, match) for match in _ITEM.finditer(items.removeprefix("("))]
        self.line.say(b"* %s FETCH (%s)\r\n" % (number.encode(), b" ".join(parts)))
        self.done("OK")

    def item(self, message: Message, match: re.Match[str]) -> bytes:
        if match[1] is None:
            plain = {"FLAGS": f"({' '.join(sorted(message.flags))})", "RFC822.SIZE": self.size(message)}
            return f"{match[0]} {plain[match[0]]}".encode()
        if self.sets_seen(match[1]):
            message.flags.add(r"\Seen")
        section = match[2] + (f" ({match[3]})" if match[3] else "")
        octets = self.section(message, match[2], match[3] or "")
        if match[4] is None:
            return b"BODY[%s] {%d}\r\n%s" % (section.encode(), len(octets), octets)
        octets = self.partial(octets, int(match[4]), int(match[5]))
        origin = self.origin(int(match[4]))
        return b"BODY[%s]%s {%d}\r\n%s" % (section.encode(), origin, len(octets), octets)

    def size(self, message: Message) -> str:
        return str(len(message.octets))

    def sets_seen(self, item: str) -> bool:
        return item == "BODY" and not self.read_only

    def section(self, message: Message, name: str, fields: str) -> bytes:
        match name:
            case "HEADER":
                return self.header(message)
            case "TEXT":
                return message.text
            case "HEADER.FIELDS":
                return self.fields(message, fields)
            case _:
                return self.whole(message)

    def header(self, message: Message) -> bytes:
        return message.header

    def fields(self, message: Message, names: str) -> bytes:
        return b"".join(message.field(name) for name in names.split()) + b"\r\n"

    def whole(self, message: Message) -> bytes:
        return message.octets

    def partial(self, octets: bytes, start: int, count: int) -> bytes:
        return octets[start : start + count]

    def origin(self, start: int) -> bytes:
        return b"<%d>" % start
