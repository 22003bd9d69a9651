"""Batches into Locust's statistics: every message counted, for a twentieth of the cost of `request.fire`.

A batch becomes a StatsEntry of its own which Locust merges with `extend`, the way a master takes in the
reports of its workers. Listeners of other plugins to the `request` event see nothing of that; where there
are any, each message is fired instead.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from locust import events
from locust.env import Environment
from locust.stats import RequestStats, StatsEntry, StatsError
from plumbline.loadtests.engine.histogram import UNIT, buckets
from plumbline.loadtests.engine.ledger import Batch

_TO_MS = UNIT * 1e3


def bucket_response_time(milliseconds: float) -> float:
    """Three significant digits from 0.1 us up, where Locust would round to whole milliseconds."""
    return next(iter(buckets([milliseconds / 1e3]))) * _TO_MS


def record(environment: Environment, method: str, name: str, batch: Batch) -> None:
    """Account for a batch."""
    if not batch.acknowledged and not batch.failed:
        return
    if _others_listen():
        _fire(environment, method, name, batch)
        return
    stats = environment.stats
    entry = _entry(stats, method, name, batch)
    stats.entries[(name, method)].extend(entry)
    stats.total.extend(entry)
    for error, times in Counter(error for _, error in batch.failed).items():
        key = StatsError.create_key(method, name, error)
        stats.errors.setdefault(key, StatsError(method, name, error)).occurrences += times


def _others_listen() -> bool:
    own = ("locust.runners",)
    return any(getattr(handler, "__module__", "") not in own for handler in events.request._handlers)


def _fire(environment: Environment, method: str, name: str, batch: Batch) -> None:
    size = batch.octets // max(len(batch.acknowledged), 1)  # the mean, where messages differ
    common = {"request_type": method, "name": name, "context": {}}
    fire: Callable[..., None] = environment.events.request.fire
    for latency in batch.acknowledged:
        fire(**common, response_time=latency * 1e3, response_length=size, exception=None)
    for latency, error in batch.failed:
        fire(**common, response_time=latency * 1e3, response_length=0, exception=error)


def _entry(stats: RequestStats, method: str, name: str, batch: Batch) -> Any:
    """Locust declares whole milliseconds but takes fractions, through master and workers as well."""
    failed = [latency for latency, _ in batch.failed]
    counted = batch.counted + buckets(failed) if failed else batch.counted
    values = batch.acknowledged + failed
    now = time.time()
    entry: Any = StatsEntry(stats, name, method)
    entry.num_requests = len(values)
    entry.num_failures = len(failed)
    entry.total_response_time = sum(values) * 1e3
    entry.min_response_time = min(values) * 1e3
    entry.max_response_time = max(values) * 1e3
    entry.response_times = defaultdict(int, {key * _TO_MS: times for key, times in counted.items()})
    entry.num_reqs_per_sec = defaultdict(int, {int(now): len(values)})
    entry.num_fail_per_sec = defaultdict(int, {int(now): len(failed)} if failed else {})
    entry.last_request_timestamp = now
    entry.total_content_length = batch.octets
    return entry
