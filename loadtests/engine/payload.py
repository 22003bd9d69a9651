"""Octets to send, prepared once: a message differs from the next of its kind in its number alone."""

from __future__ import annotations

from typing import TypeAlias

from plumbline.loadtests.engine.familiar import Familiar
from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.replies import exactly, good_envelope
from plumbline.loadtests.engine.steps import Step
from plumbline.loadtests.engine.texts import Text, texts
from plumbline.probes.protocols.smtp import content

MOST_PARTS = 64  # given to the kernel at once; it takes 1024 (IOV_MAX)
VECTOR = 8_192  # from this size on, a gathering write is cheaper than joining (measured)
Output: TypeAlias = "bytes | list[bytes] | None"
FIRST = 1 << 28  # numbers begin here: all of them have eight hexadecimal digits, so a message's size is known


class Content:
    """A message: `head`, its number in hexadecimal, and `text`; or `tail`, which is the same as DATA wants it.

    `latencies` are those, in seconds, of copies that were acknowledged by 250 and not yet settled.
    """

    __slots__ = ("acknowledged", "chunk", "head", "large", "latencies", "octets", "tail", "text")

    def __init__(self, head: bytes, text: bytes, envelope: bytes = b"") -> None:
        self.head = head
        self.text = text if text.endswith(b"\r\n") else text + b"\r\n"
        self.tail = content(self.text)
        self.octets = len(head) + len(b"%x" % FIRST) + len(self.tail)
        size = self.octets - len(self.tail) + len(self.text)
        self.chunk = b"%bBDAT %d LAST\r\n" % (envelope, size)  # goes before head, number and text
        self.large = self.octets >= VECTOR
        self.latencies: list[float] = []
        self.acknowledged = self.latencies.append

    def message(self, number: int, follow: bytes = b"") -> bytes | list[bytes]:
        """This message and what follows it; as parts for a gathering write where that is cheaper."""
        if self.large:
            return [self.head, b"%x" % number, self.tail, follow]
        return b"%b%x%b%b" % (self.head, number, self.tail, follow)

    def plain(self, number: int) -> bytes:
        """This message as its reader sees it: without the dots of RFC 5321, 4.5.2."""
        return b"%b%x%b" % (self.head, number, self.text)


class Payload:
    """Commands and messages of a plan."""

    def __init__(self, plan: Plan) -> None:
        to = [address.encode() for address in plan.recipients]
        sender = plan.sender.encode()
        self.familiar = Familiar()
        made, order = texts(plan)
        self.eight_bit = any(text.eight_bit for text in made)
        self.mail = b"MAIL FROM:<%b>%b\r\n" % (sender, b" BODY=8BITMIME" if self.eight_bit else b"")
        self.rcpts = [b"RCPT TO:<%b>\r\n" % address for address in to]
        self.envelope = self.mail + b"".join(self.rcpts) + b"DATA\r\n"
        self.recipients = len(to)
        self.ends = len(to) if plan.lmtp else 1  # answers to the end of data, of a message for all recipients
        self.envelope_steps = [Step.MAIL, *[Step.RCPT] * len(to), Step.DATA]
        self.lane_steps = [*self.envelope_steps, Step.END]
        self.lane_tests = [*[exactly(rb"2\d\d")] * (len(to) + 1), exactly(b"354"), exactly(b"250", self.ends)]
        self.lane_commands = [self.mail, *self.rcpts, b"DATA\r\n"]
        self.good_answer = good_envelope(len(to), self.ends)
        self.contents = [self._content(text, plan) for text in made]
        self.order = [self.contents[index] for index in order]

    def _content(self, text: Text, plan: Plan) -> Content:
        head = b"%bMessage-ID: <%b.%x." % (text.before, plan.run_id.encode(), plan.part)
        after = b"@plumbline.invalid>" + text.after
        return Content(head, after, self.mail + b"".join(self.rcpts))

    def content(self, number: int) -> Content:
        """What is sent as the message of this number; always the same."""
        return self.order[number % len(self.order)]

    def plain(self, number: int) -> bytes:
        """That message as a reader of mail should see it: without the dots of RFC 5321, 4.5.2."""
        return self.content(number).plain(number)
