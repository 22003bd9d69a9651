"""Latency histograms with three significant digits from 0.1 microseconds up, exactly mergeable.

A bucket is named by its lower edge, an integer in units of 0.1 us. Below 100 us the buckets are 0.1 us
wide, then 1 us, 10 us and so on: a value is known to 0.5 % or better, whatever its size.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

UNIT = 1e-7  # seconds

PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)


def buckets(seconds: Iterable[float]) -> Counter[int]:
    """How many of the values fall into each bucket. Written flat: it runs once for every message."""
    return Counter(
        [
            int(s * 1e7)
            if s < 1e-4
            else int(s * 1e6) * 10
            if s < 1e-3
            else int(s * 1e5) * 100
            if s < 1e-2
            else int(s * 1e4) * 1_000
            if s < 1e-1
            else int(s * 1e3) * 10_000
            if s < 1
            else int(s * 1e2) * 100_000
            if s < 10
            else int(s * 10) * 1_000_000
            for s in seconds
        ]
    )


def width(bucket: int) -> int:
    """Width of the bucket that begins here, in units of 0.1 us."""
    return 1 if bucket < 1_000 else int(10 ** min(math.floor(math.log10(bucket)) - 2, 6))


class Histogram:
    """Counts by bucket, with exact count, sum, minimum and maximum beside them. All times in seconds."""

    __slots__ = ("count", "counts", "highest", "lowest", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.lowest = math.inf
        self.highest = 0.0

    def add(self, values: Sequence[float], counted: Mapping[int, int] | None = None) -> None:
        """Take in some values; `counted` is what `buckets` made of them, if that is known already."""
        if not values:
            return
        self._add_counts(buckets(values) if counted is None else counted)
        self.count += len(values)
        self.total += math.fsum(values)
        self.lowest = min(self.lowest, *values)
        self.highest = max(self.highest, *values)

    def merge(self, other: Histogram) -> None:
        """Take in another histogram; nothing is lost by merging."""
        self._add_counts(other.counts)
        self.count += other.count
        self.total += other.total
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)

    def _add_counts(self, more: Mapping[int, int]) -> None:
        counts = self.counts
        for bucket, number in more.items():
            counts[bucket] = counts.get(bucket, 0) + number

    def percentile(self, percent: float) -> float:
        """Seconds within which this many percent of the values lie; 0.0 without values."""
        rank, seen = math.ceil(self.count * percent / 100 - 1e-9), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                middle = (bucket + width(bucket) / 2) * UNIT
                return min(max(middle, self.lowest), self.highest)
        return self.highest

    @property
    def mean(self) -> float:
        """Exact mean in seconds; 0.0 without values."""
        return self.total / self.count if self.count else 0.0

    def summary(self) -> dict[str, float]:
        """p50 to p99.99, mean, max in seconds, and n.

        p99.9 needs 10 000 values and p99.99 needs 100 000; with fewer they would be the maximum by
        another name, and are left out.
        """
        out = {
            f"p{percent:g}": self.percentile(percent)
            for percent in PERCENTILES
            if percent <= 99 or self.count * (100 - percent) >= 1000 - 1e-6
        }
        return {**out, "mean": self.mean, "max": self.highest, "n": self.count} if self.count else {}

    def to_wire(self) -> list[Any]:
        """Plain lists and numbers, for msgpack or JSON."""
        lowest = self.lowest if self.count else 0.0
        return [self.count, self.total, lowest, self.highest, list(self.counts), list(self.counts.values())]

    @classmethod
    def from_wire(cls, wire: Sequence[Any]) -> Histogram:
        """What `to_wire` was called on."""
        self = cls()
        self.count, self.total, lowest, self.highest, keys, numbers = wire
        self.lowest = lowest if self.count else math.inf
        self.counts = dict(zip(keys, numbers, strict=True))
        return self
