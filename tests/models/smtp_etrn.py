"""ETRN for the model SMTP server (RFC 1985)."""

from __future__ import annotations

import re

from tests.models.smtp import SmtpModel

_NODE = re.compile(r"[@#]?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


class Etrn(SmtpModel):
    keywords = (*SmtpModel.keywords, "ETRN")

    def do_ETRN(self, argument):
        if self.within_transaction():
            return self.say("503 not within a transaction")
        if not self.is_node(argument):
            return self.say("501 ETRN node")
        return self.start(argument)

    def within_transaction(self):
        return self.sender is not None

    def is_node(self, argument):
        qualified = "." in argument or argument.startswith("#")
        return qualified and _NODE.fullmatch(argument) is not None

    def start(self, argument):
        self.say(f"251 OK, no messages waiting for {argument}")
