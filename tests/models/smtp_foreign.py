"""Conforming servers with policies that no lab has: whatever they refuse, for whatever reason of their own, no rule is broken.

A policy is a mixin in front of a model. `FOREIGN` makes one server of each policy and each protocol that it makes sense for.
"""

from __future__ import annotations

from typing import ClassVar

from tests.falsify.harness import rows
from tests.models.lmtp import Lmtp, LmtpAuth, LmtpChunking, LmtpInternational
from tests.models.smtp_relay import RelayingSubmission, SecureRelay

EXCHANGE = (
    *("SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS", "AUTH NTLM"),
    *("AUTH=NTLM", "X-EXPS GSSAPI NTLM", "X-EXPS=LOGIN", "8BITMIME", "BINARYMIME", "CHUNKING", "XEXCH50"),
    *(
        "XRDST",
        "XSHADOW",
        "SMTPUTF8",
        "XCLIENT NAME ADDR",
        "XFORWARD NAME ADDR",
        "LIMITS MAILMAX=20",
        "VRFY",
        "HELP",
    ),
)


class RefusesSender:
    """No mail from our sender, whatever the parameters are."""

    def mail_accepted(self, _path):
        self.say("550 5.7.1 sender rejected")


class RefusesRecipients:
    """Nobody from our network may send to anybody here."""

    def recipient(self, _path):
        self.say("554 5.7.1 client host rejected")


class RefusesContent:
    """All our mail looks like spam."""

    refusal_of_text = "550 5.7.1 looks like spam"

    def text_refused(self, _text):
        return self.refusal_of_text

    def complete(self, _text):
        self.reset()
        self.say(self.refusal_of_text)


class Greylists:
    def recipient(self, _path):
        self.say("450 4.2.0 greylisted, come again")


class OneOfEach:
    """One recipient a mail, one mail a session."""

    most_recipients = 1
    mails = 0

    def taken(self):
        self.mails += 1
        super().taken()

    def mail_accepted(self, path):
        if self.mails:
            self.say("452 4.5.3 one mail is enough")
        else:
            super().mail_accepted(path)


class HidesWhoIsThere:
    """VRFY and EXPN tell nothing, and RCPT says the same of everybody whom it refuses."""

    def say(self, text):
        super().say("550 5.7.1 not available" if text.startswith("550") else text)

    def do_VRFY(self, _argument):
        self.say("252 2.1.5 not told")

    do_EXPN = do_VRFY


class TlsFirst:
    """Wants TLS before anything else (RFC 3207 section 4), and offers AUTH only then."""

    login_in_clear = ""

    own_facts: ClassVar = {
        **SecureRelay.own_facts,
        **Lmtp.own_facts,
        "role": "",
    }  # none that is reached by MX

    def on_line(self, line):
        verb = line.partition(b" ")[0].upper()
        if self.secure or verb in (b"NOOP", b"EHLO", b"LHLO", b"STARTTLS", b"QUIT", b"BDAT"):
            super().on_line(line)
        else:
            self.say("530 5.7.0 Must issue a STARTTLS command first")

    def chunk_refused(self):
        return super().chunk_refused() if self.secure else "530 5.7.0 Must issue a STARTTLS command first"


class LoginFirst:
    """Wants a login (RFC 4954 section 6)."""

    own_facts: ClassVar = {**SecureRelay.own_facts, "role": ""}  # none that is reached by MX

    def on_line(self, line):
        verb = line.partition(b" ")[0].upper()
        free = verb in (b"AUTH", b"EHLO", b"LHLO", b"HELO", b"NOOP", b"RSET", b"QUIT", b"STARTTLS", b"BDAT")
        if self.exchange or self.user or free or not hasattr(self, f"do_{verb.decode('ascii', 'replace')}"):
            super().on_line(line)
        else:
            self.say("530 5.7.1 log in first")

    def chunk_refused(self):
        return super().chunk_refused() if self.user else "530 5.7.1 log in first"


class NoTlsNow:
    def do_STARTTLS(self, _argument):
        self.say("454 4.7.0 TLS not available due to temporary reason")


class TooWeak:
    """Wants a better TLS session, a client certificate for one (RFC 3207 section 4.1)."""

    def on_line(self, line):
        if self.secure and line.upper() != b"QUIT":
            self.say("554 5.7.0 security of the session is too weak")
        else:
            super().on_line(line)


class LockedOut:
    """Somebody has guessed at this account: the right password is refused as well."""

    def knows(self, _user, _password):
        return ""

    def ended_with(self, _user):
        self.failed("535 5.7.8 authentication failed")


class NoPasswordsNow(LockedOut):
    def ended_with(self, _user):
        self.failed("454 4.7.0 authentication server is away")


class DropsFailures:
    """Whoever fails to log in has to come again."""

    misses = frozenset({"three-failures"})  # a SHOULD NOT

    def failed(self, reply):
        super().failed(reply)
        self.line.fin()


class Tarpits:
    """Whoever fails to log in has to wait."""

    def failed(self, reply):
        self.exchange = None
        self.line.say(reply.encode() + b"\r\n", after=45.0)


class DropsSecondLogin:
    def do_AUTH(self, argument):
        if self.user:
            self.line.fin()
        else:
            super().do_AUTH(argument)


class OtherMechanisms:
    """Logins with tickets only."""

    login = login_in_clear = "AUTH XOAUTH2 OAUTHBEARER GSSAPI NTLM"

    def auth_refused(self, name, words):
        refusal = super().auth_refused(name, words)
        return refusal or "504 5.5.4 unrecognized authentication type"


class SaysMuch:
    """Every refusal has an id and the time in it."""

    said = 0

    def say(self, text):
        SaysMuch.said += 1
        super().say(f"{text} f{SaysMuch.said}-2026.{SaysMuch.said} - gsmtp" if text[0] in "45" else text)


class Exchange:
    keywords = EXCHANGE
    secured_keywords = tuple(word for word in EXCHANGE if word != "STARTTLS")

    def auth_refused(self, name, words):
        return super().auth_refused(name, words) or "504 5.7.4 unrecognized authentication type"

    def verb(self, word):
        return "" if word.upper() == "ETRN" else super().verb(word)


class Ok:
    """The list ends in a pleasantry."""

    def offers(self):
        return (*super().offers(), "Ok")


class NeverReports:
    """What is to be reported stays in the queue for longer than anybody waits."""

    def tell(self, _mail, _fates):
        return None


class ReportsLate:
    def tell(self, mail, fates):
        self.world.later(3600, lambda: super(ReportsLate, self).tell(mail, fates))


class DeliversLate:
    """A filter looks at every mail for an hour."""

    def deliver(self, mail):
        state = dict(self.__dict__)

        def later():
            now = dict(self.__dict__)
            self.__dict__.update(state)
            super(DeliversLate, self).deliver(mail)
            self.__dict__.clear()
            self.__dict__.update(now)

        self.world.later(3600, later)


class RewritesSender:
    """Sender rewriting: the reverse-path that goes on is ours, but for local ones and those that reports are to find."""

    def reverse_path(self):
        local, _, domain = super().reverse_path().rpartition("@")
        kept = not local or domain.endswith(("relay.test", "example.test"))
        return super().reverse_path() if kept else f"SRS0=x=y={domain}={local}@{self.host}"


class TrustsNetwork:
    """Submission without a login for our own network (RFC 6409 section 4.3); AUTH is not offered there."""

    login = login_in_clear = ""

    def needs_login(self, _verb):
        return False

    def recipient(self, path):
        if path == "someone@elsewhere.example":
            self.say("550 5.7.1 relaying denied")
        else:
            super().recipient(path)


class OwnAddressesOnly:
    """A user may send under the account's own address only, and has to say so in From as well."""

    def mail_accepted(self, path):
        if path in ("", "alice@example.test"):
            super().mail_accepted(path)
        else:
            self.say("553 5.7.1 sender address rejected: not owned by user")


class RefusesLater:
    """Without a login MAIL is answered 250, and RCPT refused: who is meant is known only then."""

    def needs_login(self, verb):
        return verb != "MAIL" and super().needs_login(verb)


class RefusesFaulty:
    """Takes no message without From, Date and Message-ID (RFC 6409 section 6.3)."""

    def text_refused(self, text):
        header = text.partition(b"\r\n\r\n")[0].lower()
        good = all(name in b"\n" + header for name in (b"\nfrom:", b"\ndate:", b"\nmessage-id:"))
        return super().text_refused(text) if good else "554 5.6.0 header fields are missing"


class FullMailboxes:
    """There is no room for anything in any mailbox."""

    fate = "452 4.2.2 mailbox full"

    def fates(self, recipients):
        return [self.fate for _ in recipients]


class FullForGood(FullMailboxes):
    fate = "552 5.2.2 mailbox full"


class Spam(FullMailboxes):
    fate = "550 5.7.1 looks like spam"


class RefusesFaultyMail(RefusesFaulty):
    """The same where it is not for the server to mind (RFC 5321 section 3.3)."""

    misses = frozenset(
        rows(
            "content-faults[no-From-no-Date|two-From-fields|broken-Date|two-Subjects|broken-MIME|no-field|no-body]"
        )
    )


_ANY = (
    *(RefusesSender, RefusesRecipients, Greylists, OneOfEach, HidesWhoIsThere, TlsFirst, NoTlsNow, TooWeak),
    *(SaysMuch, Ok, DeliversLate),
)
_SMTP = (
    *(RefusesContent, NeverReports, ReportsLate, RewritesSender),
    *(LockedOut, NoPasswordsNow, DropsFailures, Tarpits, DropsSecondLogin, OtherMechanisms),
)
_MX = (LoginFirst, Exchange, RefusesFaultyMail)
_MSA = (TrustsNetwork, OwnAddressesOnly, RefusesLater, RefusesFaulty)
_LMTP = (FullMailboxes, FullForGood, Spam)
_LISTS = {"keywords": "login_in_clear", "secured_keywords": "login"}


def _made(policies, *models):
    """One server of each policy and each model."""
    return tuple(
        type(f"{one.__name__}{model.__name__}", (one, model), _words(one, model))
        for model in models
        for one in policies
    )


def _words(policy, model):
    """The lists of EHLO with what the policy says of AUTH, if it does, in place of the model's."""
    return {
        name: tuple(_said(getattr(policy, key), getattr(model, name)))
        for name, key in _LISTS.items()
        if hasattr(policy, key)
    }


def _said(login, words):
    return filter(None, (login if word.startswith("AUTH") else word for word in words))


FOREIGN = {
    "smtp": _made((*_ANY, *_SMTP, *_MX), SecureRelay),
    "submission": _made((*_ANY, *_SMTP, *_MSA), RelayingSubmission),
    "lmtp": (*_made((*_ANY, *_LMTP), LmtpAuth), *_made((*_ANY[:2], *_LMTP), LmtpChunking, LmtpInternational)),
}
