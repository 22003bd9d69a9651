"""The time of day in scripts: `{utc.hour}` and its like. What time it is comes from outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

# The hour is told with its date, 2026013123; the minute alone, 59. A case ends in this minute or the next.
NAMES = frozenset({"utc.hour", "utc.minute", "utc.next_hour", "utc.next_minute"})


def variables(began: datetime) -> Mapping[str, str]:
    """The minute in which an attempt began, and the one after it."""
    minutes = {"": began.astimezone(UTC), "next_": began.astimezone(UTC) + timedelta(minutes=1)}
    hours = {f"utc.{name}hour": f"{moment:%Y%m%d%H}" for name, moment in minutes.items()}
    return hours | {f"utc.{name}minute": f"{moment:%M}" for name, moment in minutes.items()}
