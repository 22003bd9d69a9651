"""SMTP servers with one planted bug each: STARTTLS, implicit TLS, REQUIRETLS."""

from __future__ import annotations

from weakref import WeakSet

from tests.falsify.harness import Mutant, rows
from tests.models.smtp import SmtpModel
from tests.models.smtp_auth import Auth
from tests.models.smtp_tls import ImplicitTls, RequireTls, StartTls

_broken: WeakSet[object] = WeakSet()  # worlds in which the server is no longer what it was


class RefusesStartTls:
    def do_STARTTLS(self, _argument):
        self.say("502 not today")


class OddGoAhead:
    def upgrade(self):
        super().upgrade()
        self.line.inbox[-1] = (self.world.now, b"250 go ahead\r\n")


class TakesParameter:
    def do_STARTTLS(self, _argument):
        super().do_STARTTLS("")


class NoGroups:
    """Wants STARTTLS in a segment of its own."""

    def received(self, data, *, urgent=False):
        self.alone = not data.startswith(b"RSET\r\n") or not data.endswith(b"STARTTLS\r\n")
        super().received(data, urgent=urgent)

    def do_STARTTLS(self, argument):
        if self.alone:
            super().do_STARTTLS(argument)
        else:
            self.say("501 nothing before it, please")


class KeepsWhatFollows:
    def discard(self):
        pass


class ObeysInClear:
    """Goes on in clear where a handshake has to come."""

    def in_place_of_handshake(self, data):
        self.upgrading = False
        self.received(data)


class DiesOfGarbage:
    """Serves nobody any more after a failed handshake."""

    def in_place_of_handshake(self, data):
        _broken.add(self.world)
        super().in_place_of_handshake(data)

    def greet(self):
        super().greet()
        if self.world in _broken:
            self.line.inbox.clear()
            self.line.fin()


class DiesOfCloseNotify(DiesOfGarbage):
    def in_place_of_handshake(self, data):
        self.line.fin()

    def ended(self):
        if self.awaited:
            _broken.add(self.world)
        super().ended()


class OffersAgain:
    def offers(self):
        return (*super().offers(), "STARTTLS") if self.secure else super().offers()


class UpgradesAgain:
    def do_STARTTLS(self, argument):
        if self.secure:
            self.say("220 go ahead, again")
        else:
            super().do_STARTTLS(argument)


class NoEhloUnderTls:
    def do_EHLO(self, argument):
        if self.secure:
            self.say("502 said before")
        else:
            super().do_EHLO(argument)


class KeepsName:
    def begin_anew(self):
        name = self.helo
        super().begin_anew()
        self.helo = name


class KeepsTransaction:
    def begin_anew(self):
        said = self.sender, list(self.recipients)
        super().begin_anew()
        self.sender, self.recipients = said


class FirstNameInTrace:
    first = ""

    def do_EHLO(self, argument):
        super().do_EHLO(argument)
        self.first = self.first or argument

    def trace(self):
        return super().trace().replace(self.helo.encode(), self.first.encode(), 1)


class DemandsTls:
    def do_MAIL(self, argument):
        if self.secure:
            super().do_MAIL(argument)
        else:
            self.say("530 STARTTLS first")


class KeepsLogin:
    def begin_anew(self):
        user = self.user
        super().begin_anew()
        self.user = user


class CutsTls:
    """Closes the connection without a word of TLS."""

    def do_QUIT(self, _argument):
        self.say(f"221 {self.host} bye")
        self.line.cut()


class UpgradesUnasked:
    def do_STARTTLS(self, _argument):
        self.say("220 go ahead")


class OldTls:
    versions = ("1.0", "1.1")


class GreetsInClear:
    def opened(self, line):
        super().opened(line)
        line.say(b"220 mx.example.test ESMTP\r\n")


class OddGreeting:
    def greet(self):
        super().greet()
        self.line.inbox[-1] = (self.world.now, b"250 hello\r\n")


class AnswersInClear:
    def in_place_of_handshake(self, _data):
        self.line.say(b"250 mx.example.test\r\n")


class RequireTlsTakesValue:
    def requires_tls(self, word):
        return word.upper().startswith("REQUIRETLS")


class RequireTlsUnknown:
    def requires_tls(self, _word):
        return False


def broken(base, bug, *breaks, **attributes):
    """A mutant, named after its bug."""
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in bug.__name__).lstrip("_")
    words = frozenset(row for word in breaks for row in rows(word))
    return Mutant(name, type(bug.__name__, (bug, base), attributes), words)


def _instead(keywords, old, new):
    return tuple(new if word == old else word for word in keywords)


def starttls(base) -> list[Mutant]:
    """Bugs of STARTTLS."""
    versions = "starttls-versions[1.0|1.1|1.2|1.3]"
    return [
        broken(base, RefusesStartTls, "starttls", "starttls-certificate", versions),
        broken(base, OddGoAhead, "starttls"),
        broken(base, TakesParameter, "starttls-parameter"),
        broken(base, NoGroups, "starttls-ends-a-group"),
        broken(base, KeepsWhatFollows, "starttls-injection[NOOP|transaction|unknown]"),
        broken(base, ObeysInClear, "starttls-then-clear"),
        broken(base, DiesOfGarbage, "starttls-failed-handshake[text|broken-hello|half-a-record]"),
        broken(base, OffersAgain, "starttls-not-offered-again"),
        broken(base, UpgradesAgain, "starttls-again"),
        broken(base, NoEhloUnderTls, "list-under-tls"),
        broken(base, OldTls, "starttls-version"),
        broken(base, DiesOfCloseNotify, "close-notify-within-chunk"),
        Mutant(
            "starttls_parameter_offered",
            type("Offered", (base,), {"keywords": _instead(base.keywords, "STARTTLS", "STARTTLS now")}),
            frozenset({"starttls-keyword"}),
        ),
    ]


def implicit(base) -> list[Mutant]:
    """Bugs of implicit TLS."""
    versions = "implicit-tls-versions[1.0|1.1|1.2|1.3]"
    again = {"keywords": (*base.keywords, "STARTTLS")}
    return [
        broken(base, OddGreeting, "implicit-tls", "implicit-tls-certificate", versions),
        broken(base, GreetsInClear, "implicit-tls-no-word-in-clear"),
        broken(base, AnswersInClear, "implicit-tls-no-answer-in-clear"),
        broken(base, type("OldImplicitTls", (OldTls,), {}), "implicit-tls-version"),
        Mutant("tls_within_tls", type("Again", (base,), again), frozenset({"starttls-within-implicit-tls"})),
    ]


def require_tls(base) -> list[Mutant]:
    """Bugs of REQUIRETLS."""

    def keywords(name, where, *words):
        others = tuple(word for word in getattr(base, where) if word != "REQUIRETLS")
        return type(name, (base,), {where: (*others, *words)})

    return [
        broken(base, RequireTlsTakesValue, "requiretls-value"),
        broken(base, RequireTlsUnknown, "requiretls-accepted"),
        Mutant(
            "requiretls_parameter",
            keywords("Parameter", "secured_keywords", "REQUIRETLS 1"),
            frozenset({"requiretls-keyword"}),
        ),
        Mutant(
            "requiretls_in_clear",
            keywords("InClear", "keywords", "REQUIRETLS"),
            frozenset({"requiretls-not-in-clear"}),
        ),
    ]


MUTANTS = [
    *starttls(StartTls),
    *implicit(ImplicitTls),
    *require_tls(RequireTls),
    broken(StartTls, KeepsName, "ehlo-needed-after-tls"),
    broken(StartTls, KeepsTransaction, "transaction-forgotten"),
    broken(StartTls, FirstNameInTrace, "ehlo-name-forgotten"),
    broken(StartTls, CutsTls, "close-alert"),
    broken(StartTls, DemandsTls, "tls-not-demanded"),
    broken(Auth, KeepsLogin, "login-forgotten"),
    broken(SmtpModel, UpgradesUnasked, "starttls-not-offered"),
]
