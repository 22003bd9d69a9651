"""The JSON Schema that editors use."""

from __future__ import annotations

import jsonschema
import pytest
from plumbline.probes.script import schema
from plumbline.probes.script.loader import Library
from plumbline.probes.script.source import parse, read

from tests.language.helpers import suite

_LIBRARY = Library.open()
_FILES = sorted({*_LIBRARY.suite_files(), *_LIBRARY.folder.glob("*/states.yaml")})
_VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def test_the_file_is_current(capsys):
    assert schema.main(["--check"]) == 0


def test_it_is_noticed_when_the_file_is_not_current(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(schema, "FILE", tmp_path / "s.json")

    assert schema.main(["--check"]) == 1
    assert "--write" in capsys.readouterr().err
    assert schema.main(["--write"]) == 0
    assert schema.main(["--check"]) == 0


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize("path", _FILES, ids=lambda path: _LIBRARY.name(path))
def test_shipped_files_are_valid(path):
    errors = [f"{list(error.path)}: {error.message}" for error in _VALIDATOR.iter_errors(read(path).tree)]

    assert errors == []


@pytest.mark.parametrize(
    "script",
    ["- D: x", "- S: {repyl: 250}", "- given: yes", "- data: {open: x}", "- S: {lines: many}", "- C: 250"],
)
def test_mistakes_are_not_valid(script):
    assert not _VALIDATOR.is_valid(parse(suite(script), "x").tree)


def test_a_variable_may_stand_for_a_number():
    assert _VALIDATOR.is_valid(parse(suite("- S: {lines: '{n}'}"), "x").tree)


def test_a_mistake_in_a_states_file_is_told_as_such():
    tree = parse("protocol: smtp\nstates: {a: {abuot: x}}", "x").tree

    (first, *_) = sorted(_VALIDATOR.iter_errors(tree), key=lambda error: len(error.path), reverse=True)

    assert list(first.path) == ["states", "a"]


def test_every_key_says_what_it_means():
    for name, definition in schema.schema()["$defs"].items():
        assert definition["description"], name
        for key, value in definition["properties"].items():
            assert len(value["description"]) > 4, f"{name}.{key}"
