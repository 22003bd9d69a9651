"""Every POP3 case fails on a server that breaks its rule, and passes on one that keeps it."""

from __future__ import annotations

import pytest

from tests.falsify.harness import assert_model_passes, cases_of, not_shown, red, verdicts
from tests.falsify.pop3_mutants import MUTANTS, RED
from tests.models.imap import ImapModel
from tests.models.pop3 import Pop3Model
from tests.models.store import OLDER, PASSWORD, USER

FACTS = {"user": USER, "password": PASSWORD, "sender": "probe@client.test", "client": "client.test"}


@pytest.fixture(scope="module")
def cases():
    return cases_of("pop3")


def test_conforming_server_gets_no_red(cases):
    assert_model_passes(verdicts(cases, {"pop3": Pop3Model, "imap": ImapModel}, FACTS))


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_turns_exactly_these_red(name, cases):
    found = verdicts(cases, {"pop3": MUTANTS[name], "imap": ImapModel}, FACTS)

    assert red(found) == {f"pop3/{case}" for case in RED[name]}


def test_every_case_is_shown_to_fail(cases):
    assert not_shown(cases, RED) == set()


def test_every_mutant_is_caught():
    assert {name for name in MUTANTS if not RED[name]} == set()


def test_nothing_is_left_behind(cases):
    stores = []

    class Watched(ImapModel):
        def __init__(self, world):
            super().__init__(world)
            stores.append(self.store)

    verdicts(cases, {"pop3": Pop3Model, "imap": Watched}, FACTS)

    assert {one.octets for store in stores for one in store.mailboxes["INBOX"]} == {OLDER}
