"""What a suite may get wrong although every key and type is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from difflib import get_close_matches

from ..protocols.base import Dialect
from ..protocols.registry import DIALECTS
from ..requirements import Requirement
from .cases import ReadyCase
from .expand import BUILTINS, FUNCTIONS, functions, names, octets, seconds
from .expect import CLOSED, as_list
from .source import Document, Path_, SourceError
from .types import Case, Connect, Content, Data, Delivered, Expect, Octets, Receive, Segments, Step

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\[[A-Za-z0-9.+_-]+\])?")
_ACTIONS = (
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
)
_OPENINGS = ("passive", "extended-passive", "active", "extended-active", "reply")
_SEGMENTS = ("octets", "lines", "cr-lf")

# Facts that a profile may give (docs/reference/profile.md); keys of the user's own are known where needed.
FACTS = frozenset(
    [
        "role",
        "domain",
        "recipient",
        "second_recipient",
        "unknown_recipient",
        "foreign_recipient",
        "mailing_list",
        "sender",
        "client",
        "user",
        "password",
        "second_user",
        "second_password",
        "directory",
        "writable",
        "delivered",
        "anonymous",
        "tls",
        "mailbox",
    ]
)
_PARTS = ("local", "domain")


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """A name that is not there, with the one that was probably meant."""
    choice = sorted(allowed)
    close = get_close_matches(name, choice, n=1, cutoff=0.5)
    if close:
        return f"unknown {what} {name!r}; did you mean {close[0]!r}?"
    shown = ", ".join(choice[:12]) + (" ..." if len(choice) > 12 else "")
    return f"unknown {what} {name!r} (known: {shown})"


def own_requirement(case: Case) -> Requirement:
    """A requirement of the author's own, X-something: a SHOULD in the words of the case's title."""
    return Requirement(
        id=case.requirement,
        rfc=0,
        title="requirements of your own",
        section="",
        level="SHOULD",
        basis="derived",
        protocols=(),
        statement=case.title,
        how="wire",
    )


def check(
    case: ReadyCase, document: Document, path: Path_, requirements: Collection[str]
) -> Iterator[SourceError]:
    """All faults of one case, each with its place."""
    del requirements
    for inner, message in _case_faults(case):
        yield document.error((*path, *inner), message)


def _case_faults(case: ReadyCase) -> Iterator[tuple[Path_, str]]:
    spec = case.spec
    if not _ID.fullmatch(spec.id):
        yield ("id",), f"{spec.id!r} is no id: small letters and digits in words joined by hyphens"
    if bool(spec.script) == bool(spec.passive):
        yield (), "a case has either a script or passive rules"
    dialect = DIALECTS[case.protocol]
    for at, rule in enumerate(spec.passive):
        if rule not in dialect.rules:
            yield ("passive", at), unknown("rule", rule, dialect.rules)
    if spec.script and not any(judges(step) for step in spec.script):
        yield ("script",), "no step expects anything: this case cannot fail"
    yield from _script_faults(case, dialect)


def judges(step: Step) -> bool:
    """Whether a step can make its case fail, or records something."""
    if step.observe:
        return True
    if step.given:
        return False
    receives = isinstance(step.data, Data) and (step.data.receive is not None or step.data.refused)
    return step.S is not None or step.delivered is not None or step.tls is not None or receives


def _script_faults(case: ReadyCase, dialect: Dialect) -> Iterator[tuple[Path_, str]]:
    scope = _Scope(case, dialect)
    for key, steps in (("script", case.spec.script), ("cleanup", case.spec.cleanup)):
        for at, step in enumerate(steps):
            for inner, message in scope.faults(step):
                yield (key, at, *inner), message


class _Scope:
    """What is known at a step: connections opened, variables set."""

    def __init__(self, case: ReadyCase, dialect: Dialect) -> None:
        self.dialects: dict[str, Dialect] = {"main": dialect}
        self.variables = set(BUILTINS | FACTS | case.needs) | {"tag"}
        for placed in case.state.steps:
            self._saves(placed.step)
            list(self._connections(placed.step))

    def faults(self, step: Step) -> Iterator[tuple[Path_, str]]:
        yield from self._connections(step)
        dialect = self.dialects.get(step.on or "main")
        if dialect is None:
            yield ("on",), unknown("connection", step.on, self.dialects)
            return
        yield from _shape_faults(step, dialect)
        yield from _pattern_faults(step, dialect)
        yield from self._variable_faults(step)
        yield from _value_faults(step)
        self._saves(step)

    def _connections(self, step: Step) -> Iterator[tuple[Path_, str]]:
        if step.connect is None:
            return
        connect = Connect(name=step.connect) if isinstance(step.connect, str) else step.connect
        protocol = connect.protocol or self.dialects["main"].name
        if protocol not in DIALECTS:
            yield ("connect", "protocol"), unknown("protocol", protocol, DIALECTS)
            return
        self.dialects[connect.name] = DIALECTS[protocol]

    def _saves(self, step: Step) -> None:
        for pattern in (step.save,):
            self.variables |= set(re.findall(r"\(\?P<([a-z_][a-z0-9_]*)>", pattern))
        if isinstance(step.data, Data) and step.data.receive is not None and step.data.receive.save:
            self.variables.add(step.data.receive.save)

    def _variable_faults(self, step: Step) -> Iterator[tuple[Path_, str]]:
        for path, text in texts(step):
            for name in sorted(names(text)):
                base, _, part = name.partition(".")
                if name not in self.variables and not (base in self.variables and part in _PARTS):
                    yield path, unknown("variable", name, self.variables)
            for name in sorted(functions(text) - FUNCTIONS):
                yield path, unknown("function", name, FUNCTIONS)


def texts(step: Step) -> Iterator[tuple[Path_, str]]:
    """Every text of a step in which variables are replaced."""
    for at, line in enumerate(step.C if isinstance(step.C, list) else [step.C or ""]):
        yield ("C", at) if isinstance(step.C, list) else ("C",), line
    for piece in step.raw if isinstance(step.raw, list) else [step.raw]:
        yield ("raw",), piece.repeat or "" if isinstance(piece, Octets) else piece or ""
    for key, content in (("message", step.message), ("literal", step.literal)):
        yield from (((key,), text) for text in _content_texts(content))
    if isinstance(step.data, Data):
        yield from ((("data",), text) for text in _data_texts(step.data))
    yield from patterns(step)
    if step.delivered is not None:
        yield ("delivered",), step.delivered.marker
        yield from ((("delivered",), text) for text in _content_texts(step.delivered.contains))


def _content_texts(content: str | Content | None) -> list[str]:
    if isinstance(content, Content):
        return [content.text or "", content.header]
    return [content or ""]


def _data_texts(data: Data) -> list[str]:
    received = _content_texts(data.receive.equals) if data.receive is not None else []
    return [*_content_texts(data.send), *received]


def patterns(step: Step) -> Iterator[tuple[Path_, str]]:
    """Every regular expression of a step."""
    found: list[tuple[Path_, str | list[str]]] = [(("save",), step.save)]
    if isinstance(step.S, Expect):
        for key in ("text", "each_line", "code", "untagged", "body", "never"):
            found.append((("S", key), getattr(step.S, key)))
    if isinstance(step.data, Data) and isinstance(step.data.receive, Receive):
        for key in ("text", "each_line", "never"):
            found.append((("data", "receive", key), getattr(step.data.receive, key)))
    if isinstance(step.delivered, Delivered):
        for key in ("text", "never"):
            found.append((("delivered", key), getattr(step.delivered, key)))
    for path, value in found:
        for pattern in [value] if isinstance(value, str) else value:
            if pattern:
                yield path, pattern


def _shape_faults(step: Step, dialect: Dialect) -> Iterator[tuple[Path_, str]]:
    done = [name for name in _ACTIONS if getattr(step, name) not in (None, False)]
    if len(done) > 1:
        yield (done[1],), f"one step does one thing: {done[0]} or {done[1]}, in steps of their own"
    if not done and step.S is None and not step.observe:
        yield (), "this step does nothing and expects nothing"
    if step.tolerate and step.S is None:
        yield ("tolerate",), "tolerate needs an S beside it"
    if step.save and step.S is None and not step.observe:
        yield ("save",), "save needs an S (or observe) beside it: it looks into the answer"
    if step.literal is not None and (dialect.name != "imap" or not isinstance(step.C, str)):
        yield ("literal",), "a literal goes with C on an IMAP connection"
    if step.data is not None and dialect.name != "ftp":
        yield ("data",), "only FTP has data connections"
    if isinstance(step.data, str) and step.data not in _OPENINGS:
        yield ("data",), unknown("data connection", step.data, _OPENINGS)
    if isinstance(step.data, Data) and step.data.open and step.data.open not in _OPENINGS:
        yield ("data", "open"), unknown("data connection", step.data.open, _OPENINGS)


def _pattern_faults(step: Step, dialect: Dialect) -> Iterator[tuple[Path_, str]]:
    alternatives: list[tuple[Path_, list[str]]] = [
        (("tolerate",), as_list(step.tolerate)),
        (("when",), as_list(step.when)),
    ]
    if isinstance(step.S, Expect):
        alternatives += [(("S", "reply"), as_list(step.S.reply)), (("S", "or"), as_list(step.S.or_))]
    elif step.S is not None:
        alternatives.append((("S",), as_list(step.S)))
    for path, values in alternatives:
        for value in values:
            if value != CLOSED and not dialect.is_pattern(value):
                yield path, f"{value!r} is no reply of {dialect.name} (nor is it closed)"
    for path, pattern in patterns(step):
        try:
            re.compile(re.sub(r"\{[a-z_][a-z0-9_. ]*\}", "x", pattern))
        except re.error as error:
            yield path, f"not a regular expression: {error}"
    if step.save and "(?P<" not in step.save:
        yield ("save",), "save needs a named group, (?P<name>...)"


def _value_faults(step: Step) -> Iterator[tuple[Path_, str]]:
    for path, value, parse in _values(step):
        try:
            parse(value)
        except ValueError as error:
            yield path, str(error)
    contents: list[tuple[Path_, object]] = [(("message",), step.message), (("literal",), step.literal)]
    if isinstance(step.data, Data):
        contents.append((("data", "send"), step.data.send))
        contents.append((("data", "receive", "equals"), step.data.receive and step.data.receive.equals))
    for path, content in contents:
        if isinstance(content, Content):
            given = [content.text is not None, content.hex is not None, content.size is not None]
            if sum(given) != 1:
                yield path, "content is given by exactly one of text, hex, size"
    if isinstance(step.segments, str) and step.segments not in _SEGMENTS:
        yield ("segments",), unknown("way to cut", step.segments, _SEGMENTS)


def _values(step: Step) -> Iterator[tuple[Path_, object, Callable[[object], object]]]:
    yield from ((path, value, _duration) for path, value in _durations(step) if value is not None)
    for key, content in (("message", step.message), ("literal", step.literal)):
        if isinstance(content, Content) and content.size is not None:
            yield (key, "size"), content.size, lambda value: octets(str(value))
        if isinstance(content, Content) and content.hex is not None:
            yield (key, "hex"), content.hex, _hexadecimal
    for piece in step.raw if isinstance(step.raw, list) else [step.raw]:
        if isinstance(piece, Octets) and piece.hex is not None:
            yield ("raw",), piece.hex, _hexadecimal


def _durations(step: Step) -> Iterator[tuple[Path_, object]]:
    yield ("wait",), step.wait
    if isinstance(step.S, Expect):
        yield ("S", "silence"), step.S.silence
        yield ("S", "within"), step.S.within
    if step.delivered is not None:
        yield ("delivered", "within"), step.delivered.within
    if isinstance(step.segments, Segments):
        yield ("segments", "pause"), step.segments.pause


def _duration(value: object) -> float:
    return seconds(str(value))


def _hexadecimal(value: object) -> bytes:
    try:
        return bytes.fromhex(str(value))
    except ValueError:
        raise ValueError(f"not hexadecimal: {value!r}") from None
