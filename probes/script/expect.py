"""Is this answer the one that was asked for? Pure functions over a reply, a silence or a departure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ...reports.records import escape
from ..ops import Trouble
from ..protocols.base import Dialect, Reply
from .content import decode
from .expand import expand_regex
from .types import Alternatives, Count, Expect

Answer: TypeAlias = Reply | Trouble
CLOSED = "closed"
_GONE = (
    Trouble.CLOSED,
    Trouble.CUT,
    Trouble.RESET,
)  # FIN and RST are both "closed": which one comes is chance
_SHOWN = 400  # characters of a reply that a message repeats


@dataclass(frozen=True, slots=True)
class Judgement:
    """met, or what was expected instead; `tolerated` when only `tolerate` admits the answer."""

    met: bool
    expected: str = ""
    tolerated: bool = False


def as_list(alternatives: Alternatives) -> list[str]:
    """Alternatives as a list of texts."""
    if isinstance(alternatives, list):
        return [str(one) for one in alternatives]
    return [str(alternatives)] if alternatives != "" else []


def admits(alternatives: Alternatives, answer: Answer, dialect: Dialect) -> bool:
    """Whether one of the alternatives means this answer."""
    if isinstance(answer, Reply) and answer.is_tls_alert:
        return CLOSED in as_list(alternatives)
    if isinstance(answer, Reply):
        return any(
            one != CLOSED and answer.status != "" and dialect.matches(one, answer.status)
            for one in as_list(alternatives)
        )
    return answer in _GONE and CLOSED in as_list(alternatives)


def judge(
    want: Expect, tolerate: Alternatives, answer: Answer, dialect: Dialect, variables: Mapping[str, str]
) -> Judgement:
    """Judge one answer."""
    expected = describe(want)
    if want.silence is not None:
        if answer is Trouble.SILENT or admits(want.or_, answer, dialect):
            return Judgement(True)
    elif missing := _missing(want, answer, dialect, variables):
        expected = missing
    else:
        return Judgement(True)
    if admits(tolerate, answer, dialect):
        return Judgement(True, expected, tolerated=True)
    return Judgement(False, expected)


def _missing(want: Expect, answer: Answer, dialect: Dialect, variables: Mapping[str, str]) -> str:
    """What the answer lacks, or "" when it has everything."""
    if admits(want.not_, answer, dialect):
        return f"any reply but {' or '.join(as_list(want.not_))}"
    if as_list(want.reply) and not admits(want.reply, answer, dialect):
        return describe(want)
    if not isinstance(answer, Reply):
        if want.alert and answer is not Trouble.CLOSED:
            return "a TLS close alert, then the end"
        return "" if admits(want.reply, answer, dialect) else describe(want)
    if not as_list(want.reply) and answer.status == "":
        return "a reply of the protocol"
    return _text_missing(want, answer, variables) or _parts_missing(want, answer, variables)


def _text_missing(want: Expect, reply: Reply, variables: Mapping[str, str]) -> str:
    if want.text and not found(want.text, reply.text, variables):
        return f"text that matches /{want.text}/"
    if want.each_line:
        pattern = re.compile(expand_regex(want.each_line, variables))
        for line in reply.lines:
            if not pattern.fullmatch(line):
                return f"every line to match /{want.each_line}/; this one does not: {line!r}"
    if want.lines is not None and (wrong := count_wrong(want.lines, len(reply.lines))):
        return f"{wrong} lines"
    if want.enhanced and not _enhanced(want.enhanced, reply.text):
        return f"enhanced status code {want.enhanced}"
    return ""


def _parts_missing(want: Expect, reply: Reply, variables: Mapping[str, str]) -> str:
    untagged = [decode(part) for part in reply.untagged]
    body = decode(reply.body or b"")
    if want.code:
        code = re.match(r"\[([^\]]*)\]", reply.text)
        if code is None or not found(want.code, code[1], variables):
            return f"response code [{want.code}]"
    if want.telnet is not None and sorted(map(bytes.fromhex, want.telnet)) != sorted(reply.telnet):
        came = " ".join(one.hex() for one in reply.telnet) or "none"
        return f"the Telnet commands {' '.join(want.telnet) or 'none'}; there came {came}"
    for pattern in want.untagged:
        if not any(found(pattern, part, variables) for part in untagged):
            return f"an untagged response that matches /{pattern}/"
    for pattern in [want.body] if isinstance(want.body, str) else want.body:
        if not found(pattern, body, variables):
            return f"a body in which /{pattern}/ is found"
    for pattern in want.never:
        if any(found(pattern, part, variables) for part in (reply.text, body, *untagged)):
            return f"nothing that matches /{pattern}/"
    return ""


def found(pattern: str, text: str, variables: Mapping[str, str]) -> re.Match[str] | None:
    """Search a pattern in which variables stand for themselves; `^` and `$` also match at line ends."""
    return re.search(expand_regex(pattern, variables), text, re.MULTILINE)


def count_wrong(want: int | Count, seen: int) -> str:
    """How the number was wanted, if `seen` is wrong; else ""."""
    if isinstance(want, int):
        want = Count(exactly=want)
    if want.exactly is not None and seen != want.exactly:
        return f"exactly {want.exactly}"
    if want.at_least is not None and seen < want.at_least:
        return f"at least {want.at_least}"
    if want.at_most is not None and seen > want.at_most:
        return f"at most {want.at_most}"
    return ""


def _enhanced(want: str, text: str) -> bool:
    pattern = re.escape(want).replace("y", r"\d{1,3}").replace("z", r"\d{1,3}")
    return re.match(rf"{pattern}(?:\s|$)", text) is not None


def describe(want: Expect) -> str:
    """The expectation in words."""
    if want.silence is not None:
        also = f" or {' or '.join(as_list(want.or_))}" if as_list(want.or_) else ""
        return f"silence for {want.silence}{also}"
    alternatives = as_list(want.reply)
    return " or ".join(alternatives) if alternatives else "a reply"


def show(answer: Answer, unread: bytes = b"") -> str:
    """The answer in words; `unread` are octets of a reply that never became complete."""
    if isinstance(answer, Reply):
        text = escape(answer.octets)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(answer.octets)} octets)"
    tail = f", after the incomplete reply {escape(unread[:_SHOWN])}" if unread else ""
    words = {
        Trouble.CLOSED: "the server closed the connection (FIN)",
        Trouble.CUT: "the server closed the connection (FIN) without a TLS close alert",
        Trouble.RESET: "the server reset the connection (RST)",
        Trouble.SILENT: "silence",
        Trouble.TLS: "a TLS alert or broken record",
    }
    return words.get(answer, answer.value) + tail
