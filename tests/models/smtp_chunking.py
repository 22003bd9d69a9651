"""CHUNKING and BINARYMIME for the model SMTP server (RFC 3030)."""

from __future__ import annotations

import re

from tests.models.smtp import SmtpModel

_SIZE = re.compile(r"[0-9]+")


class Chunking(SmtpModel):
    """BDAT beside DATA. `awaited` counts the octets of a chunk that are still to come; None: no chunk."""

    keywords = (*SmtpModel.keywords, "CHUNKING", "BINARYMIME")
    bodies = ("7BIT", "8BITMIME", "BINARYMIME")

    def greet(self) -> None:
        self.awaited: int | None = None
        self.last = False
        self.refusal = ""  # what a chunk is answered with when it has been swallowed
        self.chunks = b""
        self.chunked = self.binary = False
        super().greet()

    def step(self) -> bool:
        return super().step() if self.awaited is None else self.step_chunk()

    def step_chunk(self) -> bool:
        """Take a chunk once it is whole."""
        assert self.awaited is not None
        if len(self.buffer) < self.awaited:
            return False
        chunk, self.buffer = self.buffer[: self.awaited], self.buffer[self.awaited :]
        self.awaited = None
        if self.refusal:
            self.say(self.refusal)
        else:
            self.chunk(chunk)
        return True

    def chunk(self, chunk: bytes) -> None:
        self.chunks += chunk
        if self.last:
            self.complete(self.chunks)
        else:
            self.say("250 OK: so far")

    def complete(self, text: bytes) -> None:
        """The last chunk is there: deliver, forget, answer."""
        self.deliver(self.trace() + text)
        self.taken()

    def do_BDAT(self, argument: str) -> None:
        size, *words = argument.split(" ")
        if not self.is_size(size) or not self.are_words(words):
            return self.say("501 BDAT size [LAST]")
        self.refusal = self.chunk_refused()
        self.awaited, self.last, self.chunked = int(size), bool(words), not self.refusal
        return None

    def is_size(self, size: str) -> bool:
        return _SIZE.fullmatch(size) is not None

    def are_words(self, words: list[str]) -> bool:
        return not words or [word.upper() for word in words] == ["LAST"]

    def chunk_refused(self) -> str:
        return "" if self.sender is not None and self.recipients else "503 RCPT first"

    def do_DATA(self, argument: str) -> None:
        if self.chunked or self.binary:
            return self.say("503 BDAT, please")
        return super().do_DATA(argument)

    def body_refused(self, argument: str) -> str:
        body = (self.value(argument, "BODY") or "7BIT").upper()
        if body not in self.bodies:
            return "501 no such BODY"
        self.binary = body == "BINARYMIME"
        return ""

    def reset(self) -> None:
        super().reset()
        self.chunks, self.chunked, self.binary = b"", False, False
