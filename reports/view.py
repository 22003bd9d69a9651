"""What the page says in sentences, and what its filters choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .gather import Source
from .model import Report, Row
from .standing import LEVELS, Standing
from .subject import Subject
from .text import duration, number, one_line, plural, safe


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer: of whom (or ""), its kind ("bad", "unsure", "good", "none") and the words."""

    who: str
    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.who}: {self.words}" if self.who else self.words


def headline(report: Report) -> Headline:
    """The answer, in one line."""
    judged = report.judged
    if not judged:
        return _loaded(report)
    if len(judged) == 1:
        return Headline(one_line(judged[0].label, 80), *judged[0].answer)
    bad = sum(subject.answer[0] == "bad" for subject in judged)
    unsure = sum(subject.answer[0] == "unsure" for subject in judged)
    tail = f", {unsure} not fully tested" if unsure else ""
    kind = "bad" if bad else "unsure" if unsure else "good"
    return Headline("", kind, f"{bad} of {plural(len(judged), 'server')} with violations{tail}")


def _loaded(report: Report) -> Headline:
    """The answer where only load was driven."""
    found = [(subject, run) for subject in report.subjects for run in subject.loads]
    load = found[0][1].load if len(found) == 1 else None
    if load is None:
        words = f"{plural(len(found), 'load run')}, no conformance case" if found else "Nothing was tested"
        return Headline("", "none", words)
    subject, run = found[0]
    rate = f"{number(load.sustained)} messages a second"
    kind = "bad" if run.missed else "good" if load.thresholds else "none"
    return Headline(one_line(subject.label, 80), kind, rate + (", thresholds missed" if run.missed else ""))


def subline(report: Report) -> str:
    """How much was done, when, and how long it took."""
    parts = [plural(report.counts.total(), "result")] if report.rows else []
    if len(report.judged) > 1:
        parts.append(f"{plural(len(report.rows), 'case')} on {plural(len(report.judged), 'server')}")
    started = sorted(source.run.started for source in report.sources if source.run)
    if started:
        parts.append(day(started[0]))
    took = sum(source.summary.duration_s for source in report.sources if source.summary)
    if took:
        parts.append(duration(took))
    return " · ".join(parts)


def day(started: str) -> str:
    """A moment for people: `29 November 2026, 22:24`; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(started):%d %B %Y, %H:%M}".lstrip("0")
    except ValueError:
        return one_line(started, 40)


def figures(report: Report, subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Name, number and what qualifies it: what one wants to know besides the verdicts."""
    exploitable = len(subject.exploitable)
    if any(case.severity for case in subject.cases):
        yield "exploitable", number(exploitable), "known to be, by CVE or technique" if exploitable else ""
    yield "not tested", number(subject.untested), f"of {plural(len(subject.cases), 'case')}"
    if subject.flaky:
        yield "flaky", number(subject.flaky), "changed their verdict when tried again"
    known = report.coverage.of(subject.index)
    if known:
        tested = sum(count for kind, count in known.items() if kind.tested)
        yield "requirements tested", number(tested), f"of {number(known.total())}"
    if load := subject.best_load:
        p99 = load.latency.get("p99")
        if load.knee:
            yield "messages per second", number(load.knee.rate), f"under {one_line(load.knee.objective, 40)}"
        else:
            yield "messages per second", number(load.rate), f"p99 {duration(p99)}" if p99 else ""
    if subject.took:
        yield "took", duration(subject.took), ""


def notices(report: Report) -> Iterator[str]:
    """What the reader must know before believing the rest."""
    for problem in report.problems:
        yield f"Left out: {problem}"
    for source in report.sources:
        yield from _source_notices(source)


def _source_notices(source: Source) -> Iterator[str]:
    name = source.name
    if source.summary is None:
        yield f"{name}: the run was cut off before its end. What follows is what it had found until then."
    elif source.summary.interrupted:
        why = f" ({source.summary.detail})" if source.summary.detail else ""
        yield f"{name}: the run was interrupted{why}. What follows is what it had found until then."
    if source.damage:
        lines = plural(len(source.damage), "line is", "lines are")
        yield f"{name}: {lines} damaged and left out."
    for check in source.sanity:
        if not check.ok:
            after = f", after case {check.last_good_case}" if check.last_good_case else ""
            where = f"{check.target} " if check.target else "The target "
            yield f"{where}did not behave at the {check.when} of the run{after}. {check.detail}"


def untested(report: Report) -> Iterator[tuple[Standing, str, int]]:
    """Kind, reason and count of everything that was not judged."""
    for kind in (Standing.INCONCLUSIVE, Standing.SKIPPED):
        for reason, count in report.reasons(kind):
            yield kind, reason or "no reason was recorded", count


def severity_words(severity: Mapping[str, Any]) -> str:
    """How bad it is: by what it can be exploited, and the CVEs."""
    how, known = severity.get("exploitable"), severity.get("cve") or []
    words = [f"Exploitable: {how}"] if how else []
    return ", ".join([*words, *map(str, known if isinstance(known, list) else [known])])


Choice = tuple[str, str, list[tuple[str, str]]]


def choices(report: Report) -> Iterator[Choice]:
    """The select fields of the filter: name, label, and (value, shown) pairs. Fewer than two: no field."""
    cases = [row.case for row in report.rows]
    levels = {case.level for case in cases}
    fields: list[Choice] = [
        ("l", "Level", [(one, one) for one in [*LEVELS, *sorted(levels - set(LEVELS))] if one in levels]),
        ("r", "RFC", [(str(rfc), f"RFC {rfc}") for rfc in sorted({case.rfc for case in cases if case.rfc})]),
        ("p", "Protocol", [(one, one.upper()) for one in sorted({case.protocol for case in cases})]),
        (
            "u",
            "Suite",
            [(safe(one), one_line(one, 50)) for one in sorted({case.suite for case in cases} - {""})],
        ),
        (
            "t",
            "Tag",
            [(one, one_line(one, 40)) for one in sorted({tag for case in cases for tag in case.tags})],
        ),
        ("s", "Server", [(str(one.index), one_line(one.label, 40)) for one in report.judged]),
        ("f", "State", [(one, one_line(one, 40)) for one in sorted({case.state for case in cases} - {""})]),
        (
            "o",
            "Command",
            [(one, one_line(one, 40)) for one in sorted({case.command for case in cases} - {""})],
        ),
        ("c", "Change", _changes(report)),
    ]
    yield from (one for one in fields if len(one[2]) > 1 or (one[2] and one[0] in "ct"))
    if any(case.severity for case in cases):
        yield "e", "Severity", [("any", "has a severity"), ("exploitable", "exploitable")]


def _changes(report: Report) -> list[tuple[str, str]]:
    found = [(one, one) for one in sorted({row.change for row in report.rows} - {""})]
    return [("any", "changed at all"), *found] if found else []


def attributes(row: Row) -> dict[str, str]:
    """What the filter looks at, as data attributes of a row. Absent: nothing to look at."""
    case = row.case
    found = {
        "data-l": case.level,
        "data-r": str(case.rfc or ""),
        "data-p": case.protocol,
        "data-u": case.suite,
        "data-t": "\n".join(case.tags),
        "data-c": row.change,
        "data-f": case.state,
        "data-o": case.command,
        "data-e": "exploitable" if case.severity.get("exploitable") else "any" if case.severity else "",
        "data-q": f"{case.requirement} {' '.join(case.tags)}",
        "data-v": " ".join(f"{index}:{row.at(index)}" for index in row.cells),
        "data-d": "1" if row.differs else "",
    }
    return {name: safe(value) for name, value in found.items() if value}
