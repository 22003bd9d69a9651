"""Users who moved, aliases and lists (RFC 5321 sections 3.4 and 3.9)."""

from __future__ import annotations

import re

from tests.falsify.harness import mutant, rows
from tests.falsify.smtp.commands import first
from tests.models.smtp_kinds import Generous

G = Generous


class KeepsSender(G):
    """Sends to lists under the name of who wrote."""

    def recipient(self, path):
        kept = self.sender
        super().recipient(path)
        self.sender = kept


class OwnsAliases(G):
    """Takes an alias for a list."""

    def recipient(self, path):
        if path.startswith("office@"):
            self.sender = "owner-office@example.test"
        super().recipient(path)


class LosesAliases(G):
    def recipient(self, path):
        super().recipient("bob@example.test" if path.startswith("office@") else path)


class EditsHeader(G):
    def deliver(self, mail):
        super().deliver(re.sub(rb"(?m)^To: <staff@example.test>", b"To: staff", mail))


MUTANTS = [
    first(
        "moved_355",
        "RCPT TO:<moved",
        "355 where to?",
        *rows("moved-user[answered-as-the-tables-allow|answered-as-in-1982]"),
        base=G,
    ),
    first("moved_without_path", "RCPT TO:<moved", "551 gone", "moved-user-path", base=G),
    first(
        "ambiguous_250",
        "VRFY smith",
        "250 <smith@example.test>",
        *rows("ambiguous-user[RFC-5321|RFC-821]"),
        base=G,
    ),
    first(
        "list_in_one_line",
        "EXPN staff",
        "250 <alice@example.test>, <bob@example.test>",
        "list-in-lines",
        base=G,
    ),
    mutant("keeps_sender", KeepsSender, "list[the-reverse-path-becomes-its-owner]"),
    mutant("owns_aliases", OwnsAliases, "alias-keeps-sender"),
    mutant("loses_aliases", LosesAliases, "alias-arrives"),
    mutant("edits_header", EditsHeader, "list[the-header-section-stays]"),
]
