"""A relay: what the model SMTP server does with mail for the next hops of the tester (RFC 5321 sections 3.6.3 and 6).

The next hops are the real ones, `Receiver` of plumbline.probes, fed without sockets. Failures are reported at once, to
where the reverse-path points; what is deferred waits in the queue of the world. Every rule is a method of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from plumbline.probes.protocols.nexthop import Receiver

from tests.models.smtp_auth import Auth
from tests.models.smtp_dsn import unxtext
from tests.models.smtp_enhanced import InternationalDsn
from tests.models.smtp_etrn import Etrn
from tests.models.smtp_submission import SubmissionModel
from tests.models.smtp_tls import RequireTls
from tests.models.world import World

HOPS = {f"{name}.relay.test": name for name in ("full", "plain", "dead", "loop", "unknown")}
FORWARDED = {"away@example.test": "away@full.relay.test"}
_MOST_HOPS = 30  # Received lines
_PATIENCE = 5.0  # seconds until a delay is told
_REPORT = """\
Received: by {host}; Thu, 1 Jan 1970 00:00:00 +0000
From: <mailer@{host}>
To: <{to}>
Subject: what became of your mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Here is what became of your mail.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
{envelope}{recipients}
--b
Content-Type: text/rfc822-headers

{header}
--b--
"""


@dataclass(frozen=True)
class Rcpt:
    """A recipient, with the parameters that came with it."""

    path: str
    words: tuple[tuple[str, str], ...] = ()

    @property
    def hop(self) -> str:
        return HOPS.get(self.path.rpartition("@")[2].lower(), "")

    def word(self, name: str) -> str:
        return dict(self.words).get(name, "")


@dataclass(frozen=True)
class Mail:
    """A mail with its envelope. `came` is when, in the world's time."""

    sender: str
    words: tuple[tuple[str, str], ...]
    recipients: tuple[Rcpt, ...]
    octets: bytes
    came: float

    def word(self, name: str) -> str:
        return dict(self.words).get(name, "")


@dataclass(frozen=True)
class Fate:
    """What became of a recipient: `action` as in RFC 3464 section 2.3.3, `said` is the reply of the next hop."""

    rcpt: Rcpt
    action: str
    said: str = ""


_QUEUES: WeakKeyDictionary[World, list[Mail]] = WeakKeyDictionary()


def joined(words: tuple[tuple[str, str], ...]) -> str:
    return "".join(f" {name}={value}" if value else f" {name}" for name, value in words)


class Relay(Etrn, InternationalDsn):
    """Relays for everybody to the domains of the next hops."""

    relays = True
    keywords = (*InternationalDsn.keywords, "DELIVERBY", "RRVS", "ETRN")
    least_time = 1
    most_tries = 3

    def greet(self):
        self.mail_words = ()
        self.rcpts = []
        super().greet()

    def reset(self):
        super().reset()
        self.mail_words, self.rcpts = (), []

    # -- the commands

    def do_MAIL(self, argument):
        before = self.sender
        super().do_MAIL(argument)
        if before is None and self.sender is not None:
            self.mail_words = tuple(self.words(argument))

    def do_RCPT(self, argument):
        before = len(self.recipients)
        super().do_RCPT(argument)
        if len(self.recipients) > before:
            self.rcpts.append(Rcpt(self.forward_path(argument), tuple(self.words(argument))))

    def forward_path(self, argument):
        """The path of RCPT as it is passed on: without the source route, which names nobody that we have to ask."""
        path = re.match(r"TO:<(?:@[^:]*:)?([^>]*)>", argument, re.IGNORECASE)
        return FORWARDED.get(path[1].lower(), path[1])

    def recipient(self, path):
        if path.rpartition("@")[2].lower() in HOPS or path.lower() in FORWARDED:
            self.recipients.append(path)
            self.say("250 OK")
        else:
            super().recipient(path)

    def start(self, argument):
        """ETRN: what waits for that host goes out on connections of our own."""
        self.say("250 OK, starting")
        waiting = self.queue()
        _QUEUES[self.world] = []
        for mail in waiting:
            self.pass_on(mail)

    # -- relaying

    def deliver(self, mail):
        remote = tuple(rcpt for rcpt in self.rcpts if rcpt.hop)
        local = [path for path, rcpt in zip(self.recipients, self.rcpts, strict=True) if not rcpt.hop]
        if local:
            everybody, self.recipients = self.recipients, local
            super().deliver(mail)
            self.recipients = everybody
        if remote:
            self.pass_on(Mail(self.reverse_path(), self.mail_words, remote, mail, self.world.now))

    def reverse_path(self):
        return self.sender

    def pass_on(self, mail):
        """To each next hop what is for it."""
        fates = []
        for hop in dict.fromkeys(rcpt.hop for rcpt in mail.recipients):
            part = replace(mail, recipients=tuple(rcpt for rcpt in mail.recipients if rcpt.hop == hop))
            fates += self.to_hop(hop, part)
        self.tell(mail, fates)

    def to_hop(self, hop, mail):
        match hop:
            case "dead":
                return self.wait(mail)
            case "loop":
                return self.around(mail)
            case "unknown":
                return self.nowhere(mail)
            case _:
                return self.talk(Receiver(hop, self.world.postbox), mail)

    def around(self, mail):
        """Mail that we send to ourselves comes back with one trace line more, until that is enough."""
        again = replace(mail, octets=b"Received: by us\r\n" + mail.octets)
        if again.octets.count(b"Received: ") >= _MOST_HOPS:
            return self.all_failed(mail, "554 5.4.6 too many hops")
        return self.around(again)

    def nowhere(self, mail):
        """The domain does not exist."""
        return self.all_failed(mail, "550 5.1.2 no such host")

    def wait(self, mail):
        """Nobody listens there. With BY we know how long to try (RFC 2852 section 4.1.3)."""
        seconds, _, mode = mail.word("BY").partition(";")
        if seconds:
            action = "failed" if mode.upper().startswith("R") else "delayed"
            said = "" if action == "delayed" else "554 5.4.7 delivery time expired"
            fates = [Fate(rcpt, action, said) for rcpt in mail.recipients]
            self.world.later(float(seconds), lambda: self.tell(mail, fates))
        return []

    def talk(self, hop, mail):
        """One transaction with a next hop."""
        hop.greeting()
        offered = hop.feed(f"EHLO {self.host}\r\n".encode()).decode().upper()
        if refusal := self.unfit(mail, offered):
            return self.all_failed(mail, refusal)
        if "AUTH PLAIN" in offered:
            hop.feed(b"AUTH PLAIN AGEAYg==\r\n")
        words = joined(self.mail_parameters(mail, offered))
        hop.feed(f"MAIL FROM:<{mail.sender}>{words}\r\n".encode())
        said = {rcpt: hop.feed(self.rcpt_line(rcpt, offered)).decode() for rcpt in mail.recipients}
        taken = [rcpt for rcpt, answer in said.items() if answer.startswith("250")]
        if taken:
            hop.feed(b"DATA\r\n")
            answer = hop.feed(self.stuffed(self.content(mail, offered)) + b".\r\n").decode()
            said |= dict.fromkeys(taken, answer)
        hop.feed(b"QUIT\r\n")
        return [self.fate(mail, rcpt, answer, offered) for rcpt, answer in said.items()]

    def rcpt_line(self, rcpt, offered):
        return f"RCPT TO:<{rcpt.path}>{joined(self.rcpt_parameters(rcpt, offered))}\r\n".encode()

    def all_failed(self, mail, said):
        return [Fate(rcpt, "failed", said) for rcpt in mail.recipients]

    def unfit(self, mail, offered):
        """Why a mail cannot go to a next hop that offers this, or ""."""
        if ("REQUIRETLS", "") in mail.words and "REQUIRETLS" not in offered:
            return "554 5.7.30 no REQUIRETLS there"
        if ("SMTPUTF8", "") in mail.words and "SMTPUTF8" not in offered:
            return "554 5.6.7 no SMTPUTF8 there"
        if mail.word("BY").upper().partition(";")[2].startswith("R") and "DELIVERBY" not in offered:
            return "554 5.4.7 no DELIVERBY there"
        if (
            any(rcpt.word("RRVS").upper().endswith(";R") for rcpt in mail.recipients)
            and "RRVS" not in offered
        ):
            return "554 5.7.15 no RRVS there"
        return self.body_unfit(mail, offered)

    def body_unfit(self, mail, offered):
        if not mail.octets.isascii() and "8BITMIME" not in offered:
            return "554 5.6.3 no 8BITMIME there"
        return ""

    def mail_parameters(self, mail, offered):
        """The parameters of MAIL that go on, with the time that is left."""
        author = (("AUTH", self.author(mail)),) if "AUTH PLAIN" in offered else ()
        known = {"BODY": "8BITMIME", "RET": "DSN", "ENVID": "DSN", "SMTPUTF8": "SMTPUTF8", "BY": "DELIVERBY"}
        return (
            tuple(
                (name, self.time_left(mail, value) if name == "BY" else value)
                for name, value in mail.words
                if name in known and known[name] in offered
            )
            + author
        )

    def author(self, _mail):
        """Who has sent it: nobody whom we know (RFC 4954 section 5)."""
        return "<>"

    def time_left(self, mail, value):
        seconds, _, mode = value.partition(";")
        return f"{int(int(seconds) - (self.world.now - mail.came))};{mode}"

    def rcpt_parameters(self, rcpt, offered):
        known = {"NOTIFY": "DSN", "ORCPT": "DSN", "RRVS": "RRVS"}
        return tuple(word for word in rcpt.words if word[0] in known and known[word[0]] in offered)

    def content(self, mail, _offered):
        return mail.octets

    def stuffed(self, octets):
        return re.sub(rb"(?m)^\.", b"..", octets)

    def fate(self, mail, rcpt, answer, offered):
        match answer[:1]:
            case "2":
                return Fate(rcpt, "relayed" if "DSN" not in offered else "")
            case "4":
                self.queue().append(replace(mail, recipients=(rcpt,)))
                self.world.later(_PATIENCE, lambda: self.tell(mail, [Fate(rcpt, "delayed")]))
                return Fate(rcpt, "")
            case _:
                return Fate(rcpt, "failed", answer.strip())

    def queue(self):
        return _QUEUES.setdefault(self.world, [])

    # -- reports

    def tell(self, mail, fates):
        """One report about all recipients of whom there is something to say, unless nobody sent the mail."""
        told = [fate for fate in fates if fate.action and self.is_wanted(fate)]
        if told and self.may_report(mail):
            rcpt = Rcpt(self.report_to(mail))
            octets = self.report_of(mail, told)
            if rcpt.hop:
                self.pass_on(Mail(self.report_path(), (), (rcpt,), octets, self.world.now))
            elif rcpt.path == "alice@example.test":
                self.world.files.append(b"Return-Path: <>\r\n" + octets)

    def may_report(self, mail):
        return bool(mail.sender)

    def is_wanted(self, fate):
        """By NOTIFY (RFC 3461 section 4.1). Nobody told us: failures."""
        wanted = fate.rcpt.word("NOTIFY").upper().split(",")
        if wanted == [""]:
            return fate.action in ("failed", "delayed")
        return {"failed": "FAILURE", "delayed": "DELAY", "relayed": "SUCCESS"}[fate.action] in wanted

    def report_to(self, mail):
        return mail.sender

    def report_of(self, mail, fates):
        header = mail.octets.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n", "\n")
        envelope = f"Original-Envelope-Id: {unxtext(mail.word('ENVID'))}\n" if mail.word("ENVID") else ""
        text = self.report_text().format(
            host=self.host,
            to=mail.sender,
            envelope=envelope,
            recipients="\n".join(self.fields_of(fate) for fate in fates),
            header=header + self.body_of(mail),
        )
        return text.replace("\n", "\r\n").encode("ascii", "replace")

    def body_of(self, _mail):
        """What a report has of the body: nothing, whatever RET says."""
        return ""

    def report_text(self):
        return _REPORT

    def fields_of(self, fate):
        """The fields of a recipient (RFC 3464 section 2.3), behind an empty line."""
        status = re.search(r"[245]\.\d+\.\d+", fate.said)
        lines = ["", f"Final-Recipient: rfc822; {fate.rcpt.path}", f"Action: {fate.action}"]
        lines.append(f"Status: {status[0] if status else {'failed': '5.0.0'}.get(fate.action, '2.0.0')}")
        if fate.said:
            lines += ["Remote-MTA: dns; next.hop.test", f"Diagnostic-Code: smtp; {fate.said}"]
        return "\n".join(lines) + "\n"


class Converting(Relay):
    """Converts what has 8 bits for a next hop without 8BITMIME (RFC 6152 section 3)."""

    def body_unfit(self, _mail, _offered):
        return ""

    def mail_parameters(self, mail, offered):
        return tuple(
            word
            for word in super().mail_parameters(mail, offered)
            if word[0] != "BODY" or "8BITMIME" in offered
        )

    def content(self, mail, offered):
        if mail.octets.isascii() or "8BITMIME" in offered:
            return mail.octets
        head, end, body = mail.octets.partition(b"\r\n\r\n")
        head = re.sub(
            rb"(?im)^Content-Transfer-Encoding:.*$",
            b"Content-Transfer-Encoding: quoted-printable\r",
            head + b"\r",
        )[:-1]
        return head + end + self.quoted(body)

    def quoted(self, body):
        """Quoted-printable (RFC 2045 section 6.7)."""
        return re.sub(rb"[=\x80-\xff]", lambda match: b"=%02X" % ord(match[0]), body)


class SecureRelay(RequireTls, Relay, Auth):
    """With TLS, REQUIRETLS and AUTH."""

    _MORE = ("ENHANCEDSTATUSCODES", "DSN", "DELIVERBY", "RRVS", "SMTPUTF8", "ETRN")
    keywords = (*Auth.keywords, *_MORE)
    secured_keywords = (*Auth.secured_keywords, *_MORE, "REQUIRETLS")

    def known(self, argument):
        return (*super().known(argument), *(("AUTH",) if argument.upper().startswith("FROM:") else ()))


class RelayingSubmission(Relay, SubmissionModel):
    """The same behind a login."""

    keywords = SubmissionModel.keywords
    secured_keywords = tuple(word.replace(" 60", "") for word in SubmissionModel.secured_keywords)
