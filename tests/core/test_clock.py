"""The time of day as scripts know it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from plumbline.probes.script import clock
from plumbline.probes.script.expand import BUILTINS


@pytest.mark.parametrize(
    ("began", "told"),
    [
        (datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), ("2026013123", "59", "2026020100", "00")),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), ("2026010203", "04", "2026010203", "05")),
        (
            datetime(2026, 1, 2, 0, 34, tzinfo=timezone(timedelta(hours=1))),
            ("2026010123", "34", "2026010123", "35"),
        ),
    ],
)
def test_the_minute_and_the_next_one_in_utc(began, told):
    found = clock.variables(began)

    names = ("utc.hour", "utc.minute", "utc.next_hour", "utc.next_minute")
    assert tuple(found[name] for name in names) == told
    assert found.keys() == clock.NAMES <= BUILTINS
