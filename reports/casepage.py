"""Case pages: the detail behind each row, in the page itself or packed when there are many."""

from __future__ import annotations

import base64
import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import jinja2
import msgspec
from markupsafe import Markup

from .heatmap import answer
from .model import Report, Row
from .records import Case
from .reference import shipped
from .standing import Standing, standing
from .subject import Subject
from .text import safe
from .transcript import rows as transcript_rows

_INLINE = 2_000_000  # characters; above, pages are packed and unfolded by script when asked for
_BLOCK = 24  # case pages in one packed block


@dataclass(frozen=True, slots=True)
class Result:
    """One case on one subject, ready to print."""

    subject: Subject
    case: Case
    standing: Standing
    transcript: Markup

    @property
    def answer(self) -> str:
        """What the server said that decided."""
        return answer(self.case) if self.standing.judged else ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the script, with the standings of the results that were decided on it."""

    number: int
    text: str
    marks: tuple[Standing, ...]


class Cases:
    """All case pages of a report: either `inline` holds them, or `blocks` do."""

    def __init__(self, report: Report, template: jinja2.Template) -> None:
        self._report = report
        self._template = template

    @cached_property
    def pages(self) -> list[str]:
        """One page for each row, in the order of the rows."""
        several = len(self._report.judged) > 1
        return [self._page(row, several) for row in self._report.rows]

    @cached_property
    def packed(self) -> bool:
        return sum(map(len, self.pages)) > _INLINE

    @property
    def inline(self) -> list[Markup]:
        return [] if self.packed else [Markup(page) for page in self.pages]  # noqa: S704 - rendered by us

    @property
    def blocks(self) -> Iterator[Markup]:
        """Base64 of deflated JSON: [[case id, HTML], ...]."""
        if not self.packed:
            return
        pairs = iter(zip((safe(row.case.id) for row in self._report.rows), self.pages, strict=True))
        while block := list(itertools.islice(pairs, _BLOCK)):
            packed = base64.b64encode(zlib.compress(msgspec.json.encode(block), 6)).decode()
            yield Markup(packed)  # noqa: S704 - base64

    def block_of(self, row_number: int) -> int:
        """The number of the block that holds the page of a row, counted from 0."""
        return row_number // _BLOCK

    def _page(self, row: Row, several: bool) -> str:
        found = list(_results(row, self._report.subjects))
        return self._template.render(
            row=row,
            case=row.case,
            results=found,
            several=several,
            lines=list(_lines(row.case, found)),
            known=shipped(),
            catalogued=row.case.requirement in self._report.coverage.entries,
        )


def _results(row: Row, subjects: Sequence[Subject]) -> Iterator[Result]:
    found = [
        Result(subjects[index], case, standing(case), transcript_rows(case.transcript))
        for index, cell in row.cells.items()
        for case in cell
    ]
    yield from sorted(found, key=lambda result: result.standing.rank)


def _lines(case: Case, results: Sequence[Result]) -> Iterator[Line]:
    """The script with the deciding step of everything that is not plainly well marked."""
    plain = {Standing.PASS, Standing.SKIPPED}
    decided = {(one.case.step_line, one.standing) for one in results if one.standing not in plain}
    for number, text in enumerate(case.script.rstrip("\n").split("\n"), case.script_line or 1):
        marks = (one for line, one in decided if line == number)
        yield Line(number, text, tuple(sorted(marks, key=lambda one: one.rank)))
