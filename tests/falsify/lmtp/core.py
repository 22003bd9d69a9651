"""What is LMTP's own (RFC 2033)."""

from __future__ import annotations

from tests.falsify.harness import mutant, rows, saying
from tests.models.lmtp import Lmtp, LmtpAuth, LmtpAuthInClear, LmtpChunking

M = Lmtp
_WORDS = {word.split()[0]: word for word in M.keywords}


class TakesHello(M):
    """Takes EHLO or HELO as well. A subclass says which."""

    hello = ""

    def verb(self, word):
        return word.upper() if word.upper() == self.hello else super().verb(word)


class RefusesHelloWith550(M):
    hello = ""

    def on_line(self, line):
        if line.upper().startswith(self.hello.encode()):
            self.say("550 LHLO, please")
        else:
            super().on_line(line)


class NoLhloAfterEhlo(M):
    spoilt = False

    def on_line(self, line):
        if self.spoilt:
            return self.say("503 too late")
        self.spoilt = line.startswith(b"EHLO")
        return super().on_line(line)


class OneLineLhlo(M):
    def reply_lines(self, code, lines):
        self.say(f"{code} {lines[0]}")


class LhloKeepsTransaction(M):
    def do_EHLO(self, argument):
        kept = self.sender, self.recipients
        super().do_EHLO(argument)
        self.sender, self.recipients = kept


class DataRefused554(M):
    refused = False

    def do_DATA(self, argument):
        if self.sender is not None and not self.recipients:
            self.say("554 no valid recipients")
        else:
            super().do_DATA(argument)


class DataRefused554AfterRefusal(M):
    def recipient(self, path):
        before = len(self.recipients)
        super().recipient(path)
        self.refused = len(self.recipients) == before

    def do_DATA(self, argument):
        if getattr(self, "refused", False) and not self.recipients:
            self.say("554 no valid recipients")
        else:
            super().do_DATA(argument)


class OneReply(M):
    """Answers the end of data as SMTP does."""

    def taken(self):
        self.reset()
        self.say("250 OK: delivered")


class ReplyForRefused(M):
    """Answers for refused recipients as well."""

    def recipient(self, path):
        before = len(self.recipients)
        super().recipient(path)
        if len(self.recipients) == before:
            self.more = getattr(self, "more", 0) + 1

    def taken(self):
        super().taken()
        for _ in range(getattr(self, "more", 0)):
            self.say("550 5.1.1 not delivered")


class OneReplyPerMailbox(M):
    def taken(self):
        self.recipients = list(dict.fromkeys(self.recipients))
        super().taken()


class LosesGreetings(M):
    """Takes a mail that says hello, and loses it; other mail arrives."""

    def deliver(self, mail):
        if b"\r\nhello" not in mail:
            super().deliver(mail)


class KeepsBuffers(M):
    def taken(self):
        kept = self.sender, self.recipients
        super().taken()
        self.sender, self.recipients = kept


class OneReplyToChunks(LmtpChunking):
    def complete(self, text):
        self.recipients = self.recipients[:1]
        super().complete(text)


class ManyRepliesToChunks(LmtpChunking):
    def chunk(self, chunk):
        super().chunk(chunk)
        for _ in self.recipients[1:]:
            self.say("250 OK: so far")


class AnswersLastWithoutRecipient(LmtpChunking):
    def say(self, text):
        super().say("250 OK" if text == "no reply" else text)


def without(word: str) -> tuple[str, ...]:
    return tuple(text for name, text in _WORDS.items() if name != word)


class TurnsFates(M):
    """Answers for the last recipient first."""

    def fates(self, recipients):
        return super().fates(recipients)[::-1]


MUTANTS = [
    mutant("turns_fates", TurnsFates, "replies-in-order-of-rcpt"),
    mutant("takes_EHLO", TakesHello, "no-hello-of-smtp[EHLO]", hello="EHLO"),
    mutant("takes_HELO", TakesHello, "no-hello-of-smtp[HELO]", hello="HELO"),
    mutant("refuses_EHLO_with_550", RefusesHelloWith550, "hello-of-smtp-code[EHLO]", hello="EHLO"),
    mutant("refuses_HELO_with_550", RefusesHelloWith550, "hello-of-smtp-code[HELO]", hello="HELO"),
    mutant("no_LHLO_after_EHLO", NoLhloAfterEhlo, "lhlo-after-ehlo"),
    mutant("one_line_LHLO", OneLineLhlo, "lhlo"),
    mutant("LHLO_keeps_transaction", LhloKeepsTransaction, "lhlo-clears-transaction"),
    *(
        mutant(f"no_{word}", M, f"must-offer[{word}]", keywords=without(word))
        for word in ("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME")
    ),
    *(
        mutant(f"{verb}_550", M, f"command-of-smtp[{verb}]", **{f"do_{verb}": saying("550 not here")})
        for verb in ("NOOP", "RSET", "QUIT")
    ),
    mutant(
        "says_LMTP_always",
        LmtpAuth,
        *("received-with-tls[LMTPS]", "received-with-auth-under-tls[LMTPSA]"),
        transmission=lambda _self: "LMTP",
    ),
    mutant(
        "says_LMTP_after_login",
        LmtpAuthInClear,
        "received-with-auth-in-clear[LMTPA]",
        transmission=lambda _self: "LMTP",
    ),
    mutant("says_ESMTP", M, "received-with[LMTP]", transmission=lambda _self: "ESMTP"),
    mutant(
        "code_alone",
        M,
        *rows("replies-bare-code[a-blank-follows-a-code-without-text|a-code-is-not-sent-alone]"),
        do_NOOP=lambda self, _argument: self.line.say(b"250\r\n"),
    ),
    mutant("NOOP_of_600_octets", M, "replies-length", do_NOOP=saying("250 " + "x" * 600)),
    mutant("DATA_554", DataRefused554, "data-without-recipient"),
    mutant("DATA_554_after_refusal", DataRefused554AfterRefusal, "data-with-refused-recipient"),
    mutant("one_reply", OneReply, "reply-for-each-recipient"),
    mutant("reply_for_refused", ReplyForRefused, "reply-for-each-recipient"),
    mutant("one_reply_per_mailbox", OneReplyPerMailbox, "reply-for-the-same-recipient"),
    mutant("loses_what_it_took", LosesGreetings, "taken-is-not-lost"),
    mutant("keeps_buffers", KeepsBuffers, "transaction-is-over"),
    mutant("one_reply_to_chunks", OneReplyToChunks, "replies-to-chunks"),
    mutant("many_replies_to_chunks", ManyRepliesToChunks, "replies-to-chunks"),
    mutant("answers_last_without_recipient", AnswersLastWithoutRecipient, "last-chunk-without-recipient"),
]
