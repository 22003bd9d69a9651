"""SMTP servers with one planted bug each: AUTH."""

from __future__ import annotations

import base64
import re

from tests.falsify.harness import Mutant
from tests.falsify.smtp.tls import broken
from tests.models.smtp_auth import Auth, AuthUnderTls, Coded


class OddSuccess:
    welcome = "250 welcome"


class NoSecondStep:
    """Wants the response in the same line."""

    def auth_refused(self, name, words):
        return super().auth_refused(name, words) or ("501 response?" if name == "PLAIN" and not words else "")


class WordsInChallenge:
    def challenge(self, data):
        self.say("334 go on" if not data else f"334 {base64.b64encode(data).decode()} please")


class NoCancel:
    def respond(self, line):
        if line == "*":
            self.say("334 ")
        else:
            super().respond(line)


class AuthCaseMatters:
    def spelled(self, name):
        return name


class CaseOfVerbMatters:
    def verb(self, word):
        return "UNKNOWN" if word == "auth" else super().verb(word)


class AnyMechanism:
    def auth_refused(self, name, words):
        refusal = super().auth_refused(name, words)
        return "" if refusal.startswith("504") else refusal


class PlainByDefault:
    """Takes AUTH without a mechanism for LOGIN."""

    def do_AUTH(self, argument):
        super().do_AUTH(argument or "LOGIN")


class LosesWhatFollowsAuth:
    def ended_with(self, user):
        super().ended_with(user)
        self.buffer = b""


class LogsInAgain:
    def auth_refused(self, name, words):
        self.user = ""
        return super().auth_refused(name, words)


class RsetLogsOut:
    def do_RSET(self, argument):
        self.user = ""
        super().do_RSET(argument)


class PlainTrace:
    def trace(self):
        return super().trace().replace(b"SMTPA", b"SMTP").replace(b"SMTPSA", b"SMTPS")


class AuthParameterUnknown:
    def auth_parameter(self, _head, _word):
        return False


class BadXtextClass:
    def body_refused(self, argument):
        refusal = super().body_refused(argument)
        return "354 eh" if refusal.startswith("501 5.5.4 AUTH") else refusal


class AuthWithinTransaction:
    def auth_refused(self, name, words):
        refusal = super().auth_refused(name, words)
        return "" if "transaction" in refusal else refusal


class UnofferedMechanisms:
    """Begins exchanges of mechanisms that it does not offer."""

    def auth_refused(self, name, words):
        refusal = super().auth_refused(name, words)
        return "" if refusal.startswith("538") else refusal


class OfferedNotPermitted:
    def auth_refused(self, name, words):
        return super().auth_refused(name, words) or ("" if self.secure else "538 5.7.11 TLS first")


class NoEhloInClear:
    """In clear only."""

    def do_EHLO(self, argument):
        if not self.secure:
            self.say("502 HELO, please")
        else:
            super().do_EHLO(argument)


class TellsInClear:
    def do_AUTH(self, argument):
        if self.secure:
            return super().do_AUTH(argument)
        told = self.decoded(argument.split()[-1]) if " " in argument else None
        right = told is not None and any(told.endswith(f"\0{word}".encode()) for word in self.users.values())
        return self.say("538 5.7.11 right, but TLS first" if right else "535 5.7.8 wrong")


class AnyPassword:
    def knows(self, user, _password):
        return user

    def cram_md5(self):
        return (yield b"<1@mx.example.test>").decode().partition(" ")[0]


class OddFailure:
    wrong = "334 "


class NoName:
    def knows(self, user, password):
        return super().knows(user, password) or ("" if user else "nobody")


class EmptyIsNone:
    """Takes = for no response."""

    def do_AUTH(self, argument):
        super().do_AUTH(argument.removesuffix(" ="))


class LenientBase64:
    def decoded(self, line):
        parts = re.findall(r"[A-Za-z0-9+/]+", line)
        return b"".join(
            base64.b64decode(part + "=" * (-len(part) % 4)) if len(part) % 4 != 1 else b"" for part in parts
        )


class BadBase64AskedAgain:
    """Asks for another response where one is no base64."""

    def respond(self, line):
        if line != "*" and self.decoded(line) is None:
            self.say("334 ")
        else:
            super().respond(line)


class InitialResponseIgnored:
    def do_AUTH(self, argument):
        super().do_AUTH(argument.split()[0] if argument.startswith("CRAM") else argument)


class ShortAuthLines:
    longest = 512


class CutsLines:
    """Takes a line that is too long for several."""

    def on_line(self, line):
        if self.exchange is not None and len(line) > self.longest:
            self.failed("500 too long")
            self.unknown("")
        else:
            super().on_line(line)


class AnyNul:
    def plain(self):
        parts = [part.decode() for part in (yield b"").split(b"\0") if part]
        for user, password in zip(parts, [*parts[1:], ""], strict=False):
            if self.knows(user, password):
                return user
        return parts[0] if len(parts) == 1 and parts[0] in self.users else ""


class OneAttempt:
    """Refuses what follows a failure."""

    failures = 0

    def ended_with(self, user):
        super().ended_with(user)
        self.failures += not user

    def auth_refused(self, name, words):
        return "503 no more" if self.failures else super().auth_refused(name, words)


class Sulks(OneAttempt):
    """Not even NOOP is served behind a failure."""

    def do_NOOP(self, _argument):
        self.say("503 no more" if self.failures else "250 OK")


class HangsUpSoon(OneAttempt):
    """After the second failure."""

    limit = 2

    def auth_refused(self, name, words):
        return super(OneAttempt, self).auth_refused(name, words)

    def ended_with(self, user):
        super().ended_with(user)
        if self.failures == self.limit:
            self.line.fin()


class WaitsOnBehindTheAsterisk:
    """Answers a cancelled exchange, and goes on with it."""

    def respond(self, line):
        if line == "*":
            self.say("501 5.7.0 cancelled")
        else:
            super().respond(line)


def uncoded(name, reply, code):
    """A bug: this reply has no such enhanced code."""

    def say(self, text):
        super(bug, self).say(text.replace(f"{reply} {code}", f"354 {code}", 1))

    bug = type(name, (), {"say": say})
    return bug


def auth(base, without) -> list[Mutant]:
    """Bugs of AUTH. `base` offers it where it is played; the offer of `without` is for TLS only."""
    every = "[PLAIN|LOGIN|CRAM-MD5]"
    single = {
        where: tuple(word.replace(" LOGIN", "  LOGIN") for word in getattr(base, where))
        for where in ("keywords", "secured_keywords")
    }
    return [
        broken(
            base,
            OddSuccess,
            "auth-plain",
            "auth-login",
            "auth-cram-md5",
            "auth-scram[SCRAM-SHA-1|SCRAM-SHA-256]",
        ),
        broken(base, NoSecondStep, "auth-plain-in-two-steps"),
        broken(base, WordsInChallenge, "auth-empty-challenge", "auth-challenge-is-base64[LOGIN|CRAM-MD5]"),
        broken(base, NoCancel, f"auth-cancel{every}"),
        broken(base, AuthCaseMatters, "auth-small-letters[mechanism]"),
        broken(base, CaseOfVerbMatters, "auth-small-letters[verb]"),
        broken(base, AnyMechanism, "auth-unknown-mechanism"),
        broken(base, PlainByDefault, "auth-without-mechanism"),
        broken(base, LosesWhatFollowsAuth, "auth-pipelined"),
        broken(base, LogsInAgain, "auth-twice"),
        broken(base, RsetLogsOut, "rset-keeps-login"),
        broken(base, PlainTrace, "auth-trace"),
        broken(base, AuthParameterUnknown, "mail-auth-parameter[nobody|mailbox]"),
        broken(base, BadXtextClass, "mail-auth-bad-xtext[bad-hex|equals-sign]"),
        broken(base, AnyPassword, "wrong-password[another|longer|none]", "wrong-response[CRAM-MD5]"),
        broken(
            base,
            OddFailure,
            "wrong-password-535",
            "auth-tells-users-apart",
            "auth-as-somebody-else",
            "auth-plain-nul-behind",
        ),
        broken(base, NoName, "auth-empty-identity[nothing|password-only]"),
        broken(base, EmptyIsNone, "auth-equals-sign"),
        broken(
            base,
            LenientBase64,
            "auth-bad-base64[foreign-character|foreign-at-end|pad-in-front|pad-in-the-middle]",
            "auth-bad-base64-later",
        ),
        broken(base, BadBase64AskedAgain, "auth-bad-base64[nothing-else|cut-short]"),
        broken(base, InitialResponseIgnored, "auth-initial-response-refused"),
        broken(base, ShortAuthLines, "auth-longest-names[RFC-4954|RFC-4616]"),
        broken(base, CutsLines, "auth-line-too-long"),
        broken(base, AnyNul, "auth-plain-nul[one-too-few|none]"),
        broken(base, OneAttempt, "auth-after-failure"),
        broken(base, WaitsOnBehindTheAsterisk, "auth-after-cancel"),
        broken(base, Sulks, "session-after-failure"),
        broken(base, HangsUpSoon, "three-failures"),
        broken(without, UnofferedMechanisms, f"auth-not-offered{every}"),
        broken(without, NoEhloInClear, "mechanisms-in-clear"),
        Mutant("auth_two_spaces", type("TwoSpaces", (base,), single), frozenset({"auth-keyword"})),
    ]


def codes(base) -> list[Mutant]:
    """Bugs of enhanced status codes, where the reply itself is wrong as well."""
    found = {
        "auth-enhanced": ("235", "2.7.0"),
        "wrong-password-enhanced": ("535", "5.7.8"),
        "auth-unknown-mechanism-enhanced": ("504", "5.5.4"),
        "auth-bad-base64-enhanced": ("501", "5.5.2"),
        "auth-initial-response-enhanced": ("501", "5.7.0"),
    }
    return [
        broken(base, uncoded(f"Uncoded{code.replace('.', '')}{reply}", reply, code), name)
        for name, (reply, code) in found.items()
    ]


MUTANTS = [
    *auth(Auth, AuthUnderTls),
    *codes(Coded),
    broken(Auth, OfferedNotPermitted, "auth-offered-means-permitted[PLAIN|LOGIN]"),
    broken(Auth, AuthWithinTransaction, "auth-within-transaction"),
]
