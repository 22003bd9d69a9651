"""Form of commands and names, what must be there, what is listed (RFC 5321 sections 2 and 4)."""

from __future__ import annotations

import re

from tests.falsify.harness import Mutant, mutant, rows, saying
from tests.models.smtp import SmtpModel
from tests.models.smtp_chunking import Chunking
from tests.models.smtp_kinds import Generous, Plain

M = SmtpModel


class SayingFirst(M):
    """Answers some commands, told by a pattern, in a way of its own."""

    pattern = answer = ""

    def on_line(self, line):
        if re.match(self.pattern, line.decode("latin-1")):
            self.say(self.answer)
        else:
            super().on_line(line)


def first(name: str, pattern: str, answer: str, *breaks: str, base: type[M] = M) -> Mutant:
    service = type(f"First_{name}", (SayingFirst, base), {"pattern": pattern, "answer": answer})
    return Mutant(name, service, frozenset(breaks))


class LosesRestOfSegment(M):
    """Takes the first line of a segment for all there is."""

    def received(self, data, *, urgent=False):
        if not self.in_data and not self.buffer and data.count(b"\r\n") > 1:
            data = data.partition(b"\r\n")[0] + b"\r\n"
        super().received(data)


class StripsOctets(M):
    """Takes out of commands what does not belong there, and obeys the rest."""

    octets = rb""

    def on_line(self, line):
        super().on_line(re.sub(self.octets, b"", line))


class Echoes(M):
    """Repeats commands with invalid octets as they are."""

    def on_line(self, line):
        if self.bad_octets(line):
            self.line.say(b"501 bad: " + line + b"\r\n")
        else:
            super().on_line(line)


class Prefixes(M):
    """Knows a verb by its first four letters."""

    def unknown(self, text):
        method = getattr(self, "do_" + text[:4].upper(), None)
        if method:
            method("client.test" if text.startswith("EHLO") else "")
        else:
            super().unknown(text)


class EmptyLineQuits(M):
    def unknown(self, text):
        super().unknown(text)
        if not text:
            self.line.fin()


class ArgumentsIgnored(M):
    def do_RSET(self, _argument):
        super().do_RSET("")

    def do_QUIT(self, _argument):
        super().do_QUIT("")


class NothingBehindRefusedEhlo(M):
    refused = False

    def do_EHLO(self, argument):
        self.refused = not self.is_name(argument)
        super().do_EHLO(argument)

    def do_HELO(self, argument):
        if self.refused:
            self.say("503 you had your chance")
        else:
            super().do_HELO(argument)


class RefusedEhloResets(M):
    def do_EHLO(self, argument):
        self.reset()
        super().do_EHLO(argument)

    def do_HELO(self, argument):
        self.reset()
        super().do_HELO(argument)


class HeloIsNoHello(M):
    def do_HELO(self, argument):
        super().do_HELO(argument)
        self.helo = ""


class OtherNameInEhlo(M):
    def do_EHLO(self, argument):
        self.host = "other.example.test"
        super().do_EHLO(argument)


class EhloWithoutName(M):
    def do_EHLO(self, argument):
        self.host = "(hello)"
        super().do_EHLO(argument)


class GreetsBy(M):
    text = ""

    def greet(self):
        super().greet()
        self.line.inbox.clear()
        self.say(self.text)


class SaysMoreAfterQuit(M):
    def do_QUIT(self, argument):
        self.say("221 bye")
        self.say("250 come again")
        self.line.fin()


class NotInOrderIs500(M):
    """Says of commands out of order that it does not know them."""

    def say(self, text):
        super().say("500 what?" if text.startswith("503") else text)


class WaitsForTheClient(M):
    """Says nothing before the client does, and then answers that first."""

    greeted = False

    def greet(self):
        super().greet()
        self.line.inbox.clear()

    def received(self, data, *, urgent=False):
        super().received(data)
        if not self.greeted:
            self.greeted = True
            self.say("220 mx.example.test ready")


class Holds(M):
    """Keeps the replies to some commands to itself."""

    pattern = ""

    def on_line(self, line):
        if not re.match(self.pattern, line.decode("latin-1")):
            super().on_line(line)


class EndsOn(M):
    """Takes other octets for the end of a command line, too."""

    octets = b""

    def step(self):
        if not self.in_data and self.buffer.endswith(self.octets) and b"\r\n" not in self.buffer:
            self.buffer = self.buffer.replace(self.octets, b"\r\n")
        return super().step()


class SaysClosingAndStays(M):
    """Announces that it closes after twenty errors, and does not."""

    errors = 0

    def unknown(self, text):
        self.errors += 1
        if self.errors < 20:
            super().unknown(text)
        else:
            self.say("421 enough, closing")


class ThreeErrors(M):
    errors = 0

    def unknown(self, text):
        self.errors += 1
        if self.errors < 3:
            super().unknown(text)
        else:
            self.say("500 that is enough")
            self.line.fin()


class HangsUpOn(M):
    """Closes the connection after a reply that matches."""

    pattern = ""

    def say(self, text):
        super().say(text)
        if re.match(self.pattern, text):
            self.line.fin()


def hangs_up(name: str, pattern: str, *breaks: str) -> Mutant:
    return mutant(name, HangsUpOn, *breaks, pattern=pattern)


class LosesPostmaster(M):
    def deliver(self, mail):
        if not any(path.lower().startswith("postmaster") for path in self.recipients):
            super().deliver(mail)


MUTANTS = [
    mutant(
        "verbs_in_capitals",
        M,
        *rows("verb-in-any-case[ehlo|EhLo|helo|HeLo|noop|NoOp|rset|RsEt|quit|QuIt]"),
        *rows("verb-in-any-case[rcpt|RcPt|data|DaTa]"),
        *rows("vrfy-in-any-case[vrfy|VrFy]"),
        verb=lambda self, word: word if word.isupper() else "?",
    ),
    first("mixed_mail_unknown", "MaIl", "500 what?", "verb-in-any-case[MaIl]"),
    first(
        "small_parameters", "(?i)MAIL.* (size|Size)=", "555 what?", *rows("parameter-in-any-case[size|Size]")
    ),
    first("capital_domains", "RCPT.*EXAMPLE", "501 not here", "domain-in-any-case[capital]"),
    first("small_domains", "RCPT.*example", "501 not here", "domain-in-any-case[small]"),
    first(
        "no_blank_at_the_end",
        "[^ ]+.* $",
        "501 what is that blank?",
        *rows("blank-at-the-end[EHLO|HELO|MAIL|RCPT|RSET|NOOP|QUIT|DATA]"),
    ),
    mutant("arguments_ignored", ArgumentsIgnored, *rows("argument-where-none-belongs[RSET|QUIT]")),
    first(
        "odd_syntax_354",
        "MAIL FROM :|MAIL FROM: |RCPT TO: |MAIL FROM:[^<]",
        "354 go on",
        *rows("blank-around-colon[FROM-blank-colon|FROM-colon-blank|TO-colon-blank]"),
        "path-without-brackets",
    ),
    first("vrfy_nobody", "(VRFY|EXPN)$", "250 nobody in particular", *rows("missing-argument[VRFY|EXPN]")),
    mutant("empty_line_quits", EmptyLineQuits, "empty-line"),
    mutant("prefixes", Prefixes, *rows("verb-within-a-word[NOOPER|RSETTLE|EHLOX]")),
    first("plumb_obeyed", "X?PLUMB", "250 done", *rows("unknown-verb[XPLUMB|PLUMB]")),
    first("8_bit_commands", "[\x80-\xff]", "250 as you like", "octets-above-127"),
    mutant(
        "strips_control",
        StripsOctets,
        *rows("control-character[NUL|BEL|DEL]"),
        *rows("hello-invalid-character[NUL|BEL]"),
        octets=rb"[\x00-\x1f\x7f]",
    ),
    mutant(
        "strips_8_bit", StripsOctets, "domain-with-octets-above-127", "hello-8-bit", octets=rb"[\x80-\xff]"
    ),
    mutant("loses_rest_of_segment", LosesRestOfSegment, "commands-in-one-segment", "large-group"),
    mutant("echoes", Echoes, *rows("reply-that-repeats[CR|BEL|CR-in-a-name]")),
    # what is listed
    mutant("invented_keyword", M, "keywords-registered", keywords=(*M.keywords, "PLUMB 1")),
    mutant(
        "listed_but_not_there",
        Generous,
        *rows("listed-is-recognised[EXPN|HELP|VRFY|ETRN|TURN|SEND|SOML|SAML|STARTTLS|AUTH|BURL]"),
        **{
            f"do_{verb}": saying("502 not implemented")
            for verb in [
                "EXPN",
                "HELP",
                "VRFY",
                "ETRN",
                "TURN",
                "SEND",
                "SOML",
                "SAML",
                "STARTTLS",
                "AUTH",
                "BURL",
            ]
        },
    ),
    mutant(
        "chunking_not_there",
        Chunking,
        "listed-is-recognised[CHUNKING]",
        do_BDAT=saying("502 not implemented"),
    ),
    mutant(
        "there_but_not_listed",
        Generous,
        *rows("supported-is-listed[EXPN|SEND|SOML|SAML|HELP]"),
        keywords=("SIZE 0", "8BITMIME"),
    ),
    mutant("no_8bitmime", M, "8bitmime-offered", keywords=("PIPELINING", "SIZE 10000000")),
    mutant("hidden_limit", Plain, "limit-without-size", limit=10_000_000),
    # names
    mutant("names_itself_by_address", M, "names-itself-by-a-name", host="[127.0.0.1]"),
    mutant("greets_without_a_name", GreetsBy, "greeting-form", "greeting-lines", text="220 !! hello"),
    mutant(
        "greets_by_299",
        GreetsBy,
        "names-itself-in-full",
        "greeting-1982",
        "greeting-code",
        "greeting-in-time",
        "closing-replies-name-the-host",
        text="299 mx.example.test",
    ),
    mutant("other_name_in_ehlo", OtherNameInEhlo, "greeting-and-ehlo-agree"),
    mutant("ehlo_without_name", EhloWithoutName, "ehlo-begins-with-name"),
    mutant("says_more_after_quit", SaysMoreAfterQuit, "quit-says-no-more", "quit-names-itself", "quit-code"),
    # what must be there
    *(
        first(f"no_{verb}", verb, "500 what?", f"required-command[{verb}]")
        for verb in ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"]
    ),
    first(
        "no_VRFY",
        "VRFY",
        "500 what?",
        "minimum-recognised[VRFY]",
        "vrfy-complies[RFC-5321]",
        "vrfy-complies[RFC-1123]",
    ),
    mutant("nothing_behind_refused_ehlo", NothingBehindRefusedEhlo, "helo-after-refused-ehlo"),
    mutant(
        "refused_ehlo_resets",
        RefusedEhloResets,
        "refused-ehlo-changes-nothing",
        "refused-helo-changes-nothing",
    ),
    mutant("helo_is_no_hello", HeloIsNoHello, "helo-still-served"),
    mutant(
        "not_in_order_is_500",
        NotInOrderIs500,
        *rows("minimum-recognised[MAIL-in-a-transaction|RCPT-without-MAIL|DATA-without-RCPT]"),
    ),
    mutant(
        "lines_of_90",
        M,
        *rows("short-line-is-not-too-long[100-93|400-393|511-504]"),
        on_line=lambda self, line: self.say("500 line too long") if len(line) > 90 else M.on_line(self, line),
    ),
    first("help_355", "HELP", "355 how?", "help", "help-with-argument"),
    first("bad_parameter_354", "MAIL.*XYZZY", "354 go on", "refused-sender-class"),
    mutant(
        "end_of_data_252",
        M,
        *rows("end-of-data-code[table|table-of-1982]"),
        "end-of-data-in-time[ten-minutes]",
        accept=saying("252 maybe"),
    ),
    # EHLO and HELO
    mutant(
        "names_must_have_two_labels",
        M,
        *rows("hello-name[IPv4-literal|IPv6-literal]"),
        is_name=lambda _self, argument: re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)+", argument) is not None,
    ),
    first("one_label_refused", "EHLO localhost", "500 what?", "hello-name[one-label]"),
    first("long_names_refused", "EHLO .{100}", "501 too long", "hello-name[239-octets]"),
    first("many_labels_refused", r"EHLO (\w+\.){5}", "501 too many", "hello-name[many-labels]"),
    first(
        "names_verified",
        "(EHLO|HELO) mail.elsewhere",
        "501 not you",
        "hello-name[not-of-this-address]",
        "helo-name-unverified",
    ),
    mutant(
        "any_name",
        M,
        *rows("hello-invalid-character[at-sign|slash]"),
        "helo-invalid",
        is_name=lambda _self, argument: bool(argument),
    ),
    first("underscore_354", "EHLO pro_be", "354 go on", "hello-underscore"),
    first("words_354", r"EHLO \[.* ", "354 go on", "hello-words-behind-literal"),
    mutant("loses_postmaster", LosesPostmaster, "postmaster-mail-arrives"),
    first("helo_354", "HELO not@", "354 go on", "helo-not-acceptable"),
    first("empty_ehlo_354", "EHLO$", "354 go on", "refused-ehlo-code"),
    mutant("waits_for_the_client", WaitsForTheClient, "client-speaks-first"),
    # ends of lines, and replies
    mutant("commands_end_on_lf", EndsOn, "command-line-end[LF]", octets=b"\n"),
    mutant("commands_end_on_cr", EndsOn, "command-line-end[CR]", octets=b"\r"),
    mutant("commands_end_on_lf_cr", EndsOn, "command-line-end-lf-cr", octets=b"\n\r"),
    *(
        mutant(f"holds_{verb}", Holds, f"reply-at-once[{verb}]", pattern=verb)
        for verb in ("EHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP")
    ),
    mutant("holds_unknown", Holds, "reply-at-once[an-unknown-command]", pattern="XPLUMB"),
    mutant("colon_behind_code", M, "replies-separator", do_NOOP=saying("250:OK")),
    mutant(
        "bare_code",
        M,
        *rows("replies-bare-code[a-blank-follows-a-code-without-text|a-code-is-not-sent-alone]"),
        do_NOOP=saying("250"),
    ),
    mutant("limit_in_spite_of_0", Generous, "size-no-limit", limit=10**8),
    # errors
    mutant("says_closing_and_stays", SaysClosingAndStays, "closing-code-closes"),
    mutant("three_errors", ThreeErrors, "some-unknown-commands"),
    hangs_up("hangs_up_on_501", "501", "session-survives[a-refused-recipient]"),
    hangs_up(
        "hangs_up_on_503",
        "503",
        *rows("session-survives[DATA-out-of-sequence|a-refused-sender]"),
        "transaction-survives[DATA-without-RCPT]",
    ),
    hangs_up("hangs_up_on_500", "500", "session-survives[a-line-that-is-too-long]"),
    mutant(
        "hangs_up_on_rset",
        M,
        *rows("session-survives[RSET|RSET-before-EHLO|RSET-after-HELO]"),
        do_RSET=lambda self, _argument: (self.say("250 OK"), self.line.fin()),
    ),
    first("turn_250", "TURN", "250 your turn", *rows("turn-by-a-stranger[RFC-5321|RFC-821|with-argument]")),
    first("send_250", "(SEND|SOML|SAML)$", "250 whom?", *rows("send-syntax[SEND|SOML|SAML]")),
    *(
        mutant(f"{verb}_forgets", Generous, f"send-as-mail[{verb}]", **{f"do_{verb}": saying("250 OK")})
        for verb in ("SEND", "SOML", "SAML")
    ),
]
