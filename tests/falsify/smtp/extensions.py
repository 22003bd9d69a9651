"""SMTP servers with one planted bug each: pipelining, sizes, 8-bit text."""

from __future__ import annotations

from tests.falsify.harness import Mutant
from tests.models.smtp import SmtpModel

M = SmtpModel


class LosesRestOfGroup(M):
    """Flushes its input when it refuses a command."""

    def say(self, text):
        super().say(text)
        if text.startswith("5"):
            self.buffer = b""


class LosesBehindData(M):
    """Flushes its input at the end of data."""

    def accept(self, text):
        super().accept(text)
        self.buffer = b""


class HoldsReplies(M):
    """Keeps the replies to a group until a command comes that ends one."""

    def received(self, data, *, urgent=False):
        start = len(self.line.inbox)
        super().received(data, urgent=urgent)
        if data.count(b"\r\n") == 2 and data.startswith(b"MAIL") and b"RCPT" in data:
            del self.line.inbox[start:]


class MixesReplies(M):
    """Answers the last command of a group first."""

    def received(self, data, *, urgent=False):
        if data.startswith(b"XPLUMB") and data.count(b"\r\n") == 5:
            data = b"\r\n".join(reversed(data.split(b"\r\n")[:-1])) + b"\r\n"
        super().received(data, urgent=urgent)


class SizeEndsData(M):
    """Takes the declared size for the end of the data."""

    ten = False

    def do_MAIL(self, argument):
        self.ten = self.value(argument, "SIZE") == "10"
        super().do_MAIL(argument)

    def step_data(self):
        if not self.ten or len(self.buffer) < 10:
            return super().step_data()
        self.in_data, text, self.buffer = False, self.buffer[:10], b""
        self.accept(text)
        return True


class LeavesOverSize(M):
    """Closes the connection when more comes than was declared."""

    def do_MAIL(self, argument):
        self.declared = self.value(argument, "SIZE")
        super().do_MAIL(argument)

    def accept(self, text):
        if self.declared == "100":
            self.line.fin()
        else:
            super().accept(text)


class NoSizeCheck(M):
    def size_refused(self, argument):
        return "" if (self.value(argument, "SIZE") or "0").isdigit() else super().size_refused(argument)


class AnySizeText(M):
    def size_refused(self, argument):
        return super().size_refused(argument) if (self.value(argument, "SIZE") or "0").isdigit() else ""


class NoSize(M):
    def size_refused(self, argument):
        return "555 SIZE?" if self.value(argument, "SIZE") == "1000" else super().size_refused(argument)


class NoZeroSize(M):
    def size_refused(self, argument):
        return "501 SIZE?" if self.value(argument, "SIZE") == "0" else super().size_refused(argument)


class AnyBody(M):
    def body_refused(self, argument):
        return ""


class RefusesBody(M):
    body = ""

    def body_refused(self, argument):
        return "501 BODY?" if self.value(argument, "BODY") == self.body else super().body_refused(argument)


class StripsHighBit(M):
    def deliver(self, mail):
        super().deliver(bytes(octet & 0x7F for octet in mail))


class ShortLines(M):
    def on_line(self, line):
        if len(line) > 500:
            self.say("500 line too long")
        else:
            super().on_line(line)


class ShortLocalParts(M):
    def recipient(self, path):
        if len(path.partition("@")[0]) > 60:
            self.say("501 local-part too long")
        else:
            super().recipient(path)


class CutsTextLines(M):
    def deliver(self, mail):
        super().deliver(b"\r\n".join(line[:990] for line in mail.split(b"\r\n")))


class SmallMessages(M):
    def accept(self, text):
        if len(text) > 60_000:
            self.reset()
            self.say("552 too large")
        else:
            super().accept(text)


def keywords(*words: str) -> type[M]:
    return type("Keywords", (M,), {"keywords": words})


def refusing(body: str) -> type[M]:
    return type("RefusesBody", (RefusesBody,), {"body": body})


EXTENSIONS: dict[str, type[M]] = {
    "pipelining_parameter": keywords("PIPELINING yes", "SIZE 10000000", "8BITMIME"),
    "size_parameter": keywords("PIPELINING", "SIZE 10M", "8BITMIME"),
    "8bitmime_parameter": keywords("PIPELINING", "SIZE 10000000", "8BITMIME yes"),
    "loses_rest_of_group": LosesRestOfGroup,
    "loses_behind_data": LosesBehindData,
    "holds_replies": HoldsReplies,
    "mixes_replies": MixesReplies,
    "size_ends_data": SizeEndsData,
    "leaves_over_size": LeavesOverSize,
    "no_size_check": NoSizeCheck,
    "any_size_text": AnySizeText,
    "no_size": NoSize,
    "no_zero_size": NoZeroSize,
    "any_body": AnyBody,
    "refuses_7bit": refusing("7BIT"),
    "refuses_8bitmime": refusing("8BITMIME"),
    "refuses_small_8bitmime": refusing("8bitmime"),
    "strips_high_bit": StripsHighBit,
    "short_lines": ShortLines,
    "short_local_parts": ShortLocalParts,
    "cuts_text_lines": CutsTextLines,
    "small_messages": SmallMessages,
}

MUTANTS = [Mutant(name, service) for name, service in EXTENSIONS.items()]
