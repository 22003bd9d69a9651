"""Accepted failures: how the file is read, and what a deviation makes of a verdict."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from plumbline.probes.deviations import Deviation, check_ids, load
from plumbline.probes.script.source import SourceError

TODAY = datetime.date(2026, 6, 15)


def written(tmp_path, text):
    path = tmp_path / "accepted.yaml"
    path.write_text(text)
    return load(path)


def test_a_file(tmp_path):
    found = written(
        tmp_path,
        "deviations:\n"
        "  - {id: smtp/one, reason: 'old client', link: 'https://example.test/1', expires: 2027-01-31}\n"
        "  - {id: smtp/two, reason: known}\n"
        "  - {id: smtp/three, reason: at times, flaky: true}\n",
    )

    assert list(found) == ["smtp/one", "smtp/two", "smtp/three"]
    assert found["smtp/one"].told() == {
        "reason": "old client",
        "link": "https://example.test/1",
        "expires": "2027-01-31",
    }
    assert found["smtp/two"].told() == {"reason": "known"}
    assert found["smtp/three"].told() == {"reason": "at times", "flaky": "yes"}


@pytest.mark.parametrize(
    ("expires", "expired"), [("", False), ("2026-06-15", False), ("2026-06-14", True), ("2027-01-01", False)]
)
def test_expiry(expires, expired):
    assert Deviation(id="a", reason="b", expires=expires).expired(TODAY) is expired


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("deviations:\n  - {id: a}\n", ":2:", "reason"),
        ("deviations:\n  - {id: a, reason: b, expire: x}\n", ":2:", "expires"),
        ("deviations:\n  - {id: a, reason: b, expires: soon}\n", ":2:", "a date such as"),
        ("deviations:\n  - {id: a, reason: b}\n  - {id: a, reason: c}\n", ":3:", "twice"),
        ("- {id: a, reason: b}\n", ":1:", "a mapping"),
        ("", ":1:", "empty"),
    ],
)
def test_mistakes(tmp_path, text, place, words):
    with pytest.raises(SourceError) as trouble:
        written(tmp_path, text)

    assert f"accepted.yaml{place}" in str(trouble.value)
    assert words in str(trouble.value)


def test_ids_that_no_case_has():
    (said,) = check_ids({"smtp/rcpt-unknwon"}, {"smtp/rcpt-unknown", "smtp/noop"}, Path("a.yaml"))

    assert said == "a.yaml: unknown case 'smtp/rcpt-unknwon'; did you mean 'smtp/rcpt-unknown'?"
