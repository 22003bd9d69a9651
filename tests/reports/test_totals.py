"""What stands in a report is what stands in the records: every total is recomputed here, the slow way."""

from __future__ import annotations

import json
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from plumbline.reports import junit, page, sarif, summary
from plumbline.reports.gather import split
from plumbline.reports.model import build
from plumbline.reports.records import Case, Summary, Verdict

from tests.reports.made import case, load_results, results, run, target


def expected(one: Case) -> str:
    if one.verdict != "fail":
        return str(one.verdict)
    if one.deviation:
        return "accepted"
    return "violation" if one.level in ("MUST", "MUST NOT") else "missed"


@pytest.fixture(scope="module")
def made():
    found = {
        name: list(results(name, 150, seed, ("smtp", "ftp"))) for seed, name in enumerate(["a", "b", "c"])
    }
    found["b"][-1] = Summary(ended="x", duration_s=1, exit_code=0, counts={"pass": 10_000})
    return found


@pytest.fixture(scope="module")
def report(made):
    return build([source for name, found in made.items() for source in split(name, found, [])])


def cases_of(found):
    return [record for record in found if isinstance(record, Case)]


def test_the_json_summary_counts_what_the_records_say(made, report):
    document = json.loads(summary.render_json(report))
    for server in document["servers"]:
        cases = cases_of(made[server["server"]])
        count = Counter(map(expected, cases))
        assert {kind: number for kind, number in server["counts"].items() if number} == count
        assert server["violations"] == [one.id for one in cases if expected(one) == "violation"]
        assert server["flaky"] == [one.id for one in cases if len(set(one.attempts)) > 1]
        for protocol, levels in server["by_protocol"].items():
            for level, counts in levels.items():
                part = [one for one in cases if (one.protocol, one.level) == (protocol, level)]
                assert {kind: n for kind, n in counts.items() if n} == Counter(map(expected, part))
        assert (
            sum(sum(c.values()) for levels in server["by_protocol"].values() for c in levels.values()) == 150
        )
    assert document["results"] == 450


def test_the_page_counts_what_the_records_say(made, report):
    html = page.render_report(report)
    for subject in report.subjects:
        block = html.split(f'id="server-{subject.index}"')[1].split("</details>")[0]
        kinds = re.findall(r'class="num"><span class="b (\w+)">', block)
        total = re.search(r'<tr class="sum"><th scope="row">All(.*?)\n', block)[1]
        numbers = [int(number) for number in re.findall(r'<td class="num">(\d+)', total)]
        cases = cases_of(made[subject.label])
        assert dict(zip(kinds, numbers, strict=False)) == Counter(map(expected, cases))
        assert numbers[-1] == 150
    shown = dict(re.findall(r'name="v" value="(\w+)">.*?<span class="quiet">(\d+)</span>', html))
    everything = Counter(expected(one) for found in made.values() for one in cases_of(found))
    assert {kind: int(number) for kind, number in shown.items()} == everything


def test_every_cell_of_the_matrix_is_the_record(made, report):
    html = page.render_report(report)
    found = re.findall(r'data-v="([^"]*)".*?<th scope="row"><a href="#([^"]*)"', html)
    ids = dict.fromkeys(one.id for records in made.values() for one in cases_of(records))
    by_id = [{one.id: expected(one) for one in cases_of(records)} for records in made.values()]
    wanted = {(" ".join(f"{at}:{by_id[at][one]}" for at in range(3)), one) for one in ids}
    assert set(found) == wanted
    assert len(found) == len(ids) == 150


def test_junit_counts_what_the_records_say(made, report):
    root = ElementTree.fromstring(junit.render(report))
    everything = Counter(expected(one) for found in made.values() for one in cases_of(found))
    assert int(root.get("tests")) == 450 == len(root.findall("*/testcase"))
    assert int(root.get("failures")) == everything["violation"] == len(root.findall("*/testcase/failure"))
    untested = everything["skipped"] + everything["inconclusive"]
    assert int(root.get("skipped")) == untested == len(root.findall("*/testcase/skipped"))


def test_sarif_lists_every_failure(made, report):
    document = json.loads(sarif.render(report))
    for one, name in zip(document["runs"], made, strict=True):
        count = Counter(expected(case) for case in cases_of(made[name]))
        levels = Counter(
            "accepted" if "suppressions" in result else result["level"] for result in one["results"]
        )
        assert levels == Counter(
            error=count["violation"], warning=count["missed"], accepted=count["accepted"]
        )


def test_load_figures_are_those_of_the_record():
    html = page.render(load_results(rate=1000, seconds=40))
    load = next(record for record in load_results(rate=1000, seconds=40) if type(record).__name__ == "Load")
    figures = dict(re.findall(r"<div><dt>([^<]*)</dt><dd>([^<]*)</dd>", html))
    assert figures["messages"] == f"{load.messages:,}"
    assert figures["messages per second"] == f"{load.rate:,.0f}"
    assert figures["failures"] == str(load.failures)
    assert figures["latency p99"] == "9.4 ms"
    assert figures["lost"] == "0"


def test_a_load_run_that_was_cut_off_keeps_its_samples():
    found = [
        record for record in load_results(seconds=10) if type(record).__name__ not in ("Load", "Summary")
    ]
    html = page.render(found)
    sent = sum(record.messages for record in found if type(record).__name__ == "Sample")
    assert f"<dt>messages until it was cut off</dt><dd>{sent:,}</dd>" in html
    assert "Messages per second" in html


def test_a_case_told_twice_counts_twice_and_stands_as_its_worst():
    twice = [case(0), case(0, verdict=Verdict.FAIL)]
    report = build(split("x", [run(), target(), *twice], []))
    assert report.counts.total() == 2
    assert [row.standings[0] for row in report.rows] == ["violation"]


def test_load_joins_the_server_that_was_checked():
    sources = split("check", results("postfix", 5), []) + split("load", load_results("postfix"), [])
    report = build(sources)
    assert [(one.label, len(one.cases), len(one.loads)) for one in report.subjects] == [("postfix", 5, 1)]


def test_two_runs_on_one_server_are_told_apart():
    sources = split("old.jsonl", results("postfix", 5), []) + split("new.jsonl", results("postfix", 5), [])
    labels = [subject.label for subject in build(sources).subjects]
    assert len(set(labels)) == 2
    assert all(label.startswith("postfix (") for label in labels)


@pytest.mark.parametrize("totals_first", [True, False])
def test_samples_belong_to_the_load_beside_them(totals_first):
    found = [record for record in load_results(seconds=6) if type(record).__name__ in ("Sample", "Load")]
    if totals_first:
        found = [found[-1], *found[:-1]]
    (source,) = split("load", [*found, *found], [])
    assert [(one.load is not None, len(one.samples)) for one in source.loads] == [(True, 6), (True, 6)]


def test_a_server_that_was_only_loaded_is_no_column_of_the_matrix():
    sources = split("check", results("postfix", 5), []) + split("load", load_results("exim"), [])
    html = page.render_report(build(sources))
    assert '<table class="cases">' in html
    assert 'id="server-1"' in html
    assert re.search(r'<h1 id="answer">postfix: ', html)
