"""What everybody does: how the servers of the lab answered each case when this release was made.

`lab-answers.jsonl` comes with the release and stands on every case page. It is made from the results of
the lab by `plumbline report RESULTS... --reference FILE`: a head, then one line a case, so that changes can be read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from .heatmap import answer_code
from .model import Report, Row
from .records import Case
from .standing import Standing, standing

REFERENCE_FORMAT = 1
_SHIPPED = Path(__file__).parent / "lab-answers.jsonl"


class Head(msgspec.Struct, kw_only=True):
    """The first line: which servers, and when they were asked."""

    format: int
    made: str  # date, ISO 8601
    version: str  # of Plumbline
    servers: list[str]


class Line(msgspec.Struct, kw_only=True):
    """One case: standing, code of the reply, and the servers (by number) that stood so."""

    id: str
    answers: list[tuple[str, str, list[int]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What some servers have in common in a case. `code` is "" where no reply decided."""

    standing: Standing
    code: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The answers by case id, the most frequent first."""

    made: str
    servers: tuple[str, ...]
    answers: Mapping[str, tuple[Answer, ...]]

    def sentence(self, case: str) -> str:
        """How the servers that were judged stand: "9 of 11 servers meet it"."""
        judged = [one for one in self.answers.get(case, ()) if one.standing.judged]
        everybody = sum(len(one.servers) for one in judged)
        if not everybody:
            return ""
        broken = sum(
            len(one.servers) for one in judged if one.standing in (Standing.VIOLATION, Standing.MISSED)
        )
        met = everybody - broken
        return f"{met} of {everybody} servers of the lab meet it" if everybody > 1 else ""


@cache
def shipped(path: Path = _SHIPPED) -> Reference:
    """The reference of this release; empty if it has none, or one of another format."""
    try:
        head, *lines = path.read_bytes().splitlines()
        known = msgspec.json.decode(head, type=Head)
    except (OSError, ValueError, msgspec.DecodeError):
        return Reference("", (), {})
    if known.format != REFERENCE_FORMAT:
        return Reference("", (), {})
    decoder = msgspec.json.Decoder(Line)
    read = (decoder.decode(line) for line in lines if line)
    return Reference(
        known.made, tuple(known.servers), {line.id: tuple(_answers(line, known.servers)) for line in read}
    )


def _answers(line: Line, servers: list[str]) -> Iterator[Answer]:
    for kind, code, numbers in line.answers:
        yield Answer(Standing(kind), code, tuple(servers[number] for number in numbers))


def render(report: Report) -> bytes:
    """The file. Servers are named as the runs call them; deviations do not count."""
    subjects = sorted(report.judged, key=lambda one: one.label)
    numbers = {subject.index: number for number, subject in enumerate(subjects)}
    runs = [source.run for source in report.sources if source.run]
    head = Head(
        format=REFERENCE_FORMAT,
        made=max((run.started[:10] for run in runs), default=""),
        version=max((run.version for run in runs), default=""),
        servers=[subject.label for subject in subjects],
    )
    rows = sorted(report.rows, key=lambda row: row.case.id)
    lines = (Line(id=row.case.id, answers=_grouped(row, numbers)) for row in rows)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in [head, *lines])


def _grouped(row: Row, numbers: Mapping[int, int]) -> list[tuple[str, str, list[int]]]:
    found: dict[tuple[Standing, str], list[int]] = defaultdict(list)
    for index, cell in row.cells.items():
        worst = min(cell, key=lambda case: _plain(case).rank)
        found[_plain(worst), answer_code(worst)].append(numbers[index])
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0][0].rank, item[0][1]))
    return [(kind.value, code, sorted(who)) for (kind, code), who in ordered]


def _plain(case: Case) -> Standing:
    return standing(msgspec.structs.replace(case, deviation={})) if case.deviation else standing(case)


def names(servers: Iterable[str], limit: int = 8) -> str:
    """Some names, and how many more."""
    found = list(servers)
    rest = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(found[:limit]) + rest


__all__ = ["Answer", "Reference", "names", "render", "shipped"]
