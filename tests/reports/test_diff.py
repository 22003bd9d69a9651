"""Two runs compared: each kind of change is found, and CI hears of what got worse."""

from __future__ import annotations

import pytest
from plumbline.reports import cli, diffcli, records
from plumbline.reports.records import Summary, Verdict

from tests.reports.made import case, results, run, target

ENDED = Summary(ended="2026-11-24T14:00:00+00:00", duration_s=1, exit_code=0)
FAIL, PASS = Verdict.FAIL, Verdict.PASS
DEVIATION = {"reason": "known"}


@pytest.fixture
def diff(tmp_path, capsys):
    def compared(before, after, *options, ended=True):
        for name, found in (("before", before), ("after", after)):
            ending = [ENDED] if ended else []
            records.write(tmp_path / f"{name}.jsonl", [run(), target(), *found, *ending])
        code = diffcli.main([str(tmp_path / "before.jsonl"), str(tmp_path / "after.jsonl"), *options])
        return code, capsys.readouterr().out

    return compared


@pytest.mark.parametrize(
    ("before", "after", "heading", "code"),
    [
        ([case(0)], [case(0, verdict=FAIL)], "Newly failing (1)", 1),
        ([case(3)], [case(3, verdict=FAIL)], "Newly failing (1)", 0),
        ([case(0, verdict=FAIL)], [case(0)], "Fixed (1)", 0),
        ([case(0, verdict=FAIL, deviation=DEVIATION)], [case(0, verdict=FAIL)], "Newly failing (1)", 1),
        ([case(0), case(1)], [case(0)], "Gone (1)", 0),
        ([case(0)], [case(0), case(1)], "New (1)", 0),
        ([case(0)], [case(0), case(1, verdict=FAIL)], "Failing, and not played before (1)", 0),
        ([case(1, verdict=Verdict.SKIPPED)], [case(1, verdict=FAIL)], "Newly failing (1)", 1),
        ([case(0)], [case(0, attempts=[FAIL, PASS])], "Newly flaky (1)", 0),
        ([case(0)], [case(0, verdict=Verdict.INCONCLUSIVE)], "No longer tested (1)", 0),
        ([case(0, verdict=FAIL)], [case(0, verdict=Verdict.SKIPPED)], "No longer tested (1)", 0),
        ([case(0)], [case(0, verdict=Verdict.TOLERATED)], "Otherwise changed (1)", 0),
    ],
)
def test_kinds_of_change(diff, before, after, heading, code):
    found, text = diff(before, after)
    assert f"### {heading}" in text
    assert text.count("### ") == 1
    assert found == code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([case(3)], [case(3, verdict=FAIL)]),
        ([case(0)], [case(0), case(1, verdict=FAIL)]),
        ([case(0), case(1)], [case(0)]),
        ([case(0)], [case(0, attempts=[FAIL, PASS])]),
        ([case(0)], [case(0, verdict=Verdict.INCONCLUSIVE)]),
    ],
)
def test_strict_also_fails_on_what_is_merely_worse(diff, before, after):
    assert diff(before, after, "--strict")[0] == 1


def test_no_change_says_so(diff):
    code, text = diff([case(0)], [case(0)])
    assert (code, text.splitlines()[0]) == (0, "## No change")


def test_a_run_that_was_cut_off_is_named(diff):
    _, text = diff([case(0), case(1)], [case(0)], ended=False)
    assert "> After: after.jsonl: the run was cut off before its end" in text


def test_nothing_tested_is_not_the_same_as_nothing_worse(diff):
    assert diff([case(0)], [])[0] == 2


def test_many_servers_are_matched_by_name(tmp_path, capsys):
    before = [*results("a", 5, 1), *results("b", 5, 2)]
    records.write(tmp_path / "before.jsonl", before)
    turned = list(before)
    at = max(n for n, one in enumerate(turned) if isinstance(one, records.Case) and one.id == "smtp/case-0")
    turned[at] = case(0, verdict=FAIL, target=turned[at].target)
    records.write(tmp_path / "after.jsonl", turned)
    assert diffcli.main([str(tmp_path / "before.jsonl"), str(tmp_path / "after.jsonl")]) == 1
    assert "| `smtp/case-0` | b | MUST | ? inconclusive | ✗ violation |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 4), (["only-one"], 4), (["no-a.jsonl", "no-b.jsonl"], 2)]
)
def test_exit_codes_of_trouble(arguments, code, capsys):
    assert diffcli.main(arguments) == code
    assert capsys.readouterr().err


def test_the_report_marks_what_changed_since(tmp_path):
    records.write(tmp_path / "old.jsonl", [run(), target(), case(0), case(1), ENDED])
    records.write(tmp_path / "new.jsonl", [run(), target(), case(0, verdict=FAIL), case(1), ENDED])
    page = tmp_path / "page.html"
    assert (
        cli.main([str(tmp_path / "new.jsonl"), "-o", str(page), "--since", str(tmp_path / "old.jsonl")]) == 0
    )
    html = page.read_text(encoding="utf-8")
    assert html.count('data-c="newly failing"') == 1
    assert '<select name="c">' in html
    assert "Changed since the earlier run" in html
