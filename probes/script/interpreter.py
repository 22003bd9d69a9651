"""Play a case: the generator between the YAML and the wire.

Theory of operation. A case begins as inconclusive. First the fixture state is reached; whatever goes
wrong there leaves the case inconclusive, because the rule under test was never put to the server. Then
the script's steps run in order. The first answer that is neither expected nor tolerated ends the case as
failed; so does a peer that leaves, unless the script says `closed`. Only when the last step has been
done is the verdict a pass, or what was gathered on the way: tolerated, info.

A reply that says "not now" (421, or 4yz in SMTP where the step did not ask for it) is policy or load, no
violation: inconclusive. So is one that wants a login or TLS before it looks at the command (530), or does not
take the profile's credentials (535).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from ...reports.records import Verdict, escape
from ..ops import EndTLS, Lost, PeerCertificate, Reset, Shutdown, Sleep, Talk, Trouble, certificate
from ..protocols.base import Endless, Reply, Shape
from ..protocols.registry import DIALECTS
from . import data as data_connection
from . import oracle, relay
from .cases import Placed, ReadyCase, ReadyState
from .channel import Channel, awaits_handshake, may_be_blocked, secure
from .connection import Connection
from .content import content_octets, encode, raw_octets
from .expand import UnknownVariable, expand, seconds
from .expect import Answer, admits, as_list, found, judge, show
from .offers import lists_others
from .outcome import Outcome, Seen, Setting
from .sasl import BadChallenge
from .types import Connect, Content, DataTls, Expect, Segments, Step, Tls

MAIN = "main"
_ANNOUNCED = 1.0  # seconds for a server to announce a transfer before the handshake on the data connection
_BRIEF = 5.0  # seconds that a step of the clean-up waits
_NOT_NOW = re.compile(r"\[(?:IN-USE|LOGIN-DELAY|SYS/TEMP|UNAVAILABLE|INUSE|LIMIT)[\] ]", re.IGNORECASE)


class Ended(Exception):
    """The case is over before its last step."""

    def __init__(
        self, verdict: Verdict, reason: str, *, expected: str = "", got: str = "", unavailable: bool = False
    ) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason
        self.expected = expected
        self.got = got
        self.unavailable = unavailable


def play(case: ReadyCase, setting: Setting, variables: Mapping[str, str]) -> Talk[Outcome]:
    """Play one case once. `variables` are those of this attempt (marker...), besides the profile's facts."""
    player = Player(setting, variables, case.states)
    outcome = yield from player.verdict(case.state, case.steps)
    yield from player.clean_up(case.cleanup)
    if outcome.verdict is Verdict.FAIL and (other := lists_others(case, player.offers)):
        reason = f"this connection led to a host that {other}, unlike the one that was asked at first"
        return replace(outcome, verdict=Verdict.INCONCLUSIVE, reason=f"{reason}: {outcome.reason}")
    return outcome


def reach(state: ReadyState, setting: Setting, variables: Mapping[str, str]) -> Talk[Outcome]:
    """Play a state's set-up alone; the outcome passes when the state was reached."""
    return (yield from Player(setting, variables, {}).verdict(state, ()))


class Player:
    """The changing part of one attempt: connections, variables, what was noted so far."""

    def __init__(
        self,
        setting: Setting,
        variables: Mapping[str, str],
        states: Mapping[tuple[str, str], ReadyState],
    ) -> None:
        self.setting = setting
        self.states = states
        self.variables = {**setting.facts, **variables}
        self.connections: dict[str, Connection] = {}
        self.channels: dict[str, Channel] = {}
        self.observations: dict[str, str] = {}
        self.tolerated = ""
        self.sent = ""
        self.received = ""  # what came over a data connection last, as text
        self.placed: Placed | None = None
        self.offers: frozenset[str] = frozenset()  # what the server listed on the way to the state
        self.refusal: Reply | None = None  # came in place of a request for the step's literal

    # -- the whole case

    def verdict(self, state: ReadyState, steps: Sequence[Placed]) -> Talk[Outcome]:
        """Reach the state, play the steps, tell the verdict."""
        try:
            yield from self._reach(state, MAIN)
            self.offers = self.connections[MAIN].offers if state.connects else self.offers
            for placed in steps:
                yield from self._step(placed, given=placed.step.given)
        except Ended as end:
            return self._outcome(end)
        except UnknownVariable as unknown:
            return self._outcome(Ended(Verdict.INCONCLUSIVE, f"script: {unknown}"))
        except BadChallenge as bad:
            return self._outcome(Ended(Verdict.INCONCLUSIVE, f"cannot answer the challenge: {bad}"))
        if self.tolerated:
            return self._outcome(Ended(Verdict.TOLERATED, self.tolerated))
        if self.observations:
            told = "; ".join(f"{name}: {text}" for name, text in self.observations.items())
            return self._outcome(Ended(Verdict.INFO, told))
        return self._outcome(Ended(Verdict.PASS, "as required"))

    def _outcome(self, end: Ended) -> Outcome:
        return Outcome(
            verdict=end.verdict,
            reason=end.reason,
            step=None if end.verdict in (Verdict.PASS, Verdict.INFO, Verdict.SKIPPED) else self.placed,
            sent=self.sent,
            expected=end.expected,
            got=end.got,
            observations=dict(self.observations),
            seen=tuple(seen for connection in self.connections.values() for seen in connection.seen),
            unavailable=end.unavailable,
        )

    def clean_up(self, steps: Iterable[Placed]) -> Talk[None]:
        """Play the clean-up: each step on its own, none of them judged, and no long waiting for any."""
        patience = self.setting.patience
        brief = replace(patience, reply=min(patience.reply, _BRIEF), data=min(patience.data, _BRIEF))
        self.setting = replace(self.setting, patience=brief)
        for placed in steps:
            try:
                yield from self._step(placed, given=True)
            except (Ended, UnknownVariable, BadChallenge, Lost):
                continue

    # -- connections and states

    def _reach(self, state: ReadyState, name: str, *, clear: bool = False) -> Talk[None]:
        if not state.connects:
            return
        yield from self.open_connection(name, state.protocol, clear=clear)
        for placed in state.steps:
            yield from self._step(placed, given=True, on=name)

    def open_connection(self, name: str, protocol: str, *, clear: bool = False) -> Talk[None]:
        endpoint = self.setting.endpoints.get(protocol)
        if endpoint is None:
            raise Ended(Verdict.INCONCLUSIVE, f"no {protocol} endpoint is known (profile: companions)")
        connection = Connection(name, endpoint, DIALECTS[protocol], self.setting.patience)
        try:
            yield from connection.open(clear=clear)
        except Lost as lost:
            reason = f"could not connect to {endpoint.url}: {lost}"
            raise Ended(Verdict.INCONCLUSIVE, reason, unavailable=True) from None
        self.connections[name] = connection
        if name == MAIN:
            self.variables |= {"hello": "LHLO" if protocol == "lmtp" else "EHLO"}
        if name == MAIN and connection.ends is not None:
            local, peer = connection.ends.local, connection.ends.peer
            self.variables |= {"host": peer.host, "port": str(peer.port)}
            self.variables |= {"host_commas": peer.host.replace(".", ",")}
            self.variables |= {"local_host": local.host, "local_port": str(local.port)}
            self.variables |= {"local_host_commas": local.host.replace(".", ",")}
            self.variables |= {"default_data_port": str(peer.port - 1)}

    def connection(self, name: str) -> Connection:
        """The connection of that name. Raises Ended: a script may only use what it has opened."""
        try:
            return self.connections[name]
        except KeyError:
            raise Ended(Verdict.INCONCLUSIVE, f"script: no connection {name!r} is open") from None

    # -- one step

    def _step(self, placed: Placed, *, given: bool, on: str = MAIN) -> Talk[None]:
        for _ in range(placed.step.times):
            yield from self._once(placed, given=given, on=on)

    def _once(self, placed: Placed, *, given: bool, on: str) -> Talk[None]:
        step, self.placed = placed.step, placed
        name = step.on or on
        if step.connect is None and not self._applies(step, name):
            return
        try:
            yield from self._act(step, name, given=given)
            if step.save and step.S is None:
                self._save(step.save, self.received, "the data that came", otherwise=Verdict.SKIPPED)
            if step.S is not None or (step.observe and not step.tls):
                yield from self._answer(step, name, given=given)
        except Endless as endless:
            self.fail(given, "a reply", f"a peer without end: {endless}")

    def _applies(self, step: Step, name: str) -> bool:
        if not as_list(step.when) and not step.offered:
            return True
        connection = self.connection(name)
        if step.offered and step.offered.upper() not in connection.offers:
            return False
        last = connection.last
        return not as_list(step.when) or (last is not None and admits(step.when, last, connection.dialect))

    def _act(self, step: Step, name: str, *, given: bool) -> Talk[None]:  # noqa: C901 - one branch a verb
        if step.connect is not None:
            yield from self._connect(step.connect)
        if step.C is not None:
            yield from self._command(step, self.connection(name))
        elif step.raw is not None:
            octets = raw_octets(step.raw, self.variables)
            yield from self._write(step, self.connection(name), octets)
            self.connection(name).await_reply_to(octets, Shape())
        elif step.message is not None:
            yield from self._message(step, self.connection(name), step.message)
        elif step.data is not None:
            yield from data_connection.perform(self, step.data, self.connection(name), given=given)
        elif step.delivered is not None:
            yield from oracle.delivered(self, step.delivered, given=given)
        elif step.relayed is not None:
            yield from relay.relayed(self, step.relayed, given=given)
        elif step.tls:
            yield from self._tls(step, self.connection(name), given=given)
        elif step.wait is not None:
            yield Sleep(seconds(step.wait))
        elif step.shutdown:
            yield Shutdown(name)
        elif step.reset:
            yield Reset(name)
        elif step.close:
            yield from self.connection(name).close()

    def _connect(self, connect: str | Connect) -> Talk[None]:
        if isinstance(connect, str):
            connect = Connect(name=connect)
        protocol = connect.protocol or self.connection(MAIN).dialect.name
        placed = self.placed
        state = self.states[protocol, connect.state]
        yield from self._reach(state, connect.name, clear=connect.clear)
        self.placed = placed

    def _command(self, step: Step, connection: Connection) -> Talk[None]:
        lines = step.C if isinstance(step.C, list) else [step.C or ""]
        octets = b""
        for line in lines:
            text = encode(expand(line, self.variables))
            shape = Shape(multiline=connection.dialect.multiline(text))
            if connection.dialect.name == "imap":
                tag = connection.next_tag()
                self.variables["tag"] = tag
                text, shape = tag.encode() + b" " + text, Shape(tag=tag)
            if step.literal is not None:
                yield from self._literal(step, connection, text, shape)
                return
            connection.await_reply_to(text, shape)
            octets += connection.dialect.command(text)
        yield from self._write(step, connection, octets)

    def _literal(self, step: Step, connection: Connection, text: bytes, shape: Shape) -> Talk[None]:
        """Send a command that ends in a synchronising literal (RFC 3501 section 4.3).

        The server may refuse instead of asking for the literal (section 7.5); that answers the step.
        """
        octets = content_octets(step.literal or "", self.variables)
        connection.await_reply_to(text, shape)
        yield from self._write(step, connection, connection.dialect.command(text + b" {%d}" % len(octets)))
        answer = yield from connection.read(self.setting.patience.reply, shape)
        if isinstance(answer, Reply) and answer.status in ("NO", "BAD") and step.S is not None:
            self.refusal = answer
            return
        if not (isinstance(answer, Reply) and answer.status == "+"):
            self.fail(step.given, "a continuation request (+)", show(answer, connection.reader.unread))
        yield from self._write(step, connection, octets + b"\r\n")

    def _message(self, step: Step, connection: Connection, message: str | Content) -> Talk[None]:
        octets = content_octets(message, self.variables)
        if not (isinstance(message, Content) and message.raw):
            octets = connection.dialect.content(octets)
        yield from self._write(step, connection, octets)
        connection.await_reply_to(b"(message)", Shape())

    def _write(self, step: Step, connection: Connection, octets: bytes) -> Talk[None]:
        self.sent = "****" if step.secret else _shortened(octets)
        yield from connection.write(
            octets,
            segments=_segments(step, self.setting),
            secret=step.secret,
            urgent=step.urgent,
        )

    def _tls(self, step: Step, connection: Connection, *, given: bool) -> Talk[None]:
        wanted = step.tls if isinstance(step.tls, Tls) else Tls()
        if wanted.ends:
            yield from self._end_tls(connection, given=given)
            return
        if connection.reader.unread:
            got = f"octets in clear behind the go-ahead: {escape(connection.reader.unread)}"
            self.fail(given, "nothing more before the TLS handshake", got)
        try:
            told = yield from connection.start_tls(
                verify=wanted.verify,
                ca=self.variables.get("tls.ca", ""),
                version=wanted.version,
                server=expand(wanted.name, self.variables),
            )
        except Lost as lost:
            told = str(lost)
            if lost.trouble is Trouble.UNREACHABLE:
                raise Ended(Verdict.INCONCLUSIVE, told) from None
            if not (wanted.fails or wanted.may_fail):
                self.fail(given, "a TLS handshake", told)
        else:
            if wanted.fails:
                self.fail(given, "no TLS handshake", f"a TLS session ({told})")
            connection.reader = connection.dialect.reader()
            if wanted.unlike:
                yield from self._other_certificate(connection.name, wanted.unlike, given=given)
        if step.observe:
            self.observations[step.observe] = told

    def _other_certificate(self, one: str, other: str, *, given: bool) -> Talk[None]:
        shown = yield from certificate(PeerCertificate(one))
        if shown == (yield from certificate(PeerCertificate(other))):
            self.fail(
                given, f"another certificate than on the connection {other}", f"the same ({shown[:16]})"
            )

    def _end_tls(self, connection: Connection, *, given: bool) -> Talk[None]:
        try:
            yield EndTLS(connection.name, self.setting.patience.tls)
        except Lost as lost:
            self.fail(given, "TLS to be closed by the server as well", str(lost))
        connection.reader = connection.dialect.reader()

    # -- answers

    def _answer(self, step: Step, name: str, *, given: bool) -> Talk[None]:
        connection, want = self.connection(name), as_expect(step.S)
        answer: Answer | None
        answer, self.refusal = self.refusal, None
        if answer is None:
            answer = yield from self._read(want, connection)
        if step.observe:
            self.observations[step.observe] = show(answer, connection.reader.unread)
            if step.S is None:
                return
        judgement = judge(want, step.tolerate, answer, connection.dialect, self.variables)
        if not judgement.met and admits(step.skip, answer, connection.dialect):
            self.skip(self.sent, answer)
        if not judgement.met:
            self._wrong(step, connection, answer, judgement.expected, given=given)
        if judgement.tolerated and not given:
            self.tolerated = f"expected {judgement.expected}, tolerated {show(answer)}"
        if step.save and isinstance(answer, Reply):
            self._save(step.save, _everything(answer), show(answer))

    def _read(self, want: Expect, connection: Connection) -> Talk[Answer]:
        """The answer. A server that is silent may be waiting for the TLS handshake on a data connection."""
        patience, shape = self._patience(want, connection), _shape(want)
        if want.silence is None and awaits_handshake(self, connection):
            answer = yield from connection.read(min(patience, _ANNOUNCED), shape)
            if answer is not Trouble.SILENT:
                return answer
            yield from secure(self, DataTls(may_fail=True), connection, given=True)
        return (yield from connection.read(patience, shape))

    def _patience(self, want: Expect, connection: Connection) -> float:
        if want.silence is not None:
            return seconds(want.silence)
        if want.within is not None:
            return seconds(want.within)
        return self.setting.patience.reply if connection.greeted else self.setting.patience.greeting

    def _wrong(
        self, step: Step, connection: Connection, answer: Answer, expected: str, *, given: bool
    ) -> NoReturn:
        got = show(answer, connection.reader.unread)
        want = as_expect(step.S)
        named: list[int | str] = [*as_list(step.tolerate), *as_list(want.reply), *as_list(want.not_)]
        if isinstance(answer, Reply) and not admits(named, answer, connection.dialect):
            busy = answer.status == "421" or _busy(answer)
            if reason := _hindrance(answer, connection):
                raise Ended(
                    Verdict.INCONCLUSIVE, f"{reason}: {got}", expected=expected, got=got, unavailable=busy
                )
        blocked = isinstance(answer, Reply) and answer.status == "425" and may_be_blocked(self, connection)
        self.fail(given or blocked, expected, got, unavailable=isinstance(answer, Trouble))

    def fail(self, given: bool, expected: str, got: str, *, unavailable: bool = False) -> NoReturn:
        """End the case: as failed, or as inconclusive where the step was only a precondition."""
        where = self.placed.where if self.placed else ""
        if given:
            reason = f"set-up ({where}): expected {expected}, got {got}"
            raise Ended(
                Verdict.INCONCLUSIVE, reason, expected=expected, got=got, unavailable=unavailable
            ) from None
        raise Ended(Verdict.FAIL, f"expected {expected}, got {got}", expected=expected, got=got) from None

    def skip(self, asked: str, answer: Answer) -> NoReturn:
        """End the case: the server says that it does not do such things, which is up to it."""
        asked, got = (text.removesuffix("\\r\\n") for text in (asked, show(answer)))
        raise Ended(Verdict.SKIPPED, f"the server does not do this: {asked} was answered {got}") from None

    def _save(
        self, pattern: str, text: str, shown: str, *, otherwise: Verdict = Verdict.INCONCLUSIVE
    ) -> None:
        """Named groups become variables. A listing need not have what a case would go on with."""
        match = found(pattern, text, self.variables)
        if match is None:
            raise Ended(otherwise, f"nothing to save: /{pattern}/ is not in {shown}")
        self.variables |= {name: value for name, value in match.groupdict().items() if value is not None}


def _everything(reply: Reply) -> str:
    """The text of a reply, with what came before it and behind it."""
    parts = (reply.text, *(part.decode("utf-8", "surrogateescape") for part in reply.untagged))
    return "\n".join((*parts, (reply.body or b"").decode("utf-8", "surrogateescape")))


def as_expect(wanted: int | str | list[int | str] | Expect | None) -> Expect:
    """The long form of what a step wrote behind `S:`."""
    if isinstance(wanted, Expect):
        return wanted
    return Expect() if wanted is None else Expect(reply=wanted)


def _shape(want: Expect) -> Shape | None:
    """How to read the answer, where the step knows better than the command."""
    if want.tag is not None:
        return Shape(tag=want.tag or None)
    if want.multiline is not None:
        return Shape(multiline=want.multiline)
    return None


def _busy(reply: Reply) -> bool:
    """Whether a POP3 or IMAP refusal says "not now" (RFC 2449 8.1, RFC 3206 4, RFC 5530 3)."""
    return reply.status in ("-ERR", "NO") and _NOT_NOW.match(reply.text) is not None


def _hindrance(reply: Reply, connection: Connection) -> str:
    """Why this reply is no answer to what was asked: not now, or not for such a client. Else ""."""
    dialect = connection.dialect
    if _busy(reply) or any(dialect.matches(one, reply.status) for one in dialect.unavailable):
        return "the server says that it cannot do this now"
    return dialect.policy(connection.answering, reply.status)


def _segments(step: Step, setting: Setting) -> str | Segments | None:
    """How this write is cut. A step that says "whole" means one segment, in a replay as well."""
    if step.segments == "whole" or setting.segments == "whole":
        return None
    return step.segments or setting.segments


def _shortened(octets: bytes, limit: int = 400) -> str:
    text = escape(octets[:limit])
    return text if len(octets) <= limit else f"{text}... ({len(octets)} octets)"


__all__ = ["Ended", "Player", "Seen", "play", "reach"]
