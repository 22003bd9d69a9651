"""What became of the requirements, counted here the slow way, and the map of commands by state."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from plumbline.reports import page
from plumbline.reports.coverage import Covered
from plumbline.reports.gather import split
from plumbline.reports.heatmap import answer_code, heat_maps
from plumbline.reports.model import build
from plumbline.reports.records import Case, Requirement, Verdict
from plumbline.reports.standing import Standing

from tests.reports.made import case, requirement, results, run, target


def report_on(*records):
    return build(split("x", [run(), target(), *records], []))


def slow(requirement, cases):
    """The state of a requirement by the words of the manual."""
    mine = [one for one in cases if one.requirement == requirement.id]
    judged = [one for one in mine if one.verdict not in ("skipped", "inconclusive")]
    if any(one.verdict == "fail" for one in judged):
        return "broken"
    if judged:
        return "passed"
    if requirement.cases:
        return "not tested here"
    return "untestable" if requirement.how == "untestable" else "no case yet"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_number_of_the_table_is_counted_from_the_records(seed):
    found = list(results("postfix", 140, seed, ("smtp", "ftp")))
    cases = [one for one in found if isinstance(one, Case)]
    catalogue = [one for one in found if isinstance(one, Requirement)]

    html = page.render_report(build(split("x", found, [])))

    columns = [kind.value for kind in Covered]
    for rfc in (5321, 959):
        row = re.search(rf'<a href="#coverage-{rfc}">RFC {rfc}</a>.*', html)[0]
        numbers = [int(number) for number in re.findall(r'<td class="num[^"]*">(\d+)', row)]
        count = Counter(slow(one, cases) for one in catalogue if one.rfc == rfc)
        assert numbers == [count.total(), *(count[column] for column in columns)]
    for one in catalogue:
        shown = re.search(rf'<tr id="{re.escape(one.id)}">.*?<span class="b cov-\w+">([^<]*)</span>', html)
        assert shown[1] == slow(one, cases)


def test_what_was_not_tested_says_why():
    skipped = case(0, verdict=Verdict.SKIPPED, reason="no CHUNKING here", requirement="RFC5321-1")
    report = report_on(
        requirement("smtp", "RFC5321-1", cases=["smtp/case-0"]),
        requirement("smtp", "RFC5321-2", cases=["smtp/case-9"]),
        requirement("smtp", "RFC5321-3", how="untestable", note="only the operator knows"),
        requirement("smtp", "RFC5321-4"),
        skipped,
    )
    known = {name: (entry.overall, entry.reason) for name, entry in report.coverage.entries.items()}

    assert known == {
        "RFC5321-1": (Covered.UNTESTED, "no CHUNKING here"),
        "RFC5321-2": (Covered.UNTESTED, "its cases were not part of the run"),
        "RFC5321-3": (Covered.UNTESTABLE, "only the operator knows"),
        "RFC5321-4": (Covered.NOT_YET, ""),
    }


def test_accepted_is_broken_and_a_half_tested_requirement_is_tested():
    one, two = (requirement("smtp", f"RFC5321-{n}", cases=["smtp/case-0"]) for n in (1, 2))
    accepted = case(0, verdict=Verdict.FAIL, deviation={"reason": "known"}, requirement="RFC5321-1")
    halves = [
        case(1, requirement="RFC5321-2"),
        case(2, verdict=Verdict.INCONCLUSIVE, requirement="RFC5321-2"),
    ]

    entries = report_on(one, two, accepted, *halves).coverage.entries

    assert [entry.overall for entry in entries.values()] == [Covered.BROKEN, Covered.PASSED]


def test_requirements_of_other_roles_do_not_concern_a_server():
    report = report_on(requirement("ftp", "RFC959-1"), requirement("smtp", "RFC5321-1"), case(0))

    assert list(report.coverage.entries) == ["RFC5321-1"]


def test_results_without_catalogue_have_no_section():
    html = page.render_report(report_on(case(0)))

    assert 'id="coverage"' not in html
    assert "#coverage" not in html


def test_cells_hold_the_codes_and_the_worst_standing():
    made = [
        case(0, state="mail", command="RCPT"),
        case(1, state="mail", command="RCPT", verdict=Verdict.FAIL, level="MUST", got="503 no\\r\\n"),
        case(2, state="ehlo", command="MAIL"),
        case(3, state="greeting", command="NOOP", verdict=Verdict.SKIPPED, transcript=[], got=""),
        case(4, state="sent", command="NOOP"),
        case(5, state="sent", command=""),
    ]

    (found,) = heat_maps(report_on(*made))

    assert found.commands == ("MAIL", "NOOP", "RCPT")
    assert found.states == ("greeting", "ehlo", "mail", "sent")
    assert [cell and cell.text for cell in found.row("RCPT")] == [None, None, "250 503", None]
    assert found.cells["RCPT", "mail"].standing is Standing.VIOLATION
    assert found.cells["NOOP", "greeting"].text == Standing.SKIPPED.symbol


@pytest.mark.parametrize(
    ("got", "code"),
    [
        ("250 OK\\r\\n", "250"),
        ("250-a\\r\\n250 b\\r\\n", "250"),
        ("221\\r\\n", "221"),
        ("+OK 2 320\\r\\n", "+OK"),
        ("-ERR no\\r\\n", "-ERR"),
        ("A7 NO [TRYCREATE] no\\r\\n", "NO"),
        ("* BYE going\\r\\n", "BYE"),
        ("silence", ""),
        ("closed", ""),
        ("2505", ""),
    ],
)
def test_the_code_of_an_answer(got, code):
    assert answer_code(case(0, got=got)) == code
