"""A conforming POP3 server, made to be broken one rule at a time (RFC 1939)."""

from __future__ import annotations

import re

from tests.models.lines import LineService
from tests.models.store import PASSWORD, USER, Message, store_of
from tests.models.world import World


class Pop3Model(LineService):
    """The server's side of one connection. Messages are numbered as they were at login."""

    transaction = ("STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP", "UIDL")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.store = store_of(world)
        self.user = ""
        self.messages: list[Message] | None = None
        self.marked: set[int] = set()

    def greet(self) -> None:
        self.say("+OK ready")

    def on_line(self, line: bytes) -> None:
        verb, _, argument = line.decode("utf-8", "surrogateescape").partition(" ")
        verb = verb.upper()
        method = getattr(self, "do_" + verb, None)
        if method is None:
            self.unknown()
        elif verb in self.transaction and self.messages is None:
            self.before_login(verb)
        elif verb in ("USER", "PASS") and self.messages is not None:
            self.after_login()
        else:
            method(argument)

    def unknown(self) -> None:
        self.err("unknown command")

    def before_login(self, _verb: str) -> None:
        self.err("log in first")

    def after_login(self) -> None:
        self.err("already logged in")

    def ok(self, text: str = "done") -> None:
        self.say(f"+OK {text}")

    def err(self, text: str) -> None:
        self.say(f"-ERR {text}")

    def body(self, octets: bytes) -> None:
        """+OK and a multi-line body."""
        self.ok()
        self.line.say(self.stuffed(octets) + b".\r\n")

    def stuffed(self, octets: bytes) -> bytes:
        return re.sub(rb"(\A|\r\n)\.", rb"\1..", octets)

    # -- AUTHORIZATION

    def do_USER(self, argument: str) -> None:
        self.user = argument
        self.ok()

    def do_PASS(self, argument: str) -> None:
        if not self.user:
            return self.err("USER first")
        if (self.user, argument) != (USER, PASSWORD):
            return self.err("wrong password")
        return self.log_in()

    def log_in(self) -> None:
        self.messages = list(self.store.mailboxes["INBOX"])
        self.ok("logged in")

    # -- TRANSACTION

    def message(self, argument: str) -> Message | None:
        """The message of that number, if it is there and not marked."""
        messages = self.messages or []
        number = int(argument) if argument.isdigit() else 0
        if not 1 <= number <= len(messages) or number in self.marked:
            return None
        return messages[number - 1]

    def present(self) -> list[tuple[int, Message]]:
        numbered = enumerate(self.messages or [], start=1)
        return [(number, message) for number, message in numbered if number not in self.marked]

    def do_STAT(self, _argument: str) -> None:
        present = self.present()
        self.ok(self.stat(len(present), sum(len(message.octets) for _, message in present)))

    def stat(self, count: int, size: int) -> str:
        return f"{count} {size}"

    def size(self, message: Message) -> str:
        return str(len(message.octets))

    def unique_id(self, message: Message) -> str:
        return f"uid{message.uid}"

    def listing(self, argument: str, what: str) -> None:
        """LIST or UIDL, of all messages or of one."""
        describe = self.size if what == "LIST" else self.unique_id
        if not argument:
            lines = [f"{number} {describe(message)}\r\n" for number, message in self.present()]
            return self.body("".join(lines).encode())
        message = self.message(argument)
        return self.no_such() if message is None else self.ok(f"{argument} {describe(message)}")

    def do_LIST(self, argument: str) -> None:
        self.listing(argument, "LIST")

    def do_UIDL(self, argument: str) -> None:
        self.listing(argument, "UIDL")

    def no_such(self) -> None:
        self.err("no such message")

    def do_RETR(self, argument: str) -> None:
        message = self.message(argument)
        if message is None:
            return self.no_such()
        return self.body(self.retrieved(message))

    def retrieved(self, message: Message) -> bytes:
        return message.octets

    def do_TOP(self, argument: str) -> None:
        number, _, count = argument.partition(" ")
        message = self.message(number)
        if message is None or not count.isdigit():
            return self.no_such()
        return self.body(self.top(message, int(count)))

    def top(self, message: Message, count: int) -> bytes:
        lines = message.text.splitlines(keepends=True)
        return message.header + b"".join(lines[:count])

    def do_DELE(self, argument: str) -> None:
        if self.message(argument) is None:
            return self.no_such()
        self.marked.add(int(argument))
        return self.ok()

    def do_NOOP(self, _argument: str) -> None:
        self.ok()

    def do_RSET(self, _argument: str) -> None:
        self.marked.clear()
        self.ok()

    # -- UPDATE

    def do_QUIT(self, _argument: str) -> None:
        if self.messages is not None:
            self.update()
        self.ok("bye")
        self.line.fin()

    def update(self) -> None:
        """Remove the marked messages."""
        gone = [message for number, message in enumerate(self.messages or [], 1) if number in self.marked]
        inbox = self.store.mailboxes["INBOX"]
        inbox[:] = [message for message in inbox if message not in gone]
