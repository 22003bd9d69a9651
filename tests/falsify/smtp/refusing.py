"""Hosts without service, with one planted bug each."""

from __future__ import annotations

from tests.falsify.harness import mutant, rows, saying
from tests.models.smtp_refusing import NoMail, NoService


class Leaves(NoService):
    """Closes the connection right behind the greeting."""

    def greet(self):
        super().greet()
        self.line.fin()


class Serves(NoService):
    def refuse(self, _line):
        self.say("250 OK")


class ServesNoMail(NoMail):
    def refuse(self, _line):
        self.say("250 OK")


MUTANTS = [
    mutant("no_service_leaves", Leaves, "no-service-keeps-connection"),
    mutant("no_service_serves", Serves, *rows("no-service[EHLO|MAIL|NOOP]")),
    mutant("no_service_says_nothing", NoService, "no-service-reason", greeting="554 no"),
    mutant("no_mail_welcomes", NoMail, "no-mail-greeting", greeting="250 mx.example.test ready"),
    mutant("no_mail_serves", ServesNoMail, "no-mail-further"),
    mutant("no_mail_stays", NoMail, "no-mail-quit", do_QUIT=saying("250 OK")),
]
