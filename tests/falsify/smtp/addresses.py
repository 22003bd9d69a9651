"""Addresses, recipients and relaying (RFC 5321 sections 3.6, 4.1.2 and 4.1.3)."""

from __future__ import annotations

from tests.falsify.harness import Mutant, mutant, rows
from tests.falsify.smtp.commands import first, hangs_up
from tests.models.smtp import SmtpModel

M = SmtpModel


class KeepsBrokenSender(M):
    """Opens a transaction although it refuses the address."""

    def do_MAIL(self, argument):
        super().do_MAIL(argument)
        if self.sender is None and argument.startswith("FRM"):
            self.sender = ""


class OneForNobody(M):
    """Takes one recipient only from the null reverse-path."""

    def recipient(self, path):
        if self.sender == "" and self.recipients:
            self.say("503 one is enough")
        else:
            super().recipient(path)


class QuotesCount(M):
    """Does not know a recipient in quotes for the one without."""

    def do_RCPT(self, argument):
        if argument.startswith('TO:<"'):
            self.say("550 no such user")
        else:
            super().do_RCPT(argument)


class LosesRoutedMail(M):
    routed = False

    def do_RCPT(self, argument):
        self.routed = argument.startswith("TO:<@")
        super().do_RCPT(argument)

    def deliver(self, mail):
        if not self.routed:
            super().deliver(mail)


class RelaysByLocalPart(M):
    """Sends on what has another host in its local-part."""

    def do_RCPT(self, argument):
        if "elsewhere.example" in argument and not argument.endswith("@elsewhere.example>"):
            self.say("250 on its way")
        else:
            super().do_RCPT(argument)


class RelaysDisguised(M):
    """Looks for the plain form of a foreign address alone."""

    def do_RCPT(self, argument):
        if (
            argument != "TO:<someone@elsewhere.example>"
            and self.sender is not None
            and "alice@ex" not in argument
        ):
            self.say("250 on its way")
        else:
            super().do_RCPT(argument)


class TrustsSenders(M):
    """Relays for whoever claims to be one of its own, or nobody."""

    def recipient(self, path):
        if path.endswith("elsewhere.example") and self.sender != "probe@client.test":
            self.say("250 on its way")
        else:
            super().recipient(path)


def several(name: str, pattern: str, answer: str, family: str) -> Mutant:
    return first(name, pattern, answer, *rows(family))


MUTANTS = [
    several(
        "atoms_354",
        r"MAIL FROM:<(a!|a\{|a\.b|probe\+|a@|1|-|a/|bounce)",
        "354 what a name",
        "sender-of-atoms[specials|braces|dots|tag|one-character|digits|hyphen-first|slash|equals]",
    ),
    hangs_up("hangs_up_on_250", "250 OK", "sender-hyphen-or-specials-policy"),
    several(
        "quotes_501",
        'MAIL FROM:<"',
        "501 no quotes",
        "sender-in-quotes[blank|at-sign|dots-at-the-edges|quoted-quote|quoted-backslash|angle-brackets|comma-colon|needless]",
    ),
    first("empty_quotes_354", 'MAIL FROM:<""', "354 go on", "sender-empty-quotes"),
    first(
        "literals_354",
        r"MAIL FROM:<probe@(\[|#)",
        "354 go on",
        *rows("sender-at-literal[IPv4|IPv6-compressed|IPv6-full|IPv6-any|IPv6-of-IPv4|IPv6-small-tag]"),
        *rows(
            "sender-broken-literal[unclosed|octet-over-255|three-octets|IPv6-without-tag|IPv6-no-hexadecimal]"
        ),
        *rows("sender-broken-literal[IPv6-two-gaps|blank|unknown-tag|number-sign]"),
    ),
    first("routes_501", "MAIL FROM:<@a", "501 no routes", "sender-with-route"),
    first(
        "broken_354",
        r'MAIL FROM:<(\.probe|probe\.@|pro[ .@",(:;\[\\]|"probe@client.test>|probe@?>|@client)',
        "354 go on",
        *rows(
            "sender-broken-local-part[dot-first|dot-last|two-dots|blank|two-at-signs|open-quote|quote-inside|comma]"
        ),
        *rows("sender-broken-local-part[parenthesis|colon|semicolon|bracket|backslash]"),
        *rows("sender-incomplete[no-domain|no-local-part|no-at-sign]"),
    ),
    several(
        "broken_domains_354",
        r"MAIL FROM:<probe@(pro_be|-|client-|client\.\.|\.|client.test\.)",
        "354 go on",
        "sender-broken-domain[underscore|hyphen-first|hyphen-last|two-dots|dot-first|dot-last]",
    ),
    several(
        "odd_domains_250",
        "MAIL FROM:<probe@cli[/!]",
        "250 OK",
        "sender-broken-domain[slash|exclamation-mark]",
    ),
    mutant("keeps_broken_sender", KeepsBrokenSender, "broken-argument-leaves-nothing"),
    several(
        "broken_recipients_354",
        r'RCPT TO:<(\.|no[. ]|@|alice@no|")',
        "354 go on",
        "recipient-broken[dot-first|two-dots|no-local-part|two-at-signs|open-quote|blank|underscore]",
    ),
    several(
        "odd_recipients_501",
        r'RCPT TO:<(nobody\.|"nobody)',
        "501 what?",
        "recipient-unknown-by-name[atoms|quoted-blank|quoted-at-sign]",
    ),
    several(
        "broken_parameters_250",
        r"MAIL FROM:<[^>]*>(SIZE| SIZE=$| SIZE=1=| -| and)",
        "250 OK",
        "parameter-broken[two-equals|hyphen-first|no-value|no-blank|words]",
    ),
    several(
        "unknown_parameters_250",
        "MAIL.*XYZZY",
        "250 OK",
        "parameter-unknown[without-value|behind-a-known-one|after-HELO]",
    ),
    # recipients
    several(
        "postmaster_unknown",
        r"(?i)RCPT TO:<postmaster>",
        "550 who?",
        "postmaster[postmaster|POSTMASTER|pOsTmAsTeR]",
    ),
    several(
        "postmaster_elsewhere",
        "(?i)RCPT TO:<postmaster@",
        "550 who?",
        "postmaster[PostMaster-at-the-domain|at-the-domain]",
    ),
    first(
        "postmaster_mixed",
        "RCPT TO:<Postmaster>",
        "550 who?",
        "postmaster[RFC-1123]",
        "postmaster-from-null-path",
    ),
    first("null_path_501", "MAIL FROM:<>", "501 who?", "null-path-1123"),
    mutant("one_for_nobody", OneForNobody, "null-path-several-recipients"),
    several("rcpt_routes_501", "RCPT TO:<@", "501 no routes", "source-route[one-host|two-hosts|RFC-1123]"),
    first("rcpt_routes_355", "RCPT TO:<@", "355 which way?", "source-route-stripped", "source-route-relay"),
    mutant("loses_routed_mail", LosesRoutedMail, "source-route-ignored"),
    mutant("quotes_count", QuotesCount, "quoted-is-the-same", "needless-backslash"),
    first("own_literal_355", r"RCPT TO:<alice@\[", "355 where?", "recipient-at-own-literal"),
    first("foreign_355", "RCPT TO:<someone@", "355 where?", "foreign-may-be-declined"),
    mutant(
        "relays_by_local_part",
        RelaysByLocalPart,
        *rows("relay-by-local-part[percent|quoted-whole|bang-path|bare-percent|bare-bang-path|quoted-bare]"),
        *rows("relay-by-local-part[percent-at-literal|two-at-signs]"),
    ),
    mutant(
        "relays_disguised",
        RelaysDisguised,
        *rows(
            "relay-in-disguise[percent|bang-path|quoted|literal|capitals|dot-at-the-end|below-a-foreign-domain]"
        ),
    ),
    first(
        "quoted_own_address", 'RCPT TO:<"alice@', "250 on its way", "relay-in-disguise[quoted-own-address]"
    ),
    mutant(
        "trusts_senders",
        TrustsSenders,
        *rows("relay-for-a-local-sender[own-domain|nobody|localhost|own-literal]"),
    ),
]
