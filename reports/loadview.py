"""Load runs -> figures, charts and comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from .charts import Bar, Chart, Series, bars
from .gather import LoadRun
from .model import Report
from .records import Load
from .subject import Subject
from .text import duration, number

_COUNTED = ("delivered", "lost", "duplicated", "corrupted")
_NOTHING: tuple[object, ...] = ("", {}, [], None)
# The order of a session; what is not among them follows.
_PHASES = ("connect", "tls", "banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "acknowledgement")
_PERCENTILES = ("p50", "p90", "p99", "p99.9", "p99.99", "max", "mean")


@dataclass(frozen=True, slots=True)
class LoadView:
    """One load run, ready to print."""

    subject: Subject
    run: LoadRun

    @property
    def name(self) -> str:
        return self.run.load.scenario if self.run.load else "a load run that was cut off"

    @property
    def missed(self) -> list[str]:
        return self.run.missed

    @property
    def figures(self) -> list[tuple[str, str]]:
        """The numbers that matter, with their names."""
        load = self.run.load
        if load is None:
            done = sum(sample.messages for sample in self.run.samples)
            return [("messages until it was cut off", number(done))]
        found = [
            ("messages per second", number(load.rate)),
            ("messages", number(load.messages)),
            ("failures", number(load.failures)),
        ]
        found += [
            (f"latency {name}", duration(load.latency[name]))
            for name in ("p50", "p99")
            if name in load.latency
        ]
        found += [(name, number(load.facts[name])) for name in _COUNTED if _is_number(load.facts.get(name))]
        return found

    @property
    def charts(self) -> Iterator[Chart]:
        samples = self.run.samples
        if len(samples) < 2:
            return
        at = tuple(sample.at for sample in samples)
        rate = [Series("messages", tuple(float(sample.messages) for sample in samples))]
        if any(sample.failures for sample in samples):
            rate.append(Series("failures", tuple(float(sample.failures) for sample in samples)))
        yield Chart("Messages per second", "second", at, tuple(rate), number)
        if any(sample.p99 for sample in samples):
            p50, p99 = (Series(name, tuple(getattr(one, name) for one in samples)) for name in ("p50", "p99"))
            yield Chart("Latency", "second", at, (p50, p99), duration)

    @property
    def latency(self) -> list[Bar]:
        load = self.run.load
        found = load.latency if load else {}
        return bars([(name, found[name]) for name in _PERCENTILES if name in found], duration)

    @property
    def phase_figures(self) -> list[str]:
        """The columns of the table of phases."""
        phases = self.run.load.phases if self.run.load else {}
        return list(dict.fromkeys(key for one in phases.values() for key in one))

    @property
    def phases(self) -> list[tuple[str, list[str], Bar]]:
        """Name, figures in the order of the columns, and the bar of the median."""
        found = self.run.load.phases if self.run.load else {}
        ordered = sorted(found.items(), key=lambda item: _phase_rank(item[0]))
        drawn = bars(
            [(name, one.get("p50", next(iter(one.values()), 0.0))) for name, one in ordered], duration
        )
        columns = self.phase_figures
        return [
            (name, [_figure(key, one[key]) if key in one else "" for key in columns], bar)
            for (name, one), bar in zip(ordered, drawn, strict=True)
        ]

    @property
    def counts(self) -> list[tuple[str, list[Bar]]]:
        load = self.run.load
        if load is None:
            return []
        tables = [("Replies by code", load.replies), ("Errors", load.errors)]
        return [
            (name, bars([(k, float(v)) for k, v in found.items()], number)) for name, found in tables if found
        ]

    @property
    def thresholds(self) -> list[tuple[str, str, str, bool]]:
        found = self.run.load.thresholds if self.run.load else {}
        return [
            (name, _plain(one.get("value", "")), _plain(one.get("limit", "")), bool(one.get("ok")))
            for name, one in found.items()
        ]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Everything else that the record tells."""
        found = self.run.load.facts if self.run.load else {}
        told = {
            name: value for name, value in found.items() if name not in _COUNTED and value not in _NOTHING
        }
        return [(name.replace("_", " "), _plain(value)) for name, value in told.items()]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: object) -> str:
    """Whatever a record tells, without the punctuation of a programming language."""
    match value:
        case bool() | None:
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"
        case dict():
            return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
        case list() | tuple():
            return "; ".join(map(_plain, value))
        case _:
            return str(value)


def _phase_rank(name: str) -> int:
    return _PHASES.index(name.lower()) if name.lower() in _PHASES else len(_PHASES)


def _figure(key: str, value: float) -> str:
    """Counts are counts; everything else in a phase is seconds."""
    return number(int(value)) if key in ("n", "count", "failures") else duration(value)


def views(report: Report) -> list[LoadView]:
    """All load runs of a report."""
    return [LoadView(subject, run) for subject in report.subjects for run in subject.loads]


def knees(found: Sequence[LoadView]) -> Iterator[tuple[str, Chart]]:
    """Latency by offered rate, where one scenario met one server at several rates."""
    offered = sorted(
        ((one.subject.label, one.run.load) for one in found if one.run.load and _offered(one.run.load)),
        key=lambda pair: (pair[0], pair[1].scenario, _offered(pair[1])),
    )
    for (label, scenario), part in groupby(offered, key=lambda pair: (pair[0], pair[1].scenario)):
        loads = [load for _, load in part]
        if len({_offered(load) for load in loads}) > 1:
            yield f"{scenario} on {label}", _knee(loads)


def _offered(load: Load) -> float:
    value = load.facts.get("offered_rate")
    return float(value) if isinstance(value, int | float) else 0.0


def _knee(loads: Sequence[Load]) -> Chart:
    rates = tuple(_offered(load) for load in loads)
    names = [name for name in ("p50", "p99") if all(name in load.latency for load in loads)]
    series = tuple(Series(name, tuple(load.latency[name] for load in loads)) for name in names)
    return Chart("Latency by offered rate", "offered messages per second", rates, series, duration)
