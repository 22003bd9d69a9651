"""One SMTP or LMTP conversation as a state machine: octets in, octets out, no I/O.

The machine keeps a queue of the replies it waits for, and acts when the queue is empty. In the steady
state of a pipelined session (RFC 2920) the queue is always the same: end of data, MAIL, RCPT..., DATA.
That case is decided by one comparison with the previous answer, or one regular expression.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from plumbline.loadtests.engine import familiar
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.opening import Opening
from plumbline.loadtests.engine.payload import FIRST, Content, Output, Payload
from plumbline.loadtests.engine.plan import HARD_MESSAGES, Plan
from plumbline.loadtests.engine.replies import NotAReplyError, Replies, Reply
from plumbline.loadtests.engine.steps import EndedError, Step, refused
from plumbline.loadtests.engine.streaming import Stream

_OPENING = (Step.BANNER, Step.EHLO, Step.STARTTLS, Step.AUTH)


def _partly(step: Step, reply: Reply) -> tuple[str, str]:
    return f"{reply.code} at {step.value} of an accepted message", reply.text


class Supply(Protocol):
    """Where sessions get their messages from."""

    def claim(self) -> int:
        """The number of a message to send now, or 0."""

    def intended(self, now: float) -> float:
        """When the message just claimed was meant to be sent. Call it once for each claim."""

    def unclaim(self, intended: float) -> None:
        """The message claimed last was not begun after all; somebody else may send it."""

    def idle(self, session: Session) -> None:
        """The session has no message now; it can be started with `begin` again."""

    @property
    def finished(self) -> bool:
        """Whether no message will ever be claimed again."""


class Session:
    """State of one conversation. After `feed` and `begin` look at `over` and `wants_tls`.

    With `check` it sends no message: the envelope is tried, then reset.
    """

    __slots__ = (
        "accepted", "answered", "answers", "asked", "begun_at", "check", "content", "count", "envelope",
        "fd", "first_stage", "good", "in_body", "lane", "lane_commands", "lane_seen", "lane_times", "ledger",
        "lockstep", "next_begun_at", "next_number", "number", "open_loop", "opening", "order", "over", "pause",
        "payload", "pending", "pipelining", "plain", "plan", "previous", "refusal", "refused_rcpt",
        "replies", "sent_at", "stage", "started_at", "steady", "stream", "supply", "turn_at", "verify",
        "wants_tls",
    )  # fmt: skip
    begun_at: float
    content: Content
    next_number: int
    refusal: tuple[Step, Reply] | None
    refused_rcpt: tuple[Step, Reply] | None

    def __init__(
        self, plan: Plan, payload: Payload, ledger: Ledger, supply: Supply, now: float, check: bool = False
    ) -> None:
        self.plan, self.payload, self.ledger, self.supply, self.check = plan, payload, ledger, supply, check
        self.fd = -1  # for whoever drives the session
        self.good, self.previous = payload.good_answer, b""  # test for the steady state, and its last answer
        self.open_loop, self.verify = plan.open_loop, plan.verify
        self.plain = not (plan.open_loop or plan.verify)  # latency counts from `sent_at`, no receipts
        self.order, self.envelope = payload.order, payload.envelope  # needed for every message
        self.lane_commands, self.lane_times = payload.lane_commands, ledger.lane_times
        self.lane_seen: list[bytes] = []
        self.replies = Replies()
        self.pending: deque[Step] = deque()
        self.answers: list[Reply] = []  # to the end of data; LMTP gives several
        # the first stage of a session, if its answers may be known from the session before
        self.first_stage = familiar.NOTHING if plan.tls or plan.user or check else familiar.BANNER
        self.restart(now)

    def restart(self, now: float) -> None:
        """From the beginning, on another connection."""
        self.opening = Opening(self.plan)
        self.replies.rest = b""
        self.pending.clear()
        self.pending.append(Step.BANNER)
        self.steady = self.pipelining = self.lockstep = self.over = False
        self.wants_tls = False  # the TLS handshake has to begin now; call `secured` when it is done
        self.stream: Stream | None = None  # where several messages may be in flight
        self.stage = self.first_stage
        self.lane = -1  # lockstep without trouble: index of the step that is waited for; -1: not so
        self.content = self.payload.contents[0]  # of the message under way
        self.sent_at = now  # what is being answered was sent then
        self.started_at = now  # the first octet of the message under way was sent then
        self.turn_at = now  # `begin` began a message then
        self.next_begun_at = now  # the message whose number is `next_number` was meant to be sent then
        self._under_way(0, now)
        self.count = 0  # messages sent in this session
        self.pause = 0  # the count after which no envelope may travel with the content
        self.answered = False  # whether the end of data was answered at least once

    @property
    def waits_for(self) -> str:
        """The phase that is being waited for, "" for none."""
        if self.steady or (self.stream and self.stream.flight):
            return Step.END.value
        if self.lane >= 0:
            return self.payload.lane_steps[self.lane].value
        return self.pending[0].value if self.pending else ""

    # -- steady state ------------------------------------------------------------------------------

    def feed(self, data: bytes, now: float) -> Output:
        """Take in octets; give back what to send. Raises EndedError."""
        if self.steady and (data == self.previous or self.good(data)):
            self.previous = data
            if self.plain:
                self.content.acknowledged(now - self.sent_at)
            else:
                self._note(now)
            self.sent_at = now
            self.number = number = self.next_number
            self.count = count = self.count + 1
            self.content = content = self.order[number % len(self.order)]
            if count < self.pause and (claimed := self.supply.claim()):
                self.next_number = claimed
                if self.open_loop:
                    self.next_begun_at = self.supply.intended(now)
                return content.message(number, self.envelope)
            return self._last_body(content, number)
        if self.lane >= 0:
            seen, lane = self.lane_seen, self.lane
            if data == seen[lane] or self.payload.lane_tests[lane](data):
                seen[lane] = data
                self.lane_times[lane].append(now - self.sent_at)
                self.sent_at = now
                commands = self.lane_commands
                lane += 1
                if lane < len(commands):
                    self.lane = lane
                    return commands[lane]
                return self._lane_ends(now) if lane > len(commands) else self._lane_body(lane, now)
        if self.stream and self.stream.flight:
            return self.stream.feed(data, now)
        if self.stage != familiar.NOTHING:
            return self._at_stage(data, now)
        return self._feed(data, now)

    def _note(self, now: float) -> None:
        """A message of the steady state is acknowledged, in an open loop or with a receipt."""
        if self.verify:
            self.ledger.receipt(self.number, acknowledged=True)
        self.content.acknowledged(now - (self.begun_at if self.open_loop else self.sent_at))
        if self.open_loop:
            self.ledger.phase("transaction", now - self.sent_at)
            self.begun_at = self.next_begun_at

    def _lane_body(self, lane: int, now: float) -> Output:
        """Lockstep, and DATA is answered well: the content."""
        self.accepted = self.payload.recipients
        if not self.pipelining:
            number, self.lane = self.number, lane
            self.content = content = self.order[number % len(self.order)]
            self.in_body = True
            self.count += 1
            return content.message(number)
        self.lane = -1
        output = self._body(now)
        if len(self.pending) == self.payload.ends:
            self.pending.clear()
            self.lane = lane
        return output

    def _lane_ends(self, now: float) -> Output:
        """Lockstep, and the content is acknowledged; how long that took after its last octet is noted already."""
        self.lane, self.lockstep, self.answered = -1, False, True
        ledger, content = self.ledger, self.content
        content.acknowledged(self.lane_times[-1][-1] if self.ack_only else now - self.begun_at)
        ledger.receipt(self.number, acknowledged=True)
        if self.ack_only or self.open_loop:
            ledger.phase("transaction", now - self.started_at)
        self.number = 0
        return self._next(now)

    def _leave_lane(self) -> None:
        """Something is not as always: wait for the same reply the thorough way."""
        step = self.payload.lane_steps[self.lane]
        self.pending.extend(self._ends() if step is Step.END else [step])
        self.asked = min(self.lane, self.payload.recipients)
        if not self.in_body:
            self.accepted = min(max(self.lane - 1, 0), self.payload.recipients)
        self.lane = -1

    def _body(self, now: float) -> Output:
        """The content of the message under way, with the next envelope or QUIT where that is allowed."""
        payload, number = self.payload, self.number
        self.content = content = payload.content(number)
        self.in_body = True
        self.count += 1
        if self.count < self.pause and (claimed := self.supply.claim()):
            self.next_number = claimed
            if self.open_loop:
                self.next_begun_at = self.supply.intended(now)
            self._join(now)
            return content.message(number, payload.envelope)
        return self._last_body(content, number)

    def _join(self, now: float) -> None:
        """An envelope travels with the content: steady state, or reply by reply where a recipient was refused."""
        self.steady = self.accepted == self.payload.recipients and not self.replies.rest
        if not self.steady:
            self.next_begun_at = self.next_begun_at if self.open_loop else now
            self._expect([*self._ends(), *self.payload.envelope_steps])

    def _last_body(self, content: Content, number: int) -> Output:
        """No envelope travels with this content."""
        self.next_number = 0
        if self.steady:
            self.accepted = self.payload.recipients
        if self.pipelining and self.count == self.plan.per_session:
            self._expect([*self._ends(), Step.QUIT])
            if self.accepted == self.payload.recipients and not (self.lockstep or self.open_loop):
                self.stage = familiar.FAREWELL
            return content.message(number, b"QUIT\r\n")
        self._expect(self._ends())
        return content.message(number)

    def _pause_after(self, count: int) -> int:
        """Messages of this session, from `count` on, that may go out with the next envelope."""
        plan, every = self.plan, self.plan.phase_sample
        if not self.pipelining or plan.think_s or plan.pace_s:
            return 0
        pause = (count // every + 1) * every if every else HARD_MESSAGES
        return min(pause, plan.per_session or pause)

    def _sampled(self, number: int) -> bool:
        """Whether this message goes in lockstep so that its phases can be timed."""
        every, few = self.plan.phase_sample, self.plan.per_session
        return bool(every) and self.count % every == 0 and (not few or (number - FIRST) % every == 1)

    def _ends(self) -> list[Step]:
        return [Step.END] * (self.accepted if self.plan.lmtp else 1)

    def _expect(self, steps: list[Step]) -> None:
        self.steady = False
        self.pending.extend(steps)

    # -- as the session before ---------------------------------------------------------------------

    def _at_stage(self, data: bytes, now: float) -> Output:
        """The answer may be the one that the session before got; else remember it, if it is good."""
        answers, stage = self.payload.familiar.answers, self.stage
        self.stage = familiar.NOTHING
        if data == answers[stage] and not self.replies.rest:
            return self._as_before(stage, now)
        acknowledged = len(self.ledger.acknowledged)
        output = self._feed(data, now)
        plain = data.startswith(b"250") and len(self.ledger.acknowledged) > acknowledged
        if self._went_well(stage, plain) and not self.replies.rest:
            answers[stage] = data
        return output

    def _went_well(self, stage: int, acknowledged: bool) -> bool:
        match stage:
            case familiar.BANNER:
                self.stage = familiar.HELLO
                return True
            case familiar.HELLO if self.opening.ready and not self.opening.helo:
                self.payload.familiar.opening = self.opening
                return True
            case familiar.ENVELOPE:
                return self.in_body and self.accepted == self.payload.recipients
            case familiar.FAREWELL:
                return self.over and acknowledged
            case _:
                return False

    def _as_before(self, stage: int, now: float) -> Output:
        self.pending.clear()
        match stage:
            case familiar.BANNER:
                self.ledger.phase(Step.BANNER.value, now - self.sent_at)
                self.stage = familiar.HELLO
                return self._send(*self.opening.hello(), now)
            case familiar.HELLO:
                assert self.payload.familiar.opening is not None
                self.opening = self.payload.familiar.opening
                self.ledger.phase(Step.EHLO.value, now - self.sent_at)
                return self._ready(now)
            case familiar.ENVELOPE:
                self.accepted = self.payload.recipients
                self.sent_at = now
                return self._body(now)
            case _:
                self._note(now)
                self.over, self.answered, self.number = True, True, 0
                return None

    # -- reply by reply ----------------------------------------------------------------------------

    def _feed(self, data: bytes, now: float) -> Output:
        if self.steady:
            self.accepted = self.payload.recipients
            self.next_begun_at = self.next_begun_at if self.open_loop else self.sent_at
            self._expect([*self._ends(), *self.payload.envelope_steps])
        if self.lane >= 0:
            self._leave_lane()
        try:
            found = self.replies.feed(data)
        except NotAReplyError as error:
            raise EndedError(f"garbage at {self.waits_for or 'rest'}", str(error)) from None
        output: Output = None
        for reply in found:
            if not self.pending:
                raise EndedError(f"{reply.code} without a command", reply.text)
            step = self.pending.popleft()
            self._take(step, reply, now)
            if not self.pending:
                output = self._advance(step, reply, now)
        return output

    def _take(self, step: Step, reply: Reply, now: float) -> None:
        """Note what the reply says about the message under way."""
        if self.lockstep or step in _OPENING:
            self.ledger.phase(step.value, now - self.sent_at)
        if reply.code == 421 and step is not Step.QUIT:
            self.in_body = self.in_body and step is not Step.END
            self.ledger.reply(421)
            raise refused(step, reply)
        match step:
            case Step.RCPT:
                self._take_rcpt(reply)
            case Step.MAIL if not reply.good:
                self.refusal = (step, reply)
            case Step.DATA if reply.code != 354:
                self.refusal = self.refusal or (None if self.accepted else self.refused_rcpt) or (step, reply)
            case Step.END:
                self.answers.append(reply)
                if not self.pending or self.pending[0] is not Step.END:
                    self._answered(now)
            case _:
                pass

    def _take_rcpt(self, reply: Reply) -> None:
        if reply.good:
            self.accepted += 1
            return
        if not self.refusal:  # else the answer is to the MAIL that was refused
            self.ledger.reply(reply.code)
            self.refused_rcpt = (Step.RCPT, reply)

    def _answered(self, now: float) -> None:
        """The message under way has got all of its answers; the next one may be under way already."""
        self.answered = True
        latency = now - (self.sent_at if self.ack_only else self.begun_at)
        bad = next((reply for reply in self.answers if not reply.good), None)
        self.ledger.reply(bad.code if bad else self.answers[0].code)
        if bad:
            partly = any(reply.good for reply in self.answers)  # LMTP: some recipients have it
            self.ledger.failure(latency, f"{bad.code} at end of data", bad.text, in_doubt=partly)
            if partly:
                self.ledger.receipt(self.number, acknowledged=False)
        else:
            self.ledger.acknowledged.append(latency)
            self.ledger.octets += self.content.octets
            self.ledger.receipt(self.number, acknowledged=True)
            if self.refused_rcpt:
                self.ledger.delta.error(*_partly(*self.refused_rcpt))
            if (self.lockstep and self.ack_only) or self.open_loop:
                self.ledger.phase("transaction", now - self.started_at)
        self.lockstep = False
        self._under_way(self.next_number, self.next_begun_at)
        self.sent_at = self.started_at = now

    def _under_way(self, number: int, now: float) -> None:
        """A message is under way; number 0: none."""
        self.number = number
        self.next_number = 0  # of the message whose envelope went out together with the end of this one
        self.begun_at = now  # in an open loop: it should have been begun then
        self.in_body = False  # it has been given to the network
        self.accepted = self.asked = 0  # recipients
        self.refusal = self.refused_rcpt = None
        self.answers.clear()

    # -- what comes next ---------------------------------------------------------------------------

    def _advance(self, step: Step, reply: Reply, now: float) -> Output:
        """All that was sent is answered: the next octets."""
        match step:
            case Step.BANNER | Step.EHLO | Step.STARTTLS | Step.AUTH:
                return self._open(self.opening.take(step, reply), now)
            case Step.MAIL | Step.RCPT:
                return self._lockstep_envelope(now)
            case Step.DATA:
                return self._data(reply, now)
            case Step.VOID:
                return self._send(Step.RSET, b"RSET\r\n", now)
            case Step.END | Step.RSET:
                return self._next(now)
            case Step.QUIT:
                self.over = True
                return None

    def _open(self, command: tuple[Step, bytes] | None, now: float) -> Output:
        if command:
            return self._send(*command, now)
        self.wants_tls = self.opening.wants_tls
        if self.wants_tls:
            if self.replies.rest:
                raise EndedError("octets after STARTTLS", "the target sent octets before the TLS handshake")
            return None
        return self._ready(now)

    def _ready(self, now: float) -> Output:
        if self.payload.eight_bit and "8BITMIME" not in self.opening.capabilities:
            raise EndedError(
                "no 8BITMIME", "the mail to send has octets above 127, and the target takes none"
            )
        self.pipelining = self.plan.pipelining == "on" or (
            self.plan.pipelining == "auto" and "PIPELINING" in self.opening.capabilities
        )
        if self.pipelining and self.plan.in_flight > 1 and "CHUNKING" in self.opening.capabilities:
            self.stream = Stream(self)
        return self.begin(now)

    def secured(self, now: float) -> Output:
        """TLS stands."""
        self.wants_tls = False
        return self._send(*self.opening.secured(), now)

    def begin(self, now: float) -> Output:
        """Start the next message, if there is one; else say goodbye or rest."""
        if self.stream and self.stream.flight:
            return self.stream.more(now)
        if self.plan.per_session and self.count >= self.plan.per_session:
            return self._send(Step.QUIT, b"QUIT\r\n", now)
        number = -1 if self.check and not self.count else self.supply.claim()
        if not number:
            return self._nothing(now)
        self._under_way(number, self.supply.intended(now))
        self.turn_at = self.started_at = self.sent_at = now
        self.lockstep = self.check or not self.pipelining or self._sampled(number)
        self.pause = 0 if self.lockstep else self._pause_after(self.count)
        if self.lockstep and not (self.check or self.replies.rest):
            self.lane = 0
            self.lane_seen = self.lane_seen or [b""] * len(self.payload.lane_steps)
            return self.payload.mail
        if self.lockstep:
            return self._send(Step.MAIL, self.payload.mail, now)
        if self.stream and self.pause:
            self.number = 0
            return self.stream.begin(number, self.begun_at, now)
        self._expect(self.payload.envelope_steps)
        self.stage = familiar.ENVELOPE
        return self.payload.envelope

    def landed(self, troubled: bool, now: float) -> Output:
        """All that was in flight is answered; `troubled` if the next message wants a RSET before it."""
        return self._send(Step.RSET, b"RSET\r\n", now) if troubled else self._next(now)

    def _nothing(self, now: float) -> Output:
        if self.supply.finished or self.check:
            return self._send(Step.QUIT, b"QUIT\r\n", now)
        self.supply.idle(self)
        return None

    def _next(self, now: float) -> Output:
        if (self.plan.think_s or self.plan.pace_s) and not self.supply.finished:
            self.supply.idle(self)
            return None
        return self.begin(now)

    def _send(self, step: Step, octets: bytes, now: float) -> bytes:
        self.sent_at = now
        self._expect([step])
        return octets

    def _lockstep_envelope(self, now: float) -> Output:
        if self.refusal and self.refusal[0] is Step.MAIL:
            return self._abandon(now)
        if self.asked < self.payload.recipients:
            self.asked += 1
            return self._send(Step.RCPT, self.payload.rcpts[self.asked - 1], now)
        if not self.accepted or self.check:
            return self._abandon(now)
        return self._send(Step.DATA, b"DATA\r\n", now)

    def _data(self, reply: Reply, now: float) -> Output:
        if reply.code == 354 and not (self.accepted and not self.refusal):
            self._fail(now)
            return self._send(Step.VOID, b".\r\n", now)
        if self.refusal or not self.accepted:
            return self._abandon(now)
        self.sent_at = now
        return self._body(now)

    def _abandon(self, now: float) -> Output:
        """Give the message under way up, by RSET."""
        if self.check:
            self._checked()
        else:
            self._fail(now)
        return self._send(Step.RSET, b"RSET\r\n", now)

    def _checked(self) -> None:
        self.number = 0
        why = self.refusal or (None if self.accepted else self.refused_rcpt)
        if why:
            raise refused(*why)
        self.count = 1

    def _fail(self, now: float) -> None:
        step, reply = self.refusal or self.refused_rcpt or (Step.DATA, Reply(354, b""))
        if step is not Step.RCPT:  # refused recipients were counted one by one
            self.ledger.reply(reply.code)
        self.ledger.failure(now - self.begun_at, f"{reply.code} at {step.value}", reply.text)
        self.count += 1
        self.lockstep = False
        self._under_way(0, now)

    @property
    def ack_only(self) -> bool:
        """Whether latency counts from the content: the envelope goes out with the message before."""
        return self.pipelining and not self.open_loop

    @property
    def worked(self) -> bool:
        """Whether at least one message went through all of its phases. Only the first may be in doubt."""
        return self.answered or self.count > 1

    def lost(self, kind: str, text: str, now: float) -> None:
        """The conversation ended early: account for what was under way, once."""
        self.over = True
        if self.stream and self.stream.flight:
            self.stream.lost(kind, text, now)
            return
        if self.next_number:
            self.supply.unclaim(self.next_begun_at)
        if self.number > 0:
            since = self.sent_at if self.in_body else self.begun_at
            self.ledger.failure(now - since, kind, text, in_doubt=self.in_body)
            if self.in_body:
                self.ledger.receipt(self.number, acknowledged=False)
        else:
            self.ledger.delta.error(kind, text)
        self.number = self.next_number = 0
