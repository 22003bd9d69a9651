"""Passive cases: rules of form that every reply of a run is held against, whatever case it came by in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..reports.records import Finding, Verdict, escape
from .script.cases import ReadyCase
from .script.outcome import Outcome, Seen

_KEPT = 20  # samples per protocol and rule


class Tally:
    """What was seen so far: replies counted, faults kept by protocol and rule. Memory is bounded."""

    def __init__(self) -> None:
        self.replies: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str]] = Counter()
        self.samples: dict[tuple[str, str], list[Finding]] = {}

    def add(self, seen: Iterable[Seen]) -> None:
        """Take the replies of one attempt."""
        for one in seen:
            self.replies[one.protocol] += 1
            for fault in one.reply.faults:
                key = one.protocol, fault.rule
                self.faults[key] += 1
                kept = self.samples.setdefault(key, [])
                if len(kept) < _KEPT:
                    kept.append(finding(one, fault.rule, fault.detail))

    def judge(self, case: ReadyCase) -> Outcome:
        """The verdict of a passive case on all that was seen."""
        looked_at = self.replies[case.protocol]
        if not looked_at:
            return Outcome(Verdict.SKIPPED, "no reply was seen in this run")
        found = {rule: self.faults[case.protocol, rule] for rule in case.spec.passive}
        total = sum(found.values())
        if not total:
            return Outcome(Verdict.PASS, f"{looked_at} replies are in order")
        samples = [
            sample for rule in case.spec.passive for sample in self.samples.get((case.protocol, rule), [])
        ]
        first = samples[0]
        reason = f"{total} of {looked_at} replies: {first.text}"
        return Outcome(Verdict.FAIL, reason, expected=case.requirement.statement, got=first.octets)


def finding(seen: Seen, rule: str, detail: str) -> Finding:
    """A fault in words: the rule, what is wrong, and the reply with the command it answered."""
    command = escape(seen.command[:80]) or "the greeting"
    return Finding(rule=rule, text=f"{detail} (answering {command})", octets=escape(seen.reply.octets[:400]))
