"""What is passed on, and what becomes of mail that cannot be (RFC 5321 sections 2.3.11, 3.6.3, 4.4, 5.1 and 6)."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.falsify.harness import Mutant, mutant, rows
from tests.models.smtp_relay import Fate, Relay

M = Relay
_PLAIN_REPORT = (
    "From: <mailer@{host}>\nTo: <{to}>\nSubject: returned\n\nNot delivered:\n{recipients}{header}{envelope}\n"
)


class KeepsRoute(M):
    """Passes a source route on as it was."""

    def forward_path(self, argument):
        return re.match(r"TO:<([^>]*)>", argument, re.IGNORECASE)[1]


class RouteGoesBack(M):
    """Makes the return path longer by the route, as RFC 821 had it."""

    def do_RCPT(self, argument):
        super().do_RCPT(argument)
        self.route = (re.match(r"TO:<(@[^:]*:)", argument, re.IGNORECASE) or [""])[0][4:]

    def reverse_path(self):
        return self.route + self.sender


class ShortCut(M):
    """Goes to the second host of a source route at once."""

    def do_RCPT(self, argument):
        super().do_RCPT(argument)
        self.short = ",@plain.relay.test:" in argument

    def to_hop(self, hop, mail):
        return super().to_hop("plain" if self.short else hop, mail)


class ReportsToTheRoute(M):
    """Sends a report to the first host of the route in the reverse-path."""

    routed = False

    def do_MAIL(self, argument):
        self.routed = "<@plain" in argument
        super().do_MAIL(argument)

    def report_to(self, mail):
        return mail.sender.replace("@full", "@plain") if self.routed else mail.sender


def said_to_be_relayed(_self, mail):
    """Reports success, asked or not."""
    return [Fate(replace(rcpt, words=(("NOTIFY", "SUCCESS"),)), "relayed") for rcpt in mail.recipients]


class ReportsReports(M):
    """Reports what cannot be reported to whoever the mail names."""

    def may_report(self, _mail):
        return True

    def report_to(self, mail):
        named = re.search(rb"^Errors-To: <(.*)>", mail.octets, re.MULTILINE)
        return mail.sender or named[1].decode()


class OneByOne(M):
    """Reports each recipient on its own."""

    def tell(self, mail, fates):
        for fate in fates:
            super().tell(mail, [fate])


class AllOrNothing(M):
    """Says nothing of the recipients whom the mail did not reach, if it reached another."""

    def tell(self, mail, fates):
        if all(fate.action == "failed" for fate in fates):
            super().tell(mail, fates)


class Probes(M):
    """Asks the next hop within the data, and refuses the mail if one recipient is refused."""

    def text_refused(self, text):
        paths = {path[:4] for path in self.recipients}
        return (
            "554 one of them is unknown" if "550." in paths and len(paths) > 1 else super().text_refused(text)
        )


class Owned(M):
    """Gives forwarded mail a sender of its own."""

    def reverse_path(self):
        return self.sender or "forwarder@example.test"


def editing(name: str, old: bytes, new: bytes, *breaks: str) -> Mutant:
    """Passes the content on with changes."""
    return mutant(name, M, *breaks, content=lambda _self, mail, _offered: re.sub(old, new, mail.octets))


def renaming(name: str, old: str, new: str, *breaks: str) -> Mutant:
    """Passes recipients on under other names."""

    def rcpt_line(self, rcpt, offered):
        return M.rcpt_line(self, replace(rcpt, path=re.sub(old, new, rcpt.path)), offered)

    return mutant(name, M, *breaks, rcpt_line=rcpt_line)


def silent_about(code: str) -> object:
    def fate(self, mail, rcpt, answer, offered):
        found = M.fate(self, mail, rcpt, answer, offered)
        return Fate(rcpt, "") if answer.startswith(code) else found

    return fate


MUTANTS = [
    # content
    editing("relay_unfolds", rb"\r\n[ \t]+(?=\S)", b" ", "relay-changes-nothing[folded-fields]"),
    editing("relay_writes_names", rb"(?m)^subject:(?! )", b"Subject: ", "relay-changes-nothing[odd-fields]"),
    editing(
        "relay_adds_date",
        rb"\r\nSubject(?=\S*: \w+\r\n\r\ntext)",
        b"\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\nSubject",
        "relay-adds-no-fields",
    ),
    editing(
        "relay_completes_names",
        rb"@single",
        b"@single.example.test",
        "relay-changes-nothing[unqualified-names]",
    ),
    editing("relay_strips_blanks", rb"[ \t]+\r\n", b"\r\n", "relay-changes-nothing[lines-of-the-body]"),
    mutant("relay_stuffs_nothing", M, "relay-changes-nothing[periods]", stuffed=lambda _self, octets: octets),
    editing("relay_stuffs_from", rb"(?m)^From h", b">From h", "relay-changes-nothing[from-lines]"),
    editing("relay_drops_control", rb"[\x07\x0c\x1b]", b"", "relay-changes-nothing[characters-of-control]"),
    editing("relay_mends_mime", rb"Content-Type: no type\r\n", b"", "relay-changes-nothing[broken-MIME]"),
    editing("relay_mends_header", rb"\r\nthis is", b"\r\n\r\nthis is", "relay-changes-nothing[no-field]"),
    editing("relay_drops_return_path", rb"(?m)^Return-Path:.*\n", b"", "relay-return-path"),
    # recipients
    mutant(
        "relay_small_letters",
        M,
        "relay-local-part[capitals]",
        rcpt_line=lambda self, rcpt, offered: M.rcpt_line(
            self, replace(rcpt, path=rcpt.path.lower()), offered
        ),
    ),
    renaming("relay_cuts_at_plus", r"\+.*@", "@", *rows("relay-local-part[plus|user-of-the-target]")),
    renaming("relay_cuts_at_hyphen", r"-owner@", "@", "relay-local-part[hyphen]"),
    renaming("relay_no_slash", r"/", "_", "relay-local-part[slash]"),
    renaming("relay_no_symbols", r"[#$&'*~]", "", "relay-local-part[symbols]"),
    renaming("relay_percent_hack", r"%(.*)@.*", r"@\1", "relay-local-part[percent]"),
    renaming("relay_bang_path", r"(.*)!(.*)@.*", r"\2@\1", "relay-local-part[exclamation-mark]"),
    renaming("relay_no_quotes", r'"(\S*) (\S*)"', r"\1_\2", "relay-local-part[quoted-blank]"),
    # envelope
    mutant(
        "relay_completes_sender",
        M,
        "relay-unqualified-sender",
        reverse_path=lambda self: re.sub(r"@single$", "@single.example.test", self.sender),
    ),
    mutant("relay_route_goes_back", RouteGoesBack, "relay-source-route[not-in-the-reverse-path]"),
    mutant("relay_keeps_route", KeepsRoute, "relay-source-route[own-name-taken-off]"),
    mutant("relay_short_cut", ShortCut, "relay-source-route-without-short-cut"),
    mutant("relay_owns_forwarded", Owned, "relay-null-reverse-path"),
    # reports
    mutant("no_report_of_550", M, "undeliverable-is-reported[recipient]", fate=silent_about("550")),
    mutant("no_report_of_554", M, "undeliverable-is-reported[content]", fate=silent_about("554")),
    mutant(
        "report_from_mailer",
        M,
        *rows("report[null-reverse-path|by-MAIL]"),
        report_path=lambda _self: "mailer@example.test",
    ),
    mutant("report_plain", M, "report[standard-format]", report_text=lambda _self: _PLAIN_REPORT),
    mutant("probes_in_data", Probes, "some-recipients[the-data-is-accepted]"),
    mutant("all_or_nothing", AllOrNothing, "some-recipients[the-other-is-reported]"),
    mutant("one_by_one", OneByOne, "one-report-for-all"),
    mutant(
        "reports_reports", ReportsReports, *rows("no-report-about-a-report[null-reverse-path|report-refused]")
    ),
    mutant("reports_to_the_route", ReportsToTheRoute, "report-to-source-route"),
    mutant("nowhere_is_relayed", M, "unknown-destination", nowhere=said_to_be_relayed),
    mutant("loop_is_relayed", M, "loop", around=said_to_be_relayed),
]
