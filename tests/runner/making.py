"""Cases and outcomes made by hand, and a driver that plays what it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import trio
from plumbline.probes.protocols.base import Reply
from plumbline.probes.requirements import Requirement
from plumbline.probes.script.cases import ReadyCase, ReadyState
from plumbline.probes.script.outcome import Endpoint, Outcome, Seen, Setting
from plumbline.probes.script.types import Case, Step
from plumbline.reports.records import Verdict

ENDPOINT = Endpoint("smtp", "192.0.2.1", 25)  # never connected to
SETTING = Setting(endpoints={"smtp": ENDPOINT}, facts={"client": "c.test", "sender": "s@c.test"})
SEEN = (Seen("smtp", b"NOOP\r\n", Reply(b"250 ok\r\n", "250", ("ok",))),)

PASS = Outcome(Verdict.PASS, "as required", seen=SEEN)
FAIL = Outcome(Verdict.FAIL, "expected 250, got 500", expected="250", got="500", seen=SEEN)
HINDERED = Outcome(Verdict.INCONCLUSIVE, "set-up: silence")
BUSY = Outcome(Verdict.INCONCLUSIVE, "421 too many", unavailable=True)


def requirement(level: str = "MUST", protocols: tuple[str, ...] = ("smtp",)) -> Requirement:
    return Requirement(
        id="RFC5321-1",
        rfc=5321,
        title="SMTP",
        section="4.1",
        level=level,
        basis="keyword",
        protocols=protocols,
        statement="Things are so.",
        how="wire",
    )


def case(name: str = "one", *, protocol: str = "smtp", level: str = "MUST", **spec: object) -> ReadyCase:
    made = Case(id=name, requirement="RFC5321-1", title=name, **{"script": [Step(C="NOOP", S=250)], **spec})  # type: ignore[arg-type]
    return ReadyCase(
        id=f"{protocol}/{name}",
        protocol=protocol,
        suite="test",
        spec=made,
        requirement=requirement(level),
        state=ReadyState("ehlo", protocol, ()),
        steps=(),
        cleanup=(),
        needs=frozenset(made.needs),
        unless=frozenset(made.unless),
        tags=frozenset(made.tags),
        serial=made.serial,
        file="suites/smtp/test.yaml",
        line=1,
        source="",
        source_line=1,
    )


@dataclass
class Driver:
    """In place of a real driver: hands out outcomes, in order, and counts who is in flight.

    `script` says what is to come of each attempt; behind its end every attempt passes. `takes` is how long.
    """

    script: Iterable[Outcome | Exception] = ()
    takes: float = 1.0
    limit: int = 1_000  # at most so many at once; the server has no room for more
    played: int = 0
    in_flight: int = 0
    peak: int = 0
    sources: list[str | None] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._script = iter(self.script)

    async def play(self, talk: object, *, observer: object, source: str | None) -> Outcome:
        talk.close()  # type: ignore[attr-defined]
        self.played += 1
        self.sources.append(source)
        outcome = next(self._script, PASS)
        if self.in_flight >= self.limit:
            return BUSY
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await trio.sleep(self.takes)
        finally:
            self.in_flight -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
