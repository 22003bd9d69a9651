"""A failing case in words: what was required, sent, expected and got, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterator

from ..reports.records import Case, Event
from ..reports.standing import Standing, standing

_LINES = 12


def failure_text(case: Case) -> str:
    """Several lines, the most important first."""
    return "\n".join(_lines(case))


def _lines(case: Case) -> Iterator[str]:
    rfc = f" (RFC {case.rfc} section {case.section})" if case.rfc else ""
    yield f"{case.requirement} {case.level}: {case.statement}{rfc}"
    if standing(case) is Standing.STALE:
        yield f"  this does not fail any more: remove {case.id} from the deviations"
        return
    yield f"  at        {case.file}:{case.step_line or case.line}"
    if case.sent:
        yield f"  sent      {case.sent}"
    if case.expected:
        yield f"  expected  {case.expected}"
        yield f"  got       {case.got}"
    else:
        yield f"  found     {case.reason}"
    if len(case.attempts) > 1:
        yield f"  attempts  {', '.join(attempt.value for attempt in case.attempts)}"
    if case.transcript:
        yield "  transcript (its end):"
        yield from (f"    {event_line(event)}" for event in case.transcript[-_LINES:])
    yield f"  again     {case.rerun}"
    if case.reproducer:
        yield f"  by hand   {case.reproducer}"


def event_line(event: Event) -> str:
    """One line of a transcript."""
    tls = " TLS" if event.tls and event.who != "*" else ""
    conn = f" [{event.conn}]" if event.conn != "main" else ""
    return f"{event.at:8.3f} {event.who}{tls}{conn}: {event.text}"
