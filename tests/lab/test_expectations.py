"""The suites on real servers: the verdict of every case, held against a committed file for each server."""

from __future__ import annotations

from pathlib import Path

import pytest
from plumbline import lab

from tests.lab.expected import (
    SERVERS,
    checked,
    disagreeing,
    drafted,
    load,
    never_met,
    protocols,
    unexplained,
    verdicts,
)

IN_CI = ("postfix", "exim", "dovecot", "vsftpd", "proftpd")  # the whole lab is for `make showcase`


@pytest.mark.parametrize("name", SERVERS)
def test_every_verdict_that_is_no_pass_is_explained(name: str):
    assert unexplained(load(name)) == []


@pytest.mark.lab
@pytest.mark.parametrize("name", IN_CI)
def test_a_real_server_gets_no_red_that_is_not_explained(name: str, tmp_path: Path):
    """What fails was read by somebody and has its reason. All else is for `python -m tests.lab.expected` to compare."""
    expected = load(name)
    found: dict[str, str] = {}
    printed = ""
    with lab.running(name) as server:
        for protocol in protocols(expected):
            _, cases, text = checked(server, protocol, tmp_path)
            found |= {case: str(record["verdict"]) for case, record in cases.items()}
            printed += text

    assert {case for case, verdict in found.items() if verdict == "pass"}, printed[-6000:]
    red = {case for case, verdict in found.items() if verdict == "fail"}
    assert red - set(expected["explained"]) == set(), printed[-6000:]


def test_a_draft_keeps_reasons_and_asks_for_new_ones():
    cases = {
        "smtp/false-end[LF.LF]": {"verdict": "fail", "reason": "expected silence"},
        "smtp/new": {"verdict": "inconclusive", "reason": "set-up"},
        "smtp/fine": {"verdict": "pass", "reason": ""},
    }

    made = drafted("postfix", "3.7", cases)

    assert unexplained(made) == ["smtp/new"]
    assert verdicts(made) == {name: record["verdict"] for name, record in cases.items()}


def test_runs_that_disagree_are_told(tmp_path: Path):
    for number, verdict in enumerate(("pass", "pass", "fail")):
        folder = tmp_path / str(number)
        folder.mkdir()
        target = '{"kind": "target", "product": "exim 4.96"}'
        (folder / "exim-smtp.jsonl").write_text(
            f'{target}\n{{"kind": "case", "id": "smtp/a", "verdict": "{verdict}"}}\n'
        )

    assert list(disagreeing(tmp_path / str(number) for number in range(3))) == [
        "exim smtp/a: pass, pass, fail"
    ]
    assert list(disagreeing(tmp_path / str(number) for number in range(2))) == []


def test_cases_that_no_server_meets_are_told():
    one = {
        "verdicts": {"pass": ["smtp/a"], "skipped": ["smtp/b"]},
        "explained": {"smtp/c": {"verdict": "fail"}},
    }
    two = {"verdicts": {"tolerated": ["smtp/b"]}, "explained": {}}

    assert never_met([one, two], ["smtp/a", "smtp/b", "smtp/c", "smtp/d"]) == {"smtp/c", "smtp/d"}
