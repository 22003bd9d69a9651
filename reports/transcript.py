"""A transcript as HTML table rows: direction, time, gaps, escapes, TLS, segments and the end.

Written by hand rather than by template, because a large report has hundreds of thousands of lines. All text
passes through `_shown`, which escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from .records import Event
from .text import cut, visible

_GAP = 0.5  # seconds of nothing that are worth a line of their own
_FIRST, _LAST = 300, 60  # events kept of a very long conversation
_ESCAPES = re.compile(r"\\(?:x[0-9a-f]{2}|r\\n|[\\rnt])")
_CLASSES = {"C": "c", "S": "s", "C data": "c d", "S data": "s d", "*": "n"}


def rows(events: Sequence[Event]) -> Markup:
    """Table rows, one or more for each event."""
    several = len({event.conn for event in events}) > 1
    out: list[str] = []
    last = 0.0
    for event in _kept(events):
        if isinstance(event, int):
            out.append(f"<tr class=n><td><td><td>{event:,} events left out")
            continue
        if event.at - last >= _GAP:
            out.append(f"<tr class=g><td><td><td>{event.at - last:.1f} s pass")
        last = event.at
        out.append(_row(event, several))
    return Markup("\n".join(out))  # noqa: S704 - every part is escaped above and below


def _kept(events: Sequence[Event]) -> Iterator[Event | int]:
    if len(events) <= _FIRST + _LAST:
        yield from events
        return
    yield from events[:_FIRST]
    yield len(events) - _FIRST - _LAST
    yield from events[-_LAST:]


def _row(event: Event, several: bool) -> str:
    kind = _CLASSES.get(event.who, "n")
    who = "" if event.who == "*" else str(escape(visible(event.who)))
    marks = "".join(_marks(event, several))
    text = _words(event.text) if event.who == "*" else octets(event.text)
    return f'<tr class="{kind}"><td>{event.at:.3f}<td>{who}<td>{marks}{text}'


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
