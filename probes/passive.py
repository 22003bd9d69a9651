"""Passive cases: rules of form that every reply of a run is held against, whatever case it came by in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from ..reports.records import Finding, Verdict, escape
from .script.cases import ReadyCase
from .script.checks import SEGMENTS_RULE
from .script.outcome import Outcome, Seen

_KEPT = 20  # samples per protocol and rule


class Tally:
    """What was seen so far: replies counted, faults kept by protocol and rule. Memory is bounded."""

    def __init__(self) -> None:
        self.replies: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str]] = Counter()
        self.samples: dict[tuple[str, str], list[Finding]] = {}
        self.replays: Counter[str] = Counter()

    def add(self, seen: Iterable[Seen]) -> None:
        """Take the replies of one attempt."""
        for one in seen:
            self.replies[one.protocol] += 1
            for fault in one.reply.faults:
                self._keep(one.protocol, finding(one, fault.rule, fault.detail))

    def replayed(self, case: ReadyCase, change: Finding | None) -> None:
        """Take a replay with other segments, and the finding if the verdict was another one."""
        self.replays[case.protocol] += 1
        if change is not None:
            self._keep(case.protocol, msgspec.structs.replace(change, text=f"{case.id}: {change.text}"))

    def _keep(self, protocol: str, found: Finding) -> None:
        key = protocol, found.rule
        self.faults[key] += 1
        kept = self.samples.setdefault(key, [])
        if len(kept) < _KEPT:
            kept.append(found)

    def judge(self, case: ReadyCase) -> Outcome:
        """The verdict of a passive case on all that was seen."""
        if SEGMENTS_RULE in case.spec.passive:
            return self._judge_replays(case)
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

    def _judge_replays(self, case: ReadyCase) -> Outcome:
        played = self.replays[case.protocol]
        if not played:
            return Outcome(
                Verdict.SKIPPED, "nothing was played with other segments: asked for with --segments"
            )
        changed = self.samples.get((case.protocol, SEGMENTS_RULE), [])
        if not changed:
            return Outcome(Verdict.PASS, f"the same verdict in {played} replays with other segments")
        reason = f"{self.faults[case.protocol, SEGMENTS_RULE]} of {played} replays: {changed[0].text}"
        others = "; ".join(one.text for one in changed)
        return Outcome(Verdict.FAIL, reason, expected=case.requirement.statement, got=others)


def finding(seen: Seen, rule: str, detail: str) -> Finding:
    """A fault in words: the rule, what is wrong, and the reply with the command it answered."""
    command = escape(seen.command[:80]) or "the greeting"
    return Finding(rule=rule, text=f"{detail} (answering {command})", octets=escape(seen.reply.octets[:400]))
