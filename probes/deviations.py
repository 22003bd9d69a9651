"""Known failures that are accepted, each with a reason; one that no longer fails is itself a failure."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from pathlib import Path

import msgspec

from .script.shape import convert, unknown
from .script.source import read


class Deviation(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One accepted failure. `expires` is the last day on which it is accepted, such as 2027-01-31.

    One that is `flaky` fails at times only, and is not out of date when it passes.
    """

    id: str
    reason: str
    link: str = ""
    expires: str = ""
    flaky: bool = False

    def expired(self, today: datetime.date | None = None) -> bool:
        """Whether its time is over."""
        day = today or datetime.datetime.now(tz=datetime.UTC).date()
        return bool(self.expires) and datetime.date.fromisoformat(self.expires) < day

    def told(self) -> dict[str, str]:
        """As it stands in a case's record."""
        flaky = "yes" if self.flaky else ""
        told = {"reason": self.reason, "link": self.link, "expires": self.expires, "flaky": flaky}
        return {key: value for key, value in told.items() if value}


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    deviations: list[Deviation]


def load(path: Path) -> dict[str, Deviation]:
    """Deviations by case id. Raises SourceError."""
    document = read(path)
    file: _File = convert(document, document.tree, _File)
    found: dict[str, Deviation] = {}
    for at, deviation in enumerate(file.deviations):
        place = ("deviations", at)
        if deviation.id in found:
            raise document.error((*place, "id"), f"{deviation.id} stands here twice")
        if deviation.expires:
            try:
                datetime.date.fromisoformat(deviation.expires)
            except ValueError:
                raise document.error((*place, "expires"), "expires is a date such as 2027-01-31") from None
        found[deviation.id] = deviation
    return found


def check_ids(deviations: Collection[str], known: Collection[str], path: Path) -> list[str]:
    """What to say of ids that no case has (a case may have been renamed or withdrawn)."""
    return [f"{path}: {unknown('case', name, known)}" for name in sorted(set(deviations) - set(known))]
