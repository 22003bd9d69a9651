"""The strict YAML reader: what is read, where it stands, and what is refused."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from plumbline.probes.script import source
from plumbline.probes.script.source import Position, SourceError, parse, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-7", -7),
        ("250", 250),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("12:30", "12:30"),
        ("017", "017"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("=", "="),
        ("+OK", "+OK"),
        ("+1", "+1"),
        ("1e5", "1e5"),
        (".5", ".5"),
        ("5.", "5."),
        (".inf", ".inf"),
        ("2026-01-31", "2026-01-31"),
        ("99999999999999999999", "99999999999999999999"),
        ("'250'", "250"),
        ('"true"', "true"),
        ('"a\\0\\r\\n"', "a\0\r\n"),
        ("é€😀", "é€😀"),
    ],
)
def test_scalars_mean_what_they_say(text, value):
    read = parse(f"a: {text}", "x.yaml").tree["a"]

    assert read == value
    assert type(read) is type(value)


def test_blocks_and_flows():
    document = parse("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: [1, {d: e}]\n---\n".replace("---\n", ""), "x.yaml")

    assert document.tree == {"a": "x\ny\n", "b": "x y", "c": [1, {"d": "e"}]}


def test_aliases_are_followed():
    assert parse("a: &x [1, 2]\nb: *x\n", "x.yaml").tree == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("a",), 1, 4),
        (("b",), 2, 1),  # a mapping or a list is found by its key
        (("b", 0), 3, 5),
        (("b", 0, "c"), 3, 8),
        (("b", 0, "é"), 4, 10),
        (("b", 1), 5, 5),
        (("b", 1, "d"), 5, 15),
        (("b", 7, "nothing"), 2, 1),  # what is not there: the nearest thing around it
        (("zzz",), 1, 1),
    ],
)
def test_positions(path, line, column):
    document = parse("a: 1\nb:\n  - c: x\n    é:   y\n  - {c: 1, d: 2}\n", "dir/x.yaml")

    assert document.where(path) == Position("dir/x.yaml", line, column)


def test_position_of_a_key():
    document = parse("a:\n  b:   1\n", "x.yaml")

    assert document.where(("a", "b")) == Position("x.yaml", 2, 8)
    assert document.where(("a", "b"), key=True) == Position("x.yaml", 2, 3)


def test_position_through_an_alias_is_that_of_the_anchor():
    document = parse("a: &x\n  - p: 1\nb: *x\n", "x.yaml")

    assert document.where(("b", 0, "p")) == Position("x.yaml", 2, 8)
    assert document.where(("b",)) == Position("x.yaml", 3, 1)


def test_snippet_is_the_node_as_written():
    text = "cases:\n  - id: a\n    # why\n    S: 1\n\n  # about b\n  - id: b\n    S: 2"
    document = parse(text, "x.yaml")

    assert document.snippet(("cases", 0)) == "- id: a\n  # why\n  S: 1"
    assert document.snippet(("cases", 1)) == "- id: b\n  S: 2"


_REFUSED = [
    ("", "x:1:1: the file is empty"),
    ("# only a comment\n", "x:1:1: the file is empty"),
    ("a: 1\na: 2\n", "x:2:1: the key 'a' stands here twice, first on line 1"),
    ("- {a: 1, a: 2}\n", "x:1:10: the key 'a' stands here twice, first on line 1"),
    ("1: a\n", "x:1:1: a key must be text; write it in quotes: '1'"),
    ("true: a\n", "x:1:1: a key must be text; write it in quotes: 'true'"),
    ("? [a]\n: b\n", "x:1:3: a key must be text; write text that begins with [ or { in quotes"),
    ("&a b: c\n", "x:1:1: a key cannot have an anchor"),
    ("a: &x b\n*x : c\n", "x:2:1: a key cannot be an alias"),
    ("a: !!str 1\n", "x:1:4: tags such as tag:yaml.org,2002:str are not supported"),
    ("a: !x [1]\n", "x:1:4: tags such as !x are not supported"),
    ("a: ! b\n", "x:1:4: tags such as ! are not supported"),
    ("a: !!python/object:os.system {}\n", "x:1:4: tags such as tag:yaml.org,2002:python/object:os.system"),
    ("a: 1\n---\nb: 2\n", "x:2:1: a second document starts here; a file holds one"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", "x:3:3: merge keys (<<) are not supported"),
    ("a: &x [1, *x]\n", "x:1:11: the alias *x stands within what it means"),
    ("C: *\n", "x:1:5: not YAML: did not find expected alphabetic or numeric character"),
    ("C: *x\n", "x:1:4: nothing is called &x; text that begins with * needs quotes"),
    ("a:\n\tb: 1\n", "x:2:1: not YAML: found character that cannot start any token (this is a tab;"),
    ("C: MAIL FROM: x\n", "x:1:13: not YAML: mapping values are not allowed in this context (text that"),
    ("a: [1, 2\n", "x:1:9: not YAML: did not find expected ',' or ']'"),
    ('a: "x\n', "x:1:6: not YAML: found unexpected end of stream"),
    ("a: `x`\n", "x:1:4: not YAML: found character that cannot start any token"),
    ("a: b\n c: d\n", "x:2:3: not YAML: mapping values are not allowed in this context"),
    ("a: x\0y\n", "x:1:5: the character U+0000 may not stand here"),
    ("a: 1\nb: \x07\n", "x:2:4: the character U+0007 may not stand here"),
    ("a: \ud800\n", "x:1:4: the character U+D800 may not stand here"),
    ("a: " + "[" * 60 + "]" * 60, "x:1:53: nested more than 50 deep"),
    ("[" * 100_000, "x:1:1001: not YAML: exceeded maximum nesting depth"),
    ("- " * 100_000, "x:1:101: nested more than 50 deep"),
]


@pytest.mark.parametrize(("text", "message"), _REFUSED, ids=[repr(text[:20]) for text, _ in _REFUSED])
def test_refused(text, message):
    with pytest.raises(SourceError) as caught:
        parse(text, "x")

    assert str(caught.value).startswith(message)


def test_a_billion_laughs_are_refused_quickly():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    start = time.process_time()

    with pytest.raises(SourceError, match="more than 500000 nodes, aliases followed"):
        parse("\n".join(lines), "x")

    assert time.process_time() - start < 1


def test_pretty_shows_the_line_and_a_caret():
    with pytest.raises(SourceError) as caught:
        parse("a: 1\nbé: &y 1\n*z : 2\n", "x.yaml")

    assert caught.value.pretty() == (
        "x.yaml:3:1: nothing is called &z; text that begins with * needs quotes\n    *z : 2\n    ^"
    )
    assert (caught.value.file, caught.value.line, caught.value.column) == ("x.yaml", 3, 1)


def test_pretty_cuts_a_long_line_around_the_place():
    error = SourceError(Position("x", 1, 301), "here", "a" * 300 + "B" + "c" * 300)

    _, line, caret = error.pretty().splitlines()

    assert len(line) < 120
    assert line[caret.index("^")] == "B"


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"", "1:1: the file is empty"),
        (b"\xef\xbb\xbf", "1:1: the file is empty"),
        (b"a: 1\nb\xc3\xa9: \xff\n", "2:5: not UTF-8: octet ff; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "1:1: this is UTF-16; save the file as UTF-8"),
        (b"a: x\0", "1:5: the character U+0000 may not stand here"),
        (b"a: " + b"x" * 10_000_000, "1:1: too large: a file may have 4 MB; split it"),
    ],
)
def test_files_that_are_refused(tmp_path, octets, message):
    path = tmp_path / "x.yaml"
    path.write_bytes(octets)

    with pytest.raises(SourceError) as caught:
        read(path, "x.yaml")

    assert str(caught.value).startswith(f"x.yaml:{message}")
    assert caught.value.pretty()


def test_a_byte_order_mark_does_not_count(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")

    document = read(path)

    assert document.tree == {"a": 1, "b": 2}
    assert document.where(("a",)) == Position(str(path), 1, 4)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SourceError, match=r"no.yaml:1:1: cannot read this file: No such file"):
        read(tmp_path / "no.yaml")
    with pytest.raises(SourceError, match=r"cannot read this file: Is a directory"):
        read(tmp_path)


_YAMLISH = st.text(st.sampled_from("ab1:-?,[]{}&*!|>'\"%@`#~ \t\n\r\0é\u2028\ufeff<="), max_size=60)


@given(st.one_of(_YAMLISH, st.text(max_size=60)))
@example("%YAML 1.2\n---\na")
@example("%TAG ! x\n---\n!a b")
@example("--- >\n")
@example("? a\n? b\n")
@example("...\n")
def test_parse_raises_nothing_but_source_errors(text):
    got = _document_or_error(lambda: parse(text, "x"))

    if isinstance(got, SourceError):
        assert got.line >= 1
        assert got.column >= 1
        assert got.pretty().startswith("x:")
    else:
        json.dumps(got.tree)  # plain data, no circles


def _document_or_error(make):
    try:
        return make()
    except SourceError as error:
        return error


@given(st.binary(max_size=60))
def test_read_raises_nothing_but_source_errors(tmp_path_factory, octets):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(octets)

    got = _document_or_error(lambda: read(path))

    assert isinstance(got, source.Document) or got.pretty()


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"))
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(_TREES)
def test_round_trip_of_json(tree):
    """JSON is YAML: what it writes comes back as it was, with every node at a place of its own."""
    document = parse(json.dumps(tree, ensure_ascii=False), "x")

    assert document.tree == tree


@given(_TREES)
def test_round_trip_of_yaml(tree):
    """Blocks as PyYAML writes them for JSON-like data; texts are always in quotes."""
    document = parse(yaml.dump(tree, Dumper=_Quoting, allow_unicode=True), "x")

    assert document.tree == tree


class _Quoting(yaml.SafeDumper):
    """Text in double quotes, no anchors."""

    def ignore_aliases(self, data):
        return True


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def test_the_parser_without_libyaml_reads_the_same(monkeypatch):
    text = "a: [1, {b: 'x', c: \"y\\n\"}]\nd:\n  - e: |\n      z\n    f: &q 1.5\n  - *q\ng: no\n"
    with_c = parse(text, "x")
    monkeypatch.setattr(source, "_LOADER", yaml.SafeLoader)

    without = parse(text, "x")

    assert without.tree == with_c.tree
    for path in [(), ("a",), ("a", 1, "b"), ("d", 0), ("d", 0, "f"), ("d", 1), ("g",)]:
        assert without.where(path) == with_c.where(path)
        assert without.snippet(path) == with_c.snippet(path)
