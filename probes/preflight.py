"""Before anything is judged: is the target there, does it greet, does it let us in, what does it offer?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ..reports.records import Verdict
from .capability import LOGIN_ONLY_WITH_TLS, REFUSES
from .ops import Lost, Send, Sleep, Talk, Trouble, now
from .protocols.registry import DIALECTS
from .recognise import spoken
from .script.cases import Placed, ReadyCase, ReadyState
from .script.interpreter import Player
from .script.offers import ASK, capabilities, with_tls
from .script.outcome import Endpoint, Outcome, Setting
from .script.types import Step
from .target import CannotTest, Target

# How far preflight goes: the first of these states whose facts the profile gives.
_GOALS: Mapping[str, tuple[str, ...]] = {
    "smtp": ("ehlo",),
    "submission": ("ehlo", "first-ehlo"),
    "lmtp": ("ehlo",),
    "ftp": ("logged-in", "greeting"),
    "pop3": ("transaction", "greeting"),
    "imap": ("authenticated", "greeting"),
}
_LOGGED_IN = ("logged-in", "transaction", "authenticated")
# Where mail servers list what they offer, in the order in which a session comes by.
_LISTS = ("first-ehlo", "protected")


@dataclass(frozen=True, slots=True)
class Facts:
    """What preflight found out about one target. `lists`: what it offers, by state; `capabilities`: all that."""

    endpoint: Endpoint
    greeting: str
    capabilities: frozenset[str]
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    address: str = ""  # of the target, as connections reach it

    def offered_to(self, case: ReadyCase) -> frozenset[str]:
        """What the target offers where the case starts: its last list on the way there, or else its first one."""
        return offered_at(case.state, self.lists, self.capabilities)


def offered_at(
    state: ReadyState, lists: Mapping[str, frozenset[str]], otherwise: frozenset[str]
) -> frozenset[str]:
    """The last of the lists on the way to a state; where there is none yet, the first list of the target."""
    on_the_way = [lists[name] for name in state.lineage if name in lists]
    return on_the_way[-1] if on_the_way else next(iter(lists.values()), otherwise)


def preflight(endpoint: Endpoint, setting: Setting, states: Mapping[str, ReadyState]) -> Talk[Facts]:
    """Reach the farthest state that the profile allows, and ask what is offered. Raises CannotTest."""
    if setting.facts.get(REFUSES):
        return (yield from _refusing(endpoint, setting))
    state = _goal(endpoint.protocol, setting, states)
    player = Player(setting, {"marker": "preflight"}, {})
    outcome = yield from _reached(player, state)
    only_tls = False
    if not _arrived(outcome):
        within = (yield from _within_tls(setting, state, states)) if _refused(outcome) else None
        if within is None or not _arrived(within):
            raise CannotTest(f"{endpoint.url}: {_words(state, outcome)}")
        outcome, only_tls = within, True
    if (
        endpoint.protocol == "ftp"
        and _knows_no_feat(outcome)
        and (hint := (yield from second_look(endpoint)))
    ):
        raise CannotTest(f"{endpoint.url}: FEAT is not understood there.{hint}")
    greeting = next((one.reply.text for one in outcome.seen if not one.command), "")
    found = with_tls(capabilities(outcome.seen), implicit=endpoint.tls)
    if only_tls:
        found |= {LOGIN_ONLY_WITH_TLS}
    lists = yield from _lists(outcome, endpoint, setting, states)
    return Facts(endpoint, greeting, found.union(*lists.values()), lists, player.variables.get("host", ""))


def _arrived(outcome: Outcome) -> bool:
    return outcome.verdict in (Verdict.INFO, Verdict.PASS)


def _refused(outcome: Outcome) -> bool:
    return bool(outcome.seen) and outcome.seen[-1].reply.status.startswith(("4", "5"))


def _within_tls(
    setting: Setting, state: ReadyState, states: Mapping[str, ReadyState]
) -> Talk[Outcome | None]:
    """The same login behind AUTH TLS (RFC 4217 section 10.1 lets a server want that), where there is such a state."""
    behind = states.get(f"tls-{state.name}")
    if behind is None or setting.endpoints[state.protocol].tls:
        return None
    return (yield from _reached(Player(setting, {"marker": "preflight"}, {}), behind))


def _refusing(endpoint: Endpoint, setting: Setting) -> Talk[Facts]:
    """A host that serves nobody: it has a greeting, and offers nothing."""
    seen = yield from sanity(endpoint, setting)
    if seen.wrong:
        raise CannotTest(f"{endpoint.url}: the profile says {REFUSES}, but: {seen.wrong}")
    return Facts(endpoint, "", frozenset(), address=endpoint.host)


def _lists(
    outcome: Outcome, endpoint: Endpoint, setting: Setting, states: Mapping[str, ReadyState]
) -> Talk[dict[str, frozenset[str]]]:
    """What a mail server offers, by state: where it has TLS, it is looked at under TLS as well."""
    if "first-ehlo" not in states:
        return {}
    lists = _told(outcome, endpoint)
    if len(lists) == 1 and "STARTTLS" in lists["first-ehlo"]:
        further: Outcome = yield from _reached(
            Player(setting, {"marker": "preflight"}, {}), states["protected"]
        )
        lists |= _told(further, endpoint)
    return lists


def _told(outcome: Outcome, endpoint: Endpoint) -> dict[str, frozenset[str]]:
    """The lists that came by; where there are two, STARTTLS was between them."""
    found = (words for one in outcome.seen if (words := capabilities([one])))
    lists = {name: with_tls(words, implicit=endpoint.tls) for name, words in zip(_LISTS, found, strict=False)}
    return {name: words if name == _LISTS[0] else words | {"TLS"} for name, words in lists.items()}


def _goal(protocol: str, setting: Setting, states: Mapping[str, ReadyState]) -> ReadyState:
    for name in _GOALS[protocol]:
        if name in states and all(setting.facts.get(need) for need in states[name].needs):
            return states[name]
    raise CannotTest(f"there are no suites for {protocol} yet")


def _reached(player: Player, state: ReadyState) -> Talk[Outcome]:
    protocol, steps = state.protocol, list[Placed]()
    if protocol in ASK:
        steps.append(Placed(Step(C=ASK[protocol], observe="capabilities"), "preflight", 1, 1))
    outcome = yield from player.verdict(state, steps)
    yield from _goodbye(protocol)
    return outcome


def _knows_no_feat(outcome: Outcome) -> bool:
    """An FTP server may be of the kind that knows no FEAT; or it is SMTP, which greets alike."""
    return any(one.command == b"FEAT" and one.reply.status in ("500", "502") for one in outcome.seen)


def _words(state: ReadyState, outcome: Outcome) -> str:
    login = state.name in _LOGGED_IN or "login" in state.lineage
    advice = " Check the account in the profile." if login else ""
    if outcome.expected:
        return (
            f"on the way to '{state.name}' it was expected to answer {outcome.expected}"
            f"{' to ' + outcome.sent.rstrip() if outcome.sent else ''}, but: {outcome.got}.{advice}"
        )
    if not outcome.seen and ": refused: " in outcome.reason:
        return "nobody listens there (connection refused). Is the server running, is the port right?"
    return f"{outcome.reason}.{advice}"


_PAUSES = (0.0, 0.5, 2.0)  # seconds before each look: a server may need a moment after a storm of connections
_LONG = 5.0  # seconds; a look that took longer ended in silence and is not repeated


@dataclass(frozen=True, slots=True)
class Sanity:
    """Whether the target still greets: what is wrong, or "". `certain`: nobody listens any more.

    A server that hangs up, is silent or says 421 may merely be at its limit of connections: ours.
    """

    wrong: str
    certain: bool = False


def sanity(endpoint: Endpoint, setting: Setting) -> Talk[Sanity]:
    """Look at the target again, a few times if need be."""
    seen = Sanity("")
    for pause in _PAUSES:
        yield Sleep(pause)
        begun = yield from now()
        seen = yield from _greeted(endpoint, setting)
        if not seen.wrong or (yield from now()) - begun > _LONG:
            break
    return seen


def _greeted(endpoint: Endpoint, setting: Setting) -> Talk[Sanity]:
    greeting = ReadyState("greeting", endpoint.protocol, ())
    step = Placed(Step(observe="greeting"), "sanity", 1, 1)
    outcome: Outcome = yield from Player(setting, {}, {}).verdict(greeting, (step,))
    yield from _goodbye(endpoint.protocol)
    if not outcome.seen:
        gone = any(
            f": {trouble.value}" in outcome.reason for trouble in (Trouble.REFUSED, Trouble.UNREACHABLE)
        )
        return Sanity(outcome.reason, certain=gone)
    status = outcome.seen[0].reply.status
    expected = _REFUSALS if setting.facts.get(REFUSES) else _GREETINGS
    return Sanity("" if status in expected else f"it greets with {outcome.observations['greeting']}")


_GREETINGS = ("220", "120", "+OK", "OK", "PREAUTH")
_REFUSALS = ("554", "521")


def _goodbye(protocol: str) -> Talk[None]:
    with suppress(Lost):
        yield Send("main", DIALECTS[protocol].goodbye, 1.0)


def second_look(endpoint: Endpoint) -> Talk[str]:
    """Where preflight failed: what may be wrong with how the target was named, or ""."""
    named = Target(endpoint.url, endpoint.host, endpoint.port)
    try:
        found = yield from spoken(named)
    except CannotTest:
        return ""
    if found is None or (found.protocol, found.tls) == (endpoint.protocol, endpoint.tls):
        return ""
    if endpoint.protocol == "submission" and (found.protocol, found.tls) == ("smtp", endpoint.tls):
        return ""
    return f" It looks like {found.protocol}{' under TLS' if found.tls else ''}: try {found.endpoint.url}"
