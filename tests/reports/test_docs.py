"""docs/reference/report.md tells of every option, standing and filter that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plumbline.reports import cli, diffcli, view
from plumbline.reports.diff import Change
from plumbline.reports.gather import split
from plumbline.reports.model import build
from plumbline.reports.standing import Standing

from tests.reports.made import results

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("main", [cli.main, diffcli.main])
def test_every_option_is_documented(main, capsys):
    assert main(["--help"]) == 0
    options = set(re.findall(r"^  (?:-\w .*)?(--[a-z]+)", capsys.readouterr().out, re.MULTILINE))
    assert options
    assert {option for option in options - {"--output"} if option not in TEXT} == set()


def test_every_standing_is_explained():
    rows = re.findall(r"^\| (\S) \| (\w+) \|", TEXT, re.MULTILINE)
    assert rows == [(standing.symbol, standing.value) for standing in Standing]


def test_every_kind_of_change_is_named():
    assert [change.value for change in Change if change.value not in " ".join(TEXT.split())] == []


def test_every_filter_is_documented():
    report = build(
        [source for n in (1, 2) for source in split(str(n), results(str(n), 40, n, ("smtp", "ftp")), [])]
    )
    report.rows[0].change = "fixed"
    report.rows[0].case.severity = {"exploitable": "relay"}
    names = {name for name, _, _ in view.choices(report)}
    assert names == set("lrputscefo")
    assert {name for name in names if f"`{name}`" not in TEXT} == set()
