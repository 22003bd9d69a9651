"""Result records to one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .model import SIGNS, WORDS, Overview, lines_of, load, shown_as

_TEMPLATES = Path(__file__).parent / "templates"
# Controls that turn text around would let a server forge what its line seems to say (CVE-2021-42574).
_HARMLESS = {
    code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["harmless"] = harmless
    environment.globals.update(signs=SIGNS, words=WORDS, shown_as=shown_as, lines_of=lines_of)
    return environment


def harmless(text: str) -> str:
    """Text from outside with invisible and turning characters made visible."""
    clean = text.translate(_HARMLESS)
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in clean)


def render(overview: Overview) -> str:
    """The page."""
    return _environment().get_template("page.html").render(overview=overview)


def write(inputs: Sequence[Path], output: Path) -> None:
    """Make one page of one or many results files. Raises DamagedResults, OSError."""
    text = render(load(inputs))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8", errors="backslashreplace")
