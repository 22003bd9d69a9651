"""From an attempted case, and from the catalogue, to records in the results."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ..reports import records
from ..reports.records import Verdict
from .deviations import Deviation
from .masking import Masker
from .passive import finding
from .reproducer import reproducer
from .requirements import Requirement
from .runner import Attempted
from .script.cases import ReadyCase
from .script.outcome import Endpoint, Seen
from .script.types import Step

_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes the records of one target's cases. `rerun` is a command line to which `--case ID` is added."""

    endpoint: Endpoint
    rerun: str
    masker: Masker

    def skipped(self, case: ReadyCase, reason: str) -> records.Case:
        """The record of a case that was not run."""
        return self._case(case, Verdict.SKIPPED, reason, 0.0)

    def made(self, attempted: Attempted, deviation: Deviation | None) -> records.Case:
        """The record of a case that was run."""
        outcome, case, hide = attempted.outcome, attempted.case, self.masker.text
        record = self._case(case, outcome.verdict, hide(outcome.reason), attempted.duration_s)
        record.step_line = outcome.step.line if outcome.step and outcome.step.file == case.file else 0
        record.sent, record.expected, record.got = map(hide, (outcome.sent, outcome.expected, outcome.got))
        record.observations = {name: hide(text) for name, text in outcome.observations.items()}
        record.transcript = attempted.transcript.events
        record.attempts = list(attempted.attempts)
        record.replays = dict(attempted.replays)
        record.findings = _findings(outcome.seen)
        record.reproducer = hide(reproducer(attempted.transcript, self.endpoint))
        if deviation is not None:
            record.deviation = deviation.told()
        return record

    def _case(self, case: ReadyCase, verdict: Verdict, reason: str, duration_s: float) -> records.Case:
        spec, requirement = case.spec, case.requirement
        return records.Case(
            id=case.id,
            protocol=case.protocol,
            requirement=requirement.id,
            level=requirement.level,
            verdict=verdict,
            reason=" ".join(reason.split()),
            duration_s=round(duration_s, 6),
            target=self.endpoint.url,
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
            state=case.state.name,
            command=tried_command(case),
            script=case.source,
            script_line=case.source_line,
            rerun=f"{self.rerun} --case {shlex.quote(case.id)}",
        )


def _findings(seen: Iterable[Seen]) -> list[records.Finding]:
    found = (finding(one, fault.rule, fault.detail) for one in seen for fault in one.reply.faults)
    return list(islice(found, _FINDINGS))


def requirement_records(
    catalogue: Mapping[str, Requirement], cases: Iterable[ReadyCase], roles: Collection[str]
) -> Iterator[records.Requirement]:
    """A record for each requirement of these roles, with the ids of the cases that cite it."""
    citing: dict[str, list[str]] = {}
    for case in cases:
        citing.setdefault(case.requirement.id, []).append(case.id)
    for one in catalogue.values():
        if set(one.protocols) & set(roles):
            yield records.Requirement(
                id=one.id,
                rfc=one.rfc,
                section=one.section,
                level=one.level,
                statement=one.statement,
                protocols=list(one.protocols),
                title=one.title,
                how=one.how,
                note=one.notes if one.how == "untestable" else "",
                cases=citing.get(one.id, []),
            )


def tried_command(case: ReadyCase) -> str:
    """The one command that a case tries in its state, in capitals; "" where it does more than that."""
    steps = [placed.step for placed in case.steps]
    acting = [step for step in steps if _acts(step)]
    if len(acting) != 1 or acting[0] is not steps[0] or acting[0].given or acting[0].on:
        return ""
    return acting[0].C.split(" ", 1)[0].upper() if isinstance(acting[0].C, str) else ""


def _acts(step: Step) -> bool:
    does = (step.C, step.raw, step.message, step.literal, step.data, step.connect, step.tls)
    return any(one is not None for one in does) or step.shutdown or step.reset
