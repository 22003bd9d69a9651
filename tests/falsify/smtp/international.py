"""SMTP servers with one planted bug each in enhanced status codes or SMTPUTF8 (RFC 2034, RFC 3463, RFC 6531)."""

from __future__ import annotations

from tests.falsify.harness import Mutant, mutant
from tests.models.smtp import SmtpModel
from tests.models.smtp_enhanced import Enhanced, International, InternationalDsn

E, M = Enhanced, International
_BASE = SmtpModel.keywords


class Replaces(E):
    """Says one text instead of another."""

    old = new = ""

    def say(self, text):
        super().say(text.replace(self.old, self.new))


class OddCode(E):
    """Has an odd code in the reply to NOOP."""

    code = ""

    def do_NOOP(self, argument):
        self.line.say(f"250 {self.code} OK\r\n".encode())


class HalfCodes(E):
    def do_HELP(self, argument):
        self.line.say(b"214-2.0.0 see\r\n214 RFC 5321\r\n")


class ClassOfItsOwn(E):
    def unknown(self, text):
        self.line.say(b"500 4.5.1 what?\r\n")


class CodesInEhlo(E):
    def do_HELO(self, argument):
        super().do_HELO("")
        self.helo = argument
        self.line.inbox.clear()
        self.line.say(b"250 2.0.0 mx.example.test\r\n")


class CodesOnlyAfterEhlo(E):
    def with_code(self, code, mark, rest):
        return super().with_code(code, mark, rest) if self.extended else code + mark + rest


class WrongFor(E):
    """Has a code that contradicts what happened. `to` is the command, `code` what it gets."""

    to = code = ""

    def on_line(self, line):
        self.answering = line.decode("utf-8", "replace")
        super().on_line(line)

    def usual(self, code):
        wanted = getattr(self, "answering", "").startswith(self.to) and code[0] == self.code[0]
        return self.code if wanted else super().usual(code)

    def say(self, text):
        code, mark, rest = text[:3], text[3:4], text[4:]
        if self.usual(code) == self.code and rest[:2] in ("4.", "5.", "2."):
            text = code + mark + rest.partition(" ")[2]
        super().say(text)


class Says521(E):
    def unknown(self, text):
        self.say("521 5.5.2 go away")


class Says556(E):
    def do_VRFY(self, argument):
        self.say("556 5.1.10 null MX")


class TakesValue(M):
    def do_MAIL(self, argument):
        super().do_MAIL(argument.replace("SMTPUTF8=1", "SMTPUTF8"))


class NoParameter(M):
    def bad_parameter(self, argument):
        return argument.endswith("> SMTPUTF8") or super().bad_parameter(argument)


class NoUtf8In(M):
    """Takes UTF-8 for bad syntax in one place."""

    place = ""

    def path_refused(self, path, code, *, wanted):
        if self.place in path and not path.isascii() and wanted:
            return "501 5.1.7 bad syntax"
        return super().path_refused(path, code, wanted=wanted)


class NoUtf8InQuotes(M):
    """Takes UTF-8 in a quoted local-part for bad syntax."""

    def path(self, argument, keyword):
        quoted = '"' in argument and not argument.isascii()
        return None if quoted else super().path(argument, keyword)


class TakesUnasked(M):
    """Takes UTF-8 without SMTPUTF8, from the sender or for the recipient."""

    code = ""

    def path_refused(self, path, code, *, wanted):
        return super().path_refused(path, code, wanted=wanted or code == self.code)

    def recipient(self, path):
        if path.isascii() or self.international:
            super().recipient(path)
        else:
            self.recipients.append(path)
            self.say("250 OK")


class NotWith8Bit(M):
    order = ""

    def do_MAIL(self, argument):
        if argument.endswith(self.order):
            self.say("501 one or the other")
        else:
            super().do_MAIL(argument)


class TakesNoUtf8(M):
    """Takes one sequence that is no UTF-8."""

    octets = ""

    def is_utf8(self, path):
        return path.startswith(self.octets) or super().is_utf8(path)

    def on_line(self, line):
        self.taking = line.startswith(b"MAIL FROM:<" + bytes.fromhex(self.octets) + b"@")
        super().on_line(line)

    def path_refused(self, path, code, *, wanted):
        return "" if self.taking else super().path_refused(path, code, wanted=wanted)


class DecodesHeader(M):
    def deliver(self, mail):
        super().deliver(mail.decode("utf-8", "surrogateescape").encode("ascii", "replace"))


class PlainTrace(M):
    def transmission(self):
        return "ESMTP"


class EchoesSender(M):
    def path_refused(self, path, code, *, wanted):
        refusal = super().path_refused(path, code, wanted=wanted)
        return f"{refusal} for {path}" if refusal and code == "550" else refusal


class EchoesUser(M):
    def do_VRFY(self, argument):
        self.say(f"252 {argument}, well")


class ShowsNewPlace(M):
    def recipient(self, path):
        if path == "wandered@example.test":
            self.say("551 5.1.6 try <jürgen@elsewhere.example>")
        else:
            super().recipient(path)


class VerifiesInUtf8(M):
    def do_VRFY(self, argument):
        if argument == "jürgen@example.test":
            self.say("250 2.1.5 Jürgen <jürgen@example.test>")
        else:
            super().do_VRFY(argument)


class OneArgument(M):
    """Takes one argument for VRFY or EXPN."""

    def do_VRFY(self, argument):
        if " SMTPUTF8" in argument:
            self.say("501 one argument")
        else:
            super().do_VRFY(argument)


class OneArgumentExpn(M):
    def do_EXPN(self, argument):
        if " SMTPUTF8" in argument:
            self.say("501 one argument")
        else:
            super().do_EXPN(argument)


class WaitsForSequence(E):
    """Waits for the rest of a UTF-8 sequence. `verb` says in which command."""

    start = b""

    def on_line(self, line):
        if line.startswith(self.start) and line.endswith(b"\xc3"):
            return
        super().on_line(line)


def keywords(*words: str) -> tuple[str, ...]:
    return (*_BASE, *words)


def replacing(name: str, old: str, new: str, *breaks: str) -> Mutant:
    return mutant(name, Replaces, *breaks, old=old, new=new)


FITTING = [
    ("recipient", "RCPT TO:<alice", "2.1.3"),
    ("sender", "MAIL FROM:<probe@client.test>", "2.1.3"),
    ("unknown-recipient", "RCPT TO:<nobody", "5.5.4"),
    ("foreign-recipient", "RCPT TO:<someone", "5.5.4"),
    ("unknown-command", "XYZZY", "5.1.1"),
    ("sequence", "DATA", "5.5.4"),
    ("syntax", "MAIL", "5.5.6"),
    ("parameter", "MAIL FROM:<probe@client.test> XYZZY", "5.5.6"),
]
BAD = {
    "continuation": "618062",
    "overlong": "61c0af62",
    "surrogate": "61eda08062",
    "cut": "61c3",
    "latin-1": "7573e972",
}

MUTANTS = [
    mutant(
        "enhancedstatuscodes_parameter",
        E,
        "enhancedstatuscodes-keyword",
        keywords=keywords("ENHANCEDSTATUSCODES yes"),
    ),
    mutant("no_enhanced_codes", E, "enhanced-in-every-reply", with_code=lambda _s, *parts: "".join(parts)),
    mutant("enhanced_in_greeting", E, "enhanced-where-it-belongs", host="2.0.0 mx.example.test"),
    replacing("enhanced_in_354", "354 ", "354 2.0.0 ", "enhanced-where-it-belongs"),
    mutant("enhanced_in_helo", CodesInEhlo, "enhanced-where-it-belongs"),
    mutant("enhanced_class_of_its_own", ClassOfItsOwn, "enhanced-class"),
    mutant("enhanced_in_one_line", HalfCodes, "enhanced-in-every-line"),
    mutant("enhanced_digits", OddCode, "enhanced-digits", code="2.0.1000"),
    mutant("enhanced_zeros", OddCode, "enhanced-leading-zeros", code="2.00.00"),
    mutant("enhanced_unknown", OddCode, "enhanced-registered", code="2.9.9"),
    mutant("enhanced_after_ehlo_only", CodesOnlyAfterEhlo, "enhanced-after-helo"),
    *(
        mutant(f"enhanced_misfits_{row}", WrongFor, f"enhanced-fits[{row}]", to=to, code=code)
        for row, to, code in FITTING
    ),
    mutant(
        "enhanced_misfits_size",
        WrongFor,
        "enhanced-too-large",
        to="MAIL FROM:<probe@client.test> SIZE",
        code="5.1.1",
    ),
    mutant("says_521", Says521, "code-521-is-a-greeting"),
    mutant("says_556", Says556, "code-556-answers-rcpt"),
    mutant("smtputf8_keyword", M, "smtputf8-keyword", keywords=keywords("SMTPUTF8 yes")),
    mutant(
        "smtputf8_without_8bitmime", M, "smtputf8-with-8bitmime", keywords=("PIPELINING", "SMTPUTF8", "HELP")
    ),
    mutant("smtputf8_u_labels", M, "smtputf8-domains", host="bücher.example"),
    mutant("smtputf8_no_parameter", NoParameter, "smtputf8-parameter"),
    mutant("smtputf8_takes_value", TakesValue, "smtputf8-value"),
    *(
        mutant(f"smtputf8_not_in_{row}", NoUtf8In, f"smtputf8-sender[{row}]", place=place)
        for row, place in {"local-part": "usér@", "domain": "@bü"}.items()
    ),
    mutant("smtputf8_not_in_quoted", NoUtf8InQuotes, "smtputf8-sender[quoted]"),
    mutant("smtputf8_not_in_recipient", NoUtf8In, "smtputf8-recipient", place="nöbel"),
    mutant("smtputf8_sender_unasked", TakesUnasked, "smtputf8-needs-parameter[sender]", code="550"),
    mutant("smtputf8_recipient_unasked", TakesUnasked, "smtputf8-needs-parameter[recipient]", code="553"),
    mutant(
        "smtputf8_not_behind_body", NotWith8Bit, "smtputf8-with-8bit-body[behind]", order="=8BITMIME SMTPUTF8"
    ),
    mutant(
        "smtputf8_not_before_body",
        NotWith8Bit,
        "smtputf8-with-8bit-body[before]",
        order="SMTPUTF8 BODY=8BITMIME",
    ),
    *(mutant(f"takes_{row}", TakesNoUtf8, f"no-utf8[{row}]", octets=octets) for row, octets in BAD.items()),
    mutant("smtputf8_decodes_header", DecodesHeader, "smtputf8-header"),
    mutant("smtputf8_plain_trace", PlainTrace, "smtputf8-trace"),
    mutant("smtputf8_echoes_sender", EchoesSender, "smtputf8-reply[MAIL]"),
    mutant("smtputf8_shows_new_place", ShowsNewPlace, "moved-to-utf8"),
    mutant("smtputf8_verifies_in_utf8", VerifiesInUtf8, "vrfy-needs-utf8"),
    mutant("smtputf8_echoes_user", EchoesUser, "smtputf8-reply[VRFY]"),
    mutant("smtputf8_not_in_vrfy", OneArgument, "smtputf8-of-vrfy[VRFY]"),
    mutant("smtputf8_not_in_expn", OneArgumentExpn, "smtputf8-of-vrfy[EXPN]"),
    mutant("smtputf8_not_in_orcpt", InternationalDsn, "orcpt-in-utf8", knows_utf8=lambda _self, _kind: False),
    *(
        mutant(f"waits_for_sequence_in_{row}", WaitsForSequence, f"cut-utf8[{row}]", start=start)
        for row, start in {
            "parameter": b"MAIL FROM:<probe@client.test> X",
            "path": b"MAIL FROM:<\xc3",
            "argument": b"VRFY a",
            "command": b"\xc3",
        }.items()
    ),
]
