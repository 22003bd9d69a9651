"""Every example of the reference loads, and every key of the language has one."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect
from plumbline.probes.script import types
from plumbline.probes.script.expand import BUILTINS, FUNCTIONS
from plumbline.probes.script.loader import Library
from plumbline.probes.script.source import SuiteErrors, parse
from plumbline.probes.script.states import read_states
from plumbline.probes.script.types import Node, States, Suite

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "reference" / "language.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "write-a-suite.md").read_text(encoding="utf-8")


def examples(text: str) -> list[tuple[int, str]]:
    """Line and content of every fenced YAML example."""
    return [
        (text[: match.start()].count("\n") + 2, match[1])
        for match in re.finditer(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def complete(example: str) -> str:
    """The example as a whole file."""
    tree = parse(example, "example").tree
    if isinstance(tree, dict):
        return example
    said = re.match(r"# in an? (\w+) suite\n", example)
    head = f"suite: Example\nprotocol: {said[1] if said else 'smtp'}\nrfc: 5321\nstate: connected\ncases:\n"
    if "id" in tree[0]:
        return head + textwrap.indent(example, "  ")
    case = "  - id: example\n    requirement: X-example\n    title: Example\n    script:\n"
    return head + case + textwrap.indent(example, "      ")


def load(text: str, path: Path) -> None:
    """Raises SuiteErrors."""
    path.write_text(text, encoding="utf-8")
    library = Library.open()
    if text.startswith("protocol: "):
        file = parse(text, "states.yaml")
        read_states(file, file.tree["protocol"], library.states, library.states_file)
    else:
        library.cases(path)


@pytest.mark.parametrize(
    ("line", "example"),
    [*examples(TEXT), *examples(HOW_TO)],
    ids=lambda value: value if isinstance(value, int) else "",
)
def test_example(line, example, tmp_path):
    try:
        load(complete(example), tmp_path / "example.probe.yaml")
    except SuiteErrors as error:
        pytest.fail(f"example in line {line}: " + "\n".join(one.pretty() for one in error.errors))


def used(tree: Any, wanted: inspect.Type) -> Iterator[tuple[str, str]]:
    """(struct, key) of every key that the data has."""
    options = wanted.types if isinstance(wanted, inspect.UnionType) else (wanted,)
    for option in options:
        if isinstance(option, inspect.StructType) and isinstance(tree, dict):
            for field in option.fields:
                if field.encode_name in tree:
                    yield option.cls.__name__, field.encode_name
                    yield from used(tree[field.encode_name], field.type)
        elif isinstance(option, inspect.DictType) and isinstance(tree, dict):
            for value in tree.values():
                yield from used(value, option.value_type)
        elif isinstance(option, inspect.ListType) and isinstance(tree, list):
            for item in tree:
                yield from used(item, option.item_type)


def keys() -> set[tuple[str, str]]:
    """(struct, key) of every key there is."""
    structs = [
        one
        for one in vars(types).values()
        if isinstance(one, type) and issubclass(one, Node) and one is not Node
    ]
    return {(one.__name__, name) for one in structs for name in one.__struct_encode_fields__}


def test_every_key_has_an_example():
    shown: set[tuple[str, str]] = set()
    for _, example in examples(TEXT):
        tree = parse(complete(example), "x").tree
        shown |= set(used(tree, inspect.type_info(States if "states" in tree else Suite)))

    assert sorted(keys() - shown) == []


def test_every_key_is_told_of():
    told = set(re.findall(r"`([A-Za-z_]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))

    assert sorted({name for _, name in keys()} - told) == []


def test_variables_and_functions_are_told_of():
    for name in BUILTINS:
        assert f"`{{{name}}}`" in TEXT
    for name in FUNCTIONS:
        assert f"`{{{name} " in TEXT


def test_links_lead_somewhere():
    for text, folder in ((TEXT, DOCS / "reference"), (HOW_TO, DOCS / "how-to")):
        for link in re.findall(r"\]\(([^)#:]+)", text):
            assert (folder / link).exists(), link
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", TEXT):
        assert anchor in headings, anchor
