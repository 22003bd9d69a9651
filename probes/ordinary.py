"""A mail that is refused: for the sake of the rule under test, or because the target takes no mail from us at all?

Whom a server serves is policy: unknown senders, clients without a name, clients that made too many errors are
refused by servers that break no rule. So a case that failed because the target refused something, or was mute, has an
ordinary mail as its control: where that is turned away as well, nothing has been shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..reports.records import Verdict
from .ops import Talk, Trouble
from .protocols.codereply import code_matches
from .script.cases import ReadyCase, ReadyState
from .script.interpreter import reach
from .script.loader import KINDRED
from .script.outcome import Outcome, Setting

# Refusals that may be policy (RFC 5321, 7.8 and 7.9; 530, 538: RFC 3207 and 4954; 521: RFC 7504); 500 to 504 are none.
_POLICY = ("4yz", "521", "53z", "55z")
# How far an ordinary mail has to get: where text was sent to its end, else to a recipient, if we know one.
_WITH_TEXT, _ENVELOPE = ("sent",), ("rcpt", "mail")


def excused(
    case: ReadyCase,
    outcome: Outcome,
    states: Mapping[str, ReadyState],
    setting: Setting,
    variables: Mapping[str, str],
) -> Talk[Outcome]:
    """The outcome, inconclusive where ordinary mail is refused as well. Sends one, or its envelope, to find out."""
    state = _control(case, outcome, states, setting.facts)
    if state is None or not turned_away(outcome):
        return outcome
    seen = yield from reach(state, setting, variables)
    if seen.verdict is not Verdict.INCONCLUSIVE or not turned_away(seen):
        return outcome
    asked = seen.sent.removesuffix("\\r\\n") or "the connection"
    reason = f"ordinary mail from us is refused as well ({asked}: {seen.got}): {outcome.reason}"
    return replace(outcome, verdict=Verdict.INCONCLUSIVE, reason=reason)


def turned_away(outcome: Outcome) -> bool:
    """Whether it ended by a refusal that may be policy, or by silence."""
    if outcome.answer == Trouble.SILENT.value:
        return True
    return any(code_matches(code, outcome.answer) for code in _POLICY)


def _control(
    case: ReadyCase, outcome: Outcome, states: Mapping[str, ReadyState], facts: Mapping[str, str]
) -> ReadyState | None:
    """The state that an ordinary mail reaches. Under TLS, or logged in, others may be served than in clear."""
    if case.protocol not in KINDRED:
        return None
    with_text = any(one.reply.status == "354" for one in outcome.seen)
    for name in _WITH_TEXT if with_text else _ENVELOPE:
        state = states.get(name)
        if state is not None and all(facts.get(need) for need in state.needs if need == need.lower()):
            same_way = "protected" not in case.state.lineage or "protected" in state.lineage
            return state if same_way else None
    return None
