"""The hot side of accounting: lists that grow by one per message and are counted ten times a second."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from plumbline.loadtests.engine.histogram import buckets
from plumbline.loadtests.engine.payload import Content, Payload
from plumbline.loadtests.engine.tally import Tally


@dataclass(slots=True)
class Batch:
    """What was settled in one go: latencies in seconds, their buckets, failures by error, octets."""

    acknowledged: list[float]
    counted: Counter[int]
    failed: list[tuple[float, str]]
    octets: int


@dataclass(slots=True)
class Receipts:
    """Numbers of messages, for whoever verifies that they were delivered."""

    acknowledged: list[tuple[int, float]] = field(default_factory=list)  # and when, in seconds since 1970
    doubtful: list[int] = field(default_factory=list)  # content sent, answer never seen

    def take(self) -> Receipts:
        """What came in since the last call."""
        taken = Receipts(self.acknowledged[:], self.doubtful[:])
        self.acknowledged.clear()
        self.doubtful.clear()
        return taken


@dataclass(slots=True)
class Ledger:
    """Sessions append here; `settle` counts. `delta` is what was settled since it was last taken away."""

    acknowledged: list[float] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)
    phases: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    octets: int = 0
    contents: Sequence[Content] = ()  # each keeps the latencies of its copies acknowledged by a plain 250
    lane_times: list[list[float]] = field(default_factory=list)  # of the steps of a message in lockstep
    sessions: int = 0  # in a conversation now
    closed_at: float = 0.0  # the last session ended then, in seconds since 1970; 0.0: not yet
    delta: Tally = field(default_factory=Tally)
    receipts: Receipts | None = None  # None: nobody wants to know

    def serve(self, payload: Payload) -> None:
        """Count the messages of this payload."""
        self.contents = payload.contents
        self.lane_times = [self.times(step.value) for step in payload.lane_steps]

    def phase(self, name: str, seconds: float) -> None:
        """A phase of one conversation took this long."""
        self.phases[name].append(seconds)

    def times(self, name: str) -> list[float]:
        """The list that `phase` appends to; it stays the same."""
        return self.phases[name]

    def failure(self, latency: float, kind: str, sample: str, in_doubt: bool = False) -> None:
        """A message was not acknowledged, for a reason of this kind."""
        self.failed.append((latency, kind))
        self.delta.in_doubt += in_doubt
        self.delta.error(kind, sample)

    def receipt(self, number: int, acknowledged: bool) -> None:
        """This message was acknowledged, or its answer never came."""
        if self.receipts is None:
            return
        if acknowledged:
            self.receipts.acknowledged.append((number, time.time()))
        else:
            self.receipts.doubtful.append(number)

    def reply(self, code: int, times: int = 1) -> None:
        """Count a final reply or a refusal."""
        key = str(code)
        self.delta.replies[key] = self.delta.replies.get(key, 0) + times

    def begun(self) -> None:
        """Note the first message."""
        self.delta.begun_at = self.delta.begun_at or time.time()

    def settle(self) -> Batch:
        """Count what the lists hold, and empty them."""
        self._gather()
        batch = Batch(self.acknowledged[:], buckets(self.acknowledged), self.failed[:], self.octets)
        self.acknowledged.clear()
        self.failed.clear()
        self.octets = 0
        self._count(batch)
        for name, values in self.phases.items():
            self.delta.phase(name).add(values)
            values.clear()
        return batch

    def _gather(self) -> None:
        for content in self.contents:
            if latencies := content.latencies:
                self.octets += len(latencies) * content.octets
                self.reply(250, len(latencies))
                self.acknowledged += latencies
                latencies.clear()

    def _count(self, batch: Batch) -> None:
        delta, now = self.delta, self.closed_at or time.time()
        failures = [latency for latency, _ in batch.failed]
        second = delta.second(int(now))
        second.sessions = max(second.sessions, self.sessions)
        if not batch.acknowledged and not failures:
            return
        delta.acknowledged += len(batch.acknowledged)
        delta.failed += len(failures)
        delta.octets += batch.octets
        delta.ended_at = now
        delta.message.add(batch.acknowledged, batch.counted)
        delta.failure.add(failures)
        second.messages += len(batch.acknowledged)
        second.failures += len(failures)
        second.latency.add(batch.acknowledged, batch.counted)

    def take(self) -> Tally:
        """Everything settled since the last call, to be merged elsewhere."""
        taken, self.delta = self.delta, Tally()
        return taken
