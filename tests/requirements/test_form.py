"""The form of the catalogue: what is wrong is told with file, line and what is allowed."""

from pathlib import Path

import pytest
from plumbline.probes.requirements import CatalogueError, load

GOOD = """\
rfc: 5321
title: Simple Mail Transfer Protocol
requirements:
  - id: RFC5321-4.2-a
    section: "4.2"
    level: MUST
    basis: keyword
    protocols: [smtp, lmtp]
    statement: Every command generates exactly one reply.
    how: wire
"""


def problems(folder: Path, text: str, name: str = "rfc5321.yaml") -> tuple[str, ...]:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError) as raised:
        load(folder)
    return raised.value.problems


def problem(folder: Path, old: str, new: str) -> str:
    assert old in GOOD
    (only,) = problems(folder, GOOD.replace(old, new))
    return only.removeprefix(f"{folder.name}/")


def test_entry(tmp_path):
    (tmp_path / "rfc5321.yaml").write_text(GOOD + "    notes: A note.\n")
    (entry,) = load(tmp_path).values()
    assert (entry.id, entry.rfc, entry.title) == ("RFC5321-4.2-a", 5321, "Simple Mail Transfer Protocol")
    assert (entry.section, entry.level, entry.basis, entry.how) == ("4.2", "MUST", "keyword", "wire")
    assert entry.protocols == ("smtp", "lmtp")
    assert entry.statement == "Every command generates exactly one reply."
    assert entry.notes == "A note."
    assert entry.where == f"{tmp_path.name}/rfc5321.yaml:4"
    assert entry.binding


def test_entry_is_frozen(tmp_path):
    (tmp_path / "rfc5321.yaml").write_text(GOOD)
    (entry,) = load(tmp_path).values()
    with pytest.raises(AttributeError, match="immutable"):
        entry.level = "MAY"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("level: MUST", "level: Should", "rfc5321.yaml:6: level 'Should'; allowed: MUST, MUST NOT, SHOULD, "),
        ("level: MUST", "level: Should", "(did you mean SHOULD?)"),
        ("level: MUST", "level: must not", "(did you mean MUST NOT?)"),
        ("basis: keyword", "basis: text", "rfc5321.yaml:7: basis 'text'; allowed: keyword, prose, "),
        ("how: wire", "how: wired", "rfc5321.yaml:10: how 'wired'; allowed: wire, delivery, "),
        (
            "[smtp, lmtp]",
            "[smtp, pop]",
            "rfc5321.yaml:8: protocol 'pop'; allowed: smtp, submission, lmtp, ftp, ",
        ),
        ("[smtp, lmtp]", "[smtp, smtp]", "rfc5321.yaml:8: protocols has an entry twice"),
        ("[smtp, lmtp]", "[]", "rfc5321.yaml:8: protocols must be a list of smtp, "),
        ("[smtp, lmtp]", "smtp", "rfc5321.yaml:8: protocols must be a list of smtp, "),
        (
            'section: "4.2"',
            "section: 4.2",
            'rfc5321.yaml:5: section must be text, got 4.2; write it in quotes, "4.2"',
        ),
        ("level: MUST", "level: 5", "rfc5321.yaml:6: level must be text, got 5"),
        ("    how: wire\n", "", "rfc5321.yaml:4: missing: how; needed are id, section, "),
        ("how: wire", "how: wire\n    note: x", "rfc5321.yaml:11: unknown key 'note'; allowed: id, "),
        ("how: wire", "how: wire\n    note: x", "(did you mean notes?)"),
        ("how: wire", "how: wire\n    how: wire", "rfc5321.yaml:11: key 'how' is given twice"),
        (
            "RFC5321-4.2-a",
            "RFC821-4.2-a",
            "rfc5321.yaml:4: id 'RFC821-4.2-a': in this file an id is RFC5321- and",
        ),
        ("RFC5321-4.2-a", "RFC5321-4.2 a", "rfc5321.yaml:4: id 'RFC5321-4.2 a': in this file"),
        ("statement: Every command generates exactly one reply.", 'statement: " "', "statement must be text"),
        ("rfc: 5321", "rfc: 821", "rfc5321.yaml:1: rfc is 821, the file is of RFC 5321"),
        (
            "title: Simple Mail Transfer Protocol\n",
            "",
            "rfc5321.yaml:1: missing: title; needed are rfc, title, ",
        ),
        ("title: Simple", "tilte: Simple\ntitle: Simple", "rfc5321.yaml:2: unknown key 'tilte'"),
        ("basis: keyword", "basis: [keyword", "no YAML"),
    ],
)
def test_fault(tmp_path, old, new, says):
    assert says in problem(tmp_path, old, new)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1: empty; expected the keys rfc, title, requirements"),
        ("- a\n", "1: expected a mapping with the keys rfc, title, requirements"),
        ("rfc: 5321\ntitle: T\nrequirements: []\n", "3: requirements must be a list with at least one entry"),
        ("rfc: 5321\ntitle: T\nrequirements: [a]\n", "3: expected a mapping with the keys id, "),
    ],
)
def test_file_of_another_shape(tmp_path, text, says):
    (only,) = problems(tmp_path, text)
    assert says in only


def test_all_faults_are_told_in_one_go(tmp_path):
    text = GOOD.replace("MUST", "MUSST").replace("wire", "wired").replace("keyword", "key")
    assert len(problems(tmp_path, text)) == 3


def test_id_twice_in_a_file(tmp_path):
    entry = GOOD[GOOD.index("  - id") :]
    (only,) = problems(tmp_path, GOOD + entry)
    assert "rfc5321.yaml:11: id RFC5321-4.2-a is used twice, first at " in only
    assert only.endswith("rfc5321.yaml:4")


def test_name_of_the_file(tmp_path):
    (only,) = problems(tmp_path, GOOD, name="smtp.yaml")
    assert "smtp.yaml: the file must be called rfcNNNN.yaml" in only


def test_not_utf8(tmp_path):
    (tmp_path / "rfc5321.yaml").write_bytes(GOOD.encode() + b"    notes: \xff\n")
    with pytest.raises(CatalogueError, match="not UTF-8"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_folder_without_requirements(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogueError, match="no requirements here"):
        load(tmp_path / name)
