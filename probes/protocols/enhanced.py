"""Enhanced status codes (RFC 2034, RFC 3463) and reply codes with a place of their own (RFC 7504).

What is looked for here depends on the command that a reply answers, so the reader of replies cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from plumbline.probes.protocols.base import Fault, Reply

# subject -> the last detail that the IANA registry has for it (RFC 5248); all details from 0 on are registered.
_REGISTERED = {"0": 0, "1": 10, "2": 4, "3": 6, "4": 7, "5": 6, "6": 10, "7": 30}
_LIKE_A_CODE = re.compile(r"(\d+)\.(\d+)\.(\d+)(?=[ \t]|\Z)")
_HELLO = re.compile(rb"\b(?:EHLO|HELO|LHLO)\b", re.IGNORECASE)
_ONLY_HELLO = re.compile(rb"(?:EHLO|HELO|LHLO)\b[^\r\n]*(?:\r\n)?\Z", re.IGNORECASE)

RULES = {
    "enhanced-missing": "Where ENHANCEDSTATUSCODES is offered, the text of 2yz, 4yz and 5yz replies begins with an "
    "enhanced status code, but in the greeting and in replies to EHLO, HELO and LHLO (RFC 2034, 4).",
    "enhanced-digits": "Subject and detail of an enhanced status code have 1 to 3 digits (RFC 2034, 4).",
    "enhanced-zeros": "The numbers of an enhanced status code have no leading zeros (RFC 3463, 2).",
    "enhanced-unknown": "Enhanced status codes are those of the IANA registry (RFC 3463, 2; RFC 5248).",
    "enhanced-misplaced": "Greeting, 3yz replies and the 250 to EHLO, HELO and LHLO have no enhanced status code "
    "(RFC 2034, 4).",
    "521-misplaced": "521 is a greeting, or repeats one (RFC 7504, 3).",
    "556-misplaced": "556 answers RCPT (RFC 7504, 4).",
}


def faults(command: bytes, reply: Reply, greeting: str) -> Iterator[Fault]:
    """What is wrong with a reply to this command. `greeting` is the status that the session began with."""
    exempt = not command or _HELLO.search(command) is not None
    code = _LIKE_A_CODE.match(reply.text)
    if code is None:
        if not exempt and reply.status[:1] in ("2", "4", "5"):
            yield Fault("enhanced-missing", f"no enhanced status code in the {reply.status}")
    elif reply.status[:1] == "3" or (_misplaced_in(command) and reply.status[:1] == "2"):
        yield Fault("enhanced-misplaced", f"enhanced status code {code[0]} in the {reply.status}")
    elif not exempt:
        yield from _form(code)
    if reply.status == "521" and command and greeting != "521":
        yield Fault("521-misplaced", f"521 within a session that began with {greeting}")
    if reply.status == "556" and b"RCPT" not in command.upper():
        yield Fault("556-misplaced", "556 answers something else than RCPT")


def _misplaced_in(command: bytes) -> bool:
    """Whether success has no code here. Of several lines in one write, or mail data, nobody knows which it answers."""
    return not command or _ONLY_HELLO.match(command) is not None


def _form(code: re.Match[str]) -> Iterator[Fault]:
    _, subject, detail = code.groups()
    if max(len(subject), len(detail)) > 3:
        yield Fault("enhanced-digits", f"more than 3 digits in {code[0]}")
    elif str(int(subject)) != subject or str(int(detail)) != detail:
        yield Fault("enhanced-zeros", f"leading zeros in {code[0]}")
    elif int(detail) > _REGISTERED.get(subject, -1):
        yield Fault("enhanced-unknown", f"{code[0]} is not registered")
