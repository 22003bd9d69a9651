"""SMTP servers that keep the rules and do not please: who they serve, when, and how fast is their own business.

No case may fail on them; what their policy keeps from being seen is inconclusive.
"""

from __future__ import annotations

import itertools
import quopri
import re
from types import MappingProxyType

from tests.models.smtp import SmtpModel
from tests.models.world import World

_HARMLESS = ("EHLO", "NOOP", "QUIT", "STARTTLS")


class Policy(SmtpModel):
    """What they share. `misses`: cases of a SHOULD that one of them leaves out on purpose."""

    misses: frozenset[str] = frozenset()


class Greylisting(Policy):
    """Puts off every recipient; nobody comes back late enough."""

    later = "451 4.7.1 greylisted, try again in five minutes"

    def recipient(self, path: str) -> None:
        self.say(self.later)


class Unusual(Greylisting):
    """Puts off by a code that the tables of RFC 5321 give to no recipient."""

    later = "454 4.7.1 try again later"


class SenderVerified(Policy):
    """Refuses all recipients of a sender whose domain it cannot find, as Exim does with `verify = sender`."""

    def recipient(self, path: str) -> None:
        self.say("550 Sender verify failed")


class SenderRefused(Policy):
    """Refuses a sender whose domain it cannot find, as Sendmail and Postfix do."""

    def mail_accepted(self, path: str) -> None:
        self.say("553 5.1.8 domain of sender address does not exist")


class Locked(Policy):
    """Serves nobody in clear (RFC 3207, 4)."""

    def on_line(self, line: bytes) -> None:
        if line.split(b" ")[0].upper().decode("latin-1") in _HARMLESS:
            return super().on_line(line)
        return self.say("530 5.7.0 Must issue a STARTTLS command first")


class Strict(Policy):
    """Takes no text that has no From, no Date or no Message-ID."""

    misses = frozenset(
        f"content-faults[{name}]"
        for name in (
            "no-From-no-Date",
            "two-From-fields",
            "broken-Date",
            "two-Subjects",
            "broken-MIME",
            "no-field",
            "no-body",
        )
    )

    def text_refused(self, text: bytes) -> str:
        fields = text.partition(b"\r\n\r\n")[0]
        wanted = (b"From", b"Date", b"Message-ID")
        missing = [name for name in wanted if not re.search(rb"(?im)^" + name + rb":", fields)]
        return "550 5.7.1 your mail has no " + missing[0].decode() if missing else super().text_refused(text)


class Impatient(Policy):
    """Says 421 and leaves at the third error of a session, and after its first mail."""

    errors = 0

    def say(self, text: str) -> None:
        self.errors += text[:1] == "5"
        if self.errors < 3:
            return super().say(text)
        super().say("421 4.7.0 too many errors")
        return self.line.fin()

    def do_MAIL(self, argument: str) -> None:
        if not getattr(self, "served", False):
            return super().do_MAIL(argument)
        self.say("421 4.7.0 one mail in a session")
        return self.line.fin()

    def taken(self) -> None:
        self.served = True
        super().taken()


class Silent(Policy):
    """Tells nothing: verifies nobody, helps nobody, takes every recipient of its domain, refuses half names."""

    keywords = ("PIPELINING", "SIZE 10000000", "8BITMIME")
    profile = MappingProxyType({"mailing_list": ""})
    misses = frozenset({"rcpt-unknown-recipient"})

    def is_name(self, argument: str) -> bool:
        return super().is_name(argument) and ("." in argument or argument.startswith("["))

    def recipient(self, path: str) -> None:
        local, _, domain = path.rpartition("@")
        if domain.lower() in ("", "example.test", "[127.0.0.1]") or not local:
            self.recipients.append(path)
            return self.say("250 2.1.5 OK")
        return self.say("550 5.7.1 relaying denied")

    def do_EXPN(self, _argument: str) -> None:
        self.say("502 5.5.1 not here")

    do_HELP = do_EXPN


class Wary(Policy):
    """Drops clients that talk too early, or send what no mail program sends; nobody has several senders."""

    keywords = ("SIZE 10000000", "8BITMIME", "HELP")

    def on_line(self, line: bytes) -> None:
        if self.bad_octets(line):
            return self.line.fin()
        if self.buffer and not self.in_data:
            self.say("554 5.5.0 SMTP synchronization error")
            return self.line.fin()
        return super().on_line(line)

    def recipient(self, path: str) -> None:
        if self.sender == "" and self.recipients:
            return self.say("550 5.7.1 a report has one recipient")
        return super().recipient(path)


class Filtering(Policy):
    """Another host stands before it: the trace has two lines, an address of the network within, and a disclaimer."""

    def trace(self) -> bytes:
        inner = b"Received: from filter.example.test (filter.example.test [10.1.2.3])\r\n\tby store.example.test with ESMTP"
        outer = f"Received: from {self.helo} ([10.0.0.1]) by {self.host} with {self.transmission()};{self.date()}\r\n"
        return inner + f";{self.date()}\r\n".encode() + outer.encode() + b"X-Spam-Status: No\r\n"

    def deliver(self, mail: bytes) -> None:
        super().deliver(mail + b"-- \r\nThis mail is confidential.\r\n")


class Balanced(Policy):
    """One of several hosts behind one address: they have other names, and other extensions."""

    _turns = itertools.count()

    def __init__(self, world: World) -> None:
        super().__init__(world)
        if next(self._turns) % 2:
            self.host, self.keywords = "mx2.example.test", ("HELP",)

    def known_parameters(self) -> tuple[str, ...]:
        return super().known_parameters() if len(self.keywords) > 1 else ()


class Tarpit(Policy):
    """Lets clients wait for 25 seconds whom it refuses something."""

    def say(self, text: str) -> None:
        self.line.say(f"{text}\r\n".encode(), after=25.0 if text[:1] == "5" else 0.0)


class Slow(Policy):
    """Takes 25 seconds for every reply."""

    def say(self, text: str) -> None:
        self.line.say(f"{text}\r\n".encode(), after=25.0)


class Blocking(Policy):
    """Greets a client that it wants no more with 554, and lets it go."""

    def greet(self) -> None:
        super().greet()
        self.line.inbox.clear()
        self.say("554 5.7.1 you are on a list")

    def on_line(self, line: bytes) -> None:
        self.say("221 bye" if line.upper() == b"QUIT" else "503 5.7.1 no service for you")
        if line.upper() == b"QUIT":
            self.line.fin()


class Dropping(Policy):
    """Drops a client that it wants no more when it says who it is."""

    def do_EHLO(self, _argument: str) -> None:
        self.line.fin()

    do_HELO = do_EHLO


class Quarantine(Policy):
    """Takes mail and keeps it where nobody looks, or the profile says the wrong place."""

    def deliver(self, mail: bytes) -> None:
        """Not here."""


class Rewriting(Policy):
    """Marks subjects, wraps fields, and turns eight bits and long lines into quoted-printable."""

    def deliver(self, mail: bytes) -> None:
        head, _, body = mail.partition(b"\r\n\r\n")
        head = re.sub(rb"(?im)^Subject: ", b"Subject: [EXTERNAL] ", head)
        if not body.isascii() or any(len(line) > 998 for line in body.split(b"\r\n")):
            head = re.sub(rb"(?im)^Content-Transfer-Encoding: *\S+\r?\n?", b"", head).rstrip(b"\r\n")
            head += b"\r\nContent-Transfer-Encoding: quoted-printable"
            body = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        super().deliver(head + b"\r\n\r\n" + body)


class Talkative(Policy):
    """Greets in several lines, and says in several lines what others say in one."""

    def greet(self) -> None:
        super().greet()
        self.line.inbox.clear()
        self.reply_lines("220", [f"{self.host} ESMTP", "No spam here.", "You have been warned."])

    def do_HELO(self, argument: str) -> None:
        if not self.is_name(argument):
            return self.say("501 HELO needs a domain")
        super().do_HELO(argument)
        self.line.inbox.pop()
        return self.reply_lines("250", [f"{self.host} hello {argument}", "pleased to meet you"])

    def do_NOOP(self, _argument: str) -> None:
        self.reply_lines("250", ["nothing", "was done"])

    def taken(self) -> None:
        self.reset()
        self.reply_lines("250", ["2.0.0 queued as 4711", "2.0.0 thank you"])


class Hiding(Policy):
    """Has VRFY and EXPN switched off, in words of its own; says little."""

    keywords = ("8BITMIME", "SIZE")

    def do_VRFY(self, _argument: str) -> None:
        self.say("252 2.5.2 Cannot VRFY user; try RCPT to attempt delivery")

    def do_EXPN(self, _argument: str) -> None:
        self.say("550 5.7.1 access denied")

    do_HELP = do_EXPN
