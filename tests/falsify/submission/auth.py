"""Submission servers with one planted bug each: AUTH."""

from __future__ import annotations

from tests.falsify.smtp.auth import OfferedNotPermitted, TellsInClear, auth, codes
from tests.falsify.smtp.tls import broken
from tests.models.smtp_submission import SubmissionInClear, SubmissionModel

MUTANTS = [
    *auth(SubmissionModel, SubmissionModel),
    *codes(SubmissionModel),
    broken(SubmissionModel, TellsInClear, "refusal-in-clear-tells-nothing"),
    broken(SubmissionInClear, OfferedNotPermitted, "auth-offered-means-permitted[PLAIN|LOGIN]"),
]
