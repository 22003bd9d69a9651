"""A conforming submission server (RFC 6409): a login first, and a message made whole. With BURL (RFC 4468)."""

from __future__ import annotations

import re

from tests.models.smtp_auth import LIST, Auth, Coded
from tests.models.smtp_enhanced import InternationalDsn
from tests.models.smtp_tls import RequireTls, StartTls

MORE = ("ENHANCEDSTATUSCODES", "DSN", "DELIVERBY 60", "RRVS", "SMTPUTF8")
_FREE = ("AUTH", "EHLO", "HELO", "NOOP", "RSET", "QUIT", "STARTTLS")


class SubmissionModel(RequireTls, Coded, InternationalDsn):
    """AUTH under TLS only; nearly everything else needs a login."""

    burl = "BURL imap"
    keywords = (*StartTls.keywords, *MORE)
    secured_keywords = (*Auth.secured_keywords, *MORE, "REQUIRETLS", burl)

    def on_line(self, line):
        verb = line.partition(b" ")[0].decode("ascii", "replace").upper()
        if self.exchange is None and not self.user and self.needs_login(verb):
            self.say("530 5.7.0 log in first" if self.secure else "530 5.7.0 STARTTLS first")
        else:
            super().on_line(line)

    def needs_login(self, verb):
        out_of_sequence = verb == "MAIL" and not self.helo
        return verb not in _FREE and hasattr(self, f"do_{verb}") and not out_of_sequence

    def known(self, argument):
        more = ("AUTH",) if self.auth_parameter(argument, "AUTH=") else ()
        return (*super().known(argument), *more)

    def deliver(self, mail):
        super().deliver(self.completed(mail))

    def completed(self, mail):
        """Date and Message-ID are added where they are missing (sections 8.2 and 8.3)."""
        header = mail.partition(b"\r\n\r\n")[0]
        added = [line for line in self.additions() if not self.has(header, line.partition(b":")[0])]
        return mail if not added else self.trace_end(mail, b"".join(added))

    def additions(self):
        return (b"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n", b"Message-ID: <1@mx.example.test>\r\n")

    def has(self, header, name):
        return re.search(rb"^" + name + rb":", header, re.IGNORECASE | re.MULTILINE) is not None

    def trace_end(self, mail, lines):
        """Behind the trace lines, which stand in front."""
        end = mail.index(b"\r\n") + 2
        return mail[:end] + lines + mail[end:]

    def do_BURL(self, argument):
        url, *words = argument.split()[:2] or [""]
        if self.sender is None or not self.recipients:
            return self.say("503 5.5.1 RCPT first")
        if not url or self.odd(words):
            return self.say("501 5.5.4 BURL URL [LAST]")
        return self.resolve(url)

    def odd(self, words):
        return [word.upper() for word in words] not in ([], ["LAST"])

    def resolve(self, url):
        user = re.search(r"submit\+([^:;]*)", url)
        if user and user[1] != self.user:
            return self.say("554 5.7.0 the URL is not for you")
        return self.say("554 5.6.6 cannot resolve that")


class SubmissionInClear(SubmissionModel):
    """AUTH before STARTTLS as well."""

    keywords = (*SubmissionModel.keywords, LIST)


class PlainSubmission(SubmissionModel):
    """No TLS at all."""

    keywords = tuple(word for word in SubmissionInClear.keywords if word != "STARTTLS")

    def do_STARTTLS(self, _argument):
        self.say("502 5.5.1 no TLS here")


class Submissions(SubmissionModel):
    """On a port with implicit TLS."""

    keywords = SubmissionModel.secured_keywords
    implicit = True
