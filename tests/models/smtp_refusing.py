"""SMTP servers that serve nobody (RFC 5321 section 3.1, RFC 7504 section 3)."""

from __future__ import annotations

from typing import ClassVar

from tests.models.smtp import SmtpModel


class NoService(SmtpModel):
    """Greets with 554, and waits for QUIT."""

    keywords = ()
    own_facts: ClassVar[dict[str, str]] = {"refuses_service": "yes"}
    greeting = "554 mx.example.test has no SMTP service here"
    refusal = "503 bad sequence of commands"

    def greet(self) -> None:
        super().greet()
        self.say(self.greeting)

    def say(self, text: str) -> None:
        if not text.startswith("220 "):
            super().say(text)

    def on_line(self, line: bytes) -> None:
        return self.do_QUIT("") if line.upper() == b"QUIT" else self.refuse(line)

    def refuse(self, _line: bytes) -> None:
        self.say(self.refusal)


class NoMail(NoService):
    """Greets with 521: this host never takes mail."""

    greeting = "521 mx.example.test does not accept mail"
    refusal = greeting
