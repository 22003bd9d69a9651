"""Octets to send, prepared once: a message differs from the next in its number alone."""

from __future__ import annotations

from email.utils import formatdate

from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.replies import exactly, good_envelope
from plumbline.loadtests.engine.steps import Step
from plumbline.probes.protocols.smtp import content

VECTOR = 8_192  # from this size on, gathering write is cheaper than joining (measured)


def body(size: int) -> bytes:
    """Lines of 80 octets, line end included, `size` octets in all; the last line may be longer by two."""
    line = b"Plumbline load test: a line of text to fill the body, seventy-eight octets long.."
    line = line[:78] + b"\r\n"
    filled = (line * (size // len(line) + 1))[:size]
    return filled if filled.endswith(b"\r\n") else filled[: max(size - 2, 0)].rstrip(b"\r") + b"\r\n"


class Payload:
    """Commands and messages of a plan. A message is `head + number in hex + tail`."""

    def __init__(self, plan: Plan) -> None:
        to = [address.encode() for address in plan.recipients]
        self.mail = b"MAIL FROM:<%b>\r\n" % plan.sender.encode()
        self.rcpts = [b"RCPT TO:<%b>\r\n" % address for address in to]
        self.envelope = self.mail + b"".join(self.rcpts) + b"DATA\r\n"
        self.head = (
            b"From: <%b>\r\nTo: <%b>\r\nDate: %b\r\nSubject: Plumbline load test\r\nMessage-ID: <"
            % (plan.sender.encode(), to[0], formatdate().encode())
        ) + f"{plan.run_id}.{plan.part:x}.".encode()
        self._rest = b"@plumbline.invalid>\r\n\r\n" + body(plan.size)
        self.tail = content(self._rest)
        self.vector = plan.size >= VECTOR
        self.tail_envelope = self.tail + self.envelope
        self.tail_quit = self.tail + b"QUIT\r\n"
        self.recipients = len(to)
        self.envelope_steps = [Step.MAIL, *[Step.RCPT] * len(to), Step.DATA]
        self.lane_steps = [*self.envelope_steps, Step.END]
        self.lane_tests = [*[exactly(rb"2\d\d")] * (len(to) + 1), exactly(b"354"), exactly(b"250")]
        self.lane_commands = [self.mail, *self.rcpts, b"DATA\r\n"]
        self.good_answer = good_envelope(len(to))
        self.octets = len(self.head) + len(self.tail)

    def message(self, number: int, tail: bytes) -> bytes | list[bytes]:
        """One message; as parts for a gathering write where that is cheaper."""
        if self.vector:
            return [self.head, b"%x" % number, tail]
        return b"%b%x%b" % (self.head, number, tail)

    def plain(self, number: int) -> bytes:
        """The same message as a reader of mail should see it: without the dots of RFC 5321, 4.5.2."""
        return b"%b%x%b" % (self.head, number, self._rest)
