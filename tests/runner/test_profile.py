"""Profiles: from YAML or JSON to facts; mistakes told with their place."""

from __future__ import annotations

import json
import textwrap

import pytest
from plumbline.probes.ops import Address
from plumbline.probes.profile import CLIENT, SourceError, default, load


def profile(tmp_path, text):
    path = tmp_path / "profile.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load(path)


def test_without_profile_we_still_have_a_name():
    assert default().facts["client"] == CLIENT
    assert default().facts["sender"] == f"probe@{CLIENT}"


def test_facts(tmp_path):
    facts = profile(
        tmp_path,
        """\
        role: mx
        recipient: alice@example.test
        accounts: [{user: alice, password: "1"}, {user: bob, password: "2"}]
        tls: {starttls: true, implicit_port: 2465, ca: cert.pem}
        anonymous: true
        client: probe.example
        shelf: {depth: 3, broken: false}
        """,
    ).facts

    assert facts["recipient.local"] == "alice"
    assert facts["recipient.domain"] == "example.test"
    assert facts["domain"] == "example.test"
    assert (facts["user"], facts["password"]) == ("alice", "1")
    assert (facts["second_user"], facts["second_password"]) == ("bob", "2")
    assert (facts["tls"], facts["tls.starttls"], facts["tls.implicit_port"]) == ("yes", "yes", "2465")
    assert facts["anonymous"] == "yes"
    assert facts["sender"] == "probe@probe.example"
    assert facts["shelf.depth"] == "3"
    assert "shelf.broken" not in facts  # a fact that does not hold is none


def test_empty_values_are_no_facts(tmp_path):
    facts = profile(tmp_path, 'recipient: ""\nanonymous: false\ntls: {}\n').facts

    assert {"recipient", "anonymous", "tls", "domain"}.isdisjoint(facts)


def test_json(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({"recipient": "alice@example.test"}))

    assert load(path).facts["recipient"] == "alice@example.test"


def test_delivered_and_companions(tmp_path):
    found = profile(
        tmp_path,
        """\
        companions: {imap: "imap://127.0.0.1:1143"}
        delivered: {via: pop3, target: "pop3://127.0.0.1:2110", user: alice, password: alicepw}
        """,
    )

    assert found.companions["imap"].port == 1143
    assert found.companions["pop3"].port == 2110
    assert found.mailbox["user"] == "alice"
    assert found.facts["delivered"] == "pop3"


def test_a_mailbox_path_counts_from_the_profile(tmp_path):
    found = profile(tmp_path, "delivered: {via: maildir, path: mail/alice}\n")

    assert found.mailbox["path"] == str(tmp_path / "mail" / "alice")


def test_next_hops(tmp_path):
    found = profile(
        tmp_path,
        """\
        next_hops:
          full: {domain: full.test, listen: "127.0.0.1:2601"}
          plain: {domain: plain.test, listen: "[::1]:2602"}
          dead: {domain: dead.test}
        """,
    )

    assert found.hops == {"full": Address("127.0.0.1", 2601), "plain": Address("::1", 2602)}
    assert found.facts["full_hop"] == "full.test"
    assert found.facts["dead_hop"] == "dead.test"
    assert "loop_hop" not in found.facts
    assert not [name for name in found.facts if name.startswith("next_hops")]


def test_what_a_report_shows_has_no_passwords(tmp_path):
    shown = profile(
        tmp_path,
        """\
        accounts: [{user: alice, password: alicepw}]
        delivered: {via: pop3, user: alice, password: alicepw}
        api_token: abc
        """,
    ).shown

    assert "alicepw" not in str(shown)
    assert "abc" not in str(shown)
    assert shown["accounts"][0]["user"] == "alice"


def test_a_key_that_is_almost_one_of_ours_is_doubted(tmp_path):
    doubts = profile(tmp_path, "recipeint: alice@example.test\nuser: alice\nshelf: 3\n").doubts

    assert len(doubts) == 1
    assert "profile.yaml:1" in doubts[0]
    assert "did you mean 'recipient'?" in doubts[0]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- alice\n", "1:1", "a profile is a mapping"),
        ("recipient: [a, b]\n", "1:", "text"),
        ("accounts:\n  - {user: alice, password: 123}\n", "2:29", "text"),
        ("accounts:\n  - {user: alice, pasword: x}\n", "2:", "password"),
        ("role: mxx\n", "1:7", "did you mean 'mx'?"),
        ("delivered: {via: mailbox}\n", "1:", "way to see mail"),
        ("delivered: {via: maildir}\n", "1:", "needs the path"),
        ("companions: {imap: nonsense}\n", "1:", "port is missing"),
        ("next_hops: {ful: {domain: a}}\n", "1:", "did you mean 'full'?"),
        ("next_hops: {full: {listen: '127.0.0.1:1'}}\n", "1:13", "'domain' is missing"),
        ("next_hops: {full: {domain: a}}\n", "1:13", "listens at  listen: address:port"),
        ("next_hops: {dead: {domain: a, listen: '127.0.0.1:1'}}\n", "1:13", "listens nowhere"),
        ("next_hops: {full: {domain: a, listen: 'localhost:25'}}\n", "1:39", "no address and port"),
        ("next_hops: {full: {domain: a, listen: '127.0.0.1:0'}}\n", "1:39", "no address and port"),
        ("next_hops: {full: {domain: a, listen: '::1'}}\n", "1:39", "no address and port"),
        ("next_hops:\n  dead: {domain: a}\n  loop: {domain: A}\n", "3:3", "domain of 'dead' already"),
        ("companions: {imap: 'h:143'}\n", "1:", "write the protocol: imap://h:143"),
        ("recipient: a\nrecipient: b\n", "2:1", "twice"),
    ],
)
def test_mistakes(tmp_path, text, place, words):
    with pytest.raises(SourceError) as trouble:
        profile(tmp_path, text)

    assert f"profile.yaml:{place}" in str(trouble.value)
    assert words in str(trouble.value)


def test_no_such_file(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        load(tmp_path / "none.yaml")
