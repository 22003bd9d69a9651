"""Every way in which a suite or a case can be wrong, apart from its steps."""

from __future__ import annotations

import pytest

from tests.language.helpers import HEAD, suite, wrong

GOOD = suite("- S: 220")


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


_TABLE = [
    # the file
    ("- a\n- b\n", ["1:1: a suite file is a mapping with suite, protocol, rfc and cases; found a list"]),
    (
        "hello\n",
        ["1:1: a suite file is a mapping with suite, protocol, rfc and cases; found the text 'hello'"],
    ),
    ("{}", ["1:1: 'suite' is missing here", "1:1: 'protocol' is missing here", "1:1: 'rfc' is missing here"]),
    (changed("suite: Test\n", ""), ["1:1: 'suite' is missing here"]),
    (changed("rfc: 5321", "rfc: '5321'"), ["3:6: rfc: expected a number, found the text '5321'"]),
    (
        changed("state: conn", "stat: conn"),
        ["4:1: unknown key 'stat'; did you mean 'state'?", "6:5: no state, neither"],
    ),
    (changed("protocol: smtp", "protocol: smpt"), ["2:11: unknown protocol 'smpt'; did you mean 'smtp'?"]),
    (
        changed("protocol: smtp", "protocol: 5"),
        ["2:11: protocol: expected text or a list, found the number 5"],
    ),
    (
        changed("state: connected", "state: [a]"),
        ["4:1: state: expected text, found a list; text that begins with ["],
    ),
    (changed("state: connected", "state: male"), ["4:8: unknown state 'male'; did you mean 'mail'?"]),
    (
        changed("rfc: 5321", "rfc: 5321\nneeds: [Ehlo]"),
        ["4:9: 'Ehlo': capabilities are written in capitals, profile"],
    ),
    ("suite: a\nprotocol: smtp\nrfc: 1\ncases: []\n", ["4:1: there is no case here"]),
    ("suite: a\nprotocol: smtp\nrfc: 1\ncases: {}\n", ["4:1: cases: expected a list, found a mapping"]),
    ("suite: a\nprotocol: smtp\nrfc: 1\ncases:\n", ["4:7: cases: expected a list, found nothing"]),
    # the case
    (changed("    title: A test\n", ""), ["6:5: 'title' is missing here"]),
    (
        changed("title: A test", "titel: A test"),
        ["6:5: 'title' is missing here", "8:5: unknown key 'titel'; did you"],
    ),
    (
        changed("title: A test", "title: 5"),
        ["8:12: title: expected text, found the number 5; write it in quotes"],
    ),
    (changed("title: A test", 'title: " "'), ["8:12: a title says in a few words what the case is about"]),
    (
        changed("id: case", "id: Case_1"),
        ["6:9: 'Case_1' is no id: small letters and digits, in words joined by"],
    ),
    (changed("id: case", "id: -case"), ["6:9: '-case' is no id"]),
    (
        changed("X-test", "RFC5321-3.1-aa"),
        ["7:18: unknown requirement 'RFC5321-3.1-aa'; did you mean 'RFC5321-3.1"],
    ),
    (changed("X-test", "wish"), ["7:18: unknown requirement 'wish' (known: RFC1123-"]),
    (
        changed("title: A test", "title: a\n    state: male"),
        ["9:12: unknown state 'male'; did you mean 'mail'?"],
    ),
    (
        changed("title: A test", "title: a\n    needs: [a b]"),
        ["9:13: 'a b': capabilities are written in capitals"],
    ),
    (
        changed("title: A test", "title: a\n    unless: [Size]"),
        ["9:14: 'Size': capabilities are written in capitals"],
    ),
    (
        changed("title: A test", "title: a\n    depends_on: casd"),
        ["9:17: unknown case 'casd'; did you mean 'case'?"],
    ),
    (changed("title: A test", "title: a\n    depends_on: case"), ["9:17: a case cannot depend on itself"]),
    (
        changed("title: A test", "title: a\n    severity: {cve: [2023-1]}"),
        ["9:16: '2023-1' is no CVE such as"],
    ),
    (
        changed("title: A test", "title: a\n    passive: [bare-lf]"),
        ["6:5: a case has either a script or passive"],
    ),
    (
        changed("    script:\n      - S: 220\n", "    passive: [bare-fl]\n"),
        ["9:15: unknown rule 'bare-fl'; did you mean"],
    ),
    (changed("    script:\n      - S: 220\n", ""), ["6:5: a case has either a script or passive rules"]),
    (changed("S: 220", "C: NOOP"), ["9:5: no step expects anything: this case cannot fail"]),
    (changed("S: 220", "{S: 220, given: true}"), ["9:5: no step expects anything: this case cannot fail"]),
    (
        changed("- S: 220", "- S: 220\n    cleanup:\n      - C: {a}\n"),
        ["12:9: C: expected text or a list, found a mapping"],
    ),
    (changed("- S: 220", "- S: 220\n    cleanup:\n      - C: '{a}'\n"), ["12:12: unknown variable 'a'"]),
    (GOOD + GOOD[GOOD.index("  - id") :], ["11:9: the id case is taken by the case at line 6"]),
    # what is wrong in one case hides nothing in another
    (
        changed("S: 220", "S: 20") + suite("- S: 330x\n- C: {a}").split("cases:\n")[1],
        [
            "10:12: '20' is no reply of smtp",
            "11:9: the id case is taken",
            "15:12: '330x' is no reply of smtp",
            "16:9: C: expected text or a list, found a mapping",
        ],
    ),
    # matrices
    (
        changed("title: A test", "title: a\n    matrix: 5"),
        ["9:5: matrix is a list of rows, - {variable: value}, or a"],
    ),
    (changed("title: A test", "title: a\n    matrix: []"), ["9:5: matrix is a list of rows"]),
    (changed("title: A test", "title: a\n    matrix: {a: 1}"), ["9:5: matrix is a list of rows"]),
    (
        changed("title: A test", "title: a\n    matrix: [{a: 1}, {b: 2}]"),
        ["9:22: every row sets the same variables; the"],
    ),
    (
        changed("title: A test", "title: a\n    matrix: {a: [1, 1]}"),
        ["9:5: two rows are called '1'; write rows with"],
    ),
    (changed("title: A test", "title: a\n    matrix: {A: [1]}"), ["9:14: 'A' is no name for a variable"]),
    (
        changed("title: A test", "title: a\n    matrix: [{name: a b, x: 1}]"),
        ["9:21: a row's name is letters, digits and"],
    ),
    (
        changed("title: A test", "title: a\n    matrix: {a: [[1]]}"),
        ["9:5: no value of this row makes a short name"],
    ),
    (
        changed("title: A test", "title: '{a} b'\n    matrix: [{name: n, a: [1]}]"),
        ["8:12: {a} is a list; within longer text"],
    ),
    (
        changed("title: A test", "title: a\n    matrix: {a: [1, 2]}").replace(
            "S: 220", "C: '{b}'\n        S: '{a}'"
        ),
        ["11:12: unknown variable 'b'", "12:12: '1' is no reply of smtp", "12:12: '2' is no reply of smtp"],
    ),
    (
        changed("title: A test", f"title: a\n    matrix: {{a: {list(range(40))}, b: {list(range(40))}}}"),
        ["9:5: more than 1000 combinations"],
    ),
]


@pytest.mark.parametrize(("text", "said"), _TABLE, ids=range(len(_TABLE)))
def test_bad_suite(tmp_path, text, said):
    found = wrong(tmp_path, text)

    assert len(found) >= len(said), found
    for line, begin in zip(found, said, strict=False):
        assert line.startswith(begin), found


def test_the_good_one_is_good(tmp_path):
    assert wrong(tmp_path, GOOD) == []
    assert wrong(tmp_path, GOOD.replace("smtp", "imap").replace("220", "OK")) == []


def test_errors_of_a_matrix_are_told_once(tmp_path):
    text = changed("title: A test", "title: a\n    matrix: {a: [1, 2, 3]}").replace("S: 220", "C: '{b}'")

    assert [line.partition(":")[0] for line in wrong(tmp_path, text)] == ["10", "11"]


def test_yaml_errors_come_as_suite_errors(tmp_path):
    assert wrong(tmp_path, "a:\n\tb") == [
        "2:1: not YAML: found character that cannot start any token (this is a tab; YAML indents with spaces)"
    ]


def test_the_head_is_as_the_tables_think():
    assert HEAD.splitlines()[5] == "  - id: case"
    assert suite("- S: 220").splitlines()[9] == "      - S: 220"
