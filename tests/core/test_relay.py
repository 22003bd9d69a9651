"""The step `relayed`: what it takes for right, for wrong, and for no answer."""

from __future__ import annotations

import pytest
from plumbline.probes.protocols.nexthop import Arrival, Postbox, Receiver
from plumbline.probes.script.interpreter import play
from plumbline.probes.script.outcome import Endpoint, Outcome, Setting
from plumbline.reports.records import Verdict

from tests.core.helpers import case
from tests.support.wire import Peer, Wire
from tests.support.wire import play as play_wire

HELLO, MAIL = "EHLO mx.test", "MAIL FROM:<> BODY=8BITMIME"
TEXT = b"Received: x\r\nSubject: m1\r\n\r\ntext\r\n"


def arrival(
    path: str = "m1@h.test", *, octets: bytes = TEXT, answer: int = 250, hop: str = "full"
) -> Arrival:
    return Arrival(hop, (HELLO, MAIL, f"RCPT TO:<{path}>"), path, octets, answer)


def played(tmp_path, step: str, *arrivals: Arrival, postbox: Postbox | None = None) -> Outcome:
    box = Postbox(arrivals=list(arrivals)) if postbox is None else postbox
    facts = {"full_hop": "h.test", "client": "c.test", "sender": "s@c.test"}
    setting = Setting({"smtp": Endpoint("smtp", "127.0.0.1", 25)}, facts, postbox=box)
    ready = case(tmp_path, f"- S: 220\n- relayed: {step}\n")
    return play_wire(play(ready, setting, {"marker": "m1"}), Wire(Peer(b"220 hi\r\n")))


@pytest.mark.parametrize(
    "step",
    [
        "{}",
        '{to: "{marker}@{full_hop}"}',
        '{to: "M1@H.test", hop: full}',
        '{to: ["other@h.test", "m1@h.test"], marker: "Subject: {marker}"}',
        '{text: ["^Subject: {marker}$"], never: ["^Bcc"]}',
        "{commands: ['^MAIL FROM:<> BODY', '^RCPT'], never_commands: ['NOTIFY']}",
        '{ends_with: "Subject: m1\\n\\ntext\\n"}',
        "{count: {at_least: 1}}",
        '{to: "nobody@h.test", count: 0, within: 2s}',
        "{hop: plain, count: 0, within: 2s}",
        "{answered: 550, count: 0, within: 2s}",
    ],
)
def test_as_wanted(tmp_path, step):
    assert played(tmp_path, step, arrival()).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "step",
    [
        "{count: 0, within: 2s}",
        "{count: 2, within: 2s}",
        '{to: "nobody@h.test", within: 2s}',
        "{text: ['^X-'], within: 2s}",
        "{never: ['text']}",
        "{commands: ['^MAIL FROM:<x>']}",
        "{never_commands: ['BODY']}",
        '{ends_with: "text"}',
        '{ends_with: "subject: m1\\n\\ntext\\n"}',
    ],
)
def test_not_as_wanted(tmp_path, step):
    assert played(tmp_path, step, arrival()).verdict is Verdict.FAIL


def test_a_copy_too_many_is_seen(tmp_path):
    assert played(tmp_path, "{}", arrival(), arrival()).verdict is Verdict.FAIL


def test_what_is_late_says_nothing_about_what_it_looks_like(tmp_path):
    for look in ("text: [a]", "never: [a]", "commands: [a]", "never_commands: [a]", "ends_with: a"):
        outcome = played(tmp_path, f"{{{look}, within: 2s}}")
        assert outcome.verdict is Verdict.INCONCLUSIVE
        assert "the target has connected to no next hop" in outcome.reason


def test_a_refused_recipient_is_seen_by_the_answer(tmp_path):
    refused = arrival("550.m1@h.test", octets=b"", answer=550)

    assert played(tmp_path, '{to: "550.m1@h.test", answered: 550}', refused).verdict is Verdict.PASS
    assert played(tmp_path, '{to: "550.m1@h.test", within: 2s}', refused).verdict is Verdict.FAIL


@pytest.mark.parametrize("postbox", [None, Postbox(trouble="port 2601 is in use")])
def test_without_next_hops_there_is_no_verdict(tmp_path, postbox):
    setting = Setting({"smtp": Endpoint("smtp", "127.0.0.1", 25)}, {"full_hop": "h.test"}, postbox=postbox)
    ready = case(tmp_path, "- S: 220\n- relayed: {count: 0, within: 2s}\n")
    outcome = play_wire(play(ready, setting, {"marker": "m1"}), Wire(Peer(b"220 hi\r\n")))

    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert (postbox.trouble if postbox else "without next hops") in outcome.reason


def test_the_message_tells_how_far_a_mail_came(tmp_path):
    postbox = Postbox()
    receiver = Receiver("full", postbox)
    receiver.feed(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<m1@h.test>\r\nDATA\r\nSubject")
    receiver.ended()

    reason = played(tmp_path, "{within: 2s}", postbox=postbox).reason

    assert "1 to full" in reason
    assert "ended in the middle" in reason
