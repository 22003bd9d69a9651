"""Commands tried in every state of a session: one map for each server and protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .records import Case
from .standing import Standing, standing, worst
from .text import one_line

if TYPE_CHECKING:
    from .model import Report
    from .subject import Subject

# States in the order of a session; what is not among them follows.
_SESSION = (
    *("connected", "greeting", "helo", "ehlo", "lhlo", "mail", "rcpt", "data", "sent"),
    *("user", "logged-in", "binary", "stored", "writable"),
    *("transaction", "seeded", "seeded-twice"),
    *("authenticated", "mailbox", "filled", "selected"),
)
_CODE = re.compile(r"(\d{3})(?=[ -]|\\r|$)|(\+OK|-ERR)|(?:\S+ )?(OK|NO|BAD|BYE|PREAUTH)\b")
_LEAST = 4  # cells that make a map worth showing


@dataclass(frozen=True, slots=True)
class Cell:
    """All cases that try one command in one state."""

    command: str
    state: str
    cases: tuple[Case, ...]

    @property
    def standing(self) -> Standing:
        return worst(self.cases)

    @property
    def text(self) -> str:
        """The replies' codes, where there are few of them."""
        codes = list(dict.fromkeys(code for case in self.cases if (code := answer_code(case))))
        if not codes:
            return self.standing.symbol
        return " ".join(codes[:2]) + (" …" if len(codes) > 2 else "")

    @property
    def spoken(self) -> str:
        """For the pointer, and for those who do not see colours."""
        heading = f"{self.command} in state {self.state}: {self.standing}"
        many = f", {len(self.cases)} cases" if len(self.cases) > 1 else ""
        return f"{heading}{many}"


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Commands down, states across."""

    subject: Subject
    protocol: str
    commands: tuple[str, ...]
    states: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]

    def row(self, command: str) -> list[Cell | None]:
        """The cells of one command; None where nothing tries it."""
        return [self.cells.get((command, state)) for state in self.states]


def heat_maps(report: Report) -> Iterator[HeatMap]:
    """The maps of all servers that have enough to show."""
    for subject in report.judged:
        for protocol in subject.protocols:
            found = _cells([case for case in subject.cases if case.protocol == protocol])
            if len(found) >= _LEAST:
                commands = tuple(sorted({command for command, _ in found}))
                states = tuple(sorted({state for _, state in found}, key=_order))
                yield HeatMap(subject, protocol, commands, states, found)


def _cells(cases: list[Case]) -> dict[tuple[str, str], Cell]:
    by_place: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        if case.command and case.state:
            place = one_line(case.command, 20), one_line(case.state, 24)
            by_place.setdefault(place, []).append(case)
    return {place: Cell(*place, tuple(found)) for place, found in by_place.items()}


def _order(state: str) -> tuple[int, str]:
    return (_SESSION.index(state) if state in _SESSION else len(_SESSION)), state


def answer_code(case: Case) -> str:
    """The code of the reply that decided: "250", "+OK", "BAD"; "" where there was none."""
    if not standing(case).judged:
        return ""
    found = _CODE.match(answer(case))
    return next((group for group in found.groups() if group), "") if found else ""


def answer(case: Case) -> str:
    """The answer that decided, as escaped octets: what was got, or the last word where one command was tried.

    Where a case that went well does more than that, no single answer decided: "".
    """
    if case.got or not case.command:
        return case.got
    said = (event.text for event in reversed(case.transcript) if event.who == "S")
    return next(said, "")
