"""One server as its runs saw it, and the answer that they give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .gather import LoadRun, Source
from .records import Case, Load, Requirement, Sanity, Target
from .standing import LEVELS, Standing, standing, tally

LEVEL_GROUPS = ("MUST", "SHOULD", "MAY")


@dataclass(frozen=True, slots=True)
class LevelAnswer:
    """How one protocol of one server stands at MUST, SHOULD or MAY, prohibitions included."""

    level: str
    counts: Counter[Standing]

    @property
    def judged(self) -> int:
        return sum(count for kind, count in self.counts.items() if kind.judged)

    @property
    def broken(self) -> int:
        return self.counts[Standing.VIOLATION] + self.counts[Standing.MISSED]

    @property
    def untested(self) -> int:
        return self.counts[Standing.SKIPPED] + self.counts[Standing.INCONCLUSIVE]

    @property
    def kind(self) -> Standing | None:
        """What colours it; None where nothing was judged."""
        if not self.judged:
            return None
        worst = (Standing.VIOLATION, Standing.MISSED, Standing.ACCEPTED)
        return next((one for one in worst if self.counts[one]), Standing.PASS)

    @property
    def sentence(self) -> str:
        """In words: "6 of 130 broken", "all 18 met"."""
        if not self.judged:
            return f"{self.untested} not tested" if self.untested else "no case"
        if self.broken:
            return f"{self.broken} of {self.judged} {'broken' if self.level == 'MUST' else 'missed'}"
        if accepted := self.counts[Standing.ACCEPTED]:
            return f"{accepted} of {self.judged} accepted"
        return f"all {self.judged} met" if self.judged > 1 else "met"


@dataclass
class Subject:
    """One server: a column of the matrix. Several runs only if they put different protocols to it."""

    index: int
    label: str
    sources: list[Source]
    targets: list[Target] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    loads: list[LoadRun] = field(default_factory=list)

    def join(self, other: Subject) -> None:
        """Take in what another run found out about other protocols of this server."""
        self.sources += other.sources
        self.targets += other.targets
        self.cases += other.cases
        self.loads += other.loads
        vars(self).pop("protocols", None)

    @cached_property
    def counts(self) -> Counter[Standing]:
        return tally(self.cases)

    @cached_property
    def protocols(self) -> list[str]:
        return sorted({case.protocol for case in self.cases} or {target.protocol for target in self.targets})

    @property
    def table(self) -> list[tuple[str, list[tuple[str, Counter[Standing]]]]]:
        """Counts by protocol and level, MUST first; levels without a case are left out."""
        return [
            (name, list(_by_level([c for c in self.cases if c.protocol == name]))) for name in self.protocols
        ]

    @property
    def board(self) -> list[tuple[str, list[LevelAnswer]]]:
        """Protocol by protocol, the answer at MUST, SHOULD and MAY."""
        return [(name, [self._level(name, level) for level in LEVEL_GROUPS]) for name in self.protocols]

    def at_level(self, level: str) -> LevelAnswer:
        """The answer at MUST, SHOULD or MAY over all protocols."""
        return self._level("", level)

    def _level(self, protocol: str, level: str) -> LevelAnswer:
        return LevelAnswer(
            level,
            tally(
                case
                for case in self.cases
                if case.level.partition(" ")[0] == level and (not protocol or case.protocol == protocol)
            ),
        )

    @property
    def untested(self) -> int:
        """Cases that were not judged."""
        return self.counts[Standing.SKIPPED] + self.counts[Standing.INCONCLUSIVE]

    @property
    def requirements(self) -> dict[str, Requirement]:
        """What the runs' catalogue has on this server's protocols."""
        return {name: one for source in self.sources for name, one in source.requirements.items()}

    @property
    def cut_off(self) -> bool:
        """True when a run on this server did not come to its end."""
        return any(source.cut_off for source in self.sources)

    @property
    def took(self) -> float:
        """Seconds of all runs that judged cases on this server."""
        return sum(one.summary.duration_s for one in self.sources if one.summary)

    @property
    def exploitable(self) -> list[Case]:
        """Violations known to be exploitable, by their cases' severity."""
        return [case for case in self.cases if broken(case) and case.severity.get("exploitable")]

    @property
    def flaky(self) -> int:
        return sum(case.flaky for case in self.cases)

    @property
    def best_load(self) -> Load | None:
        """The load run that sustained the highest rate."""
        return max(
            (run.load for run in self.loads if run.load),
            key=lambda load: load.knee.rate if load.knee else load.rate,
            default=None,
        )

    @property
    def sound(self) -> bool:
        """True when the target behaved whenever the run looked."""
        return all(check.ok for check in self.sanity)

    @property
    def sanity(self) -> list[Sanity]:
        """What the run found when it looked whether this server still behaved."""
        names = {target.name for target in self.targets} | {""}
        return [check for source in self.sources for check in source.sanity if check.target in names]

    @property
    def answer(self) -> tuple[str, str]:
        """The kind of verdict ("bad", "unsure", "good", "none") and the sentence that gives it."""
        counts = self.counts
        if count := counts[Standing.VIOLATION]:
            return "bad", f"{count} violation{'s' if count != 1 else ''}"
        if not self.cases:
            return "none", "no case was run"
        if not any(counts[one] for one in (Standing.PASS, Standing.TOLERATED, Standing.MISSED)):
            return "unsure", "nothing could be judged"
        if self.cut_off:
            return "unsure", "no violation before the run was cut off"
        if not self.sound:
            return "unsure", "no violation, but the target stopped behaving"
        if count := counts[Standing.STALE]:
            return "unsure", f"no violation, but {count} out-of-date deviation{'s' if count != 1 else ''}"
        if count := counts[Standing.INCONCLUSIVE]:
            return "unsure", f"no violation, but {count} inconclusive"
        return "good", "no violation"


def broken(case: Case) -> bool:
    """True for a violation."""
    return standing(case) is Standing.VIOLATION


def _by_level(cases: Sequence[Case]) -> Iterator[tuple[str, Counter[Standing]]]:
    names = [*LEVELS, *sorted({case.level for case in cases} - set(LEVELS))]
    for level in names:
        if counts := tally(case for case in cases if case.level == level):
            yield level, counts
