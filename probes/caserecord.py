"""From an attempted case to its record in the results."""

from __future__ import annotations

import shlex

from ..reports import records
from ..reports.records import Verdict
from .deviations import Deviation
from .passive import finding
from .reproducer import reproducer
from .runner import Attempted
from .script.cases import ReadyCase
from .script.outcome import Endpoint

_FINDINGS = 20


def skipped(case: ReadyCase, reason: str, endpoint: Endpoint) -> records.Case:
    """The record of a case that was not run."""
    return _case(case, Verdict.SKIPPED, reason, 0.0, endpoint)


def made(attempted: Attempted, endpoint: Endpoint, deviation: Deviation | None) -> records.Case:
    """The record of a case that was run."""
    outcome, case = attempted.outcome, attempted.case
    record = _case(case, outcome.verdict, outcome.reason, attempted.duration_s, endpoint)
    record.step_line = outcome.step.line if outcome.step and outcome.step.file == case.file else 0
    record.sent, record.expected, record.got = outcome.sent, outcome.expected, outcome.got
    record.observations = dict(outcome.observations)
    record.transcript = attempted.transcript.events
    record.attempts = list(attempted.attempts)
    record.findings = [
        finding(seen, fault.rule, fault.detail) for seen in outcome.seen for fault in seen.reply.faults
    ][:_FINDINGS]
    record.reproducer = reproducer(attempted.transcript, endpoint)
    if deviation is not None:
        record.deviation = deviation.told()
    return record


def _case(
    case: ReadyCase, verdict: Verdict, reason: str, duration_s: float, endpoint: Endpoint
) -> records.Case:
    spec, requirement = case.spec, case.requirement
    return records.Case(
        id=case.id,
        protocol=case.protocol,
        requirement=requirement.id,
        level=requirement.level,
        verdict=verdict,
        reason=" ".join(reason.split()),
        duration_s=round(duration_s, 6),
        target=endpoint.url,
        title=spec.title,
        why=spec.why,
        suite=case.suite,
        file=case.file,
        line=case.line,
        rfc=requirement.rfc,
        section=requirement.section,
        statement=requirement.statement,
        tags=sorted(case.tags),
        severity=dict(spec.severity),
        script=case.source,
        script_line=case.source_line,
        rerun=f"plumbline check {endpoint.url} --case {shlex.quote(case.id)}",
    )
