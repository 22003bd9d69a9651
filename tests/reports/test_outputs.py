"""JUnit, SARIF, Markdown, JSON and badge: well-formed whatever the peer said, and true."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from plumbline.reports import cli, junit, markdown, records, sarif, summary
from plumbline.reports.gather import split
from plumbline.reports.model import build
from plumbline.reports.records import Verdict
from sarif_kit.validate import validation_errors

from tests.reports.made import HOSTILE, TRICKS, case, load_results, results, run, target

NASTY = HOSTILE + TRICKS + "]]> ` @everyone https://evil.example | [x](javascript:1)\ud800"


def report_of(*found, ended=True):
    ending = [records.Summary(ended="2026-11-24T14:00:00+00:00", duration_s=1, exit_code=0)] if ended else []
    return build(split("results.jsonl", [run(), target(), *found, *ending], []))


def nasty():
    fields = [
        "title",
        "reason",
        "got",
        "sent",
        "expected",
        "statement",
        "suite",
        "level",
        "file",
        "requirement",
    ]
    one = case(0, verdict=Verdict.FAIL, **dict.fromkeys(fields, NASTY), id=f"smtp/{NASTY}", tags=[NASTY])
    other = case(1, verdict=Verdict.FAIL, reason=NASTY, deviation={"reason": NASTY})
    return report_of(one, other, case(2, verdict=Verdict.FAIL, reason=NASTY, severity={"exploitable": NASTY}))


@pytest.mark.parametrize("report", [report_of(*results(cases=200)), nasty()], ids=["real", "hostile"])
def test_sarif_is_valid_by_its_schema(report):
    assert validation_errors(json.loads(sarif.render(report))) == []


def test_junit_takes_any_text():
    root = ElementTree.fromstring(junit.render(nasty()))
    assert len(root.findall("*/testcase")) == 3


def test_junit_names_the_case_and_tells_the_failure():
    root = ElementTree.fromstring(junit.render(report_of(case(0, verdict=Verdict.FAIL))))
    one = root.find("testsuite/testcase")
    assert one.get("name").startswith("smtp/case-0: Session: variant 0")
    assert (one.get("file"), one.get("line")) == ("suites/smtp/3.2-commands.yaml", "10")
    failure = one.find("failure")
    assert failure.get("message") == "the reply is 550, 555 was expected"
    assert "expected 555, or in spirit 501, 504" in failure.text
    assert "EHLO client.example.test" in failure.text


def test_junit_fails_a_deviation_that_is_out_of_date():
    report = build(split("x", [run(), target(), case(0, deviation={"reason": "known"})], []))
    root = ElementTree.fromstring(junit.render(report))
    assert "fails no more" in root.find("*/testcase/failure").get("message")


def test_junit_fails_a_missed_recommendation_only_when_strict():
    report = report_of(case(0, verdict=Verdict.FAIL, level="SHOULD"))
    assert ElementTree.fromstring(junit.render(report)).get("failures") == "0"
    assert ElementTree.fromstring(junit.render(report, strict=True)).get("failures") == "1"


def test_sarif_points_to_the_step_and_keeps_its_fingerprint():
    found = [json.loads(sarif.render(report_of(case(0, verdict=Verdict.FAIL)))) for _ in range(2)]
    result = found[0]["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 13}
    assert result == found[1]["runs"][0]["results"][0]


def test_sarif_knows_a_run_that_was_cut_off():
    found = json.loads(sarif.render(report_of(case(0), ended=False)))
    assert found["runs"][0]["invocations"] == [{"executionSuccessful": False}]


def test_markdown_is_no_vehicle():
    text = markdown.summary(nasty())
    outside_code = re.sub(r"(`+) ?.*?\1", "", text)
    assert not re.search(r"(?<!\\)<", outside_code)
    assert "@everyone" not in outside_code
    assert "https://" not in outside_code
    assert not re.search(r"(?<!\\)\[x", outside_code)


def test_markdown_tells_answer_violations_and_what_was_not_tested():
    found = report_of(
        case(0, verdict=Verdict.FAIL), case(1, verdict=Verdict.SKIPPED, reason="no STARTTLS here")
    )
    text = markdown.summary(found)
    assert text.startswith("## postfix: 1 violation\n")
    assert "| postfix | 1 violation | 1 | 1 |" in text
    assert "`smtp/case-0`" in text
    assert "no STARTTLS here" in text


def test_markdown_of_a_load_run():
    text = markdown.summary(build(split("x", load_results(seconds=5), [])))
    assert "| smtp\\_transfer | " in text
    assert "| failures |" in text


@pytest.mark.parametrize(
    ("verdict", "words", "colour"),
    [
        (Verdict.PASS, "no violation", "#0d6b5c"),
        (Verdict.FAIL, "1 violation", "#a4230b"),
        (Verdict.INCONCLUSIVE, "nothing could be judged", "#7d2a63"),
    ],
)
def test_badge(verdict, words, colour):
    root = ElementTree.fromstring(summary.render_badge(report_of(case(0, verdict=verdict))))
    assert root.get("aria-label") == f"Plumbline: {words}"
    assert root[2].get("fill") == colour


def test_all_outputs_from_the_command_line(tmp_path):
    records.write(tmp_path / "results.jsonl", results(cases=20))
    names = {"junit": "a.xml", "sarif": "a.sarif", "json": "a.json", "markdown": "a.md", "badge": "a.svg"}
    options = [word for name, file in names.items() for word in (f"--{name}", str(tmp_path / "out" / file))]
    assert cli.main([str(tmp_path / "results.jsonl"), "-o", str(tmp_path / "out" / "a.html"), *options]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*names.values(), "a.html"])


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    records.write(tmp_path / "results.jsonl", results(cases=2))
    (tmp_path / "file").write_text("")
    inside = tmp_path / "file" / "a.xml"
    arguments = [str(tmp_path / "results.jsonl"), "-o", str(tmp_path / "a.html"), "--junit", str(inside)]
    assert cli.main(arguments) == 4
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "render", [junit.render, sarif.render, summary.render_json, summary.render_badge, markdown.summary]
)
def test_sparse_records_are_enough_for_every_output(render):
    bare = {
        "id": "smtp/x",
        "protocol": "smtp",
        "requirement": "R",
        "level": "MUST",
        "reason": "",
        "duration_s": 0,
    }
    load = records.Load(scenario="s", target="t", duration_s=0, messages=0, failures=0, rate=0)
    cases = [records.Case(verdict=verdict, **bare) for verdict in Verdict]
    assert render(build(split("x", [*cases, load], [])))
    assert render(build(split("x", [load], [])))
