"""Every SMTP case fails on a server that breaks its rule, and passes on one that keeps it."""

from __future__ import annotations

import pytest

from tests.falsify.harness import assert_model_passes, cases_of, not_shown, red, verdicts
from tests.falsify.smtp_extension_mutants import EXTENSIONS, EXTENSIONS_RED
from tests.falsify.smtp_mutants import FALSE_END, FALSE_ENDS, IN_STATE, NAMED, SAYING, STRAY
from tests.models.smtp import SmtpModel

MUTANTS = {**NAMED, **SAYING, **FALSE_END, **STRAY, **IN_STATE, **EXTENSIONS}
FACTS = {
    "recipient": "alice@example.test",
    "recipient.local": "alice",
    "recipient.domain": "example.test",
    "second_recipient": "bob@example.test",
    "unknown_recipient": "nobody@example.test",
    "foreign_recipient": "someone@elsewhere.example",
    "sender": "probe@client.test",
    "client": "client.test",
}
MAILBOX = {"via": "maildir", "path": "/mail"}

# The cells of the family of commands in states.
CELLS = {
    "NOOP": ("helo", "mail", "rcpt", "sent"),
    "RSET": ("greeting", "helo", "mail", "rcpt", "sent"),
    "VRFY": ("greeting", "helo", "mail", "rcpt", "sent"),
    "EXPN": ("greeting", "helo", "mail", "rcpt", "sent"),
    "HELP": ("greeting", "helo", "mail", "rcpt", "sent"),
    "EHLO": ("helo", "mail", "rcpt", "sent"),
    "HELO": ("helo", "ehlo", "mail", "rcpt", "sent"),
}


def cells(command: str, *states: str) -> set[str]:
    """The cases of a command in these states, or in all of the family."""
    return {f"in-state[{command}-{state}]" for state in states or CELLS[command]}


QUITS = {f"quit-in-state[{state}]" for state in ("helo", "mail", "sent")}

# Mutant -> the cases that must fail on it, and no others. Sessions as textbooks show them fail along with
# whatever step of theirs is broken.
RED: dict[str, set[str]] = {
    "no_greeting": {
        "greeting",
        "greeting-names-host",
        "greeting-waits-not",
        "textbook-session",
        "textbook-session-1982",
    },
    "greets_250": {"greeting", "greeting-names-host", "textbook-session", "textbook-session-1982"},
    "greets_without_name": {"greeting-names-host"},
    "acts_at_once": {"command-without-crlf"},
    "one_segment_one_command": {"command-in-pieces", "command-without-crlf"},
    "no_pieces_in_data": {"end-of-data-in-pieces"},
    "obeys_in_data": {"data-commands-are-text"},
    "hangs_up_on_unknown": {"unknown-command-keeps-connection"},
    "hangs_up_on_syntax": {"syntax-error-keeps-connection"},
    "quit_stays": {
        "quit-before-ehlo",
        "quit-in-transaction",
        "quit-reply-and-close",
        "textbook-session",
        "textbook-session-1982",
    },
    "quit_without_221": {
        "data-end-of-data",
        "quit-before-ehlo",
        "quit-in-transaction",
        "quit-reply-and-close",
        "replies-one-a-command",
        "textbook-session",
        "textbook-session-1982",
    },
    "quit_only_after_ehlo": {"quit-before-ehlo"},
    "quit_not_in_transaction": {"quit-in-transaction"},
    "delivers_on_quit": {"quit-aborts-transaction"},
    "one_mail_per_session": {"several-transactions"},
    "loses_mail": {"delivered-once"},
    "doubles_mail": {"delivered-once", "dot-stuffing-removed", "received-line-added"},
    "no_trace": {"received-line-added"},
    "keeps_stuffing": {"dot-stuffing-removed"},
    "eats_inner_dots": {"dot-stuffing-removed"},
    "ehlo_keeps_transaction": {"ehlo-resets-transaction"},
    "rset_keeps_transaction": {"rset-discards-transaction", "rset-then-mail"},
    "rset_forgets_ehlo": {"rset-then-mail"},
    "ehlo_once": {"ehlo-resets-transaction", "ehlo-twice"},
    "ehlo_bad_form": {"ehlo-reply-form"},
    "data_keeps_buffers": {"data-clears-buffers", "mail-twice"},
    "two_replies_to_data": {
        "data-clears-buffers",
        "data-end-of-data",
        "several-transactions",
        "textbook-session",
        "textbook-session-1982",
    },
    "nested_mail": {"mail-twice"},
    "no_null_path": {"mail-null-path"},
    "open_relay": {"rcpt-relay-denied"},
    "knows_everybody": {"rcpt-unknown-recipient"},
    "no_postmaster": {"rcpt-postmaster"},
    "one_recipient": {"rcpt-several"},
    "refusal_spoils": {"rcpt-refused-spoils-nothing"},
    "null_recipient": {"rcpt-null-path"},
    "rcpt_without_mail": {
        "data-clears-buffers",
        "ehlo-resets-transaction",
        "rcpt-before-mail",
        "rset-discards-transaction",
    },
    "mail_syntax_free": {"mail-syntax-error"},
    "rcpt_syntax_free": {"rcpt-syntax-error"},
    "any_mail_parameter": {"mail-unknown-parameter"},
    "any_rcpt_parameter": {"rcpt-unknown-parameter"},
    "case_matters": {"mail-verb-case"},
    "refuses_recipients": {"rcpt-accepted", "rcpt-postmaster", "textbook-session", "textbook-session-1982"},
    "data_argument": {"data-with-argument"},
    "data_without_mail": {"data-before-mail"},
    "data_without_rcpt": {"data-before-rcpt"},
    "vrfy_resets": {"vrfy-keeps-transaction"},
    "noop_resets": {"noop-keeps-transaction"},
    "noop_needs_ehlo": {"noop-before-ehlo"},
    "noop_takes_nothing": {"noop-argument-ignored"},
    "empty_ehlo": {"ehlo-without-argument"},
    "empty_helo": {"helo-without-argument"},
    "multiline_helo": {"helo-accepted"},
    "nameless_helo": {"helo-names-server"},
    "strange_code": {
        "command-in-pieces",
        "command-without-crlf",
        "noop-after-ehlo",
        "noop-argument-ignored",
        "noop-before-ehlo",
        "replies-code-digits",
    },
    "no_reply": {
        "command-in-pieces",
        "command-without-crlf",
        "noop-after-ehlo",
        "noop-argument-ignored",
        "noop-before-ehlo",
        "replies-code-digits",
        "replies-one-a-command",
        "syntax-error-keeps-connection",
        "turn-refused-session-goes-on",
        "unknown-command-keeps-connection",
    },
    "two_codes": {"replies-same-code"},
    "bare_lf": {"replies-end-in-crlf"},
    "long_lines": {"replies-length"},
    "turn_obeyed": {"turn-reply"},
    "help_resets": {"keeps-transaction[HELP]"},
    "expn_resets": {"keeps-transaction[EXPN]"},
    "helo_keeps_transaction": {"helo-resets-transaction"},
    "hangs_up_on_turn": {"turn-refused-session-goes-on"},
    "no_ehlo": {"ehlo-accepted", "ehlo-reply-form", "textbook-session"},
    "no_helo": {"helo-accepted", "helo-names-server", "textbook-session-1982"},
    "refuses_mail": {
        "mail-accepted",
        "mail-null-path",
        "mail-verb-case",
        "textbook-session",
        "textbook-session-1982",
    },
    "mail_354": {
        "mail-accepted",
        "mail-null-path",
        "mail-verb-case",
        "textbook-session",
        "textbook-session-1982",
    },
    "refuses_data": {
        "data-accepted",
        "noop-keeps-transaction",
        "rcpt-refused-spoils-nothing",
        "textbook-session",
        "textbook-session-1982",
        "vrfy-keeps-transaction",
    },
    "noop_500": {
        "command-in-pieces",
        "command-without-crlf",
        "noop-after-ehlo",
        "noop-argument-ignored",
        "noop-before-ehlo",
        "replies-one-a-command",
    },
    "rset_500": {"rset-accepted", "rset-discards-transaction"},
    "vrfy_500": {"vrfy-implemented"},
    "expn_354": {"expn-reply"},
    "help_354": {"help-reply"},
    "unknown_250": {"unknown-command"},
    "send_354": {"send-from-reply"},
    "soml_354": {"soml-from-reply"},
    "saml_354": {"saml-from-reply"},
    "mail_before_ehlo_354": {
        "mail-accepted",
        "mail-before-ehlo",
        "mail-null-path",
        "mail-syntax-error",
        "mail-unknown-parameter",
        "mail-verb-case",
        "textbook-session",
        "textbook-session-1982",
    },
    "rejects_text": {
        "data-commands-are-text",
        "data-end-of-data",
        "dot-stuffing-removed",
        "end-of-data-in-pieces",
        "textbook-session",
        "textbook-session-1982",
    },
    "two_replies_to_noop": {"noop-keeps-transaction", "replies-one-a-command"},
}
RED |= {f"ends_at_{name}": {f"false-end[{name}]"} for name in FALSE_ENDS}
RED |= {f"lost_at_{name}": {f"stray-octets[{name}]"} for name in ("LF", "CR", "NUL")}
RED |= {
    f"{command}_in_{state}": cells(command, state) for command, states in CELLS.items() for state in states
}
RED |= {f"QUIT_in_{state}": {f"quit-in-state[{state}]"} for state in ("helo", "mail", "sent")}
RED["RSET_in_rcpt"] |= {"rset-discards-transaction"}
RED["EHLO_in_rcpt"] |= {"ehlo-resets-transaction"}
RED["QUIT_in_sent"] |= {"data-end-of-data", "textbook-session", "textbook-session-1982"}
RED["QUIT_in_sent"] |= {f"false-end[{name}]" for name in FALSE_ENDS if name != "any-CR-before-LF"}
for name, more in {
    "quit_stays": QUITS,
    "quit_without_221": QUITS,
    "ehlo_once": cells("EHLO"),
    "two_replies_to_data": {"quit-in-state[sent]"},
    "rcpt_without_mail": {"helo-resets-transaction"},
    "multiline_helo": {"helo-resets-transaction"},
    "strange_code": cells("NOOP"),
    "no_reply": cells("NOOP"),
    "no_ehlo": cells("EHLO", "helo"),
    "no_helo": cells("HELO", "ehlo", "mail", "rcpt", "sent"),
    "refuses_data": {"keeps-transaction[EXPN]", "keeps-transaction[HELP]"},
    "noop_500": cells("NOOP"),
    "rset_500": cells("RSET"),
    "vrfy_500": cells("VRFY"),
    "expn_354": cells("EXPN"),
    "help_354": cells("HELP"),
}.items():
    RED[name] |= more
# Groups, sizes and octets: the mutants above break steps of theirs as well.
for name, more in {
    "quit_without_221": {"command-behind-end-of-data"},
    "one_mail_per_session": {"transaction-in-two-writes"},
    "doubles_mail": {"8bit-text-delivered", "text-line-of-1000-octets"},
    "rset_keeps_transaction": {"group-in-order"},
    "rset_forgets_ehlo": {"group-in-order"},
    "data_keeps_buffers": {"group-in-order"},
    "two_replies_to_data": {"command-behind-end-of-data"},
    "nested_mail": {"group-in-order"},
    "refusal_spoils": {"data-with-a-valid-recipient"},
    "rcpt_without_mail": {"group-in-order"},
    "refuses_recipients": {
        "group-goes-on-after-refusal",
        "group-is-answered",
        "local-part-of-64-octets",
        "transaction-in-two-writes",
    },
    "data_without_rcpt": {"data-without-valid-recipient"},
    "noop_takes_nothing": {"command-of-512-octets"},
    "strange_code": {"command-of-512-octets"},
    "no_reply": {"command-of-512-octets"},
    "no_ehlo": {"8bitmime-keyword", "pipelining-keyword", "size-keyword"},
    "refuses_mail": {
        "body[7BIT]",
        "body[8BITMIME]",
        "body[small]",
        "group-in-order",
        "group-is-answered",
        "size-declared",
        "size-zero",
        "transaction-in-two-writes",
    },
    "mail_354": {
        "body[7BIT]",
        "body[8BITMIME]",
        "body[small]",
        "group-in-order",
        "group-is-answered",
        "size-declared",
        "size-zero",
        "transaction-in-two-writes",
    },
    "refuses_data": {"data-with-a-valid-recipient", "transaction-in-two-writes"},
    "noop_500": {"command-of-512-octets"},
    "rset_500": {"group-goes-on-after-refusal", "group-in-order", "transaction-in-two-writes"},
    "mail_before_ehlo_354": {
        "body-unknown",
        "body[7BIT]",
        "body[8BITMIME]",
        "body[small]",
        "group-in-order",
        "group-is-answered",
        "size-declared",
        "size-not-a-number",
        "size-too-large",
        "size-zero",
        "transaction-in-two-writes",
    },
    "rejects_text": {
        "8bit-text-delivered",
        "command-behind-end-of-data",
        "message-of-64k",
        "text-line-of-1000-octets",
        "transaction-in-two-writes",
    },
    "RSET_in_mail": {"group-in-order", "transaction-in-two-writes"},
    "RSET_in_rcpt": {"group-goes-on-after-refusal"},
    "QUIT_in_sent": {"command-behind-end-of-data"},
}.items():
    RED[name] |= more
RED |= EXTENSIONS_RED
# As Postfix reads lines: whatever CRs stand before an LF are dropped.
RED["ends_at_any-CR-before-LF"] = {
    f"false-end[{name}]"
    for name in ("LF.LF", "LF.CRLF", "CRLF.LF", "CRLF.CRCRLF", "CRCRLF.CRCRLF", "CR-NUL-LF.CRLF")
}


@pytest.fixture(scope="module")
def cases():
    return cases_of("smtp")


def test_conforming_server_gets_no_red(cases):
    assert_model_passes(verdicts(cases, {"smtp": SmtpModel}, FACTS, MAILBOX))


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_turns_exactly_these_red(name, cases):
    found = verdicts(cases, {"smtp": MUTANTS[name]}, FACTS, MAILBOX)

    assert red(found) == {f"smtp/{case}" for case in RED[name]}


def test_every_case_is_shown_to_fail(cases):
    assert not_shown(cases, RED) == set()


def test_every_mutant_is_caught():
    assert {name for name in MUTANTS if not RED[name]} == set()
