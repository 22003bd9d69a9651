"""A conforming SMTP server in some hundred lines, made to be broken one rule at a time (RFC 5321).

Every rule that a mutant may break is a method or an attribute of its own. `world.files` is the mailbox.
"""

from __future__ import annotations

import re

from tests.models import smtp_paths
from tests.models.lines import LineService

RECIPIENTS = {"alice@example.test", "bob@example.test", "postmaster", "postmaster@example.test"}
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class SmtpModel(LineService):
    """The server's side of one connection."""

    host = "mx.example.test"
    keywords: tuple[str, ...] = ("PIPELINING", "SIZE 10000000", "8BITMIME", "HELP")
    limit = 10_000_000
    most_recipients = 120

    def greet(self) -> None:
        self.helo, self.extended = "", False
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.in_data = False
        self.say(f"220 {self.host} ESMTP ready")

    # -- octets

    def step(self) -> bool:
        return self.step_data() if self.in_data else super().step()

    def step_data(self) -> bool:
        """Take the text of a message once its end has come."""
        start = b"\r\n" + self.buffer
        at = start.find(b"\r\n.\r\n")
        if at < 0:
            return False
        text, self.buffer = start[2 : at + 2], start[at + 5 :]
        self.in_data = False
        self.accept(text)
        return True

    def accept(self, text: bytes) -> None:
        """The end of data: deliver, forget, answer."""
        if refusal := self.text_refused(text):
            self.reset()
            return self.say(refusal)
        self.deliver(self.trace() + self.unstuff(text))
        return self.taken()

    def taken(self) -> None:
        """Forget the transaction, and answer for its message."""
        self.reset()
        self.say("250 OK: queued")

    def text_refused(self, text: bytes) -> str:
        """The refusal of the text of a message, or nothing."""
        return "552 too large" if len(text) > self.limit else ""

    def deliver(self, mail: bytes) -> None:
        """Final delivery, into the mailbox of alice: what is for others alone does not get there."""
        if any(path.lower() != "bob@example.test" for path in self.recipients):
            self.world.files.append(self.return_path() + self.without_return_path(mail))

    def without_return_path(self, mail: bytes) -> bytes:
        """The mail without Return-Path fields of its own: there is to be one only."""
        head, end, body = mail.partition(b"\r\n\r\n")
        return re.sub(rb"(?im)^Return-Path:.*\r?\n", b"", head) + end + body

    def return_path(self) -> bytes:
        return f"Return-Path: <{smtp_paths.quoted(self.sender or '')}>\r\n".encode()

    def trace(self) -> bytes:
        source = f"from {self.helo} ([{self.line.client.host}])"
        how = f"{source} by {self.host} with {self.transmission()}{self.for_clause()}"
        return f"Received: {how};{self.date()}\r\n".encode()

    def for_clause(self) -> str:
        return f" for <{self.recipients[0]}>" if len(self.recipients) == 1 else ""

    def date(self) -> str:
        return " Thu, 1 Jan 1970 00:00:00 +0000"

    def transmission(self) -> str:
        """The type of the session in trace lines (RFC 3848)."""
        return "ESMTP" if self.extended else "SMTP"

    def unstuff(self, text: bytes) -> bytes:
        return b"".join(line[1:] if line.startswith(b".") else line for line in re.split(rb"(?<=\r\n)", text))

    def reset(self) -> None:
        self.sender, self.recipients = None, []

    # -- commands

    def on_line(self, line: bytes) -> None:
        if self.bad_octets(line):
            return self.say("501 invalid character")
        text = line.decode("utf-8", "surrogateescape").rstrip(" ")
        verb, _, argument = text.partition(" ")
        method = getattr(self, "do_" + self.verb(verb), None)
        return self.unknown(text) if method is None else method(argument.strip())

    def bad_octets(self, line: bytes) -> bool:
        return _CONTROL.search(line) is not None or not line.isascii()

    def verb(self, word: str) -> str:
        return word.upper()

    def unknown(self, _text: str) -> None:
        self.say("500 Command not recognized")

    def do_EHLO(self, argument: str) -> None:
        if not self.is_name(argument):
            return self.say("501 EHLO needs a domain")
        self.helo, self.extended = argument, True
        self.reset()
        lines = [f"{self.host} greets {argument}", *self.offers()]
        return self.reply_lines("250", lines)

    def offers(self) -> tuple[str, ...]:
        """The keywords of the EHLO reply."""
        return self.keywords

    def is_name(self, argument: str) -> bool:
        return smtp_paths.is_domain(argument)

    def reply_lines(self, code: str, lines: list[str]) -> None:
        for line in lines[:-1]:
            self.say(f"{code}-{line}")
        self.say(f"{code} {lines[-1]}")

    def do_HELO(self, argument: str) -> None:
        if not self.is_name(argument):
            return self.say("501 HELO needs a domain")
        self.helo, self.extended = argument, False
        self.reset()
        return self.say(f"250 {self.host}")

    def do_MAIL(self, argument: str) -> None:
        path = self.path(argument, "FROM:")
        if not self.helo:
            return self.say("503 EHLO first")
        if self.sender is not None:
            return self.say("503 one transaction at a time")
        if path is None:
            return self.say("501 MAIL FROM:<address>")
        if self.bad_parameter(argument):
            return self.say("555 parameter not recognized")
        refusal = self.size_refused(argument) or self.body_refused(argument)
        return self.say(refusal) if refusal else self.mail_accepted(path)

    def size_refused(self, argument: str) -> str:
        """The refusal of the declared size (RFC 1870), or nothing."""
        size = self.value(argument, "SIZE")
        if size is not None and not re.fullmatch(r"\d{1,20}", size):
            return "501 SIZE is a number"
        return "552 too large" if size and int(size) > self.limit else ""

    def body_refused(self, argument: str) -> str:
        """The refusal of the body type (RFC 6152), or nothing."""
        body = self.value(argument, "BODY")
        return "" if body is None or body.upper() in ("7BIT", "8BITMIME") else "501 BODY is 7BIT or 8BITMIME"

    def value(self, argument: str, name: str) -> str | None:
        words = smtp_paths.parameters(argument.partition(":")[2])
        values = [word.partition("=")[2] for word in words if word.partition("=")[0].upper() == name]
        return values[0] if values else None

    def mail_accepted(self, path: str) -> None:
        self.sender = path
        self.say("250 OK")

    def path(self, argument: str, keyword: str) -> str | None:
        if argument[: len(keyword)].upper() != keyword:
            return None
        return smtp_paths.path(argument[len(keyword) :])

    def bad_parameter(self, argument: str) -> bool:
        words = smtp_paths.parameters(argument.partition(":")[2])
        known = self.known_parameters() if self.extended else ()
        return any(
            not smtp_paths.is_parameter(word) or word.partition("=")[0].upper() not in known for word in words
        )

    def known_parameters(self) -> tuple[str, ...]:
        return ("SIZE", "BODY")

    def do_RCPT(self, argument: str) -> None:
        path = self.path(argument, "TO:")
        if self.sender is None:
            return self.say("503 MAIL first")
        if not path:
            return self.say("501 RCPT TO:<address>")
        if self.bad_parameter(argument):
            return self.say("555 parameter not recognized")
        return self.recipient(path)

    def recipient(self, path: str) -> None:
        local, _, domain = path.lower().partition("@")
        if domain not in ("", "example.test", "[127.0.0.1]"):
            return self.say("550 5.7.1 relaying denied")
        if path.lower().replace("[127.0.0.1]", "example.test") not in RECIPIENTS:
            return self.say(f"550 5.1.1 no such user {local}")
        if len(self.recipients) >= self.most_recipients:
            return self.say("452 enough, send the rest in another mail")
        self.recipients.append(path)
        return self.say("250 OK")

    def do_DATA(self, argument: str) -> None:
        if argument:
            return self.say("501 DATA takes no argument")
        if self.sender is None or not self.recipients:
            return self.say("503 RCPT first")
        return self.data_accepted()

    def data_accepted(self) -> None:
        self.in_data = True
        self.say("354 go on, end with .")

    def do_RSET(self, argument: str) -> None:
        if argument:
            return self.say("501 RSET takes no argument")
        self.reset()
        return self.say("250 OK")

    def do_NOOP(self, _argument: str) -> None:
        self.say("250 OK")

    def do_VRFY(self, argument: str) -> None:
        self.say("252 send some mail, I will try" if argument else "501 VRFY whom?")

    def do_EXPN(self, argument: str) -> None:
        self.say("252 not told" if argument else "501 EXPN what?")

    def do_HELP(self, _argument: str) -> None:
        self.say("214 see RFC 5321")

    def do_QUIT(self, argument: str) -> None:
        if argument:
            return self.say("501 QUIT takes no argument")
        self.say(f"221 {self.host} bye")
        return self.line.fin()

    def do_TURN(self, _argument: str) -> None:
        self.say("502 not implemented")

    def do_SEND(self, _argument: str) -> None:
        self.say("502 not implemented")

    do_SOML = do_SEND
    do_SAML = do_SEND


class BareModel(SmtpModel):
    """Offers nothing but HELP, and has no limit on size."""

    keywords = ("HELP",)
    limit = 10**21

    def bad_parameter(self, argument: str) -> bool:
        return bool(argument.partition(">")[2].strip())
