"""A failure may be the target's refusal of our mail as such: of sender, recipient, the client's address, the text.

That is policy, whatever the case was about. So where a command of a transaction was refused, it is looked whether the
target takes such a command in its plainest form: the states of mail protocols are the controls. The same is done where
the client was dropped, or where no mail arrived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..reports.records import Verdict
from .protocols.base import Reply
from .protocols.registry import DIALECTS
from .script.cases import Placed, ReadyState
from .script.expect import admits, show
from .script.interpreter import as_expect
from .script.outcome import Outcome, Seen
from .script.types import Count, Delivered, Step

_NONE = "0 after "  # how a step with `delivered` says that nothing came
_GONE = ("the server closed", "the server reset")


def control_of(outcome: Outcome, states: Mapping[str, ReadyState]) -> ReadyState | None:
    """The state that shows whether the target takes in plain form what this failing outcome was refused."""
    if outcome.verdict is not Verdict.FAIL or outcome.step is None:
        return None
    if outcome.step.step.delivered and outcome.got.startswith(_NONE):
        return _arrived(states.get("sent"))
    if outcome.got.startswith(_GONE):  # a further connection is opened to see whether others are served
        return None if outcome.step.step.on else states.get("ehlo")
    at = next((at for at, one in _backwards(outcome.seen) if show(one.reply) == outcome.got), None)
    if at is None or not _is_refusal(outcome.seen[at].reply):
        return None
    answer, before = outcome.seen[at], outcome.seen[at - 1] if at else None
    named = as_expect(outcome.step.step.S).not_
    looked_for = admits(named, answer.reply, DIALECTS[answer.protocol])
    return None if looked_for else states.get(_plain(answer, before))


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


def _arrived(sent: ReadyState | None) -> ReadyState | None:
    """That a plain mail is seen by the profile's `delivered`, which may look in the wrong place."""
    if sent is None:
        return None
    look = Step(delivered=Delivered(count=Count(at_least=1), within="60s"))
    return replace(sent, name="arrived", steps=(*sent.steps, Placed(look, "an ordinary mail", 1, 1)))


def refused(control: Outcome) -> str:
    """How the target refused the plain form, or "" where it did not."""
    if control.verdict is not Verdict.INCONCLUSIVE or not control.seen:
        return ""
    last = control.seen[-1]
    refusal = last.command and _is_refusal(last.reply)
    return control.got if refusal or control.got.startswith((_NONE, *_GONE)) else ""


def excused(outcome: Outcome, got: str) -> Outcome:
    """The failing outcome, if the plain form got this refusal."""
    if got.startswith(_NONE):
        what = "no ordinary mail is seen where the profile says (delivered), or it is filtered"
    else:
        what = f"the target refuses our mail as such ({got})"
    reason = f"{what}, so this tells nothing: {outcome.reason}"
    return replace(outcome, verdict=Verdict.INCONCLUSIVE, reason=reason)
