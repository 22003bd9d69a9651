"""What the mail store cases must not do to a server, or hold against it."""

from __future__ import annotations

from dataclasses import replace

from plumbline.reports.records import Verdict

from tests.falsify.benches import BENCHES
from tests.falsify.harness import cases_of, red
from tests.models.imap import ImapModel
from tests.models.store import OLDER


def watched(stores):
    """An IMAP model that keeps its stores in a list."""

    class Watched(ImapModel):
        def __init__(self, world):
            super().__init__(world)
            stores.append(self.store)

    return Watched


def test_pop3_leaves_the_mailbox_as_it_was():
    stores = []
    bench = replace(BENCHES["pop3"], companions={"imap": watched(stores)})

    bench.verdicts(bench.models[0], cases_of("pop3"))

    assert {one.octets for store in stores for one in store.mailboxes["INBOX"]} == {OLDER}


def test_imap_leaves_no_mailbox_behind():
    stores = []

    BENCHES["imap"].verdicts(watched(stores), cases_of("imap"))

    assert {name for store in stores for name in store.mailboxes} == {"INBOX"}


def test_an_imap_server_without_room_is_no_violation():
    def full(self, _argument):
        self.done("NO", "[LIMIT] too many connections")

    found = BENCHES["imap"].verdicts(type("Full", (ImapModel,), {"do_LOGIN": full}), cases_of("imap"))

    assert found["imap/login"][0] is Verdict.INCONCLUSIVE
    assert red(found) == set()
