"""What a record means for the run, and the exit code of many."""

from __future__ import annotations

import pytest
from plumbline.probes.judged import exit_code, fails_run
from plumbline.reports.records import Case, Sanity, Verdict
from plumbline.reports.standing import Standing, standing

ACCEPTED = {"reason": "known"}


def record(verdict, level="MUST", deviation=None):
    return Case(
        id="smtp/one",
        protocol="smtp",
        requirement="RFC5321-1",
        level=level,
        verdict=Verdict(verdict),
        reason="so",
        duration_s=0.1,
        deviation=deviation or {},
    )


@pytest.mark.parametrize(
    ("case", "kind", "fails", "strictly"),
    [
        (record("pass"), Standing.PASS, False, False),
        (record("tolerated"), Standing.TOLERATED, False, False),
        (record("info"), Standing.INFO, False, False),
        (record("skipped"), Standing.SKIPPED, False, False),
        (record("inconclusive"), Standing.INCONCLUSIVE, False, False),
        (record("fail"), Standing.VIOLATION, True, True),
        (record("fail", "MUST NOT"), Standing.VIOLATION, True, True),
        (record("fail", "SHOULD"), Standing.MISSED, False, True),
        (record("fail", "SHOULD NOT"), Standing.MISSED, False, True),
        (record("fail", "MAY"), Standing.MISSED, False, False),
        (record("fail", deviation=ACCEPTED), Standing.ACCEPTED, False, False),
        (record("pass", deviation=ACCEPTED), Standing.STALE, True, True),
        (record("pass", deviation=ACCEPTED | {"flaky": "yes"}), Standing.PASS, False, False),
        (record("inconclusive", deviation=ACCEPTED | {"flaky": "yes"}), Standing.ACCEPTED, False, False),
        (record("inconclusive", deviation=ACCEPTED), Standing.ACCEPTED, False, False),
        (record("skipped", deviation=ACCEPTED), Standing.SKIPPED, False, False),
    ],
)
def test_standing(case, kind, fails, strictly):
    assert standing(case) is kind
    assert fails_run(case, strict=False) is fails
    assert fails_run(case, strict=True) is strictly


def code(*verdicts, ok=True, interrupted=False, strict=False):
    cases = [record(verdict) if isinstance(verdict, str) else verdict for verdict in verdicts]
    return exit_code(cases, [Sanity(when="end", ok=ok)], strict=strict, interrupted=interrupted)


@pytest.mark.parametrize(
    ("verdicts", "more", "expected"),
    [
        (["pass", "tolerated", "info", "skipped"], {}, 0),
        (["pass", record("fail", "SHOULD")], {}, 0),
        (["pass", record("fail", "SHOULD")], {"strict": True}, 1),
        (["pass", "fail"], {}, 1),
        (["fail", "inconclusive"], {"ok": False, "interrupted": True}, 1),
        (["pass", "inconclusive"], {}, 2),
        (["pass"], {"ok": False}, 2),
        (["pass"], {"interrupted": True}, 2),
        (["skipped"], {}, 2),
        ([], {}, 2),
    ],
)
def test_exit_code(verdicts, more, expected):
    assert code(*verdicts, **more) == expected
