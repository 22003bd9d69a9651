"""Session, commands, states and end of data (RFC 5321)."""

from __future__ import annotations

import re

from tests.falsify.harness import Mutant, saying
from tests.models.smtp import SmtpModel

M = SmtpModel


class SilentGreeting(M):
    def greet(self):
        super().greet()
        self.line.inbox.clear()

    def on_line(self, line):
        self.say("220 mx.example.test so you speak first")


class EndsOnLf(M):
    """Takes LF as the end of a command line."""

    def step(self):
        if self.in_data:
            return self.step_data()
        text, end, self.buffer = self.buffer.partition(b"\n")
        if end:
            self.on_line(text.rstrip(b"\r"))
        else:
            self.buffer = text
        return bool(end)


class ActsAtOnce(M):
    """Obeys a command when its four letters are there."""

    def step(self):
        if not self.in_data and self.buffer == b"NOOP":
            self.buffer = b""
            self.say("250 OK")
            return False
        if not self.in_data and self.buffer == b"\r\n":
            self.buffer = b""
            return False
        return super().step()


class OneSegmentOneCommand(M):
    """Takes every segment for a whole command."""

    def received(self, data, *, urgent=False):
        if not self.in_data and not data.endswith(b"\r\n") and not (data + self.buffer).startswith(b"NOOP\r"):
            self.say("500 incomplete command")
            return
        super().received(data)


class NoPiecesInData(M):
    """Finds the end of data only where it comes in one segment."""

    def received(self, data, *, urgent=False):
        if self.in_data and len(data) < 3:
            return
        super().received(data)


class ObeysInData(M):
    """Obeys commands in the text of a message."""

    def step_data(self):
        if b"\r\nNOOP\r\n" in self.buffer:
            self.buffer = self.buffer.replace(b"\r\nNOOP\r\n", b"\r\n", 1)
            self.say("250 OK")
        return super().step_data()


class HangsUpOnUnknown(M):
    def unknown(self, text):
        super().unknown(text)
        self.line.fin()


class HangsUpOnSyntax(M):
    def do_MAIL(self, argument):
        super().do_MAIL(argument)
        if not argument:
            self.line.fin()


class QuitStays(M):
    def do_QUIT(self, argument):
        self.say("221 bye")


class QuitWithout221(M):
    def do_QUIT(self, argument):
        self.line.fin()


class QuitOnlyAfterEhlo(M):
    def do_QUIT(self, argument):
        if self.helo:
            super().do_QUIT(argument)
        else:
            self.say("503 EHLO first")


class QuitNotInTransaction(M):
    def do_QUIT(self, argument):
        if self.recipients:
            self.say("503 finish your mail first")
        else:
            super().do_QUIT(argument)


class DeliversOnQuit(M):
    def do_QUIT(self, argument):
        if self.recipients:
            self.deliver(b"Received: by a fool\r\nSubject: marker%d\r\n\r\n" % 0)
            self.world.files.extend(b"marker%d" % n for n in range(5000))
        super().do_QUIT(argument)


class OneMailPerSession(M):
    done = False

    def accept(self, text):
        self.done = True
        super().accept(text)

    def do_MAIL(self, argument):
        if self.done:
            self.say("503 one mail only")
        else:
            super().do_MAIL(argument)


class LosesMail(M):
    """All but the ordinary mail of a control."""

    def deliver(self, mail):
        if b"Subject: control" in mail:
            super().deliver(mail)


class DoublesMail(M):
    def deliver(self, mail):
        super().deliver(mail)
        super().deliver(mail)


class EhloKeepsTransaction(M):
    def do_EHLO(self, argument):
        kept = self.sender, self.recipients
        super().do_EHLO(argument)
        self.sender, self.recipients = kept


class RsetKeepsTransaction(M):
    def do_RSET(self, argument):
        self.say("250 OK")


class RsetForgetsEhlo(M):
    def do_RSET(self, argument):
        self.helo = ""
        super().do_RSET(argument)


class EhloOnce(M):
    def do_EHLO(self, argument):
        if self.helo:
            self.say("503 you said that")
        else:
            super().do_EHLO(argument)


class DataKeepsBuffers(M):
    def accept(self, text):
        kept = self.sender, self.recipients
        super().accept(text)
        self.sender, self.recipients = kept

    def do_MAIL(self, argument):
        self.reset()
        super().do_MAIL(argument)


class TwoRepliesToData(M):
    def accept(self, text):
        super().accept(text)
        self.say("250 really")


class NestedMail(M):
    def do_MAIL(self, argument):
        self.sender = None
        super().do_MAIL(argument)


class NoNullPath(M):
    def mail_accepted(self, path):
        if path:
            super().mail_accepted(path)
        else:
            self.say("550 who are you?")


class OpenRelay(M):
    def recipient(self, path):
        if not path.endswith("example.test"):
            self.recipients.append(path)
            self.say("250 OK")
        else:
            super().recipient(path)


class KnowsEverybody(M):
    def recipient(self, path):
        if path.startswith("nobody@"):
            self.recipients.append(path)
            self.say("250 OK")
        else:
            super().recipient(path)


class NoPostmaster(M):
    def recipient(self, path):
        if path.lower() == "postmaster":
            self.say("550 no such user")
        else:
            super().recipient(path)


class OneRecipient(M):
    def recipient(self, path):
        if self.recipients:
            self.say("550 one is enough")
        else:
            super().recipient(path)


class RefusalSpoils(M):
    def say(self, text):
        super().say(text)
        if text.startswith("550 5.1.1"):
            self.recipients.clear()


class NullRecipient(M):
    def do_RCPT(self, argument):
        if argument == "TO:<>":
            self.say("250 OK")
        else:
            super().do_RCPT(argument)


class RcptWithoutMail(M):
    def do_RCPT(self, argument):
        if self.sender is None and self.helo and argument:
            self.say("250 OK")
        else:
            super().do_RCPT(argument)


class SyntaxFree(M):
    """Takes a command without its argument as if it were there."""

    def do_MAIL(self, argument):
        if argument:
            super().do_MAIL(argument)
        else:
            self.mail_accepted("")


class RcptSyntaxFree(M):
    def do_RCPT(self, argument):
        if argument:
            super().do_RCPT(argument)
        else:
            self.say("250 OK")


class AnyMailParameter(M):
    def bad_parameter(self, argument):
        return argument.upper().startswith("TO:") and super().bad_parameter(argument)


class AnyRcptParameter(M):
    def bad_parameter(self, argument):
        return argument.upper().startswith("FROM:") and super().bad_parameter(argument)


class CaseMatters(M):
    def verb(self, word):
        return word if word.isupper() else "?"


class RefusesRecipients(M):
    def recipient(self, path):
        self.say("502 not today")


class DataArgument(M):
    def do_DATA(self, argument):
        super().do_DATA("")


class DataWithoutMail(M):
    def do_DATA(self, argument):
        if self.sender is None and not argument:
            self.data_accepted()
        else:
            super().do_DATA(argument)


class DataWithoutRcpt(M):
    def do_DATA(self, argument):
        if self.sender is not None and not self.recipients and not argument:
            self.data_accepted()
        else:
            super().do_DATA(argument)


class VrfyResets(M):
    def do_VRFY(self, argument):
        self.reset()
        super().do_VRFY(argument)


class NoopResets(M):
    def do_NOOP(self, argument):
        self.reset()
        super().do_NOOP(argument)


class NoopNeedsEhlo(M):
    def do_NOOP(self, argument):
        self.say("250 OK" if self.helo else "550 EHLO first")


class NoopTakesNothing(M):
    def do_NOOP(self, argument):
        self.say("550 no argument, please" if argument else "250 OK")


class EmptyEhlo(M):
    def do_EHLO(self, argument):
        super().do_EHLO(argument or "nobody")


class EmptyHelo(M):
    def do_HELO(self, argument):
        super().do_HELO(argument or "nobody")


class MultilineHelo(M):
    def do_HELO(self, argument):
        if argument:
            self.helo = argument
            self.reply_lines("250", [self.host, "PIPELINING"])
        else:
            super().do_HELO(argument)


class NamelessHelo(M):
    host = "!"

    def do_EHLO(self, argument):
        self.host = SmtpModel.host
        super().do_EHLO(argument)

    def greet(self):
        super().greet()
        self.line.inbox.clear()
        self.say("220 mx.example.test ready")


class StrangeCode(M):
    def do_NOOP(self, argument):
        self.say("290 fine")


class NoReply(M):
    def do_NOOP(self, argument):
        self.say("OK then")


class TwoCodes(M):
    def reply_lines(self, code, lines):
        self.say(f"{code}-{lines[0]}")
        self.say(f"251-{lines[1]}")
        super().reply_lines(code, lines[2:])


class BareLf(M):
    def say(self, text):
        self.line.say(text.encode() + b"\n")


class LongLines(M):
    def do_HELP(self, argument):
        self.say("214 " + "x" * 600)


class TurnObeyed(M):
    def do_TURN(self, argument):
        self.say("250 your turn")


class HangsUpOnTurn(M):
    def do_TURN(self, argument):
        self.say("502 no")
        self.line.fin()


class GreetsWith(M):
    text = "220 mx.example.test"

    def greet(self):
        super().greet()
        self.line.inbox.clear()
        self.say(self.text)


class GreetsWithoutName(GreetsWith):
    text = "220 !! welcome"


class Greets250(GreetsWith):
    text = "250 mx.example.test"


class EhloBadForm(M):
    keywords = (*M.keywords, "? what")


class NoTrace(M):
    def trace(self):
        return b""


class KeepsStuffing(M):
    def unstuff(self, text):
        return text


class EatsInnerDots(M):
    def unstuff(self, text):
        return super().unstuff(text).replace(b".", b"")


class FalseEnd(M):
    """Ends the data at other octets, too. A subclass says at which."""

    octets = b""

    def step_data(self):
        start = b"\r\n" + self.buffer
        found = re.search(self.octets, start)
        if not found or 0 <= start.find(b"\r\n.\r\n") < found.start():
            return super().step_data()
        self.in_data, self.buffer = False, start[found.end() :]
        self.accept(start[2 : found.start()])
        return True


class LosesItself(M):
    """Never finds the end of text with an octet that it does not expect."""

    octets = b""

    def step_data(self):
        return not re.search(self.octets, self.buffer) and super().step_data()


class HelpResets(M):
    def do_HELP(self, argument):
        self.reset()
        super().do_HELP(argument)


class ExpnResets(M):
    def do_EXPN(self, argument):
        self.reset()
        super().do_EXPN(argument)


class HeloKeepsTransaction(M):
    def do_HELO(self, argument):
        kept = self.sender, self.recipients
        super().do_HELO(argument)
        self.sender, self.recipients = kept


NAMED: dict[str, type[M]] = {
    "no_greeting": SilentGreeting,
    "greets_250": Greets250,
    "greets_without_name": GreetsWithoutName,
    "acts_at_once": ActsAtOnce,
    "one_segment_one_command": OneSegmentOneCommand,
    "no_pieces_in_data": NoPiecesInData,
    "obeys_in_data": ObeysInData,
    "hangs_up_on_unknown": HangsUpOnUnknown,
    "hangs_up_on_syntax": HangsUpOnSyntax,
    "quit_stays": QuitStays,
    "quit_without_221": QuitWithout221,
    "quit_only_after_ehlo": QuitOnlyAfterEhlo,
    "quit_not_in_transaction": QuitNotInTransaction,
    "delivers_on_quit": DeliversOnQuit,
    "one_mail_per_session": OneMailPerSession,
    "loses_mail": LosesMail,
    "doubles_mail": DoublesMail,
    "no_trace": NoTrace,
    "keeps_stuffing": KeepsStuffing,
    "eats_inner_dots": EatsInnerDots,
    "ehlo_keeps_transaction": EhloKeepsTransaction,
    "rset_keeps_transaction": RsetKeepsTransaction,
    "rset_forgets_ehlo": RsetForgetsEhlo,
    "ehlo_once": EhloOnce,
    "ehlo_bad_form": EhloBadForm,
    "data_keeps_buffers": DataKeepsBuffers,
    "two_replies_to_data": TwoRepliesToData,
    "nested_mail": NestedMail,
    "no_null_path": NoNullPath,
    "open_relay": OpenRelay,
    "knows_everybody": KnowsEverybody,
    "no_postmaster": NoPostmaster,
    "one_recipient": OneRecipient,
    "refusal_spoils": RefusalSpoils,
    "null_recipient": NullRecipient,
    "rcpt_without_mail": RcptWithoutMail,
    "mail_syntax_free": SyntaxFree,
    "rcpt_syntax_free": RcptSyntaxFree,
    "any_mail_parameter": AnyMailParameter,
    "any_rcpt_parameter": AnyRcptParameter,
    "case_matters": CaseMatters,
    "refuses_recipients": RefusesRecipients,
    "data_argument": DataArgument,
    "data_without_mail": DataWithoutMail,
    "data_without_rcpt": DataWithoutRcpt,
    "vrfy_resets": VrfyResets,
    "noop_resets": NoopResets,
    "noop_needs_ehlo": NoopNeedsEhlo,
    "noop_takes_nothing": NoopTakesNothing,
    "empty_ehlo": EmptyEhlo,
    "empty_helo": EmptyHelo,
    "multiline_helo": MultilineHelo,
    "nameless_helo": NamelessHelo,
    "strange_code": StrangeCode,
    "no_reply": NoReply,
    "two_codes": TwoCodes,
    "bare_lf": BareLf,
    "long_lines": LongLines,
    "turn_obeyed": TurnObeyed,
    "hangs_up_on_turn": HangsUpOnTurn,
    "help_resets": HelpResets,
    "expn_resets": ExpnResets,
    "helo_keeps_transaction": HeloKeepsTransaction,
}
SAYING: dict[str, type[M]] = {
    name: type(f"Saying_{name}", (M,), {method: saying(*texts)})
    for name, method, texts in [
        ("no_ehlo", "do_EHLO", ["500 what?"]),
        ("no_helo", "do_HELO", ["502 say EHLO"]),
        ("refuses_mail", "mail_accepted", ["502 no mail today"]),
        ("mail_354", "mail_accepted", ["354 go on"]),
        ("refuses_data", "data_accepted", ["502 no data today"]),
        ("noop_500", "do_NOOP", ["500 what?"]),
        ("rset_500", "do_RSET", ["500 what?"]),
        ("vrfy_500", "do_VRFY", ["500 what?"]),
        ("expn_354", "do_EXPN", ["354 who?"]),
        ("help_354", "do_HELP", ["354 how?"]),
        ("unknown_250", "unknown", ["250 if you say so"]),
        ("send_354", "do_SEND", ["354 go on"]),
        ("soml_354", "do_SOML", ["354 go on"]),
        ("saml_354", "do_SAML", ["354 go on"]),
        ("mail_before_ehlo_354", "do_MAIL", ["354 go on"]),
        ("rejects_text", "accept", ["503 not this text"]),
        ("two_replies_to_noop", "do_NOOP", ["250 OK", "250 really"]),
    ]
}

# Name -> the octets that end the data, apart from CRLF . CRLF.
FALSE_ENDS = {
    "LF.LF": rb"(?<!\r)\n\.\n",
    "LF.CRLF": rb"(?<![\r\0])\n\.\r\n",
    "LF.CR": rb"(?<!\r)\n\.\r(?=[^\r\n])",
    "CR.CR": rb"\r\.\r(?=[^\n])",
    "CR.CRLF": rb"\r\.\r\n",
    "CR.LF": rb"\r\.\n",
    "CR-NUL-LF.CRLF": rb"\r\0\n\.\r\n",
    "CRLF.LF": rb"\r\n\.\n",
    "CRLF.CR": rb"\r\n\.\r(?=[^\r\n\0])",
    "CRLF.CRCRLF": rb"(?<!\r)\r\n\.\r\r\n",
    "CRCRLF.CRCRLF": rb"\r\r\n\.\r\r\n",
    "CRLF.CR-NUL-LF": rb"\r\n\.\r\0\n",
    "CRLF.NUL-CRLF": rb"\r\n\.\0\r\n",
    "CRLF.SP-CRLF": rb"\r\n\. \r\n",
    "CRLF-NUL.CRLF": rb"\r\n\0\.\r\n",
    "CRLF-SP.CRLF": rb"\r\n \.\r\n",
    "LFCR.LFCR": rb"\n\r\.\n\r",
    "NEL.CRLF": rb"\xc2\x85\.\r\n",
    "U+2028.CRLF": rb"\xe2\x80\xa8\.\r\n",
    "CRLF.VT-CRLF": rb"\r\n\.\x0b\r\n",
    "any-CR-before-LF": rb"\n\.\r*\n",
}
FALSE_END: dict[str, type[M]] = {
    f"ends_at_{name}": type(f"Ends_at_{name}", (FalseEnd,), {"octets": octets})
    for name, octets in FALSE_ENDS.items()
}
STRAY: dict[str, type[M]] = {
    f"lost_at_{name}": type(f"Lost_at_{name}", (LosesItself,), {"octets": octets})
    for name, octets in [("LF", rb"one\ntwo"), ("CR", rb"one\rtwo"), ("NUL", rb"one\0two")]
}
MUTANTS = [Mutant(name, service) for name, service in {**NAMED, **SAYING, **FALSE_END, **STRAY}.items()]
