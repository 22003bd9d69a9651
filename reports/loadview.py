"""Load runs -> figures, charts and comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from .charts import Bar, Chart, Series, bars
from .gather import LoadRun
from .model import Report
from .records import Delivery, Knee, Load, Sample
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
        found = [("sustained per second", number(load.knee.rate))] if load.knee else []
        found += [
            ("messages per second", number(load.rate)),
            ("messages", number(load.messages)),
            ("failures", number(load.failures)),
        ]
        found += [
            (f"latency {name}", duration(load.latency[name]))
            for name in ("p50", "p99")
            if name in load.latency
        ]
        return found + _arrived(load)

    @property
    def knee(self) -> Knee | None:
        return self.run.load.knee if self.run.load else None

    @property
    def delivery(self) -> Delivery | None:
        return self.run.load.delivery if self.run.load else None

    @property
    def charts(self) -> Iterator[Chart]:
        samples = _whole_seconds(self.run)
        if len(samples) < 2:
            return
        at = tuple(sample.at for sample in samples)
        rate = [Series("messages", tuple(float(sample.messages) for sample in samples))]
        if any(sample.failures for sample in samples):
            rate.append(Series("failures", tuple(float(sample.failures) for sample in samples)))
        yield Chart("Messages per second", "second", at, tuple(rate), number)
        names = [name for name in ("p50", "p90", "p99") if any(getattr(one, name) for one in samples)]
        if names:
            lines = tuple(Series(name, tuple(getattr(one, name) for one in samples)) for name in names)
            yield Chart("Latency", "second", at, lines, duration, log=_wide(lines))

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


def _arrived(load: Load) -> list[tuple[str, str]]:
    """What became of acknowledged messages, from the account of delivery or from facts of that name."""
    if load.delivery:
        return [(name, number(getattr(load.delivery, name))) for name in ("delivered", "lost", "duplicated")]
    return [(name, number(load.facts[name])) for name in _COUNTED if _is_number(load.facts.get(name))]


def _whole_seconds(run: LoadRun) -> Sequence[Sample]:
    """The samples without a last second that was cut short: it would look like a collapse."""
    samples = run.samples
    if run.load and len(samples) > 2 and samples[-1].at + 0.9 > run.load.duration_s:
        return samples[:-1]
    return samples


def _wide(lines: Sequence[Series]) -> bool:
    """True when values span so much that only powers of ten show them all."""
    found = [value for one in lines for value in one.values if value > 0]
    return bool(found) and max(found) > 20 * min(found)


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


def rates(found: Sequence[LoadView]) -> list[Bar]:
    """The rates of all runs that came to their end, on one scale, in their order."""
    loads = [one.run.load for one in found if one.run.load]
    return bars([(load.scenario, load.sustained) for load in loads], number)


def knees(found: Sequence[LoadView]) -> Iterator[tuple[str, Chart]]:
    """Latency by offered rate: from a search, or where a scenario met one server at several rates."""
    for one in found:
        if one.knee and len(_measured(one.knee)) > 1:
            yield f"{one.name} on {one.subject.label}", _searched(one.knee)
    offered = sorted(
        ((one.subject.label, one.run.load) for one in found if one.run.load and _offered(one.run.load)),
        key=lambda pair: (pair[0], pair[1].scenario, _offered(pair[1])),
    )
    for (label, scenario), part in groupby(offered, key=lambda pair: (pair[0], pair[1].scenario)):
        points = [(_offered(load), load.latency) for _, load in part]
        if len({rate for rate, _ in points}) > 1:
            yield f"{scenario} on {label}", _curve(points)


def knee_sentence(knee: Knee) -> str:
    """What a search came to."""
    found = f"{number(knee.rate)} a second under {knee.objective}"
    match knee.limited_by:
        case "target" if knee.rate:
            return f"The target sustains {found}; beyond: {knee.why}"
        case "target":
            return f"The target sustains no rate that was tried under {knee.objective}: {knee.why}"
        case "generator":
            return f"At least {found}; at the next rate the generator was the bottleneck: {knee.why}"
        case "highest rate":
            return f"At least {found}; no higher rate was tried"
        case _:
            return "The search did not come to its end"


def delivery_rows(found: Delivery) -> Iterator[tuple[str, str]]:
    """The account of delivery, line by line."""
    yield "acknowledged", number(found.acknowledged)
    yield "delivered", number(found.delivered)
    for name in ("lost", "duplicated", "altered"):
        which = ", ".join(found.markers.get(name, [])[:5])
        more = " …" if len(found.markers.get(name, [])) > 5 else ""
        yield name, number(getattr(found, name)) + (f" ({which}{more})" if which else "")
    yield f"later than {found.late_s:g} s", number(found.delayed)
    if found.unanswered:
        yield (
            "without an answer",
            f"{number(found.unanswered)}, of which {number(found.unanswered_delivered)} arrived",
        )
    if found.refused_delivered:
        yield "refused, but arrived", number(found.refused_delivered)
    if found.delay:
        told = (f"{name} {duration(found.delay[name])}" for name in _PERCENTILES if name in found.delay)
        yield "from acknowledgement to arrival", ", ".join(told)
    if found.incomplete:
        yield "not known to the end", found.incomplete


def _measured(knee: Knee) -> list[tuple[float, dict[str, float]]]:
    """Rate and latencies of every rate at which the target was measured; of several tries the last."""
    found = {step.offered: step.latency for step in knee.steps if step.latency and not step.generator}
    return sorted(found.items())


def _searched(knee: Knee) -> Chart:
    return _curve(_measured(knee), knee.rate or None)


def _offered(load: Load) -> float:
    value = load.facts.get("offered_rate")
    return float(value) if isinstance(value, int | float) and not load.knee else 0.0


def _curve(points: Sequence[tuple[float, dict[str, float]]], mark: float | None = None) -> Chart:
    names = [name for name in ("p50", "p90", "p99") if all(name in latency for _, latency in points)]
    series = tuple(Series(name, tuple(latency[name] for _, latency in points)) for name in names)
    rates_ = tuple(rate for rate, _ in points)
    title, axis = "Latency by offered rate", "offered messages per second"
    return Chart(title, axis, rates_, series, duration, log=_wide(series), mark=mark)
