"""Load runs of two reports compared: rate, latency, thresholds, what was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .model import Report
from .records import Load
from .text import duration, number

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LoadChange:
    """One scenario on one server, in both runs. A rate is a search's result where there was one."""

    server: str
    scenario: str
    before: Load
    after: Load

    @property
    def newly_missed(self) -> list[str]:
        """Thresholds that are missed and were not, or were not set."""
        return [
            name
            for name, one in self.after.thresholds.items()
            if not one.get("ok") and self.before.thresholds.get(name, {"ok": True}).get("ok")
        ]

    @property
    def newly_harmed(self) -> list[str]:
        """Kinds of harm to messages that did not occur before: "6 lost"."""
        found = []
        for name in ("lost", "duplicated", "altered"):
            now = _harmed(self.after, name)
            if now and not _harmed(self.before, name):
                found.append(f"{number(now)} {name}")
        return found

    def slower(self, percent: float) -> list[str]:
        """What got worse by more than this: the rate fell, or the 99th percentile grew."""
        found = []
        rate = change(self.before.sustained, self.after.sustained)
        if rate is not None and rate < -percent:
            found.append(f"rate {rate:+.0f} %")
        p99 = change(self.before.latency.get("p99", 0.0), self.after.latency.get("p99", 0.0))
        if p99 is not None and p99 > percent and not self.after.knee:
            found.append(f"p99 {p99:+.0f} %")
        return found

    def worse(self, percent: float | None) -> list[str]:
        """Everything that should fail a build, in words."""
        missed = [f"{name} is missed" for name in self.newly_missed]
        return missed + self.newly_harmed + (self.slower(percent) if percent is not None else [])


def change(before: float, after: float) -> float | None:
    """Per cent; None where there is nothing to compare."""
    return (after - before) / before * 100 if before else None


def compare_loads(before: Report, after: Report) -> list[LoadChange]:
    """Scenarios that both reports have, by server and name. Of several runs of one the last counts."""
    alone = len(before.subjects) == len(after.subjects) == 1
    old, new = _by_key(before, alone), _by_key(after, alone)
    label = after.subjects[0].label if alone else ""
    return [LoadChange(key[0] or label, key[1], old[key], load) for key, load in new.items() if key in old]


def _by_key(report: Report, alone: bool) -> Mapping[Key, Load]:
    return {
        ("" if alone else subject.label, run.load.scenario): run.load
        for subject in report.subjects
        for run in subject.loads
        if run.load
    }


def _harmed(load: Load, name: str) -> int:
    if load.delivery:
        return int(getattr(load.delivery, name))
    value = load.facts.get(name, 0)
    return int(value) if isinstance(value, int | float) else 0


def cells(one: LoadChange) -> Iterator[str]:
    """Rate, p50, p99 and failures as "before → after (change)"."""
    yield _pair(one.before.sustained, one.after.sustained, number)
    for name in ("p50", "p99"):
        if name in one.before.latency and name in one.after.latency:
            yield _pair(one.before.latency[name], one.after.latency[name], duration)
        else:
            yield ""
    yield f"{number(one.before.failures)} → {number(one.after.failures)}"


def _pair(before: float, after: float, shown: Callable[[float], str]) -> str:
    percent = change(before, after)
    tail = f" ({percent:+.0f} %)" if percent is not None else ""
    return f"{shown(before)} → {shown(after)}{tail}"
