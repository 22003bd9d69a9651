"""Text for people: hostile characters made visible, long text cut, numbers with units."""

from __future__ import annotations

import re
from urllib.parse import quote

from markupsafe import Markup

# Control, bidirectional, zero-width and other characters that act on the text around them. Line feed and
# tab stay: scripts are made of them.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_DIGITS = re.compile(r"(\d+)")
_LONG = 2000
_TAIL = 200
_LONGEST = 5000


def visible(text: str) -> str:
    """The text with characters that could deceive, or that XML forbids, spelled as escapes."""
    return _ACTING.sub(_spelled, text) if _ACTING.search(text) else text


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str) -> str:
    """Text from outside on its way to a page: visible, and never so long that it drowns the rest."""
    return visible(text if len(text) <= _LONGEST else cut(text, _LONGEST - _TAIL))


def cut(text: str, limit: int = _LONG) -> str:
    """At most about `limit` characters: the head, what was left out, and the tail."""
    if len(text) <= limit + _TAIL:
        return text
    left_out = len(text) - limit
    return f"{text[: limit - _TAIL]} […{left_out:,} characters left out…] {text[-_TAIL:]}"


def anchor(name: str) -> Markup:
    """The fragment of an address that leads to the element with this id."""
    return Markup(quote(safe(name), safe="/"))  # noqa: S704 - quote leaves nothing that HTML knows


def one_line(text: str, limit: int = 200) -> str:
    """The text on one line of at most `limit` characters."""
    flat = " ".join(visible(text[: limit * 4]).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts section 4.1.2 before 4.1.10."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _DIGITS.split(text)]


def duration(seconds: float) -> str:
    """Seconds for people: `3 ms`, `1.24 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds == 0:
        return "0 s"
    if seconds < 0 or seconds >= 1e9:
        return f"{seconds:.3g} s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms" if seconds >= 1e-4 else f"{seconds * 1e6:.3g} µs"
    if seconds < 59.5:
        return f"{seconds:.3g} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def number(value: float) -> str:
    """A count or a rate: thousands apart, three digits where that is exact enough."""
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 case`, `2 cases`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
