"""One run of check: from the options to targets that were looked at, and a runner for their cases."""

from __future__ import annotations

import datetime
import platform
import secrets
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..reports import records
from . import deviations as deviations_file
from . import profile as profiles
from .capability import skip_reason
from .caserecord import made, skipped
from .deviations import Deviation
from .drivers import blocking_driver
from .preflight import Facts, preflight, sanity
from .profile import Profile
from .runner import Plan, Runner
from .script.cases import ReadyCase
from .script.loader import KINDRED, Library
from .script.outcome import Endpoint, Patience, Setting
from .script.types import Connect
from .target import BadTarget, CannotTest, is_loopback, parse, recognised
from .version import VERSION


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    targets: tuple[str, ...]
    profile: Path | None = None
    deviations: Path | None = None
    results: Path | None = None
    report: Path | None = None
    strict: bool = False
    in_flight: int = 16
    again: int = 2
    slow: bool = False
    intrusive: bool = False
    permitted: bool = False  # the user may test targets that are not on loopback
    segments: str = ""
    patience: float = 20.0
    cases: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(slots=True)
class Probed:
    """A target that passed preflight, with the runner of its cases."""

    facts: Facts
    setting: Setting
    runner: Runner

    @property
    def protocol(self) -> str:
        return self.facts.endpoint.protocol


@dataclass(slots=True)
class Session:
    """A run. `open` looks at the targets; `close` looks again and stops everything."""

    options: Options
    profile: Profile
    library: Library
    deviations: Mapping[str, Deviation] = field(default_factory=dict)
    probed: list[Probed] = field(default_factory=list)
    controls: dict[str, ReadyCase] = field(default_factory=dict)
    start_records: list[records.AnyRecord] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def open(cls, options: Options, profile: Profile | None = None) -> Session:
        """Look at every target. Raises BadTarget, CannotTest, SourceError."""
        if profile is None:
            profile = profiles.load(options.profile) if options.profile else profiles.default()
        known = deviations_file.load(options.deviations) if options.deviations else {}
        session = cls(options, profile, Library.open(), known)
        session.start_records.append(_run_record(options, profile))
        for text in options.targets:
            session._look_at(text)
        return session

    def _look_at(self, text: str) -> None:
        target = parse(text)
        if not self.options.permitted and not is_loopback(target.host):
            raise BadTarget(
                f"{text} is not on this machine. Probes send mail, create and delete files, and try what "
                "attackers try: if you may do that there, say --i-may-test-this-target"
            )
        target = blocking_driver.play(recognised(target))
        endpoint = target.endpoint
        setting = Setting(
            endpoints={endpoint.protocol: endpoint, **_others(self.profile, endpoint.protocol)},
            facts=self.profile.facts,
            patience=replace(Patience(), reply=self.options.patience),
            mailbox=self.profile.mailbox,
            segments=self.options.segments,
        )
        states = self.library.states(KINDRED.get(endpoint.protocol, endpoint.protocol))
        facts = blocking_driver.play(preflight(endpoint, setting, states))
        plan = Plan(self.options.in_flight, self.options.again, controls=self.controls)
        self.probed.append(Probed(facts, setting, Runner(setting, plan)))
        self.start_records.append(_target_record(facts, self.profile.product))
        self.start_records.append(records.Sanity(when="start", ok=True, target=endpoint.url))

    def start(self, cases: Iterable[ReadyCase]) -> None:
        """Start the runners; `cases` are all that could be control cases."""
        self.controls.update((case.id, case) for case in cases)
        for probed in self.probed:
            probed.runner.start()

    def on(self, protocol: str) -> Probed | None:
        """The target whose cases are those of this protocol."""
        return next((one for one in self.probed if KINDRED.get(one.protocol, one.protocol) == protocol), None)

    def skip_reason(self, case: ReadyCase) -> str:
        """Why a case is not run, or ""."""
        probed = self.on(case.protocol)
        if probed is None:
            return f"no target speaks {case.protocol}"
        if case.spec.slow and not self.options.slow:
            return "slow: asked for with --slow"
        if case.spec.intrusive and not self.options.intrusive:
            return "intrusive, could hurt a live service: asked for with --intrusive"
        missing = {
            placed.step.connect.protocol
            for placed in (*case.state.steps, *case.steps)
            if isinstance(placed.step.connect, Connect) and placed.step.connect.protocol
        } - set(probed.setting.endpoints)
        if missing:
            return f"needs a companion endpoint for {', '.join(sorted(missing))} (profile: companions)"
        return skip_reason(case, probed.facts.capabilities, probed.setting.facts)

    def skipped(self, case: ReadyCase, reason: str) -> records.Case:
        """The record of a case that is not run."""
        probed = self.on(case.protocol) or self.probed[0]
        return skipped(case, reason, probed.facts.endpoint)

    def record(self, case: ReadyCase) -> records.Case:
        """Wait for a case that was submitted, or submit it now."""
        probed = self.on(case.protocol)
        assert probed is not None, "a case without target is skipped"
        attempted = probed.runner.submit(case).result()
        return made(attempted, probed.facts.endpoint, self.deviation(case.id))

    def deviation(self, name: str) -> Deviation | None:
        """The accepted deviation for a case, unless its time is over."""
        deviation = self.deviations.get(name)
        return deviation if deviation and not deviation.expired() else None

    def close(self) -> list[records.Sanity]:
        """Look at every target once more, then stop."""
        last = []
        for probed in self.probed:
            runner, endpoint = probed.runner, probed.facts.endpoint
            runner.close()
            wrong = runner.dead or blocking_driver.play(sanity(endpoint, probed.setting))
            last.append(
                records.Sanity(
                    when="end",
                    ok=not wrong,
                    detail=wrong,
                    last_good_case=runner.last_good,
                    target=endpoint.url,
                )
            )
        return last


def _others(profile: Profile, protocol: str) -> dict[str, Endpoint]:
    return {name: endpoint for name, endpoint in profile.companions.items() if name != protocol}


def _run_record(options: Options, profile: Profile) -> records.Run:
    return records.Run(
        format=records.FORMAT,
        run_id=secrets.token_hex(8),
        tool="check",
        version=VERSION,
        python=platform.python_version(),
        started=datetime.datetime.now(tz=datetime.UTC).astimezone().isoformat(timespec="seconds"),
        command=list(options.command or sys.argv),
        targets=list(options.targets),
        options={
            "strict": options.strict,
            "in_flight": options.in_flight,
            "again": options.again,
            "segments": options.segments,
        },
        profile=dict(profile.shown),
    )


def _target_record(facts: Facts, product: str) -> records.Target:
    endpoint = facts.endpoint
    return records.Target(
        name=endpoint.url,
        protocol=endpoint.protocol,
        host=endpoint.host,
        port=endpoint.port,
        greeting=facts.greeting,
        capabilities=sorted(facts.capabilities),
        product=product,
    )


__all__ = ["BadTarget", "CannotTest", "Options", "Session"]
