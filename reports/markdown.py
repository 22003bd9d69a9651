"""Markdown for a job summary or a comment on a pull request. Text from outside is made harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from . import loaddiff, loadview, view
from .diff import Changed
from .loaddiff import LoadChange
from .model import Report
from .records import Case
from .standing import Standing, standing
from .text import duration, number, one_line, plural

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|~!&$])")
_LINKING = re.compile(r"(?i)https?:(?=//)|www(?=\.)|@")  # what GitHub turns into links and mentions
_JOINER = "\u2060"  # zero-width: breaks a link, and is not seen
_ROWS = 50  # of each kind; a comment has a limit of 65,536 characters


def plain(text: str, limit: int = 160) -> str:
    """Text on one line in which nothing is markup, a mention or a link."""
    harmless = _SPECIAL.sub(r"\\\1", one_line(text, limit))
    return _LINKING.sub(lambda match: match[0] + _JOINER, harmless)


def code(text: str, limit: int = 80) -> str:
    """A code span, whatever backticks the text has."""
    line = one_line(text, limit).replace("|", "\\|")
    ticks = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}" if line else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, line by line."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def summary(report: Report) -> str:
    """The answer, the servers, the violations and what could not be tested."""
    lines = [f"## {plain(str(view.headline(report)))}", "", plain(view.subline(report), 300), ""]
    lines += [f"> {plain(notice, 400)}" for notice in view.notices(report)]
    lines += ["", *_servers(report), ""]
    if report.broken:
        lines += ["### Violations", "", *_violations(report), ""]
    reasons = list(view.untested(report))
    if reasons:
        rows = (
            (f"{kind.symbol} {kind}", str(count), plain(reason)) for kind, reason, count in reasons[:_ROWS]
        )
        lines += ["### Not tested", "", *table(("verdict", "cases", "reason"), rows), ""]
    lines += _loads(report)
    return "\n".join(lines).rstrip() + "\n"


def _servers(report: Report) -> Iterator[str]:
    kinds = [kind for kind in Standing if report.counts[kind]]
    head = ["server", "answer", *(f"{kind.symbol} {kind}" for kind in kinds)]
    rows = (
        [plain(one.label), one.answer[1], *(str(one.counts[kind]) for kind in kinds)]
        for one in report.subjects
    )
    yield from table(head, rows)


def _violations(report: Report) -> Iterator[str]:
    for row in report.broken[:_ROWS]:
        names = [report.subjects[at].label for at in row.cells if row.at(at) is Standing.VIOLATION]
        where = f" ({plain(', '.join(names))})" if len(report.subjects) > 1 else ""
        case = row.worst_case
        yield f"- **{plain(case.level)}** {plain(case.title or case.id)}{where}"
        yield f"  {code(case.id)}, {code(case.requirement)}: {plain(case.reason)}"
    if len(report.broken) > _ROWS:
        yield f"- and {len(report.broken) - _ROWS} more"


def _loads(report: Report) -> Iterator[str]:
    found = [one.run.load for one in loadview.views(report) if one.run.load]
    if not found:
        return
    yield from ("### Load", "")
    head = ("scenario", "rate /s", "messages", "failures", "p50", "p99", "missed thresholds")
    rows = (
        (
            plain(load.scenario),
            number(load.rate),
            number(load.messages),
            number(load.failures),
            *(duration(load.latency[name]) if name in load.latency else "" for name in ("p50", "p99")),
            plain(", ".join(name for name, one in load.thresholds.items() if not one.get("ok"))) or "none",
        )
        for load in found
    )
    yield from table(head, rows)


def changes(
    found: Sequence[Changed],
    before: Report,
    after: Report,
    loads: Sequence[LoadChange] = (),
    max_slowdown: float | None = None,
) -> str:
    """The comparison of two runs. `max_slowdown`: per cent from which on a load run counts as worse."""
    violations = sum(one.violates for one in found)
    worse = sum(bool(one.worse(max_slowdown)) for one in loads)
    tail = f", {plural(worse, 'load run')} worse" if worse else ""
    lines = [f"## {_verdict(found, violations)}{tail}", ""]
    lines += [f"> Before: {plain(notice, 400)}" for notice in view.notices(before)]
    lines += [f"> After: {plain(notice, 400)}" for notice in view.notices(after)]
    lines += [
        "",
        *table(("", "results", "violations"), (_totals("before", before), _totals("after", after))),
        "",
    ]
    if loads:
        head = ("server", "scenario", "rate /s", "p50", "p99", "failures", "worse")
        rows = (_load_row(one, max_slowdown) for one in loads[:_ROWS])
        lines += ["### Load", "", *table(head, rows), ""]
    for kind, group in groupby(found, key=lambda one: one.kind):
        part = list(group)
        lines += [f"### {kind.value.capitalize()} ({len(part)})", ""]
        lines += table(("case", "server", "level", "before", "after", "reason"), map(_row, part[:_ROWS]))
        lines += ["", f"and {len(part) - _ROWS} more", ""] if len(part) > _ROWS else [""]
    return "\n".join(lines).rstrip() + "\n"


def _load_row(one: LoadChange, max_slowdown: float | None) -> tuple[str, ...]:
    worse = plain(", ".join(one.worse(max_slowdown))) or "no"
    return plain(one.server, 40), plain(one.scenario, 40), *loaddiff.cells(one), worse


def _verdict(found: Sequence[Changed], violations: int) -> str:
    if violations:
        return plural(violations, "new violation")
    return f"No new violation, {plural(len(found), 'change')}" if found else "No change"


def _totals(name: str, report: Report) -> tuple[str, str, str]:
    return name, str(report.counts.total()), str(report.counts[Standing.VIOLATION])


def _row(one: Changed) -> tuple[str, ...]:
    case = one.case
    reason = plain(one.after.reason) if one.after else "not in the later run"
    return (
        code(one.id),
        plain(one.server, 40),
        plain(case.level),
        _stand(one.before),
        _stand(one.after),
        reason,
    )


def _stand(case: Case | None) -> str:
    if case is None:
        return "absent"
    found = standing(case)
    return f"{found.symbol} {found}{', flaky' if case.flaky else ''}"
