"""The JSON Schema of the language, for editors: suites/suite.schema.json.

python -m plumbline.probes.script.schema --write     after a change of types.py
python -m plumbline.probes.script.schema --check     exit code 1 if the file is not current

What the fields mean stands in types.py as comments; from there it becomes the descriptions that editors show.
"""

from __future__ import annotations

import argparse
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from . import types
from .stepchecks import KINDS, OPENINGS
from .types import States, Suite

FILE = Path(__file__).parents[2] / "suites" / "suite.schema.json"
_CLASS = re.compile(r"class (\w+)\(")
_FIELD = re.compile(r"    (\w+): ")
# What a row of a matrix can put in, where text is not allowed anyway.
_VARIABLE = {
    "type": "string",
    "pattern": r"^\{[a-z_][a-z0-9_]*\}$",
    "description": "A variable of the matrix.",
}
_NOT_IN_A_TEMPLATE = ("Suite", "State", "States")
_PROTOCOLS = ["smtp", "submission", "lmtp", "ftp", "pop3", "imap"]
_PATTERNS: dict[tuple[str, str], dict[str, Any]] = {
    ("Case", "id"): {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
    ("Case", "requirement"): {"pattern": r"^((RFC[0-9]+|X)-|\{)"},
    ("Suite", "protocol"): {
        "anyOf": [
            {"type": "string", "enum": _PROTOCOLS},
            {"type": "array", "items": {"enum": _PROTOCOLS}, "minItems": 1, "uniqueItems": True},
        ]
    },
    ("Suite", "cases"): {"minItems": 1},
    ("Content", "kind"): {"enum": list(KINDS)},
    ("Data", "open"): {"enum": list(OPENINGS)},
}


def schema() -> dict[str, Any]:
    """A schema that takes suite files and states files."""
    _, definitions = msgspec.json.schema_components([Suite, States], ref_template="#/$defs/{name}")
    comments = dict(_comments())
    for name, definition in definitions.items():
        definition["description"] = inspect.cleandoc(str(definition.get("description", "")))
        definition["properties"] = {
            key: _property(name, key, value, comments.get((name, key), ""))
            for key, value in definition["properties"].items()
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plumbline suite",
        "description": "A suite of cases, or the fixture states of a protocol (docs/reference/language.md).",
        "if": {"required": ["states"]},
        "then": {"$ref": "#/$defs/States"},
        "else": {"$ref": "#/$defs/Suite"},
        "$defs": definitions,
    }


def _property(struct: str, key: str, value: dict[str, Any], comment: str) -> dict[str, Any]:
    default = {"default": value.pop("default")} if "default" in value else {}
    if default.get("default", 0) in (None, "", [], {}):
        default = {}  # says nothing to a reader
    value |= _PATTERNS.get((struct, key), {})
    if struct not in _NOT_IN_A_TEMPLATE and not _takes_text(value):
        value = {"anyOf": [*value.get("anyOf", [value]), _VARIABLE]}
    return {"title": key, "description": comment[:1].upper() + comment[1:], **value, **default}


def _takes_text(value: dict[str, Any]) -> bool:
    return any(one.get("type") == "string" and "enum" not in one for one in value.get("anyOf", [value]))


def _comments() -> Iterator[tuple[tuple[str, str], str]]:
    """(class, field) and the comment behind the field. `or_` is `or` in YAML."""
    source = inspect.getsource(types)
    struct = field = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if match := _CLASS.match(token.line):
            struct = match[1]
        elif match := _FIELD.match(token.line):
            field = match[1].rstrip("_")
            if token.type == tokenize.COMMENT:
                yield (struct, field), token.string.lstrip("# ")


def text() -> str:
    """The schema as it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=1).decode() + "\n"


def main(argv: Sequence[str]) -> int:
    """Write the file, or tell whether it is current."""
    parser = argparse.ArgumentParser(prog="python -m plumbline.probes.script.schema")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    how.add_argument("--check", action="store_true", help="exit code 1 if the file is not current")
    if parser.parse_args(argv).write:
        FILE.write_text(text(), encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != text():
        print("suites/suite.schema.json is not current: run this with --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
