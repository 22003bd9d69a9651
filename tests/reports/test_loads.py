"""Load runs: the knee, what arrived, and one run compared with another."""

from __future__ import annotations

import itertools
import re

import pytest
from plumbline.reports import diffcli, page, records
from plumbline.reports.gather import split
from plumbline.reports.loaddiff import compare_loads
from plumbline.reports.loadview import delivery_rows, knee_sentence, knees, views
from plumbline.reports.model import build
from plumbline.reports.records import Delivery, Knee, KneeStep, Load, Sample, Summary

from tests.reports.made import load_results, results, run, target


def step(offered, p99, **changes):
    return KneeStep(offered=offered, achieved=offered, latency={"p50": p99 / 4, "p99": p99}, **changes)


STEPS = [
    step(100.0, 0.01, ok=True),
    step(400.0, 2.0, why="p99 2000 ms"),
    step(200.0, 0.02, ok=True),
    step(400.0, 1.5, why="p99 1500 ms"),
    step(800.0, 0.5, generator="it was busy"),
]
KNEE = Knee(objective="p99<200ms", rate=200.0, limited_by="target", why="p99 1500 ms", steps=STEPS)


def loaded(name="postfix", **changes):
    fields = {
        "scenario": "transfer",
        "target": target(name).name,
        "duration_s": 10.0,
        "messages": 1000,
        "failures": 0,
        "rate": 100.0,
        "latency": {"p50": 0.01, "p99": 0.05},
    }
    ended = Summary(ended="2026-11-24T13:40:00+00:00", duration_s=10.0, exit_code=0)
    return [run(name, tool="load"), target(name), Load(**(fields | changes)), ended]


def report(*found):
    return build(split("x", [record for part in found for record in part], []))


def test_the_curve_has_each_rate_once_and_leaves_out_what_says_nothing():
    ((title, chart),) = knees(views(report(loaded(knee=KNEE))))

    assert title == "transfer on postfix"
    assert chart.x == (100.0, 200.0, 400.0)
    assert {one.name: one.values for one in chart.series}["p99"] == (0.01, 0.02, 1.5)
    assert chart.mark == 200.0
    assert chart.log


@pytest.mark.parametrize(
    ("limit", "rate", "said"),
    [
        ("target", 200.0, "The target sustains 200 a second under p99<200ms; beyond: p99 1500 ms"),
        ("target", 0.0, "The target sustains no rate that was tried under p99<200ms: p99 1500 ms"),
        ("generator", 200.0, "At least 200 a second under p99<200ms; at the next rate the generator"),
        ("highest rate", 200.0, "At least 200 a second under p99<200ms; no higher rate was tried"),
        ("", 200.0, "The search did not come to its end"),
    ],
)
def test_what_a_search_came_to(limit, rate, said):
    knee = Knee(objective="p99<200ms", rate=rate, limited_by=limit, why="p99 1500 ms")

    assert knee_sentence(knee).startswith(said)


def test_the_rate_of_a_search_stands_for_the_run():
    html = page.render_report(report(loaded(knee=KNEE, rate=77.0)))

    assert re.sub("<[^>]*>", "", re.search(r'<h1 id="answer">(.*?)</h1>', html)[1]) == (
        "postfix: 200 messages a second"
    )
    assert "<dt>sustained per second</dt><dd>200</dd>" in html
    assert html.count('<tr><th scope="row" class="num">') == len(STEPS)
    assert "says nothing: it was busy" in html


def test_the_account_of_delivery_is_told_whole():
    found = Delivery(
        acknowledged=10,
        delivered=8,
        lost=2,
        duplicated=1,
        late_s=10.0,
        unanswered=3,
        unanswered_delivered=1,
        delay={"p50": 0.1, "p99": 2.0},
        markers={"lost": ["a1", "a2"]},
        incomplete="the store went away",
    )

    told = dict(delivery_rows(found))

    assert told["lost"] == "2 (a1, a2)"
    assert told["without an answer"] == "3, of which 1 arrived"
    assert told["from acknowledgement to arrival"] == "p50 100 ms, p99 2 s"
    assert told["not known to the end"] == "the store went away"
    assert "<dt>lost</dt><dd>2</dd>" in page.render_report(report(loaded(delivery=found)))


def test_a_last_second_that_was_cut_short_is_no_collapse():
    samples = [Sample(at=float(n), messages=100 if n < 10 else 2, failures=0, p50=0.01) for n in range(11)]
    (view,) = views(report([*loaded(duration_s=10.1)[:2], *samples, loaded(duration_s=10.1)[2]]))

    rate, _ = view.charts

    assert rate.series[0].values == (100.0,) * 10


def test_latency_that_spans_powers_of_ten_is_drawn_so():
    samples = [Sample(at=float(n), messages=9, failures=0, p50=0.001, p99=0.001 * 10**n) for n in range(4)]
    (view,) = views(report([*loaded(duration_s=9.0)[:2], *samples]))

    latency = list(view.charts)[1]

    assert latency.log
    assert [tick.text for tick in latency.y_ticks] == ["1 ms", "10 ms", "100 ms", "1 s"]
    heights = [latency.y_at(value) for value in (0.001, 0.01, 0.1, 1.0)]
    assert len({round(above - below) for above, below in itertools.pairwise(heights)}) == 1


OK, MISSED = {"limit": 1, "value": 1, "ok": True}, {"limit": 1, "value": 2, "ok": False}


@pytest.mark.parametrize(
    ("before", "after", "percent", "worse"),
    [
        ({}, {"rate": 90.0}, None, []),
        ({}, {"rate": 90.0}, 20.0, []),
        ({}, {"rate": 70.0}, 20.0, ["rate -30 %"]),
        ({}, {"latency": {"p99": 0.1}}, 20.0, ["p99 +100 %"]),
        ({}, {"thresholds": {"--max-p99": MISSED}}, None, ["--max-p99 is missed"]),
        ({"thresholds": {"--max-p99": MISSED}}, {"thresholds": {"--max-p99": MISSED}}, None, []),
        (
            {"thresholds": {"--max-p99": OK}},
            {"thresholds": {"--max-p99": MISSED}},
            None,
            ["--max-p99 is missed"],
        ),
        ({}, {"delivery": Delivery(acknowledged=9, delivered=8, lost=1)}, None, ["1 lost"]),
        ({"facts": {"lost": 2}}, {"facts": {"lost": 3}}, None, []),
        ({"knee": KNEE}, {"knee": Knee(objective="x", rate=100.0)}, 20.0, ["rate -50 %"]),
        ({"rate": 0.0, "latency": {}}, {}, 20.0, []),
    ],
)
def test_what_counts_as_worse(before, after, percent, worse):
    (found,) = compare_loads(report(loaded(**before)), report(loaded(**after)))

    assert found.worse(percent) == worse


@pytest.mark.parametrize(("rate", "code"), [(95.0, 0), (50.0, 1)])
def test_the_command_compares_load_runs(rate, code, tmp_path, capsys):
    for name, found in (("old", loaded()), ("new", loaded(rate=rate))):
        records.write(tmp_path / f"{name}.jsonl", found)

    assert (
        diffcli.main([str(tmp_path / "old.jsonl"), str(tmp_path / "new.jsonl"), "--max-slowdown", "20%"])
        == code
    )
    said = capsys.readouterr().out
    assert f"100 → {rate:.3g} ({rate - 100:+.0f} %)" in said
    assert said.startswith("## No change" + (", 1 load run worse" if code else ""))


def test_folders_are_compared_file_by_file(tmp_path, capsys):
    for folder, rate in (("old", 1000.0), ("new", 400.0)):
        records.write(tmp_path / folder / "check.jsonl", results("postfix", 5))
        records.write(tmp_path / folder / "load.jsonl", load_results("postfix", rate))

    assert diffcli.main([str(tmp_path / "old"), str(tmp_path / "new"), "--max-slowdown", "20"]) == 1
    assert "1 load run worse" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--max-slowdown", "much"], ["--max-slowdown", "-5"]])
def test_wrong_percentages_are_wrong_usage(wrong, tmp_path, capsys):
    assert diffcli.main([str(tmp_path / "a"), str(tmp_path / "b"), *wrong]) == 4
    assert "no percentage" in capsys.readouterr().err


def test_an_empty_folder_says_so(tmp_path, capsys):
    assert diffcli.main([str(tmp_path), str(tmp_path)]) == 2
    assert "no *.jsonl file lies in this folder" in capsys.readouterr().err
