"""SMTP servers with one planted bug each: ETRN, and BURL where it has no place."""

from __future__ import annotations

from tests.falsify.harness import Mutant, saying
from tests.falsify.harness import mutant as made
from tests.models.smtp import SmtpModel
from tests.models.smtp_etrn import Etrn


class LateEtrn(Etrn):
    """Answers when the queue has been worked off."""

    def start(self, argument):
        self.line.say(f"250 OK, {argument} done\r\n".encode(), after=15.0)


class ResettingEtrn(Etrn):
    def within_transaction(self):
        within = super().within_transaction()
        self.reset()
        return within


MUTANTS = [
    made("etrn_parameter", Etrn, "etrn-keyword", keywords=(*SmtpModel.keywords, "ETRN now")),
    made(
        "etrn_354",
        Etrn,
        "etrn",
        "etrn-wider[a-domain-and-all-below]",
        "etrn-wider[a-queue]",
        start=saying("354 go on"),
    ),
    Mutant("etrn_late", LateEtrn, frozenset({"etrn-at-once"})),
    made("etrn_any_time", Etrn, "etrn-within-transaction", within_transaction=lambda _: False),
    Mutant("etrn_resets", ResettingEtrn, frozenset({"etrn-leaves-transaction"})),
    made("etrn_any_argument", Etrn, "etrn-without-argument", "etrn-bad-characters", is_node=lambda *_: True),
    made(
        "etrn_unqualified_354",
        Etrn,
        "etrn-unqualified",
        is_node=lambda _, name: "." in name or name == "unqualified",
        start=lambda self, name: self.say("354 eh" if "." not in name else "250 OK"),
    ),
    made("etrn_unoffered", SmtpModel, "etrn-not-offered", do_ETRN=saying("250 OK")),
    made("burl_on_smtp", SmtpModel, "burl-not-on-smtp", keywords=(*SmtpModel.keywords, "BURL imap")),
]
