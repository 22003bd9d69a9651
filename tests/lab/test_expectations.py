"""The suites on real servers: the verdict of every case, held against a committed file for each server."""

from __future__ import annotations

from pathlib import Path

import pytest
from plumbline import lab

from tests.lab.expected import SERVERS, checked, load, unexplained, verdicts


@pytest.mark.parametrize("name", SERVERS)
def test_every_verdict_that_is_no_pass_is_explained(name: str):
    assert unexplained(load(name)) == []


@pytest.mark.lab
@pytest.mark.parametrize("name", SERVERS)
def test_verdicts_on_a_real_server(name: str, tmp_path: Path):
    expected = load(name)
    found: dict[str, str] = {}
    printed = ""
    with lab.running(name) as server:
        for protocol in SERVERS[name]:
            _, cases, text = checked(server, protocol, tmp_path)
            found |= {case: str(record["verdict"]) for case, record in cases.items()}
            printed += text

    differ = {
        case: f"expected {verdicts(expected).get(case)}, got {found.get(case)}"
        for case in sorted({*found, *verdicts(expected)})
        if found.get(case) != verdicts(expected).get(case)
    }
    assert differ == {}, printed[-6000:]
