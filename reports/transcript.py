"""A transcript as HTML table rows: direction, time, gaps, escapes, TLS, segments and the end.

Written by hand rather than by template, because a large report has hundreds of thousands of lines. All text
passes through `_shown`, which escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from markupsafe import Markup, escape

from .records import Event
from .text import cut, visible

_GAP = 0.5  # seconds of nothing that are worth attention
_FIRST, _LAST = 300, 60  # events kept of a very long conversation
_ESCAPES = re.compile(r"\\(?:x[0-9a-f]{2}|r\\n|[\\rnt])")
_PLAIN = {"C": "C", "S": "S", "C data": "C data", "S data": "S data", "*": ""}
_CLASSES = {"C": "c", "S": "s", "C data": "c d", "S data": "s d", "*": "n"}


def rows(events: Sequence[Event]) -> Markup:
    """Table rows, one or more for each event."""
    several = len({event.conn for event in events}) > 1
    out: list[str] = []
    last = 0.0
    for event, times in _kept(events):
        if event is None:
            out.append(f"<tr class=n><td><td><td><td>{times:,} events left out")
            continue
        out.append(_row(event, event.at - last, times, several))
        last = event.at
    return Markup("\n".join(out))  # noqa: S704 - every part is escaped above and below


def _kept(events: Sequence[Event]) -> Iterator[tuple[Event | None, int]]:
    """Events with how often they follow themselves; without event: how many were left out."""
    merged = [_times(group) for _, group in groupby(events, key=_alike)]
    if len(merged) <= _FIRST + _LAST:
        yield from merged
        return
    yield from merged[:_FIRST]
    yield None, len(merged) - _FIRST - _LAST
    yield from merged[-_LAST:]


def _alike(event: Event) -> object:
    """Only what is no octets may be told once for several times."""
    return (event.text, event.conn) if event.who == "*" else id(event)


def _times(group: Iterable[Event]) -> tuple[Event, int]:
    found = list(group)
    return found[-1], len(found)


def _row(event: Event, gap: float, times: int, several: bool) -> str:
    kind = _CLASSES.get(event.who, "n")
    who = _PLAIN[event.who] if event.who in _PLAIN else str(escape(visible(event.who)))
    marked = several or event.tls or event.secret or event.size
    marks = "".join(_marks(event, several)) if marked else ""
    text = _words(event.text) if event.who == "*" else octets(event.text)
    often = f", {times:,} times" if times > 1 else ""
    long = " class=g" if gap >= _GAP else ""
    return f'<tr class="{kind}"><td>{event.at:.3f}<td{long}>{_since(gap)}<td>{who}<td>{marks}{text}{often}'


def _since(gap: float) -> str:
    """The time since the line above."""
    if gap < 0.00005:
        return ""
    return (
        f"+{gap:.1f} s" if gap >= 1 else f"+{gap * 1000:.0f} ms" if gap >= 0.01 else f"+{gap * 1000:.1f} ms"
    )


def _marks(event: Event, several: bool) -> Iterator[str]:
    if several:
        yield f"<b>{escape(visible(event.conn))}</b> "
    if event.tls:
        yield "<b>TLS</b> "
    if event.secret:
        yield "<b>secret</b> "
    if event.size:
        yield f"<b>{event.size:,} octets</b> "


def _words(text: str) -> str:
    return str(escape(visible(cut(text))))


def octets(text: str) -> str:
    """Escaped octets as HTML: a line for each CR LF, escapes dimmed."""
    escaped = str(escape(visible(cut(text))))
    if "\\" not in escaped:
        return escaped
    return _ESCAPES.sub(r"<i>\g<0></i>", escaped).replace("<i>\\r\\n</i>", "<i>\\r\\n</i>\n").rstrip("\n")
