"""What the model servers of all line protocols share."""

from __future__ import annotations

from tests.models.world import Line, World


class LineService:
    """Octets to lines. Subclasses say what a line is answered with.

    A line ends in CRLF and in nothing else (RFC 5321 section 2.3.8).
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.buffer = b""
        self.line: Line

    def opened(self, line: Line) -> None:
        self.line = line
        self.greet()

    def received(self, data: bytes, *, urgent: bool = False) -> None:
        self.buffer += data
        while self.line.server_open and self.step():
            pass

    def step(self) -> bool:
        """Consume one unit of input; False when octets are missing."""
        text, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        self.buffer = rest
        self.on_line(text)
        return True

    def secured(self) -> bool:
        return False

    def ended(self) -> None:
        self.line.fin()

    def greet(self) -> None:
        raise NotImplementedError

    def on_line(self, line: bytes) -> None:
        raise NotImplementedError

    def say(self, text: str) -> None:
        self.line.say(text.encode("utf-8", "surrogateescape") + b"\r\n")
