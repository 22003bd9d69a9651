"""The JSON Schema of the language, for editors: suites/suite.schema.json.

python -m plumbline.probes.script.schema --write     after a change of types.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from .types import States, Suite

FILE = Path(__file__).parents[2] / "suites" / "suite.schema.json"


def schema() -> dict[str, Any]:
    """A schema that takes suite files and states files."""
    (suite, states), components = msgspec.json.schema_components(
        [Suite, States], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plumbline suite",
        "description": "A suite of cases, or the fixture states of a protocol (docs/reference/language.md).",
        "anyOf": [suite, states],
        "$defs": components,
    }


def text() -> str:
    """The schema as it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="sorted"), indent=1).decode() + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(text(), encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text():
        sys.exit("suites/suite.schema.json is not current: run this with --write")
