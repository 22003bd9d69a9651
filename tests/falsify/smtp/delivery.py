"""What is delivered, how, and what is said of it on the way (RFC 5321 sections 2.3.8, 3.3, 4.4, 4.5.2 and 6)."""

from __future__ import annotations

import re

from tests.falsify.harness import Mutant, mutant, rows
from tests.models.smtp import SmtpModel
from tests.models.smtp_kinds import Generous

M = SmtpModel


class Edits(M):
    """Changes the text before it is delivered."""

    old = new = rb""

    def deliver(self, mail):
        super().deliver(re.sub(self.old, self.new, mail))


class Refuses(M):
    """Refuses texts that match."""

    text = rb""

    def text_refused(self, text):
        return "550 not this" if re.search(self.text, text) else super().text_refused(text)


class LooksAtSegments(M):
    """Looks for the period of transparency where a segment starts, not where a line does."""

    def received(self, data, *, urgent=False):
        if self.in_data and data != b".\r\n" and self.buffer:
            data = data.replace(b"two", b"x.two", 1)
        super().received(data)


class OctetsGoWrong(M):
    """Loses count of a text that comes octet by octet."""

    def received(self, data, *, urgent=False):
        if self.in_data and data == b"w":
            data = b"W"
        super().received(data)


class EmptyIsNoEnd(M):
    """Does not find the end of data where it comes first."""

    def step_data(self):
        return not self.buffer.startswith(b".\r\n") and super().step_data()


class DeliversHalves(M):
    """Delivers what has come of a message when the client vanishes."""

    def ended(self):
        if self.in_data:
            self.deliver(self.trace() + self.buffer)
        super().ended()


class Shaken(M):
    """Answers nobody any more once a client has vanished."""

    def ended(self):
        if self.recipients:
            self.world.shaken = True
        super().ended()

    def on_line(self, line):
        if not getattr(self.world, "shaken", False) or not line.startswith(b"MAIL"):
            super().on_line(line)


class OneTransaction(M):
    """Has one transaction for all its connections."""

    def reset(self):
        super().reset()
        self.world.reset_by = self

    def do_DATA(self, argument):
        if getattr(self.world, "reset_by", self) is not self:
            super().reset()
        super().do_DATA(argument)


class OneAtATime(M):
    """Takes one message at a time."""

    def data_accepted(self):
        self.world.busy = True
        super().data_accepted()

    def accept(self, text):
        if getattr(self.world, "busy", False):
            self.world.busy = False
            super().accept(text)
        else:
            self.reset()
            self.say("554 somebody else is sending")


class FewClients(M):
    """Greets so many clients, and leaves the next ones waiting."""

    most = 1

    def greet(self):
        super().greet()
        self.world.clients = getattr(self.world, "clients", 0) + 1
        if self.world.clients > self.most:
            self.line.inbox.clear()


class Leaks(M):
    """Keeps the recipients of a transaction for the next one."""

    kept: tuple[str, ...] = ()

    def deliver(self, mail):
        self.recipients = [*self.recipients, *self.kept]
        self.kept = tuple(self.recipients)
        super().deliver(mail)


class LastRecipientOnly(M):
    def deliver(self, mail):
        self.recipients = self.recipients[-1:]
        super().deliver(mail)


class FirstRecipientOnly(M):
    def deliver(self, mail):
        self.recipients = self.recipients[:1]
        super().deliver(mail)


class RoutesByHeader(M):
    def deliver(self, mail):
        if b"\r\nTo: <bob@" not in mail:
            super().deliver(mail)


class LateAndUnforgiving(M):
    """Takes all recipients, and refuses the message for one who does not exist."""

    doubtful = False

    def recipient(self, path):
        if path.startswith("nobody@"):
            self.doubtful = True
            self.say("250 OK")
        else:
            super().recipient(path)

    def text_refused(self, text):
        return "550 nobody does not exist" if self.doubtful else super().text_refused(text)


class DeliversRefused(Generous):
    """Delivers what it refuses. A subclass says how it refuses."""

    code = "554"

    def accept(self, text):
        if refusal := self.text_refused(text):
            self.deliver(self.trace() + text.replace(b"\0", b""))
            self.reset()
            self.say(self.code + refusal[3:])
        else:
            super().accept(text)


class RefusedKeeps(Generous):
    """Keeps sender and recipients of a message that it refuses."""

    def accept(self, text):
        kept = self.sender, self.recipients
        super().accept(text)
        if self.text_refused(text):
            self.sender, self.recipients = kept


class AcceptsFromNobody(M):
    """Takes DATA and an empty message although there is no recipient."""

    def do_DATA(self, argument):
        if self.sender is not None and not self.recipients:
            self.data_accepted()
        else:
            super().do_DATA(argument)


class ReturnPathBelow(M):
    def deliver(self, mail):
        if any(path != "bob@example.test" for path in self.recipients):
            first, _, rest = mail.partition(b"\r\n")
            self.world.files.append(first + b"\r\n" + self.return_path() + rest)


class KeepsForged(M):
    def without_return_path(self, mail):
        return mail


def trace(form: str) -> object:
    """A trace method by a template of its parts."""

    def method(self):
        parts = {"helo": self.helo, "client": self.line.client.host, "host": self.host}
        parts |= {"protocol": self.transmission(), "clause": self.for_clause(), "date": self.date()}
        return f"Received: {form.format(**parts)}\r\n".encode()

    return method


def traced(name: str, form: str, *breaks: str) -> Mutant:
    return mutant(name, M, *breaks, trace=trace(form))


def editing(name: str, old: bytes, new: bytes, *breaks: str) -> Mutant:
    return mutant(name, Edits, *breaks, old=old, new=new)


def refusing(name: str, text: bytes, *breaks: str) -> Mutant:
    return mutant(name, Refuses, *breaks, text=text)


MUTANTS = [
    # transparency
    editing("two_periods_lost", rb"(?m)^\.\r$", rb"\r", "periods[two-periods]"),
    editing(
        "three_periods_kept",
        rb"(?m)^\.\.( ?)\r$",
        rb"...\1\r",
        *rows("periods[three-periods|period-and-blank]"),
    ),
    mutant(
        "unstuffs_doubled_only",
        M,
        *rows("periods[period-and-text]"),
        unstuff=lambda _self, text: re.sub(rb"(?m)^\.\.", b".", text),
    ),
    mutant(
        "stuffing_kept",
        M,
        *rows("periods[two-periods|three-periods|ten-periods|two-periods-1982|two-periods-1989]"),
        "periods-in-header",
        *rows(
            "periods-over-segments[before-the-periods|between-the-periods|behind-the-periods|between-CR-and-LF]"
        ),
        "text-in-pieces",
        "8bit-lines[periods-are-taken-off]",
        unstuff=lambda _self, text: text,
    ),
    editing("inner_periods_lost", rb"b\.\.c", b"b.c", "periods[inner-periods]"),
    mutant("empty_is_no_end", EmptyIsNoEnd, "first-line-is-a-period"),
    mutant(
        "looks_at_segments",
        LooksAtSegments,
        *rows("periods-over-segments[before-the-periods|between-the-periods]"),
    ),
    mutant("octets_go_wrong", OctetsGoWrong, "text-in-pieces"),
    editing(
        "strips_blanks", rb"[ \t]+\r\n", b"\r\n", *rows("characters[blanks-at-the-end|tabs|line-of-blanks]")
    ),
    editing("empty_lines_lost", rb"\r\n\r\n\r\n", b"\r\n", "characters[empty-lines]"),
    editing(
        "control_lost",
        rb"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]",
        b"",
        *rows("characters[form-feed|control-characters|more-control-characters]"),
    ),
    editing("backslash_lost", rb"\\", b"", "characters[punctuation]"),
    editing("from_lost", rb"From here", b"", "from-line"),
    editing("cut_at_nul", rb"\0[^\r]*", b"", "nul"),
    editing("empty_line_added", rb"last\r\n\Z", b"last\r\n\r\n\r\n\r\n", "no-line-added"),
    editing("headerless_lost", rb"just text", b"", "without-header"),
    mutant(
        "8_bit_355",
        M,
        "8-bit-without-being-told",
        accept=lambda self, text: M.accept(self, text) if text.isascii() else self.say("355 what?"),
    ),
    mutant("dots_behind_lf", M, "dots-behind-lf", unstuff=lambda _self, text: re.sub(rb"(?m)^\.", b"", text)),
    editing("8_bit_lines_cut", rb"([\xc3\xa9]{900})[\xc3\xa9]+", rb"\1", "8bit-lines[lines-of-1000-octets]"),
    # trace
    mutant("no_trace_at_all", M, *rows("received-line[above-the-header-section]"), trace=lambda _self: b""),
    traced(
        "trace_no_from",
        "by {host} with {protocol}{clause};{date}",
        *rows("received-line[from-clause|client-name|client-address|grammar]"),
    ),
    traced(
        "trace_no_by",
        "from {helo} ([{client}]) with {protocol}{clause};{date}",
        *rows("received-line[by-clause|grammar]"),
    ),
    traced(
        "trace_zone_name",
        "from {helo} ([{client}]) by {host} with {protocol}; Thu, 1 Jan 1970 00:00:00 GMT",
        "received-line[numeric-offset]",
        "received-line-has-not[no-zone-by-name]",
    ),
    traced(
        "trace_short_year",
        "from {helo} ([{client}]) by {host} with {protocol}; Thu, 1 Jan 70 00:00:00 +0000",
        *rows("received-line[year-of-four-digits|grammar]"),
    ),
    traced(
        "trace_plain_smtp", "from {helo} ([{client}]) by {host} with SMTP;{date}", "received-line[with-ESMTP]"
    ),
    traced(
        "trace_always_esmtp", "from {helo} ([{client}]) by {host} with ESMTP;{date}", "received-after-helo"
    ),
    traced(
        "trace_odd_protocol",
        "from {helo} ([{client}]) by {host} with PLUMB;{date}",
        "received-line-has-not[no-unregistered-protocol]",
    ),
    mutant(
        "for_all",
        M,
        *rows("two-recipients[one-path-in-the-for-clause|no-for-clause]"),
        for_clause=lambda self: " for " + ", ".join(f"<{path}>" for path in self.recipients),
    ),
    editing(
        "copies_recipients",
        rb"\r\nSubject",
        b"\r\nBcc: bob@example.test\r\nApparently-To: alice\r\nSubject",
        *rows("two-recipients[not-copied-into-the-header-section|no-Apparently-To]"),
    ),
    editing("tidies_received", rb"   blanks", b" blanks", "earlier-received-lines[stay-as-they-are]"),
    editing(
        "drops_received",
        rb"Received: \(nobody\)[^\r]*\r\n",
        b"",
        "earlier-received-lines[keep-their-order-below-the-new-one]",
    ),
    refusing("refuses_odd_trace", rb"Received: nonsense", "odd-trace-fields"),
    refusing("counts_to_thirty", rb"(?:Received: [^\n]*\n){30}", "many-received-lines"),
    mutant("no_return_path", M, "return-path", "return-path-null", return_path=lambda _self: b""),
    mutant("return_path_below", ReturnPathBelow, "return-path-first"),
    mutant(
        "return_path_daemon",
        M,
        "return-path-null",
        return_path=lambda self: f"Return-Path: <{self.sender or 'MAILER-DAEMON'}>\r\n".encode(),
    ),
    mutant("keeps_forged", KeepsForged, "return-path-forged"),
    mutant(
        "small_return_path",
        M,
        "local-part-case",
        return_path=lambda self: f"Return-Path: <{(self.sender or '').lower()}>\r\n".encode(),
    ),
    mutant(
        "last_return_path",
        M,
        "two-recipients[the-reverse-path-stays]",
        return_path=lambda self: f"Return-Path: <{self.recipients[-1]}>\r\n".encode(),
    ),
    # content
    refusing("refuses_no_from", rb"\A(?!From)(?!\r\n)", "content-faults[no-From-no-Date]"),
    refusing("refuses_two_from", rb"From: .*\r\nFrom:", "content-faults[two-From-fields]"),
    refusing("refuses_bad_date", rb"yesterday", "content-faults[broken-Date]", "odd-trace-fields"),
    refusing("refuses_two_subjects", rb"Subject: .*\r\nSubject:", "content-faults[two-Subjects]"),
    refusing("refuses_bad_mime", rb"boundary=x", "content-faults[broken-MIME]"),
    refusing("refuses_no_field", rb"this is no field", "content-faults[no-field]"),
    refusing("refuses_no_body", rb"\A(?![\s\S]*\r\n\r\n)", "content-faults[no-body]"),
    refusing("refuses_resent", rb"Resent-", *rows("resent-fields[Resent-To-alone|unequal-numbers]")),
    refusing("refuses_other_from", rb"somebody\.else", "sender-and-from-differ"),
    refusing("refuses_many_addresses", rb"(?:someone.*\n.*){50}", "many-header-addresses"),
    mutant("routes_by_header", RoutesByHeader, "header-does-not-route"),
    editing("edits_the_end", rb"\r\n\r\ntext\r\n", b"\r\n\r\ntxt\r\n", "fields-added"),
    mutant("delivers_refused_5yz", DeliversRefused, "refused-is-not-delivered[5yz]"),
    mutant("delivers_refused_4yz", DeliversRefused, "refused-is-not-delivered[4yz]", code="451"),
    mutant("refused_keeps", RefusedKeeps, "refused-clears"),
    # delivery
    mutant("last_recipient_only", LastRecipientOnly, "one-copy[recipient-first]"),
    mutant("first_recipient_only", FirstRecipientOnly, "one-copy[recipient-last]"),
    mutant("late_and_unforgiving", LateAndUnforgiving, "late-checks"),
    mutant("leaks_recipients", Leaks, "recipients-do-not-leak"),
    mutant("delivers_halves", DeliversHalves, *rows("broken-off[reset|close|half-close]")),
    mutant(
        "forgets_on_reset",
        M,
        "completed-stays-completed",
        ended=lambda self: (self.world.files.clear(), M.ended(self)),
    ),
    mutant("shaken", Shaken, "vanished-connection"),
    mutant("accepts_for_nobody", AcceptsFromNobody, "empty-message-without-recipient"),
    mutant("one_transaction", OneTransaction, "second-session-is-apart"),
    mutant("seven_clients", FewClients, "idle-connections", most=7),
    mutant("one_at_a_time", OneAtATime, "two-transactions-at-a-time"),
    mutant(
        "one_client",
        FewClients,
        "listens-all-the-time",
        "command-of-64-kib",
        *rows("many-unknown-commands[unknown-commands|refused-recipients]"),
    ),
    mutant(
        "new_transaction_refused",
        M,
        *rows("abort-and-begin-again[RSET|EHLO]"),
        reset=lambda self: setattr(self, "recipients", []),
    ),
]
