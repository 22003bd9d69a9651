"""Every IMAP case fails on a server that breaks its rule, and passes on one that keeps it."""

from __future__ import annotations

import pytest
from plumbline.reports.records import Verdict

from tests.falsify.harness import assert_model_passes, cases_of, not_shown, red, verdicts
from tests.falsify.imap_mutants import MUTANTS, RED
from tests.models.imap import ImapModel
from tests.models.store import PASSWORD, USER

FACTS = {"user": USER, "password": PASSWORD, "sender": "probe@client.test", "client": "client.test"}


@pytest.fixture(scope="module")
def cases():
    return cases_of("imap")


def test_conforming_server_gets_no_red(cases):
    assert_model_passes(verdicts(cases, {"imap": ImapModel}, FACTS))


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_turns_exactly_these_red(name, cases):
    found = verdicts(cases, {"imap": MUTANTS[name]}, FACTS)

    assert red(found) == {f"imap/{case}" for case in RED[name]}


def test_every_case_is_shown_to_fail(cases):
    assert not_shown(cases, RED) == set()


def test_every_mutant_is_caught():
    assert {name for name in MUTANTS if not RED[name]} == set()


def test_a_server_without_room_is_no_violation(cases):
    def full(self, _argument):
        self.done("NO", "[LIMIT] too many connections")

    found = verdicts(cases, {"imap": type("Full", (ImapModel,), {"do_LOGIN": full})}, FACTS)

    assert found["imap/login"][0] is Verdict.INCONCLUSIVE
    assert red(found) == set()


def test_nothing_is_left_behind(cases):
    stores = []

    class Watched(ImapModel):
        def __init__(self, world):
            super().__init__(world)
            stores.append(self.store)

    verdicts(cases, {"imap": Watched}, FACTS)

    assert {name for store in stores for name in store.mailboxes} == {"INBOX"}
