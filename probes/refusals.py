"""A failure may be about our mail as such: the target refuses it for its sender or text, or delivers it late.

That is policy or set-up, whatever the case was about. So where a command of a transaction was refused, it is looked
whether the target takes such a command in its plainest form; where nothing was delivered, whether an ordinary mail is.
The states of mail protocols are the controls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..reports.records import Verdict
from .ops import Talk
from .protocols.base import Reply
from .protocols.registry import DIALECTS
from .script.cases import Placed, ReadyState
from .script.expect import admits, show
from .script.interpreter import as_expect, reach
from .script.outcome import Outcome, Seen, Setting
from .script.types import Count, Delivered, Step

_ARRIVES = Placed(Step(delivered=Delivered(count=Count(at_least=1))), "an ordinary mail is delivered", 1, 1)


@dataclass(frozen=True, slots=True)
class Control:
    """A state that must be reached, and a step that must hold there, for a failure to tell something."""

    state: ReadyState
    steps: tuple[Placed, ...] = ()

    @property
    def name(self) -> str:
        return " ".join((self.state.name, *(one.file for one in self.steps)))

    def talk(self, setting: Setting, variables: Mapping[str, str]) -> Talk[Outcome]:
        return reach(self.state, setting, variables, self.steps)


def control_of(outcome: Outcome, states: Mapping[str, ReadyState]) -> Control | None:
    """What shows whether the target takes, or delivers, in plain form what failed here."""
    if outcome.verdict is not Verdict.FAIL or outcome.step is None:
        return None
    if outcome.step.step.delivered is not None and outcome.got.startswith("0 after "):
        return Control(states["sent"], (_ARRIVES,)) if "sent" in states else None
    at = next((at for at, one in _backwards(outcome.seen) if show(one.reply) == outcome.got), None)
    if at is None or not _is_refusal(outcome.seen[at].reply):
        return None
    answer, before = outcome.seen[at], outcome.seen[at - 1] if at else None
    named = as_expect(outcome.step.step.S).not_
    looked_for = admits(named, answer.reply, DIALECTS[answer.protocol])
    state = None if looked_for else states.get(_plain(answer, before))
    return Control(state) if state else None


def _backwards(seen: Sequence[Seen]) -> Iterator[tuple[int, Seen]]:
    return reversed(list(enumerate(seen)))


def _plain(answer: Seen, before: Seen | None) -> str:
    """The state in which the command was accepted. Of several in one write nobody knows which was refused."""
    plain = DIALECTS[answer.protocol].plain
    name = plain.get(answer.command[:4].upper(), "")
    one_line = answer.command.count(b"\n") <= answer.command.endswith(b"\n")
    is_text = before is not None and before.reply.status == "354"
    return list(plain.values())[-1] if plain and (is_text or (name and not one_line)) else name


def _is_refusal(reply: Reply) -> bool:
    """Whether this may be policy: 50z and 555 are about commands and their syntax."""
    return reply.status[:1] in ("4", "5") and reply.status[:2] != "50" and reply.status != "555"


def hindrance(outcome: Outcome) -> str:
    """What a control that was played tells about the target, or "" where all is well with our mail."""
    if outcome.step is not None and outcome.step.step.delivered is not None:
        late = outcome.verdict is not Verdict.PASS
        return (
            f"an ordinary mail is not seen either, {outcome.got}: late, or a wrong `delivered`"
            if late
            else ""
        )
    hindered = outcome.verdict is Verdict.INCONCLUSIVE and outcome.seen
    return (
        f"the target refuses our mail as such ({outcome.got})"
        if hindered and _is_refusal(outcome.seen[-1].reply)
        else ""
    )


def excused(outcome: Outcome, why: str) -> Outcome:
    """The failing outcome, where the control was hindered."""
    reason = f"{why}, so this tells nothing: {outcome.reason}"
    return replace(outcome, verdict=Verdict.INCONCLUSIVE, reason=reason)
