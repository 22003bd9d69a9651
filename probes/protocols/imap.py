"""IMAP4 (RFC 3501, RFC 9051) on the wire: tagged and untagged responses, continuation requests."""

from __future__ import annotations

import re
from collections import deque

from plumbline.probes.protocols.base import ONE_LINE, Bounds, Dialect, Endless, Reply, Shape
from plumbline.probes.protocols.imapresponse import RULES, Response, ResponseReader

STATUSES = ("OK", "NO", "BAD", "BYE", "PREAUTH", "+", "*")
# A SEARCH response has no limit in sight, and a mailbox as many messages as it likes.
BOUNDS = Bounds(line=1_048_576, lines=1_000_000)

_CODE = re.compile(r"\[([^] ]+)(?: ([^]]*))?]")


class ImapReader:
    """Gathers untagged responses up to the completion of a command.

    Whatever is not handed out keeps its order and can be asked for in another shape, so nothing is lost
    where a BYE and a close came in place of the completion, or where the server answered out of order
    (RFC 3501, 5.5).
    """

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self._bounds = bounds
        self._reader = ResponseReader(bounds)
        self._tag: str | None = None  # whose completion the gathered responses were searched for
        self._gathered: deque[Response] = deque()
        self._size = 0  # octets gathered

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def next_reply(self, shape: Shape = ONE_LINE) -> Reply | None:
        if shape.tag != self._tag:
            self._start_over(shape.tag)
        if shape.tag is None:
            return _reply(self._reader.responses.popleft()) if self._reader.responses else None
        while self._reader.responses:
            response = self._reader.responses.popleft()
            if response.tag == shape.tag:
                return self._completed(response)
            if response.status in ("+", ""):
                return _reply(response)
            self._gather(response)
        return None

    @property
    def unread(self) -> bytes:
        return b"".join(response.octets for response in self._gathered) + self._reader.unread

    def _start_over(self, tag: str | None) -> None:
        self._reader.responses.extendleft(reversed(self._gathered))
        self._gathered.clear()
        self._tag, self._size = tag, 0

    def _gather(self, response: Response) -> None:
        self._gathered.append(response)
        self._size += len(response.octets)
        if len(self._gathered) > self._bounds.lines or self._size > self._bounds.body:
            raise Endless("a reply", self._size)

    def _completed(self, response: Response) -> Reply:
        untagged = [other for other in self._gathered if not other.tag]
        self._gathered = deque(other for other in self._gathered if other.tag)
        self._size = sum(len(other.octets) for other in self._gathered)
        return _reply(response, untagged)


def _reply(response: Response, before: list[Response] | None = None) -> Reply:
    untagged = [*(before or ()), *([response] if response.is_untagged else ())]
    everything = [*(before or ()), response]
    faults = {fault.rule: fault for part in reversed(everything) for fault in reversed(part.faults)}
    return Reply(
        octets=b"".join(part.octets for part in everything),
        status=response.status,
        lines=(response.text,),
        faults=tuple(faults.values()),
        tag=response.tag,
        untagged=tuple(part.content for part in untagged),
    )


def response_code(text: str) -> tuple[str, str]:
    """Name, in upper case, and argument of a response text code; `[READ-ONLY] done` gives ("READ-ONLY", "").

    ("", "") where the text of a status response has none (RFC 3501, 7.1).
    """
    found = _CODE.match(text)
    return (found[1].upper(), found[2] or "") if found else ("", "")


def command(line: bytes) -> bytes:
    """The line as sent, its tag included by the caller."""
    return line + b"\r\n"


def content(message: bytes) -> bytes:
    """Unchanged: a literal is counted, nothing marks its end."""
    return message


def matches(pattern: str, status: str) -> bool:
    """Whether a status is the one that a suite names."""
    return pattern == status


def is_pattern(text: str) -> bool:
    """Whether a suite may write this behind S."""
    return text in STATUSES


DIALECT = Dialect(
    name="imap",
    port=143,
    reader=ImapReader,
    command=command,
    content=content,
    matches=matches,
    is_pattern=is_pattern,
    unavailable=("BYE",),
    goodbye=b"z LOGOUT\r\n",
    rules=RULES,
)
