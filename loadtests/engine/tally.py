"""What happened, counted. A Tally can be merged with others without loss: seconds, processes, machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plumbline.loadtests.engine.histogram import Histogram

MAX_KINDS = 200  # of errors, each with a sample; everything beyond is counted as "other"


@dataclass(slots=True)
class Second:
    """One second by the wall clock."""

    messages: int = 0
    failures: int = 0
    sessions: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def merge(self, other: Second) -> None:
        """Add another part of the same second. Sessions of several processes add up."""
        self.messages += other.messages
        self.failures += other.failures
        self.sessions += other.sessions
        self.latency.merge(other.latency)


@dataclass(slots=True)
class Tally:
    """Messages begun = acknowledged + failed. `in_doubt`: those of the failed that may have arrived.

    begun_at and ended_at are seconds since the epoch; 0.0 while nothing was sent.
    """

    acknowledged: int = 0
    failed: int = 0
    in_doubt: int = 0
    octets: int = 0  # of acknowledged messages, as sent
    connections: int = 0
    begun_at: float = 0.0
    ended_at: float = 0.0
    cpu_s: float = 0.0
    waited_s: float = 0.0  # ready to run, while others had the processors
    time_wait: int = 0  # sockets of this machine in TIME_WAIT that came during the run, at most
    longest_queue: int = 0  # messages due and not begun, in an open loop
    message: Histogram = field(default_factory=Histogram)
    failure: Histogram = field(default_factory=Histogram)
    phases: dict[str, Histogram] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    seconds: dict[int, Second] = field(default_factory=dict)

    def second(self, epoch: int) -> Second:
        """The entry of this second, made where it is missing."""
        return self.seconds.setdefault(epoch, Second())

    def phase(self, name: str) -> Histogram:
        """The histogram of a phase, made where it is missing."""
        return self.phases.setdefault(name, Histogram())

    def error(self, kind: str, sample: str = "", times: int = 1) -> None:
        """Count an error by its kind and keep the first text seen for it."""
        if kind not in self.errors and len(self.errors) >= MAX_KINDS:
            kind = "other"
        self.errors[kind] = self.errors.get(kind, 0) + times
        if sample:
            self.samples.setdefault(kind, sample)

    def merge(self, other: Tally) -> None:
        """Take in everything another tally has."""
        for name in ("acknowledged", "failed", "in_doubt", "octets", "connections", "cpu_s", "waited_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.time_wait = max(self.time_wait, other.time_wait)
        self.longest_queue = max(self.longest_queue, other.longest_queue)
        starts = [at for at in (self.begun_at, other.begun_at) if at]
        self.begun_at = min(starts, default=0.0)
        self.ended_at = max(self.ended_at, other.ended_at)
        self.message.merge(other.message)
        self.failure.merge(other.failure)
        for name, histogram in other.phases.items():
            self.phase(name).merge(histogram)
        for code, times in other.replies.items():
            self.replies[code] = self.replies.get(code, 0) + times
        for kind, times in other.errors.items():
            self.error(kind, other.samples.get(kind, ""), times)
        for epoch, second in other.seconds.items():
            self.second(epoch).merge(second)

    @property
    def duration(self) -> float:
        """Seconds from the first message begun to the last one answered."""
        return max(self.ended_at - self.begun_at, 0.0)

    @property
    def rate(self) -> float:
        """Acknowledged messages per second; 0.0 where no time passed."""
        return self.acknowledged / self.duration if self.duration else 0.0

    def to_wire(self) -> dict[str, Any]:
        """Plain data, for msgpack or JSON."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "message": self.message.to_wire(),
            "failure": self.failure.to_wire(),
            "phases": {name: histogram.to_wire() for name, histogram in self.phases.items()},
            "seconds": [
                [epoch, s.messages, s.failures, s.sessions, s.latency.to_wire()]
                for epoch, s in self.seconds.items()
            ],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Tally:
        """What `to_wire` was called on."""
        self = cls(**{name: wire[name] for name in _PLAIN})
        self.message = Histogram.from_wire(wire["message"])
        self.failure = Histogram.from_wire(wire["failure"])
        self.phases = {name: Histogram.from_wire(value) for name, value in wire["phases"].items()}
        for epoch, messages, failures, sessions, latency in wire["seconds"]:
            self.seconds[epoch] = Second(messages, failures, sessions, Histogram.from_wire(latency))
        return self


_PLAIN = (
    "acknowledged", "failed", "in_doubt", "octets", "connections", "begun_at", "ended_at", "cpu_s", "waited_s",
    "time_wait", "longest_queue", "replies", "errors", "samples",
)  # fmt: skip
