"""The catalogue that is shipped."""

import re
from collections import Counter
from pathlib import Path

import plumbline.suites
import pytest
from plumbline.probes.requirements import ROLES, load

FOLDER = Path(plumbline.suites.__file__).parent / "requirements"


@pytest.fixture(scope="module")
def catalogue():
    return load(FOLDER)


def test_every_file_is_read(catalogue):
    assert {f"rfc{entry.rfc}.yaml" for entry in catalogue.values()} == {f.name for f in FOLDER.glob("*.yaml")}


def test_every_role_has_requirements(catalogue):
    assert Counter(role for entry in catalogue.values() for role in entry.protocols).keys() == set(ROLES)


def test_a_statement_is_one_sentence(catalogue):
    odd = [entry.id for entry in catalogue.values() if not re.fullmatch(r"[A-Z0-9].*\.", entry.statement)]
    assert odd == []


def test_no_two_entries_of_an_rfc_say_the_same(catalogue):
    said = Counter((entry.rfc, entry.section, entry.statement) for entry in catalogue.values())
    assert [what for what, times in said.items() if times > 1] == []


def test_an_id_that_names_a_section_is_of_that_section_or_says_why_not(catalogue):
    odd = []
    for entry in catalogue.values():
        numbered = re.fullmatch(r"RFC\d+-((?:\d|[A-F]\.)[\d.]*)-[a-z]+", entry.id)
        if (
            numbered
            and numbered[1] != entry.section
            and "section" not in entry.notes
            and entry.section not in entry.notes
        ):
            odd.append(entry.id)
    assert odd == []


CAPITALS = """
    RFC1939-STATUS-UPPER RFC1939-UNKNOWN-COMMAND RFC1939-SYNTAX-MISSING-ARG RFC1939-SYNTAX-EXTRA-ARG
    RFC1939-SYNTAX-NONNUMERIC RFC1939-WRONG-STATE-IN-AUTH RFC1939-WRONG-STATE-IN-TRANS RFC1939-AUTOLOGOUT-MIN
    RFC1939-DROP-NO-REMOVE RFC1939-DROP-DURING-RETR RFC959-DATA-05 RFC959-DATA-08 RFC959-DATA-09 RFC959-PARAM-14
"""


def test_rfcs_without_rfc_2119_have_keywords_only_where_they_write_capitals(catalogue):
    old = {821, 854, 959, 1579, 1635, 1870, 1939, 2034, 2228, 2577}
    claimed = {entry.id for entry in catalogue.values() if entry.rfc in old and entry.basis == "keyword"}
    assert claimed == {*CAPITALS.split(), "RFC1870-6-b"}


def test_every_requirement_that_a_suite_cites_is_there(catalogue):
    cited = {
        found
        for suite in FOLDER.parent.rglob("*.yaml")
        if suite.parent != FOLDER
        for found in re.findall(r"\brequirement: *([A-Z][^\s,}]*)", suite.read_text(encoding="utf-8"))
    }
    assert cited
    assert cited - catalogue.keys() == set()
