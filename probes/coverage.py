"""What a run could find out: the requirements that concern its targets, and what each case tries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..reports import records
from .requirements import Requirement
from .script.cases import ReadyCase
from .script.types import Step


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
