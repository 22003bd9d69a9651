"""One template, one case for each row."""

from __future__ import annotations

import pytest
from plumbline.probes.script.matrix import expanded
from plumbline.probes.script.source import parse

from tests.language.helpers import loaded, suite


def rows(text: str) -> list[object]:
    document = parse(text, "x")
    return list(expanded(document, (), document.tree))


def test_rows_with_names():
    assert rows("{id: a, C: 'x {v} y', matrix: [{name: one, v: 1}, {name: two, v: 2}]}") == [
        {"id": "a[one]", "C": "x 1 y"},
        {"id": "a[two]", "C": "x 2 y"},
    ]


def test_rows_are_named_by_their_values():
    assert [row["id"] for row in rows("{id: a, matrix: [{c: NOOP, s: mail}, {c: 'RCPT TO:', s: [1]}]}")] == [
        "a[NOOP-mail]",
        "a[RCPT-TO]",
    ]


def test_product():
    assert [row["id"] for row in rows("{id: a, matrix: {c: [X, Y], s: [1, 2]}}")] == [
        "a[X-1]",
        "a[X-2]",
        "a[Y-1]",
        "a[Y-2]",
    ]


@pytest.mark.parametrize(
    ("template", "value", "filled"),
    [
        ("'{v}'", "[250, closed]", [250, "closed"]),
        ("'{v}'", "{reply: 250}", {"reply": 250}),
        ("'{v}'", "250", 250),
        ("'{v}'", "true", True),
        ("'{v}'", "null", None),
        ("'a{v}'", "true", "atrue"),
        ("'a{v}'", "null", "a"),
        ("'{v}{v}'", "x", "xx"),
        ("'{repeat {v} 5}'", "x", "{repeat x 5}"),
        ("'{{v}'", "x", "{{v}"),
        ("'{w} {5} {v}'", "x", "{w} {5} x"),
        ("'{v}'", "'{v}'", "{v}"),
        ("{k: ['{v}']}", "x", {"k": ["x"]}),
        ("{'{v}': 1}", "x", {"{v}": 1}),
    ],
)
def test_substitution(template, value, filled):
    (row,) = rows(f"{{id: a, t: {template}, matrix: [{{name: n, v: {value}}}]}}")

    assert row["t"] == filled


def test_the_name_is_a_variable_too():
    assert rows("{id: a, t: '{name}', matrix: [{name: n, v: 1}]}") == [{"id": "a[n]", "t": "n"}]


def test_places_are_those_of_the_template(tmp_path):
    text = suite("- C: '{c}'\n  S: '{s}'").replace(
        "title: A test", "title: '{c}'\n    matrix: [{c: NOOP, s: 250}, {c: RSET, s: [250, closed]}]"
    )

    noop, rset = loaded(tmp_path, text)

    assert (noop.id, rset.id) == ("smtp/case[NOOP-250]", "smtp/case[RSET]")
    assert noop.line == rset.line == 6
    assert [placed.line for placed in rset.steps] == [11]
    assert rset.spec.title == "RSET"
    assert rset.steps[0].step.S == [250, "closed"]
    assert "matrix:" in rset.source
