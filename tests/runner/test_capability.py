"""What a target offers, and which cases therefore make sense."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plumbline.probes.capability import LOGIN_ONLY_WITH_TLS, skip_reason
from plumbline.probes.protocols.base import Reply
from plumbline.probes.script.cases import ReadyState
from plumbline.probes.script.offers import capabilities
from plumbline.probes.script.outcome import Seen

from tests.runner.making import case


def seen(protocol, command, status, *lines, body=None, untagged=()):
    return Seen(protocol, command, Reply(b"", status, lines, body=body, untagged=untagged))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            seen("smtp", b"EHLO a", "250", "mx", "Pipelining", "SIZE 10", "AUTH PLAIN LOGIN"),
            {"PIPELINING", "SIZE", "SIZE 10", "AUTH", "AUTH PLAIN", "AUTH LOGIN", "AUTH PLAIN LOGIN"},
        ),
        (seen("lmtp", b"LHLO a", "250", "mx", "8BITMIME"), {"8BITMIME"}),
        (seen("smtp", b"EHLO a", "550", "go", "AWAY"), set()),
        (
            seen("ftp", b"FEAT", "211", "Features:", " REST STREAM", " MLST size*;", "End"),
            {"REST", "REST STREAM", "MLST", "MLST SIZE*;"},
        ),
        (seen("pop3", b"CAPA", "+OK", "", body=b"TOP\r\nSASL PLAIN\r\n"), {"TOP", "SASL", "SASL PLAIN"}),
        (
            seen(
                "imap", b"p1 CAPABILITY", "OK", "done", untagged=(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE",)
            ),
            {"IMAP4REV1", "AUTH", "AUTH=PLAIN", "AUTH PLAIN", "IDLE"},
        ),
        (seen("imap", b"", "OK", "[CAPABILITY IMAP4rev1 ID] hi"), {"IMAP4REV1", "ID"}),
    ],
)
def test_words(reply, words):
    assert capabilities([reply]) == words


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, ""),
        ({"needs": ["SIZE", "recipient"]}, ""),
        ({"needs": ["AUTH PLAIN"]}, ""),
        ({"needs": ["PIPELINING"]}, "needs PIPELINING, which the target does not offer in EHLO"),
        ({"needs": ["second_user"]}, "needs the profile fact 'second_user'"),
        ({"unless": ["SIZE"]}, "does not apply where there is SIZE"),
        ({"unless": ["recipient"]}, "does not apply where there is recipient"),
        ({"unless": ["PIPELINING"]}, ""),
    ],
)
def test_reasons(spec, reason):
    offered = {"SIZE", "SIZE 10", "AUTH", "AUTH PLAIN"}

    assert skip_reason(case(**spec), offered, {"recipient": "a@b"}) == reason


def test_where_all_service_is_refused_only_that_is_tried():
    facts = {"recipient": "a@b", "refuses_service": "yes"}

    assert skip_reason(case(needs=["refuses_service"]), (), facts) == ""
    assert skip_reason(case(needs=["recipient"]), (), facts) == "the target refuses all service (profile)"
    assert skip_reason(case(needs=["refuses_service"]), (), {}) == "needs the profile fact 'refuses_service'"


@pytest.mark.parametrize(
    ("lineage", "skipped"),
    [
        (("greeting", "user", "logged-in", "binary"), True),
        (("greeting", "user"), True),
        (("greeting",), False),
        (("greeting", "tls", "tls-logged-in"), False),
    ],
)
def test_where_nobody_logs_in_without_tls_only_logins_in_clear_are_left_out(lineage, skipped):
    one = replace(case(protocol="ftp"), state=ReadyState(lineage[-1], "ftp", (), lineage=lineage))
    reason = skip_reason(one, {"AUTH TLS", LOGIN_ONLY_WITH_TLS}, {})

    assert bool(reason) is skipped
    assert not skip_reason(one, {"AUTH TLS"}, {})
