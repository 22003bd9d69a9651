"""Commands in every state (RFC 5321 section 4.3.2): servers that go wrong in one state."""

from __future__ import annotations

from tests.falsify.harness import Mutant, rows
from tests.models.smtp import SmtpModel

M = SmtpModel

VERBS = [
    "EHLO",
    "HELO",
    "MAIL",
    "RCPT",
    "DATA",
    "NOOP",
    "RSET",
    "VRFY",
    "EXPN",
    "HELP",
    "TURN",
    "SEND",
    "SOML",
    "SAML",
]
STATES = ["greeting", "helo", "ehlo", "mail", "rcpt", "sent"]


class WrongIn(M):
    """Answers every command wrongly, in one state."""

    state = ""
    place = "greeting"

    def on_line(self, line):
        verb = line.decode("latin-1").partition(" ")[0]
        if self.where() == self.state:
            return self.say("355 not here")
        if verb in ("EHLO", "HELO"):
            self.place = verb.lower()
        return super().on_line(line)

    def accept(self, text):
        super().accept(text)
        self.place = "sent"

    def where(self):
        return "rcpt" if self.recipients else "mail" if self.sender is not None else self.place


class ObeysEverythingInData(M):
    """Answers lines of the text that look like commands."""

    answered = 0

    def step_data(self):
        lines = self.buffer.split(b"\r\n")[:-1]
        for line in lines[self.answered :]:
            if line[:4].decode("latin-1") in (*VERBS, "QUIT"):
                self.say("250 OK")
        self.answered = len(lines)
        done = super().step_data()
        if done:
            self.answered = 0
        return done


def broken_in(state: str) -> frozenset[str]:
    wrong = [row for verb in VERBS for row in rows(f"in-state[{verb}-{state}]")]
    return frozenset([*wrong, *rows(f"quit-in-state[{state}]")])


MUTANTS = [
    *(
        Mutant(f"wrong_in_{state}", type(f"WrongIn_{state}", (WrongIn,), {"state": state}), broken_in(state))
        for state in STATES
    ),
    Mutant(
        "obeys_everything_in_data",
        ObeysEverythingInData,
        frozenset(f"in-data[{verb}]" for verb in (*VERBS, "QUIT")),
    ),
]
