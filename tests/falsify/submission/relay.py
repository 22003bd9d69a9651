"""What a submission server passes on (RFC 6409 sections 4.2 and 8.8)."""

from __future__ import annotations

from dataclasses import replace

from tests.falsify.harness import Mutant, mutant, rows
from tests.falsify.smtp.relay_extensions import requiring_tls
from tests.models.smtp_relay import RelayingSubmission

M = RelayingSubmission


def renaming(name: str, change, *breaks: str) -> Mutant:
    """Passes recipients on under other names."""

    def rcpt_line(self, rcpt, offered):
        return M.rcpt_line(self, replace(rcpt, path=change(rcpt.path)), offered)

    return mutant(name, M, *breaks, rcpt_line=rcpt_line)


def _cut(path: str) -> str:
    local, _, domain = path.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


MUTANTS = [
    *requiring_tls(M),
    renaming("submits_small_letters", str.lower, "submitted-local-part[capitals]"),
    renaming("submits_without_detail", _cut, *rows("submitted-local-part[plus|user-of-the-target]")),
    renaming(
        "submits_without_quotes",
        lambda path: path.replace('"', "").replace(" ", "_"),
        "submitted-local-part[quoted-blank]",
    ),
    mutant(
        "submits_completed",
        M,
        "submitted-incomplete-domain",
        reverse_path=lambda self: self.sender.replace("@two.levels", "@two.levels.example.test"),
    ),
]
