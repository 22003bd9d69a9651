"""What a single step may get wrong although every key and type is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..protocols.base import Dialect
from ..protocols.nexthop import AT_DATA, AT_RCPT, KEYWORDS
from .expand import UnknownVariable, expand, octets, seconds
from .expect import CLOSED
from .sasl import BadChallenge
from .shape import Fault, meant, unknown
from .source import Path_
from .templates import contents, patterns, raw_pieces
from .types import Alternatives, Content, Count, Data, Expect, Octets, Segments, Step, Tls

ACTIONS = (
    "C",
    "raw",
    "message",
    "data",
    "connect",
    "tls",
    "close",
    "shutdown",
    "reset",
    "wait",
    "delivered",
    "relayed",
)
MAIL = ("smtp", "submission", "lmtp")
OPENINGS = ("passive", "extended-passive", "active", "extended-active", "reply", "listen", "default")
_DATA_ACTIONS = (
    "open",
    "receive",
    "send",
    "close",
    "reset",
    "refused",
    "tls",
    "peer",
    "silence",
    "closed",
    "unconnected",
)
# Keys of `data` that say how, each with those beside which they mean something.
_DATA_MANNERS: Mapping[str, tuple[str, ...]] = {
    "from_": ("open", "refused"),
    "at": ("open",),
    "raw": ("receive", "send"),
    "keep": ("receive", "send"),
    "mark": ("send",),
    "may_fail": ("send",),
    "cut": ("send",),
}
SEGMENTS = ("octets", "lines", "cr-lf", "whole")
KINDS = ("text", "binary")
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.2+")
# Keys of `S` that mean something in some protocols only.
_OWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "code": ("imap", "pop3"),
    "untagged": ("imap",),
    "tag": ("imap",),
    "body": ("pop3",),
    "multiline": ("pop3",),
    "enhanced": MAIL,
    "telnet": ("ftp",),
}
_ENHANCED = re.compile(r"[245y]\.(?:\d{1,3}|y)\.(?:\d{1,3}|z)")
_MOST_OCTETS = 67_108_864  # of one step
_MOST_TIMES = 1000


def actions(step: Step) -> list[str]:
    """What the client does in a step."""
    return [name for name in ACTIONS if getattr(step, name) not in (None, False)]


def judges(step: Step) -> bool:
    """Whether a step can make its case fail, or records something."""
    if step.observe:
        return True
    if step.given:
        return False
    opened = step.data == "reply" or (isinstance(step.data, Data) and step.data.open == "reply")
    received = isinstance(step.data, Data) and any(
        getattr(step.data, key) not in (None, False)
        for key in ("receive", "refused", "tls", "peer", "silence", "closed", "unconnected")
    )
    shakes = bool(step.tls) and not (isinstance(step.tls, Tls) and step.tls.may_fail)
    looks = step.delivered is not None or step.relayed is not None
    return step.S is not None or looks or shakes or step.literal is not None or opened or received


def faults(step: Step, dialect: Dialect) -> Iterator[Fault]:
    """Everything wrong with a step on a connection of that protocol."""
    yield from _action_faults(step)
    yield from _times_faults(step)
    yield from _tls_faults(step)
    yield from _protocol_faults(step, dialect)
    yield from _alternative_faults(step, dialect)
    yield from _answer_faults(step)
    yield from _pattern_faults(step)
    yield from _octet_faults(step)
    yield from _data_faults(step)
    yield from _relayed_faults(step)
    yield from _number_faults(step)


def _action_faults(step: Step) -> Iterator[Fault]:
    done = actions(step)
    if len(done) > 1:
        yield Fault(
            (done[1],), f"one step does one thing: {done[0]} or {done[1]}, in steps of their own", True
        )
    if not done and step.S is None and not step.observe:
        yield Fault((), "this step does nothing and expects nothing")
    if step.offered != step.offered.upper():
        yield Fault(("offered",), f"{step.offered!r}: capabilities are written in capitals")
    if step.C == [] or step.raw == []:
        yield Fault((done[0],), "an empty list sends nothing")
    if not {"C", "raw", "message"} & set(done):
        for key in ("secret", "urgent", "segments"):
            if getattr(step, key):
                yield Fault((key,), f"{key} needs C, raw or message beside it", True)
    for at, line in enumerate(step.C if isinstance(step.C, list) else [step.C or ""]):
        if "\r" in line or "\n" in line:
            path: Path_ = ("C", at) if isinstance(step.C, list) else ("C",)
            yield Fault(
                path, "a command is one line and gets its CRLF: several go in a list, other octets in raw"
            )


def _tls_faults(step: Step) -> Iterator[Fault]:
    if not isinstance(step.tls, Tls):
        return
    if step.tls.fails and step.tls.may_fail:
        yield Fault(("tls", "may_fail"), "fails and may_fail exclude each other", True)
    if step.tls.ends and step.tls != Tls(ends=True):
        yield Fault(
            ("tls", "ends"), "ends stands alone: there is no handshake that could be another one", True
        )
    if step.tls.version and step.tls.version not in VERSIONS:
        yield Fault(("tls", "version"), unknown("version of TLS", step.tls.version, VERSIONS))


def _times_faults(step: Step) -> Iterator[Fault]:
    if not 1 <= step.times <= _MOST_TIMES:
        yield Fault(("times",), f"a step is played 1 to {_MOST_TIMES} times")
    if step.times > 1 and (step.connect is not None or step.literal is not None):
        yield Fault(("times",), "a step with connect or literal is played once", True)


def _protocol_faults(step: Step, dialect: Dialect) -> Iterator[Fault]:
    name = dialect.name
    if step.literal is not None and (name != "imap" or not isinstance(step.C, str)):
        yield Fault(("literal",), "a literal goes with C, on an IMAP connection", True)
    if step.data is not None and name != "ftp":
        yield Fault(("data",), f"only FTP has data connections; this connection speaks {name}", True)
    if step.message is not None and name not in MAIL:
        yield Fault(("message",), f"a message is sent by SMTP, submission and LMTP, not by {name}", True)
    if isinstance(step.S, Expect):
        for key, protocols in _OWN_KEYS.items():
            if getattr(step.S, key) not in (None, "", []) and name not in protocols:
                yield Fault(("S", key), f"{key} is for {', '.join(protocols)}, not for {name}", True)


def _alternative_faults(step: Step, dialect: Dialect) -> Iterator[Fault]:
    listed: list[tuple[Path_, Alternatives | None]] = [
        (("tolerate",), step.tolerate),
        (("skip",), step.skip),
        (("when",), step.when),
    ]
    if isinstance(step.S, Expect):
        listed += [(("S", "reply"), step.S.reply), (("S", "or"), step.S.or_), (("S", "not"), step.S.not_)]
    else:
        listed.append((("S",), step.S))
        if step.S == []:
            yield Fault(("S",), "an empty list accepts nothing; any reply is S: {}")
    for path, value in listed:
        single = not isinstance(value, list)
        for at, one in enumerate([value] if not isinstance(value, list) else value):
            if one is None or (one == CLOSED and path != ("when",)):
                continue
            if not dialect.is_pattern(str(one)):
                yield Fault(path if single else (*path, at), _no_reply(str(one), dialect, path))


def _no_reply(value: str, dialect: Dialect, path: Path_) -> str:
    if value == CLOSED:
        return "when looks at the last reply, and closed is none"
    words = ("+OK", "-ERR", "OK", "NO", "BAD", "BYE", "PREAUTH", "+", "*")
    known = [word for word in words if dialect.is_pattern(word)]
    close = meant(value, [*known, CLOSED]) or re.sub(r"[xX]{2}$", "yz", value) if value else ""
    hint = (
        f"; did you mean {close!r}?" if close != value and (close == CLOSED or _fits(close, dialect)) else ""
    )
    allowed = ", ".join(known) if known else "a code (250), a class (2yz)"
    return f"{value!r} is no reply of {dialect.name}{hint} ({path[-1]} takes {allowed} or closed)"


def _fits(value: str, dialect: Dialect) -> bool:
    return value != "" and dialect.is_pattern(value)


def _answer_faults(step: Step) -> Iterator[Fault]:
    if step.tolerate and step.S is None:
        yield Fault(("tolerate",), "tolerate needs an S beside it", True)
    receives = isinstance(step.data, Data) and step.data.receive is not None
    if step.save and step.S is None and not receives:
        yield Fault(("save",), "save needs an S beside it, or data: {receive: ...}", True)
    want = step.S
    if not isinstance(want, Expect):
        return
    if want.silence is None and want.or_ not in ([], ""):
        yield Fault(("S", "or"), "or goes with silence; alternatives are a list, reply: [250, 251]", True)
    if want.silence is not None:
        given = [
            key for key in ("reply", "text", "each_line", "lines") if getattr(want, key) not in ([], "", None)
        ]
        if given:
            yield Fault(
                ("S", given[0]),
                f"silence and {given[0]} exclude each other; answers that are as good go in or",
                True,
            )
    if want.enhanced and not _ENHANCED.fullmatch(want.enhanced):
        message = f"{want.enhanced!r} is no enhanced status code such as 5.1.1 or 5.y.z"
        yield Fault(("S", "enhanced"), message)
    for command in want.telnet or []:
        yield from _tried(("S", "telnet"), command, _hexadecimal)


class _Anything(dict[str, str]):
    """Every variable is set, to something that fits into a regular expression."""

    def __missing__(self, name: str) -> str:
        return "x"


ANYTHING = _Anything()


def _pattern_faults(step: Step) -> Iterator[Fault]:
    for path, pattern in patterns(step):
        try:
            compiled = re.compile(expand(pattern, ANYTHING))
        except re.error as error:
            yield Fault(path, f"not a regular expression: {error}")
        except (UnknownVariable, ValueError, OverflowError, BadChallenge):
            continue  # told where variables are checked
        else:
            if path == ("save",) and not compiled.groupindex:
                yield Fault(path, "save needs a named group: (?P<name>...) becomes {name}")


def _octet_faults(step: Step) -> Iterator[Fault]:
    for path, content in contents(step):
        if isinstance(content, Content):
            yield from _content_faults(path, content)
    for path, piece in raw_pieces(step):
        if isinstance(piece, Octets):
            yield from _piece_faults(path, piece)
    if isinstance(step.segments, str) and step.segments not in SEGMENTS:
        yield Fault(("segments",), unknown("way to cut", step.segments, SEGMENTS))
    if isinstance(step.segments, Segments):
        yield from _segment_faults(step.segments)


def _content_faults(path: Path_, content: Content) -> Iterator[Fault]:
    given = [key for key in ("text", "hex", "size") if getattr(content, key) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        yield Fault(path, f"content is given by exactly one of text, hex, size; found {found}")
    if content.kind not in KINDS:
        yield Fault((*path, "kind"), unknown("kind", content.kind, KINDS))
    if content.raw and path != ("message",):
        yield Fault((*path, "raw"), "raw is for a message: dots are stuffed nowhere else", True)
    if content.header and content.size is None:
        yield Fault((*path, "header"), "header goes before generated content (size)", True)
    if content.hex is not None:
        yield from _tried((*path, "hex"), content.hex, _hexadecimal)
    if content.size is not None:
        yield from _tried((*path, "size"), content.size, _size)
    yield from _tried((*path, "drop"), content.drop, octets)


def _piece_faults(path: Path_, piece: Octets) -> Iterator[Fault]:
    given = [key for key in ("hex", "repeat", "chunk") if getattr(piece, key) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        yield Fault(path, f"a piece is exactly one of hex, repeat (with times), chunk; found {found}")
    if piece.chunk is None and piece.last:
        yield Fault((*path, "last"), "last goes with chunk", True)
    if piece.chunk is not None and piece.times != 1:
        yield Fault((*path, "times"), "a chunk stands once: write it as often as it is sent", True)
    if piece.hex is not None:
        yield from _tried((*path, "hex"), piece.hex, _hexadecimal)
    if piece.times < 1 or piece.times * max(len(piece.repeat or piece.hex or ""), 1) > _MOST_OCTETS:
        yield Fault((*path, "times"), f"times is 1 or more, and at most {_MOST_OCTETS} octets in all")


def _segment_faults(segments: Segments) -> Iterator[Fault]:
    if (segments.every is None) == (not segments.at):
        yield Fault(("segments",), "segments are cut either every so many octets or at places")
    if segments.every is not None and segments.every < 1:
        yield Fault(("segments", "every"), "a segment has at least 1 octet")
    if any(place < 1 for place in segments.at):
        yield Fault(("segments", "at"), "a cut is before an octet, counted from 0: 1 or more")


def _data_faults(step: Step) -> Iterator[Fault]:
    if isinstance(step.data, str) and step.data not in OPENINGS:
        yield Fault(("data",), unknown("data connection", step.data, OPENINGS))
    if not isinstance(step.data, Data):
        return
    given = [key for key in _DATA_ACTIONS if _given(step.data, key)]
    if len(given) != 1:
        wanted, found = ", ".join(_DATA_ACTIONS), " and ".join(given) or "none of them"
        yield Fault(("data",), f"data takes exactly one of {wanted}; found {found}")
    if step.data.open and step.data.open not in OPENINGS:
        yield Fault(("data", "open"), unknown("data connection", step.data.open, OPENINGS))
    for key, beside in _DATA_MANNERS.items():
        if _given(step.data, key) and not set(beside) & set(given):
            name = key.rstrip("_")
            yield Fault(("data", name), f"{name} goes with {' or '.join(beside)}", True)


def _given(data: Data, key: str) -> bool:
    return getattr(data, key) not in ((None, False) if key == "send" else (None, False, ""))


def _relayed_faults(step: Step) -> Iterator[Fault]:
    if step.relayed is None:
        return
    if step.relayed.hop and step.relayed.hop not in KEYWORDS:
        yield Fault(("relayed", "hop"), unknown("next hop", step.relayed.hop, KEYWORDS))
    answers = (250, *map(int, (*AT_RCPT, *AT_DATA)))
    if step.relayed.answered not in answers:
        listed = ", ".join(map(str, answers))
        yield Fault(("relayed", "answered"), f"a next hop answers one of {listed}")
    for key in ("text", "never", "ends_with"):
        if step.relayed.answered in map(int, AT_RCPT) and getattr(step.relayed, key):
            yield Fault(("relayed", key), "what is refused at RCPT has no content", True)


def _number_faults(step: Step) -> Iterator[Fault]:
    for path, value in _durations(step):
        if value is not None:
            yield from _tried(path, value, seconds)
    if isinstance(step.data, Data):
        yield from _tried(("data", "mark"), 1 if step.data.mark is None else step.data.mark, _some)
        if step.data.receive is not None:
            first = step.data.receive.first
            yield from _tried(("data", "receive", "first"), 1 if first is None else first, _some)
    for path, count in _counts(step):
        if isinstance(count, Count):
            yield from _count_faults(path, count)
        elif count is not None and count < 0:
            yield Fault(path, f"{count} is no count")


def _durations(step: Step) -> Iterator[tuple[Path_, Any]]:
    yield ("wait",), step.wait
    if isinstance(step.S, Expect):
        yield ("S", "silence"), step.S.silence
        yield ("S", "within"), step.S.within
    if step.delivered is not None:
        yield ("delivered", "within"), step.delivered.within
    if step.relayed is not None:
        yield ("relayed", "within"), step.relayed.within
    if isinstance(step.segments, Segments):
        yield ("segments", "pause"), step.segments.pause
    if isinstance(step.data, Data):
        yield ("data", "silence"), step.data.silence
        yield ("data", "closed"), step.data.closed
        yield ("data", "unconnected"), step.data.unconnected


def _counts(step: Step) -> Iterator[tuple[Path_, int | Count | None]]:
    if isinstance(step.S, Expect):
        yield ("S", "lines"), step.S.lines
    if isinstance(step.data, Data) and step.data.receive is not None:
        yield ("data", "receive", "size"), step.data.receive.size
        yield ("data", "receive", "records"), step.data.receive.records
    if step.delivered is not None:
        yield ("delivered", "count"), step.delivered.count
    if step.relayed is not None:
        yield ("relayed", "count"), step.relayed.count


def _count_faults(path: Path_, count: Count) -> Iterator[Fault]:
    low, high = count.at_least, count.at_most
    if (count.exactly is None) == (low is None and high is None):
        yield Fault(path, "a count says either exactly, or at_least and at_most (or one of them)")
    elif low is not None and high is not None and low > high:
        yield Fault(path, f"at least {low} and at most {high} is impossible")
    elif any(limit is not None and limit < 0 for limit in (count.exactly, low, high)):
        yield Fault(path, "a count is 0 or more")


def _tried(path: Path_, value: Any, parse: Callable[[Any], object]) -> Iterator[Fault]:
    try:
        parse(value)
    except ValueError as error:
        yield Fault(path, str(error))


def _size(value: int | str) -> int:
    size = octets(value)
    if size > _MOST_OCTETS:
        raise ValueError(f"{value} is more than {_MOST_OCTETS} octets")
    return size


def _some(value: int | str) -> int:
    if not (size := _size(value)):
        raise ValueError(f"{value}: at least one octet")
    return size


def _hexadecimal(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ValueError(f"not hexadecimal: {value[:60]!r}") from None
