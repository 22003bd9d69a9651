"""Words shared by the parts of a conversation."""

from __future__ import annotations

from enum import Enum

from plumbline.loadtests.engine.replies import Reply


class Step(Enum):
    """What a reply answers; the value is the phase's name in results."""

    BANNER = "banner"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "acknowledgement"
    VOID = "empty data"  # the lone dot after a DATA that should not have been accepted (RFC 2920, 3.1)
    RSET = "RSET"
    QUIT = "QUIT"


class EndedError(Exception):
    """The conversation cannot go on. `kind` is for counting, the text for people."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def refused(step: Step, reply: Reply) -> EndedError:
    """The target's answer to this step ends the conversation."""
    return EndedError(f"{reply.code} at {step.value}", reply.text)
