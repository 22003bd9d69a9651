"""Several messages in flight in one session: BDAT with PIPELINING (RFC 3030, RFC 2920).

The size of a message is told ahead, so nothing has to be waited for: MAIL, RCPT..., BDAT LAST and the content
of as many messages as the plan allows go out together, and each is answered by the same number of replies.
After a refusal the session sends nothing more until all is answered, and then RSET: messages that were already
on their way and got a 503 for it are sent again.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from plumbline.loadtests.engine.payload import MOST_PARTS, VECTOR, Content, Output
from plumbline.loadtests.engine.replies import LIMIT, NotAReplyError, Replies, Reply, good_stream
from plumbline.loadtests.engine.steps import EndedError, Step, refused

if TYPE_CHECKING:
    from plumbline.loadtests.engine.session import Session

_only_good = re.compile(rb"(?:2[^\n]*\n)*(?:2[^\n]*)?").fullmatch


class Flying(NamedTuple):
    """A message on its way. Times are those of perf_counter(); `begun_at` is what latency counts from."""

    number: int
    begun_at: float
    sent_at: float
    content: Content


class Stream:
    """The messages in flight of a session, in the order they were sent, and what is known of the first of them."""

    __slots__ = (
        "_accepted", "_answers", "_at", "_depth", "_good", "_one", "_refusal", "_refused_rcpt", "_replies", "_rest",
        "_session", "_troubled", "flight",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self._session, self._depth = session, session.plan.in_flight
        self.flight: deque[Flying] = deque()
        payload = session.payload
        self._good = good_stream(payload.recipients, payload.ends)
        self._one = b""  # the answer to one message, as it was the last time
        self._rest = b""  # of an answer to one message, so far
        self._replies = Replies()
        self._troubled = False  # something was refused since the last RSET
        self._next_message()

    def _next_message(self) -> None:
        self._at = self._accepted = 0  # replies and recipients so far
        self._refusal: tuple[Step, Reply] | None = None
        self._refused_rcpt: tuple[Step, Reply] | None = None
        self._answers: list[Reply] = []

    # -- out ---------------------------------------------------------------------------------------

    def begin(self, number: int, begun_at: float, now: float) -> Output:
        """Send the message just claimed, and more where there are more."""
        self._troubled = False
        self._session.sent_at = now
        return self._fill(self._launch(number, begun_at, now), now)

    def more(self, now: float) -> Output:
        """Fill up what is in flight; None where there is nothing to send."""
        return self._fill([], now)

    def _fill(self, parts: list[bytes], now: float) -> Output:
        session, flight = self._session, self.flight
        supply = session.supply
        while len(flight) < self._depth and session.count < session.pause and not self._troubled:
            number = supply.claim()
            if not number:
                if session.open_loop and not supply.finished:
                    supply.idle(session)
                break
            parts += self._launch(number, supply.intended(now), now)
        gathered = any(len(part) >= VECTOR for part in parts) and len(parts) <= MOST_PARTS
        return parts if gathered else b"".join(parts) if parts else None

    def _launch(self, number: int, begun_at: float, now: float) -> list[bytes]:
        """The octets of a message, in parts that need not be copied where it is large."""
        session = self._session
        session.count += 1
        content = session.payload.content(number)
        self.flight.append(Flying(number, begun_at, now, content))
        before = b"%b%b%x" % (content.chunk, content.head, number)
        return [before, content.text] if content.large else [before + content.text]

    # -- in ----------------------------------------------------------------------------------------

    def feed(self, data: bytes, now: float) -> Output:
        """Replies; gives back what to send. Raises EndedError."""
        if self._at or self._troubled:
            self._reply_by_reply(data, now)
        else:
            data = self._whole_answers(self._rest + data if self._rest else data, now)
            if data and (len(data) > LIMIT or not _only_good(data)):
                self._rest = b""
                self._reply_by_reply(data, now)
            else:
                self._rest = data
        if self.flight:
            self._session.sent_at = self.flight[0].sent_at
            return self.more(now)
        if self._rest or self._replies.rest:
            raise EndedError("octets without a command", repr((self._rest or self._replies.rest)[:80]))
        return self._session.landed(self._troubled, now)

    def _whole_answers(self, data: bytes, now: float) -> bytes:
        """Count the good answers at the front; gives back the octets behind them."""
        one = self._one
        if one:
            times = min(len(data) // len(one), len(self.flight))
            if times and data.startswith(one * times):
                self._acknowledge(times, now)
                data = data[times * len(one) :]
        while self.flight and (match := self._good(data)):
            self._one = match[0]
            self._acknowledge(1, now)
            data = data[match.end() :]
        return data

    def _acknowledge(self, times: int, now: float) -> None:
        session, popleft = self._session, self.flight.popleft
        session.answered = True
        for _ in range(times):
            number, begun_at, sent_at, content = popleft()
            content.acknowledged(now - begun_at)
            if session.verify:
                session.ledger.receipt(number, acknowledged=True)
            if session.open_loop:
                session.ledger.phase("transaction", now - sent_at)

    def _reply_by_reply(self, data: bytes, now: float) -> None:
        try:
            found = self._replies.feed(data)
        except NotAReplyError as error:
            raise EndedError(f"garbage at {Step.END.value}", str(error)) from None
        for reply in found:
            if not self.flight:
                raise EndedError(f"{reply.code} without a command", reply.text)
            self._take(reply, now)

    def _take(self, reply: Reply, now: float) -> None:
        recipients = self._session.payload.recipients
        step = Step.MAIL if not self._at else Step.RCPT if self._at <= recipients else Step.END
        if reply.code == 421:
            self._session.ledger.reply(421)
            raise refused(step, reply)
        self._at += 1
        match step:
            case Step.MAIL if not reply.good:
                self._refusal = (step, reply)
            case Step.RCPT if reply.good:
                self._accepted += 1
            case Step.RCPT if not self._refusal:
                self._session.ledger.reply(reply.code)
                self._refused_rcpt = (step, reply)
            case Step.END:
                self._answers.append(reply)
                if len(self._answers) >= (self._accepted or 1 if self._session.plan.lmtp else 1):
                    self._answered(now)
            case _:
                pass

    def _answered(self, now: float) -> None:
        """The first message in flight has all of its answers."""
        session, message = self._session, self.flight.popleft()
        ledger = session.ledger
        session.answered = True
        bad = next((reply for reply in self._answers if not reply.good), None)
        if not bad:
            ledger.reply(self._answers[0].code)
            ledger.acknowledged.append(now - message.begun_at)
            ledger.octets += message.content.octets
            ledger.receipt(message.number, acknowledged=True)
            for step, reply in filter(None, (self._refusal, self._refused_rcpt)):
                ledger.delta.error(f"{reply.code} at {step.value} of an accepted message", reply.text)
        elif self._troubled and self._refusal and self._refusal[1].code == 503:
            session.count -= 1
            session.supply.unclaim(message.begun_at)
        else:
            self._failed(message, bad, now)
        self._next_message()

    def _failed(self, message: Flying, bad: Reply, now: float) -> None:
        ledger = self._session.ledger
        step, reply = self._refusal or (None if self._accepted else self._refused_rcpt) or (Step.END, bad)
        if step is not Step.RCPT:  # refused recipients were counted one by one
            ledger.reply(reply.code)
        where = "end of data" if step is Step.END else step.value
        partly = any(answer.good for answer in self._answers)
        ledger.failure(now - message.begun_at, f"{reply.code} at {where}", reply.text, in_doubt=partly)
        if partly:
            ledger.receipt(message.number, acknowledged=False)
        self._troubled = True

    def lost(self, kind: str, text: str, now: float) -> None:
        """The session has ended: what was in flight has failed. After 421 the target took nothing more."""
        ledger, doubt = self._session.ledger, not kind.startswith("421")
        for message in self.flight:
            ledger.failure(now - message.begun_at, kind, text, in_doubt=doubt)
            if doubt:
                ledger.receipt(message.number, acknowledged=False)
        self.flight.clear()
