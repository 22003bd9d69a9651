"""Submission servers with one planted bug each: STARTTLS, implicit TLS, REQUIRETLS."""

from __future__ import annotations

from tests.falsify.smtp import tls
from tests.falsify.smtp.tls import broken
from tests.models.smtp_submission import PlainSubmission, SubmissionInClear, SubmissionModel, Submissions


class Open(SubmissionModel):
    """MAIL without a login; conforming where the client is known by other means."""

    def needs_login(self, verb):
        return verb != "MAIL" and super().needs_login(verb)


MUTANTS = [
    *tls.starttls(SubmissionModel),
    *tls.implicit(Submissions),
    *tls.require_tls(SubmissionModel),
    broken(Open, tls.KeepsName, "ehlo-needed-after-tls"),
    broken(SubmissionInClear, tls.KeepsLogin, "login-forgotten"),
    broken(PlainSubmission, tls.UpgradesUnasked, "starttls-not-offered"),
]
