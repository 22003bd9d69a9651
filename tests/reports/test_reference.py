"""What everybody does: made from results, read back, shown on case pages."""

from __future__ import annotations

import json
from datetime import date

import pytest
from plumbline.reports import page, reference
from plumbline.reports.gather import split
from plumbline.reports.model import build
from plumbline.reports.records import Verdict
from plumbline.reports.standing import Standing

from tests.reports.made import case, run, target

OK, NO = "250 ok\\r\\n", "503 no\\r\\n"


def made(name, *cases):
    return split(name, [run(name), target(name), *cases], [])


@pytest.fixture
def report():
    return build(
        [
            *made("b", case(0, got=OK), case(1, verdict=Verdict.FAIL, level="MUST", got=OK)),
            *made("a", case(0, got=OK), case(1, got=NO)),
            *made(
                "c",
                case(0, got=OK),
                case(1, verdict=Verdict.FAIL, level="MUST", got=OK, deviation={"reason": "x"}),
            ),
        ]
    )


def written(report, tmp_path):
    path = tmp_path / "lab.jsonl"
    path.write_bytes(reference.render(report))
    return path


def test_what_is_written_is_read_back(report, tmp_path):
    known = reference.shipped(written(report, tmp_path))

    assert known.servers == ("a", "b", "c")
    assert known.made == "2026-11-24"
    assert known.answers["smtp/case-0"] == (reference.Answer(Standing.PASS, "250", ("a", "b", "c")),)
    assert known.answers["smtp/case-1"] == (
        reference.Answer(Standing.VIOLATION, "250", ("b", "c")),
        reference.Answer(Standing.PASS, "503", ("a",)),
    )
    assert known.sentence("smtp/case-1") == "1 of 3 servers of the lab meet it"
    assert known.sentence("smtp/unknown") == ""


def test_the_file_is_one_line_a_case_in_order(report, tmp_path):
    lines = written(report, tmp_path).read_text().splitlines()

    assert [json.loads(line)["id"] for line in lines[1:]] == ["smtp/case-0", "smtp/case-1"]


@pytest.mark.parametrize("octets", [b"", b"no json\n", b'{"format":9,"made":"","version":"","servers":[]}\n'])
def test_a_reference_that_cannot_be_used_is_none(octets, tmp_path):
    (tmp_path / "lab.jsonl").write_bytes(octets)

    assert reference.shipped(tmp_path / "lab.jsonl").answers == {}


def test_a_case_page_tells_what_everybody_does(report, tmp_path, monkeypatch):
    known = reference.shipped(written(report, tmp_path))
    monkeypatch.setattr("plumbline.reports.page.reference.shipped", lambda: known)
    monkeypatch.setattr("plumbline.reports.casepage.shipped", lambda: known)

    html = page.render_report(build(made("mine", case(1, verdict=Verdict.FAIL, level="MUST", got=OK))))

    assert "What everybody does" in html
    assert "1 of 3 servers of the lab meet it." in html


def test_the_shipped_reference_names_cases_that_exist():
    from plumbline.probes.script.loader import Library

    known = reference.shipped()
    library = Library.open()
    cases = {case.id for path in library.suite_files() for case in library.cases(path)}

    assert known.servers
    assert date.fromisoformat(known.made) >= date(2026, 1, 1)
    assert len(set(known.answers) & cases) > 0.9 * len(known.answers), "make it anew: make showcase"
