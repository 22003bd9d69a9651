"""Looking into the store: once before the run, and after it until all is found or nothing more comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plumbline.loadtests.delivery.account import Account
from plumbline.loadtests.delivery.stores import Store, StoreError
from plumbline.reports.records import Delivery

LOOKS = 0.25  # seconds between two looks, at least
SETTLE = 2.0  # seconds that a copy too many has to show itself


@dataclass(frozen=True, slots=True)
class Verification:
    """What was asked for: where to look, how many seconds without a new mail to wait, when a mail is late."""

    store: Store
    patience: float
    late_s: float
    queue: Store | None = None  # of the target


class Verifier:
    """One run's verification, in the process that the user started."""

    def __init__(self, asked: Verification, run_id: str) -> None:
        self.asked = asked
        self.account = Account(run_id, asked.late_s)

    def begin(self) -> None:
        """See what is there before the run. Raises StoreError."""
        for store in filter(None, (self.asked.store, self.asked.queue)):
            for _ in store.look():
                pass

    def take(self, wire: Mapping[str, Any]) -> None:
        """Receipts as Generator.take_receipts made them."""
        self.account.promise(wire["part"], wire["acknowledged"], wire["doubtful"])

    def finish(self, acknowledged: int, sleep: Callable[[float], object]) -> Delivery:
        """Look until the account is full. `acknowledged`: how many receipts there must be."""
        verify(self.account, self.asked.store, self.asked.patience, sleep)
        if self.asked.queue is not None and not self.account.complete:
            look_into_queue(self.account, self.asked.store, self.asked.queue)
        if missing := acknowledged - len(self.account.promised):
            self.account.not_looked = (
                f"{missing} acknowledged messages are unknown by name: a worker was lost"
            )
        return self.account.delivery()


def verify(
    account: Account,
    store: Store,
    patience: float,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> None:
    """Ends when all is found and SETTLE seconds have passed, or when `patience` seconds brought nothing.

    Mails that are there at the first look came at a time that only the store can know; what comes later
    arrived when it was seen, at the latest.
    """
    first, last_new = True, clock()
    while True:
        begun = clock()
        try:
            new = sum(account.see(mail, 0.0 if first else begun) for mail in store.look())
        except StoreError as error:
            account.not_looked = str(error)
            return
        now, first = clock(), False
        last_new = now if new else last_new
        if now - last_new >= (min(SETTLE, patience) if account.complete else patience):
            return
        sleep(max(LOOKS, now - begun))


def look_into_queue(account: Account, store: Store, queue: Store) -> None:
    """What is not delivered may still be queued; what was taken out of the queue meanwhile is in the store now."""
    try:
        account.see_queued(queue.look())
        for mail in store.look():
            account.see(mail, time.time())
    except StoreError as error:
        account.not_looked = str(error)
