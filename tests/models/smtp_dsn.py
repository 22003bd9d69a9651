"""Parameters of MAIL and RCPT that extensions bring: DSN (RFC 3461), DELIVERBY (RFC 2852), RRVS (RFC 7293)."""

from __future__ import annotations

import re
from datetime import datetime

from tests.models.smtp import SmtpModel

_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*"
_PRINTABLE = re.compile(r"\+(?:[01][0-9A-F]|7F|[89A-F][0-9A-F])")
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)
_ORCPT = re.compile(rf"[!-'*+\-/-9=?A-Z^-~]+;{_XTEXT}")
_BY = re.compile(r"([+-]?)(\d{1,9});([NR])T?", re.IGNORECASE)
_RRVS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))(?:;[CR])?", re.IGNORECASE)
LIST = "staff@example.test"
_REPORT = """\
Return-Path: <{path}>
Received: from {host} by {host}; Thu, 1 Jan 1970 00:00:00 +0000
From: <mailer@{host}>
To: <{to}>
Subject: delivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
{envelope}
{original}Final-Recipient: rfc822; {recipient}
Action: delivered
Status: 2.0.0

--b
Content-Type: text/rfc822-headers

{header}
--b--
"""


def unxtext(text: str) -> str:
    """What xtext stands for (RFC 3461 section 4)."""
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)


class Parameters(SmtpModel):
    """`world.files` is alice's mailbox: what is for bob alone does not get there, but a report to alice does."""

    keywords = (*SmtpModel.keywords, "DSN", "DELIVERBY 60", "RRVS")
    least_time = 60

    def greet(self) -> None:
        self.notify: dict[str, str] = {}
        self.original: dict[str, str] = {}
        self.envelope: str | None = None
        super().greet()

    def reset(self) -> None:
        super().reset()
        self.notify, self.original, self.envelope = {}, {}, None

    # -- the commands

    def known(self, argument: str) -> tuple[str, ...]:
        """The parameters of MAIL and RCPT."""
        if argument.upper().startswith("FROM:"):
            return ("SIZE", "BODY", "RET", "ENVID", "BY")
        return ("NOTIFY", "ORCPT", "RRVS")

    def bad_parameter(self, argument: str) -> bool:
        return any(name not in self.known(argument) for name, _ in self.words(argument))

    def words(self, argument: str) -> list[tuple[str, str]]:
        """The parameters behind the path, names in capitals."""
        return [
            (word.partition("=")[0].upper(), word.partition("=")[2])
            for word in argument.partition(">")[2].split()
        ]

    def do_MAIL(self, argument: str) -> None:
        if self.helo and self.sender is None and self.path(argument, "FROM:") is not None:
            refusal = self.refused(argument, ("RET", "ENVID", "BY"))
            if refusal:
                return self.say(refusal)
        super().do_MAIL(argument)
        if self.sender is not None:
            self.envelope = self.value(argument, "ENVID")
        return None

    def do_RCPT(self, argument: str) -> None:
        if self.sender is not None:
            refusal = self.refused(argument, ("NOTIFY", "ORCPT", "RRVS"))
            if refusal:
                return self.say(refusal)
        before = len(self.recipients)
        super().do_RCPT(argument)
        if len(self.recipients) > before:
            path = self.recipients[-1]
            self.notify[path] = (self.value(argument, "NOTIFY") or "").upper()
            self.original[path] = self.value(argument, "ORCPT") or ""
        return None

    def refused(self, argument: str, names: tuple[str, ...]) -> str:
        """The refusal of a parameter of these names, or nothing."""
        found = [name for name, _ in self.words(argument)]
        for name, value in self.words(argument):
            if name not in names:
                continue
            if found.count(name) > 1 and not self.may_repeat(name):
                return f"501 {name} twice"
            if not getattr(self, "is_" + name)(value):
                return f"501 bad {name}"
        return self.by_refused(self.value(argument, "BY") or "")

    def may_repeat(self, _name: str) -> bool:
        return False

    def by_refused(self, value: str) -> str:
        match = _BY.fullmatch(value)
        short = match and match[3] in "Rr" and int(match[2]) < self.least_time
        return "555 no time" if short else ""

    # -- valid values

    def is_RET(self, value: str) -> bool:
        return value.upper() in ("FULL", "HDRS")

    def is_ENVID(self, value: str) -> bool:
        return self.is_xtext(value)

    def is_xtext(self, value: str) -> bool:
        return bool(value) and re.fullmatch(_XTEXT, value) is not None and not _PRINTABLE.search(value)

    def is_NOTIFY(self, value: str) -> bool:
        return _NOTIFY.fullmatch(value) is not None

    def is_ORCPT(self, value: str) -> bool:
        return _ORCPT.fullmatch(value) is not None

    def is_BY(self, value: str) -> bool:
        match = _BY.fullmatch(value)
        return match is not None and not (match[3] in "Rr" and (match[1] == "-" or int(match[2]) == 0))

    def is_RRVS(self, value: str) -> bool:
        match = _RRVS.fullmatch(value)
        return match is not None and self.is_date(match[1])

    def is_date(self, text: str) -> bool:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return False
        return True

    # -- delivery

    def recipient(self, path: str) -> None:
        if path.lower() != LIST:
            return super().recipient(path)
        self.recipients.append(path)
        return self.say("250 OK, to all of them")

    def return_path(self) -> bytes:
        """A list sends in the name of its owner (RFC 5321 section 3.9.2)."""
        if LIST in (path.lower() for path in self.recipients):
            return b"Return-Path: <owner-staff@example.test>\r\n"
        return super().return_path()

    def deliver(self, mail: bytes) -> None:
        if any(not path.startswith("bob@") for path in self.recipients):
            super().deliver(mail)
        for path in self.recipients:
            if self.reports(path):
                self.world.files.append(self.report(path, mail))

    def reports(self, path: str) -> bool:
        return "SUCCESS" in self.notify[path] and self.sender == "alice@example.test"

    def report(self, path: str, mail: bytes) -> bytes:
        """The DSN "delivered" (section 6)."""
        header = mail.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n", "\n")
        text = _REPORT.format(
            path=self.report_path(),
            host=self.host,
            to=self.sender,
            envelope=self.envelope_field(),
            original=self.original_field(path),
            recipient=path,
            header=header,
        )
        return text.replace("\n", "\r\n").encode()

    def report_path(self) -> str:
        return ""

    def envelope_field(self) -> str:
        return "" if self.envelope is None else f"Original-Envelope-Id: {unxtext(self.envelope)}\n"

    def original_field(self, path: str) -> str:
        return f"Original-Recipient: {unxtext(self.original[path])}\n" if self.original[path] else ""
