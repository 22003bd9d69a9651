"""The account of a run: acknowledged = delivered + lost, message by message."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from plumbline.loadtests.delivery.likeness import likeness
from plumbline.loadtests.delivery.stores import Mail
from plumbline.loadtests.engine.histogram import Histogram
from plumbline.reports.records import Delivery

LISTED = 100  # markers named of each kind


class Receipt(NamedTuple):
    """An acknowledgement: when, in seconds since 1970, and what the mail must be like."""

    at: float
    likeness: int


class Found(NamedTuple):
    """A mail of ours in the store. `arrived` is 0.0 where nobody knows."""

    marker: str
    likeness: int
    arrived: float


@dataclass
class Account:
    """What was promised, and what was found. `late_s`: from how many seconds on a message counts as delayed."""

    run_id: str
    late_s: float = 10.0
    promised: dict[str, Receipt] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    found: dict[str, Found] = field(default_factory=dict)
    queued: set[str] | None = None  # seen in the target's queue; None where nobody looked there
    not_looked: str = ""  # why the store could not be read to the end

    @cached_property
    def _marker(self) -> re.Pattern[bytes]:
        return re.compile(rb"\b%b\.[0-9a-f]+\.[0-9a-f]+\b" % re.escape(self.run_id.encode()))

    def promise(
        self, part: str, acknowledged: Iterable[tuple[int, float, int]], doubtful: Iterable[int]
    ) -> None:
        """Take in receipts of one process; `part` begins all of its markers."""
        self.promised |= {f"{part}.{number:x}": Receipt(at, like) for number, at, like in acknowledged}
        self.doubtful |= {f"{part}.{number:x}" for number in doubtful}

    def see(self, mail: Mail, now: float) -> bool:
        """Note a mail; whether it is one of ours, and new. `now` stands in for an unknown time of arrival."""
        match = self._marker.search(mail.octets)
        if match is None:
            return False
        new = mail.key not in self.found
        arrived = mail.arrived or (now if new else self.found[mail.key].arrived)
        self.found[mail.key] = Found(match[0].decode(), likeness(mail.octets), arrived)
        return new

    def see_queued(self, mails: Iterable[Mail]) -> None:
        """Note what the target still holds."""
        self.queued = {match[0].decode() for mail in mails for match in self._marker.finditer(mail.octets)}

    @property
    def complete(self) -> bool:
        """Whether everything acknowledged was found."""
        return self.promised.keys() <= {found.marker for found in self.found.values()}

    def delivery(self) -> Delivery:
        """The account, added up."""
        copies: dict[str, list[Found]] = defaultdict(list)
        for found in self.found.values():
            copies[found.marker].append(found)
        kept = self.promised.keys()
        missing = sorted(kept - copies.keys(), key=lambda marker: self.promised[marker].at)
        lost = [marker for marker in missing if marker not in (self.queued or ())]
        delays = {m: self._delay(m, copies[m]) for m in kept & copies.keys()}
        known = {marker: delay for marker, delay in delays.items() if delay is not None}
        histogram = Histogram()
        histogram.add(list(known.values()))
        lists = {
            "lost": lost,
            "queued": [marker for marker in missing if marker in (self.queued or ())],
            "duplicated": sorted(m for m, mails in copies.items() if len(mails) > 1),
            "altered": sorted(m for m in kept & copies.keys() if self._altered(m, copies[m])),
            "delayed": sorted(m for m, delay in known.items() if delay > self.late_s),
            "never acknowledged": sorted(copies.keys() - kept - self.doubtful),
        }
        return Delivery(
            acknowledged=len(kept),
            delivered=len(kept) - len(missing),
            lost=len(lost),
            queued=None if self.queued is None else len(lists["queued"]),
            duplicated=len(lists["duplicated"]),
            altered=len(lists["altered"]),
            delayed=len(lists["delayed"]),
            late_s=self.late_s,
            unanswered=len(self.doubtful),
            unanswered_delivered=len(self.doubtful & copies.keys()),
            refused_delivered=len(lists["never acknowledged"]),
            delay=histogram.summary(),
            markers={name: markers[:LISTED] for name, markers in lists.items() if markers},
            incomplete=self.not_looked,
        )

    def _delay(self, marker: str, mails: list[Found]) -> float | None:
        """Seconds from the acknowledgement to the arrival of the first copy; None where nobody knows."""
        times = [found.arrived for found in mails if found.arrived]
        return max(min(times) - self.promised[marker].at, 0.0) if times else None

    def _altered(self, marker: str, mails: list[Found]) -> bool:
        return any(found.likeness != self.promised[marker].likeness for found in mails)
