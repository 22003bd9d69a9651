"""SMTP servers that do not take their own EHLO reply seriously, or tell lies in trace lines (RFC 3848)."""

from __future__ import annotations

from tests.falsify.harness import mutant
from tests.models.smtp import BareModel, SmtpModel
from tests.models.smtp_auth import Auth, AuthInClear

B, M = BareModel, SmtpModel


class HalfTakes(B):
    """Answers one parameter that it does not offer in a way of its own."""

    parameter = ""

    def say(self, text):
        asked = self.asked.partition(">")[2].strip().startswith(self.parameter)
        super().say("354 go on" if text.startswith("555") and asked else text)

    def on_line(self, line):
        self.asked = line.decode("utf-8", "replace")
        super().on_line(line)

    def greet(self):
        self.asked = ""
        super().greet()


class WantsChunks(M):
    def do_BDAT(self, _argument):
        self.say("354 go on")


NOT_OFFERED = {
    "SIZE": "SIZE=100",
    "8BITMIME": "BODY=8BITMIME",
    "BINARYMIME": "BODY=BINARYMIME",
    "SMTPUTF8": "SMTPUTF8",
    "DSN-RET": "RET=",
    "DSN-NOTIFY": "NOTIFY=",
    "DELIVERBY": "BY=",
    "RRVS": "RRVS=",
    "MT-PRIORITY": "MT-PRIORITY=",
}

MUTANTS = [
    *(
        mutant(f"half_takes_{row}", HalfTakes, f"parameter-not-offered[{row}]", parameter=parameter)
        for row, parameter in NOT_OFFERED.items()
    ),
    mutant("takes_LHLO", M, "no-lhlo", do_LHLO=M.do_EHLO),
    mutant("wants_chunks", WantsChunks, "chunk-not-offered"),
    mutant(
        "says_ESMTP_under_TLS",
        Auth,
        *("received-with-tls[ESMTPS]", "received-with-auth-under-tls[ESMTPSA]"),
        transmission=lambda _self: "ESMTP",
    ),
    mutant(
        "says_ESMTP_after_login",
        AuthInClear,
        "received-with-auth-in-clear[ESMTPA]",
        transmission=lambda _self: "ESMTP",
    ),
    mutant("says_ESMTP_always", M, "received-with[SMTP]", transmission=lambda _self: "ESMTP"),
    mutant("says_SMTP_always", M, "received-with-in-clear", transmission=lambda _self: "SMTP"),
]
