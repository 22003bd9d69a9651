"""Submission servers with one planted bug each: the rules of RFC 6409, and BURL."""

from __future__ import annotations

from tests.falsify.harness import Mutant, rows, saying
from tests.falsify.harness import mutant as made
from tests.models.smtp_submission import PlainSubmission, SubmissionModel, Submissions

M = SubmissionModel
OFFERS = {
    "PIPELINING": "offers[PIPELINING]",
    "ENHANCEDSTATUSCODES": "offers[ENHANCEDSTATUSCODES]",
    "DSN": "offers[DSN]",
    "8BITMIME": "offers[8BITMIME]",
}


class Greets521(M):
    def greet(self):
        super().greet()
        self.line.inbox[-1] = (self.world.now, b"521 no mail here\r\n")


class OnlyHelo(M):
    def do_EHLO(self, argument):
        if self.helo or self.secure:
            super().do_EHLO(argument)
        else:
            self.helo = argument
            self.say("502 HELO, please")


class EhloOnce(M):
    """A second EHLO is refused, under TLS."""

    def do_EHLO(self, argument):
        if self.helo and self.secure:
            self.say("502 once is enough")
        else:
            super().do_EHLO(argument)


class OpenToAll(M):
    """Relays for whoever comes."""

    def needs_login(self, verb):
        return verb not in ("MAIL", "RCPT") and super().needs_login(verb)

    def recipient(self, path):
        if path.endswith("@elsewhere.example"):
            self.say("250 2.1.5 OK")
        else:
            super().recipient(path)


class Odd530(M):
    """Another code class where a login is missing."""

    code = "354"

    def on_line(self, line):
        start = len(self.line.inbox)
        super().on_line(line)
        if len(self.line.inbox) > start:
            when, said = self.line.inbox[start]
            if isinstance(said, bytes) and said.startswith(b"530 ") and self.applies(line):
                self.line.inbox[start] = when, self.code.encode() + said[3:]

    def applies(self, line):
        return True


class Odd530Later(Odd530):
    """The first refusal has the right code, the second one not."""

    seen = 0

    def applies(self, line):
        self.seen += 1
        return self.seen > 1


class NeedsLoginForAll(M):
    def needs_login(self, verb):
        return self.secure and (verb in self.also or super().needs_login(verb))

    also = ("NOOP", "RSET", "QUIT")


class NoQualifiedDomain(M):
    """What is not qualified gets no reply of any use."""

    def do_RCPT(self, argument):
        if "@unqualified" in argument:
            self.say("354 who?")
        else:
            super().do_RCPT(argument)


class SlowData(M):
    def say(self, text):
        if "queued" in text:
            self.line.say(f"{text}\r\n".encode(), after=150.0)
        else:
            super().say(text)


class NoSubmission(M):
    def recipient(self, path):
        self.say("530 5.7.0 log in first")


class NoNullSender(M):
    def mail_accepted(self, path):
        if path:
            super().mail_accepted(path)
        else:
            self.say("553 5.7.1 the sender must be yours")


class AnySyntax(M):
    def path(self, argument, keyword):
        return super().path(argument.replace("@@", "@"), keyword)


class OddSender(M):
    def mail_accepted(self, path):
        if path.startswith("somebody-else"):
            self.say("354 who?")
        else:
            super().mail_accepted(path)


class OddForm(M):
    def accept(self, text):
        if text.startswith(b"\r\n"):
            self.reset()
            self.say("354 what?")
        else:
            super().accept(text)


class NoDate(M):
    def additions(self):
        return super().additions()[1:]


class NoMessageId(M):
    def additions(self):
        return super().additions()[:1]


class BadSender(M):
    def completed(self, mail):
        return self.trace_end(super().completed(mail), b"Sender: the user\r\n")


class NoTlsClause(M):
    def trace(self):
        return super().trace().replace(b" tls TLS_AES_256_GCM_SHA384", b"")


class BurlAnyTime(M):
    def do_BURL(self, argument):
        if self.sender is None:
            self.say("250 OK: queued")
        else:
            super().do_BURL(argument)


class BurlOfAnybody(M):
    def resolve(self, _url):
        self.reset()
        self.say("250 OK: queued")


class BurlAnyWords(M):
    def do_BURL(self, argument):
        if self.recipients and (not argument or "FIRST" in argument):
            self.say("250 OK")
        else:
            super().do_BURL(argument)


def without(keyword: str) -> type[M]:
    return type(
        "Without", (M,), {"secured_keywords": tuple(w for w in M.secured_keywords if w.split()[0] != keyword)}
    )


def beside(*keywords: str) -> type[M]:
    return type("Beside", (M,), {"secured_keywords": (*M.secured_keywords, *keywords)})


class LateAuth(M):
    """AUTH is listed in clear and not where it counts."""

    def offers(self):
        return (
            tuple(word for word in super().offers() if not word.startswith("AUTH"))
            if self.helo_count > 1
            else super().offers()
        )

    helo_count = 0

    def do_EHLO(self, argument):
        self.helo_count += self.secure
        super().do_EHLO(argument)


class CutsTls(M):
    """Closes the connection without a word of TLS."""

    def do_QUIT(self, _argument):
        self.say(f"221 2.0.0 {self.host} bye")
        self.line.cut()


class LateAuthSubmissions(LateAuth, Submissions):
    pass


MUTANTS = [
    Mutant("greets_521", Greets521, frozenset({"greeting-is-not-521"})),
    Mutant("only_helo", OnlyHelo, frozenset({"speaks-esmtp"})),
    Mutant("open_to_all", OpenToAll, frozenset({"mail-needs-login"})),
    Mutant("ehlo_once", EhloOnce, frozenset({"login-demanded[EHLO]"})),
    Mutant(
        "odd_530", Odd530, frozenset({"login-demanded[VRFY]", "login-demanded[RCPT]", "login-demanded[DATA]"})
    ),
    Mutant(
        "odd_530_later",
        Odd530Later,
        frozenset({"tls-demanded-enhanced", *(f"tls-demanded[{word}]" for word in ("VRFY", "RCPT", "DATA"))}),
    ),
    made("odd_rset", M, "tls-demanded[RSET]", "login-demanded[RSET]", do_RSET=saying("354 what?")),
    Mutant(
        "login_for_all",
        NeedsLoginForAll,
        frozenset({"login-demanded[NOOP]", "login-demanded[RSET]", "login-demanded[QUIT]"}),
    ),
    made(
        "bare_code",
        M,
        *rows("replies-bare-code[a-blank-follows-a-code-without-text|a-code-is-not-sent-alone]"),
        do_NOOP=lambda self, _: self.line.say(b"250\r\n"),
    ),
    made("reply_in_8_bit", M, "replies-ascii", do_NOOP=saying("250 caf\xe9")),
    Mutant("cuts_tls", CutsTls, frozenset({"close-alert"})),
    made("data_250", M, "text-behind-data", do_DATA=saying("250 OK")),
    made("long_reply", M, "replies-length", do_NOOP=saying("250 " + "x" * 600)),
    made(
        "says_ESMTP_after_login_in_clear",
        PlainSubmission,
        "received-with-auth-in-clear[ESMTPA]",
        transmission=lambda _self: "ESMTP",
    ),
    Mutant("one_level", NoQualifiedDomain, frozenset({"domain-not-qualified"})),
    Mutant("slow_data", SlowData, frozenset({"answers-within-two-minutes"})),
    Mutant("no_submission", NoSubmission, frozenset({"submits"})),
    Mutant("no_null_sender", NoNullSender, frozenset({"null-sender"})),
    Mutant(
        "any_syntax",
        AnySyntax,
        frozenset({"sender-of-illegal-syntax[sender]", "sender-of-illegal-syntax[recipient]"}),
    ),
    Mutant("odd_sender", OddSender, frozenset({"sender-rights"})),
    Mutant("odd_form", OddForm, frozenset({"faulty-message"})),
    Mutant("no_date", NoDate, frozenset({"date-added"})),
    Mutant("no_message_id", NoMessageId, frozenset({"message-id-added"})),
    Mutant("bad_sender", BadSender, frozenset({"sender-is-an-address"})),
    Mutant("no_tls_clause", NoTlsClause, frozenset({"tls-clause"})),
    *(
        Mutant(f"without_{keyword.lower()}", without(keyword), frozenset({case}))
        for keyword, case in OFFERS.items()
    ),
    Mutant("late_auth", LateAuth, frozenset({"offers[AUTH]"})),
    Mutant("late_auth_submissions", LateAuthSubmissions, frozenset({"submissions-offers-auth"})),
    Mutant("offers_etrn", beside("ETRN"), frozenset({"offers-not[ETRN]"})),
    Mutant("offers_atrn", beside("ATRN"), frozenset({"offers-not[ATRN]"})),
    Mutant("burl_any_time", BurlAnyTime, frozenset({"burl-before-rcpt"})),
    Mutant("burl_of_anybody", BurlOfAnybody, frozenset({"burl-not-resolved", "burl-of-another-user"})),
    Mutant(
        "burl_any_words",
        BurlAnyWords,
        frozenset({"burl-syntax[without-a-url]", "burl-syntax[with-a-word-behind]"}),
    ),
    Mutant("burl_without_8bitmime", without("8BITMIME"), frozenset({"burl-with-8bitmime"})),
]
