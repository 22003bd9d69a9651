"""The model LMTP server (RFC 2033): SMTP with LHLO, and one reply for each recipient."""

from __future__ import annotations

from typing import ClassVar

from tests.models.smtp_auth import LIST, Auth
from tests.models.smtp_chunking import Chunking
from tests.models.smtp_enhanced import Enhanced, InternationalDsn

FULL = "full@example.test"  # accepted, and then there is no room
_VERBS = {"LHLO": "EHLO", "EHLO": "", "HELO": ""}


class Lmtp(Enhanced):
    """LHLO is what EHLO is in SMTP; the other two are no commands."""

    own_facts: ClassVar[dict[str, str]] = {"failing_recipient": FULL}

    def verb(self, word: str) -> str:
        verb = super().verb(word)
        return _VERBS.get(verb, verb)

    def recipient(self, path: str) -> None:
        if path.lower() != FULL:
            return super().recipient(path)
        self.recipients.append(path)
        return self.say("250 OK")

    def taken(self) -> None:
        fates = self.fates(self.recipients)
        self.reset()
        for fate in fates:
            self.say(fate)

    def fates(self, recipients: list[str]) -> list[str]:
        """One reply for each recipient, in their order."""
        full = (path.lower() == FULL for path in recipients)
        return ["452 mailbox full" if one else "250 OK: delivered" for one in full]

    def transmission(self) -> str:
        return "LMTP"


class LmtpChunking(Chunking, Lmtp):
    """With CHUNKING: a last chunk without a recipient gets no reply (RFC 2033 section 4.3)."""

    keywords = (*Lmtp.keywords, "CHUNKING", "BINARYMIME")

    def step_chunk(self) -> bool:
        if self.refusal and self.last and self.sender is not None and not self.recipients:
            self.refusal = "no reply"
        return super().step_chunk()

    def say(self, text: str) -> None:
        if text != "no reply":
            super().say(text)


class LmtpInternational(InternationalDsn, Lmtp):
    """With SMTPUTF8, DSN and RRVS."""

    keywords = (*Lmtp.keywords, "SMTPUTF8", "DSN", "RRVS")
    own_facts: ClassVar[dict[str, str]] = {**InternationalDsn.own_facts, **Lmtp.own_facts}

    def transmission(self) -> str:
        return "UTF8LMTP" if self.international else "LMTP"


class LmtpAuth(Auth, Lmtp):
    """With STARTTLS, and AUTH in clear as well as under TLS."""

    keywords = (*Lmtp.keywords, "STARTTLS", LIST)
    secured_keywords = (*Lmtp.keywords, LIST)


class LmtpAuthInClear(LmtpAuth):
    """Without STARTTLS."""

    keywords = LmtpAuth.secured_keywords
    do_STARTTLS = None  # no such command
