"""What the target answered before: most sessions are answered like the last one, and then nothing is parsed."""

from __future__ import annotations

from plumbline.loadtests.engine.opening import Opening

NOTHING, BANNER, HELLO, ENVELOPE, FAREWELL = range(-1, 4)


class Familiar:
    """At each stage of a session the whole answer, as it was the last time that all of it was good.

    BANNER: the greeting. HELLO: the answer to EHLO, where nothing but mail follows. ENVELOPE: to MAIL, RCPT... and DATA
    sent together. FAREWELL: to the end of data and QUIT sent together.
    """

    __slots__ = ("answers", "opening")

    def __init__(self) -> None:
        self.answers: list[bytes | None] = [None] * 4
        self.opening: Opening | None = None  # as it was after the answer at HELLO
