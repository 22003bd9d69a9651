"""Replies of three digits and text: what SMTP (RFC 5321, 4.2) and FTP (RFC 959, 4.2) have in common."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from plumbline.probes.protocols.base import BOUNDS, ONE_LINE, Bounds, Endless, Fault, Reply, Shape
from plumbline.probes.protocols.octets import Octets, decoded, shown, without_line_end

_CODED = re.compile(rb"([0-9]{3})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a reply.

    code: three digits, or "" where the line has none of its own.
    mark: the character behind the code: " ", "-", "" at the end of the line, or a wrong one.
    content: the line without its end; text: what is behind code and mark.
    """

    octets: bytes
    content: bytes
    code: str
    mark: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where the protocols differ.

    code_on_every_line: SMTP yes; FTP has the code on the first and the last line, others are free.
    clean: a line with a code that no rule objects to, to save judging it.
    line_faults: what else is wrong with a line (True: it is the first).
    reply_faults: what is wrong with all lines together.
    text: undoes the protocol's escapes in a line's text.
    """

    codes: re.Pattern[str]
    code_on_every_line: bool
    clean: re.Pattern[bytes]
    bare_cr: re.Pattern[bytes]
    line_faults: Callable[[Line, bool], Iterator[Fault]]
    reply_faults: Callable[[Sequence[Line]], Iterator[Fault]]
    text: Callable[[bytes], bytes]


def read_line(octets: bytes, opened: str, grammar: Grammar) -> Line:
    """Split a line; `opened` is the code of the reply that it goes on with, or ""."""
    content = without_line_end(octets)
    if _CODED.match(content) is None:
        return Line(octets, content, "", "", content)
    code, mark = content[:3].decode("ascii"), content[3:4].decode("latin-1")
    if opened and not grammar.code_on_every_line and (code != opened or mark not in (" ", "-")):
        return Line(octets, content, "", "", content)
    return Line(octets, content, code, mark, content[4:] if mark in (" ", "-") else content[3:])


def is_last(line: Line, first: bool) -> bool:
    """Whether the line ends its reply. A first line ends it unless told otherwise, lest everybody waits."""
    return line.mark != "-" if first else bool(line.code) and line.mark in ("", " ")


def common_faults(line: Line, grammar: Grammar) -> Iterator[Fault]:
    """The rules that both protocols have."""
    if line.code and not grammar.codes.fullmatch(line.code):
        yield Fault("code-range", f"reply code {line.code}")
    if line.code and line.mark not in ("", " ", "-"):
        yield Fault("separator", f"{line.mark!a} behind code {line.code}")
    if line.code and not line.mark:
        yield Fault("bare-code", f"nothing, not even a space, behind code {line.code}")
    if not line.code and grammar.code_on_every_line:
        yield Fault("not-a-reply", f"no reply code in front of {shown(line.content)}")
    if not line.octets.endswith(b"\r\n"):
        yield Fault("bare-lf", f"LF without CR ends {shown(line.content)}")
    if grammar.bare_cr.search(line.content):
        yield Fault("bare-cr", f"CR inside {shown(line.content)}")


def faults_of(lines: Sequence[Line], grammar: Grammar) -> tuple[Fault, ...]:
    """The first fault of each rule."""
    if not lines[0].code:
        return (Fault("not-a-reply", f"expected three digits, got {shown(lines[0].content)}"),)
    found: dict[str, Fault] = {}
    for number, line in enumerate(lines, 1):
        if line.code and grammar.clean.fullmatch(line.octets):
            continue
        for fault in (*common_faults(line, grammar), *grammar.line_faults(line, number == 1)):
            found.setdefault(fault.rule, Fault(fault.rule, f"line {number}: {fault.detail}"))
    for fault in grammar.reply_faults(lines):
        found.setdefault(fault.rule, fault)
    return tuple(found.values())


class CodeReader:
    """Puts lines together to replies. A code that changes within a reply: the last line's counts."""

    def __init__(self, grammar: Grammar, bounds: Bounds = BOUNDS) -> None:
        self._grammar = grammar
        self._bounds = bounds
        self._octets = Octets()
        self._open: list[Line] = []
        self._size = 0
        self._replies: deque[Reply] = deque()

    def feed(self, data: bytes) -> None:
        self._octets.feed(data)
        while (line := self._octets.line(self._bounds.line)) is not None:
            self._add(line)

    def next_reply(self, shape: Shape = ONE_LINE) -> Reply | None:  # noqa: ARG002 the octets tell it all
        return self._replies.popleft() if self._replies else None

    @property
    def unread(self) -> bytes:
        handed = [reply.octets for reply in self._replies] + [line.octets for line in self._open]
        return b"".join(handed) + bytes(self._octets)

    def _add(self, octets: bytes) -> None:
        opened = self._open[0].code if self._open else ""
        line = read_line(octets, opened, self._grammar)
        self._open.append(line)
        self._size += len(octets)
        if len(self._open) > self._bounds.lines or self._size > self._bounds.reply:
            raise Endless("a reply", self._size)
        if is_last(line, first=len(self._open) == 1):
            self._close()

    def _close(self) -> None:
        lines, self._open, self._size = self._open, [], 0
        self._replies.append(
            Reply(
                octets=b"".join(line.octets for line in lines),
                status=lines[-1].code,
                lines=tuple(decoded(self._grammar.text(line.text)) for line in lines),
                faults=faults_of(lines, self._grammar),
            )
        )


def code_matches(pattern: str, status: str) -> bool:
    """Whether a status is meant by "250", "25z" or "2yz"."""
    return len(pattern) == len(status) and all(
        sign in (digit, "y", "z") for sign, digit in zip(pattern, status, strict=True)
    )
