"""Results files -> runs: what was read, what was damaged, and which samples belong to which load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from . import records
from .records import AnyRecord, Case, DamagedResults, Load, Requirement, Run, Sample, Sanity, Summary, Target


class Unreadable(DamagedResults):
    """A file of which nothing can be used. The message is for people."""


@dataclass(slots=True)
class LoadRun:
    """One load run; without `load` it was cut off before its totals were written."""

    load: Load | None = None
    samples: list[Sample] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        """Names of thresholds that were not kept."""
        return [name for name, one in self.load.thresholds.items() if not one.get("ok")] if self.load else []


@dataclass(slots=True)
class Source:
    """One run as found in a file. `name` is the file's name."""

    name: str
    run: Run | None = None
    targets: dict[str, Target] = field(default_factory=dict)
    requirements: dict[str, Requirement] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    sanity: list[Sanity] = field(default_factory=list)
    loads: list[LoadRun] = field(default_factory=list)
    summary: Summary | None = None
    damage: list[str] = field(default_factory=list)

    @property
    def cut_off(self) -> bool:
        """True when the run did not come to its end."""
        return self.summary is None or self.summary.interrupted

    @property
    def empty(self) -> bool:
        """True when there is nothing to report on."""
        return not (self.run or self.targets or self.cases or self.loads or self.sanity)

    def take(self, record: AnyRecord) -> None:
        """File one record; a Run belongs to a new source and is the caller's to place."""
        match record:
            case Run():
                self.run = record
                self._check_format(record)
            case Target():
                self.targets[record.name] = record
            case Requirement():
                self.requirements[record.id] = record
            case Case():
                self.cases.append(record)
            case Sanity():
                self.sanity.append(record)
            case Load():
                self._take_load(record)
            case Sample():
                self._take_sample(record)
            case Summary():
                self.summary = record
            case _:
                assert_never(record)

    def _check_format(self, run: Run) -> None:
        if run.format > records.FORMAT:
            self.damage.append(
                f"{self.name}: format {run.format} is newer than this release reads ({records.FORMAT}); "
                "fields may be missing. Update Plumbline to be sure."
            )

    def _take_load(self, load: Load) -> None:
        """Samples come while a load runs and its totals at its end; totals first is understood, too."""
        if self.loads and self.loads[-1].load is None:
            self.loads[-1].load = load
        else:
            self.loads.append(LoadRun(load))

    def _take_sample(self, sample: Sample) -> None:
        """A clock that went back means that another load run began."""
        last = self.loads[-1] if self.loads else None
        if last is None or (last.samples and sample.at <= last.samples[-1].at):
            last = LoadRun()
            self.loads.append(last)
        last.samples.append(sample)


def split(name: str, found: Iterable[AnyRecord], damage: list[str]) -> list[Source]:
    """Runs of one file, in order. What was damaged is said by the last of them."""
    sources: list[Source] = []
    for record in found:
        if not sources or (isinstance(record, Run) and not sources[-1].empty):
            sources.append(Source(name))
        sources[-1].take(record)
    if sources:
        sources[-1].damage += damage
    return sources


def read_file(path: Path) -> list[Source]:
    """Runs of a results file. Raises Unreadable when it holds nothing of use."""
    damage: list[str] = []
    try:
        sources = split(path.name, records.read(path, damage), damage)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror or error}") from None
    sources = [source for source in sources if not source.empty]
    if not sources:
        raise Unreadable(f"{path}: {_nothing(path, damage)}")
    return sources


def _nothing(path: Path, damage: Sequence[str]) -> str:
    if not path.stat().st_size:
        return "the file is empty. A results file is written by `plumbline check --results FILE` or pytest."
    if damage:
        return f"none of its lines is a result record. First: {damage[0]}"
    return "it holds no result of any case or load."


def read_files(paths: Iterable[Path]) -> tuple[list[Source], list[str]]:
    """Runs of all files, and a sentence for each file that could not be used."""
    sources: list[Source] = []
    problems: list[str] = []
    for path in paths:
        try:
            sources += read_file(path)
        except Unreadable as error:
            problems.append(str(error))
    return sources, problems
