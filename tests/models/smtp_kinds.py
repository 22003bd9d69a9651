"""Other kinds of conforming SMTP servers: one that offers all that is old, one that offers nothing."""

from __future__ import annotations

import re

from tests.models.smtp import RECIPIENTS, SmtpModel
from tests.models.smtp_auth import Auth
from tests.models.smtp_etrn import Etrn

_LONG_LINE = re.compile(rb"[^\n]{2000}")


class Generous(Etrn, Auth):
    """Verifies names, expands lists, knows SEND, SOML and SAML; has no limit on size, but refuses odd text."""

    keywords = (*Auth.keywords, "EXPN", "VRFY", "ETRN", "TURN", "SEND", "SOML", "SAML", "BURL")
    keywords = tuple("SIZE 0" if word.startswith("SIZE") else word for word in keywords)
    secured_keywords = tuple(word for word in keywords if word != "STARTTLS")
    limit = 10**21

    def text_refused(self, text: bytes) -> str:
        return "554 not this text" if b"\0" in text or _LONG_LINE.search(text) else ""

    def mailbox(self, name: str) -> str | None:
        """The mailbox that a user name means."""
        path = name.lower() if "@" in name else f"{name.lower()}@example.test"
        return path if path in RECIPIENTS else None

    def recipient(self, path: str) -> None:
        if path == "moved@example.test":
            return self.say("551 gone, try <moved@elsewhere.example>")
        if path == "staff@example.test":
            self.sender = "owner-staff@example.test"
        alias = path in ("office@example.test", "staff@example.test")
        return super().recipient("alice@example.test" if alias else path)

    def do_VRFY(self, argument: str) -> None:
        if not argument:
            return self.say("501 VRFY whom?")
        if "@" in argument and not argument.lower().endswith("@example.test"):
            return self.say("252 not mine to tell")
        if argument == "smith":
            return self.say("553 which of them?")
        mailbox = self.mailbox(argument)
        return self.say(f"250 Somebody <{mailbox}>" if mailbox else "550 no such user")

    def do_EXPN(self, argument: str) -> None:
        if argument.lower() == "staff":
            return self.reply_lines("250", ["Alice <alice@example.test>", "Bob <bob@example.test>"])
        return self.do_VRFY(argument) if argument else self.say("501 EXPN what?")

    def do_SEND(self, argument: str) -> None:
        self.do_MAIL(argument)

    do_SOML = do_SEND
    do_SAML = do_SEND

    def do_TURN(self, _argument: str) -> None:
        self.say("503 log in first")

    def do_BURL(self, _argument: str) -> None:
        self.say("503 RCPT first")


class Plain(SmtpModel):
    """A server with hardly an extension."""

    keywords = ("8BITMIME",)
    limit = 10**21

    def known_parameters(self) -> tuple[str, ...]:
        return ("BODY",)

    def do_HELP(self, _argument: str) -> None:
        self.say("502 no help here")
