"""A suite may name several protocols: its cases are made for each that their requirement is about."""

from __future__ import annotations

import shutil

import pytest
from plumbline.probes.script.loader import Library

from tests.language.helpers import loaded, suite, wrong

BOTH = suite("- S: 220", "[smtp, submission]")


def test_a_case_for_each(tmp_path):
    cases = loaded(tmp_path, BOTH)

    assert [(case.id, case.protocol, case.state.protocol) for case in cases] == [
        ("smtp/case", "smtp", "smtp"),
        ("submission/case", "submission", "submission"),
    ]


def test_the_requirement_says_for_which(tmp_path):
    text = BOTH.replace("[smtp, submission]", "[smtp, lmtp]").replace("X-test", "RFC5321-2.2.1-a")

    assert [case.id for case in loaded(tmp_path, text)] == ["smtp/case"]


def test_a_mistake_in_a_case_is_told_once(tmp_path):
    assert len(wrong(tmp_path, BOTH.replace("S: 220", "S: 2200"))) == 1


def test_what_only_one_of_them_knows_is_a_mistake(tmp_path):
    text = suite("- C: NOOP\n  S: OK", "[imap, smtp]")

    assert [line for line in wrong(tmp_path, text) if "no reply of smtp" in line]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("[smtp, lmpt]", "2:18: unknown protocol 'lmpt'; did you mean 'lmtp'?"),
        ("[]", "2:1: a list names each protocol once, and at least one"),
        ("[smtp, smtp]", "2:1: a list names each protocol once, and at least one"),
        ("[5]", "2:12: protocol: expected text, found the number 5"),
    ],
)
def test_bad_lists(tmp_path, named, said):
    assert [line for line in wrong(tmp_path, suite("- S: 220", named)) if line.startswith(said)]


def test_a_file_lies_in_the_folder_of_one_and_is_found_for_all(tmp_path):
    shutil.copytree(Library.open().folder / "requirements", tmp_path / "requirements")
    for name in ("smtp", "submission"):
        (tmp_path / name).mkdir()
    shared, own = tmp_path / "smtp/shared.yaml", tmp_path / "smtp/own.yaml"
    shared.write_text(BOTH, encoding="utf-8")
    own.write_text(suite("- S: 220").replace("id: case", "id: other"), encoding="utf-8")
    library = Library(tmp_path)

    assert library.suite_files(["smtp"]) == [own, shared]
    assert library.suite_files(["submission"]) == [shared]
    assert [case.id for case in library.cases(shared, ["submission"])] == ["submission/case"]
    assert library.ids("submission") == {"case"}


def test_a_broken_file_belongs_to_its_folder(tmp_path):
    (tmp_path / "lmtp").mkdir()
    broken = tmp_path / "lmtp/broken.yaml"
    broken.write_text("suite: [", encoding="utf-8")

    assert Library(tmp_path).suite_files(["lmtp"]) == [broken]
    assert Library(tmp_path).suite_files(["smtp"]) == []
