"""One run of check: from the options to targets that were looked at, and a runner for their cases."""

from __future__ import annotations

import datetime
import platform
import secrets
import shlex
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from ..reports import records
from . import deviations as deviations_file
from . import profile as profiles
from .capability import skip_reason
from .caserecord import Scribe
from .deviations import Deviation
from .drivers import blocking_driver
from .masking import Masker
from .nexthops import NextHops
from .preflight import Facts, preflight, sanity, second_look
from .profile import Profile
from .recognise import recognised
from .runner import Attempted, Plan, Runner
from .script.cases import ReadyCase
from .script.loader import PROTOCOLS, Library
from .script.outcome import Endpoint, Patience, Setting
from .script.types import Connect
from .segments import ways
from .target import BadTarget, CannotTest, Target, is_loopback, parse, surroundings
from .trials import control_id
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
    command: tuple[str, ...] = ()
    embedded: bool = False  # the targets are servers that we have started


@dataclass(slots=True)
class Probed:
    """A target that passed preflight, with the runner of its cases."""

    facts: Facts
    setting: Setting
    scribe: Scribe
    runner: Runner | None = None

    @property
    def protocol(self) -> str:
        """As the user named it, or as it was found: "submission" is not "smtp"."""
        return self.facts.endpoint.protocol


_HOP = "full_hop"  # the fact that a case needs which looks at what was passed on


class Session:
    """A run. Making one reads its files; `look` goes to the targets; `close` stops and looks again."""

    def __init__(self, options: Options, library: Library, *, alone: bool = True) -> None:
        """`alone`: no other process runs cases of the same run. Raises BadTarget, SourceError: mistakes of the user."""
        self.options = options
        self.targets = [parse(text) for text in options.targets]
        _one_of_each(self.targets)
        self.profile = profiles.load(options.profile) if options.profile else profiles.default()
        self.library = library
        self.deviations: Mapping[str, Deviation] = (
            deviations_file.load(options.deviations) if options.deviations else {}
        )
        self.probed: list[Probed] = []
        self.hops = NextHops(self.profile.hops)
        self._alone = alone
        self.records: list[records.AnyRecord] = [_run_record(options, self.profile)]  # of the run's beginning
        self.started = time.monotonic()

    def look(self) -> None:
        """Look at every target. Raises BadTarget for one that may not be tested, and CannotTest."""
        for target in self.targets:
            try:
                self._look_at(target)
            except CannotTest as error:
                self.records.append(
                    records.Sanity(when="start", ok=False, detail=str(error), target=target.text)
                )
                raise

    def _look_at(self, target: Target) -> None:
        if not self.options.permitted and not is_loopback(target.host):
            raise BadTarget(
                f"{target.text} is not on this machine. Probes send mail, create and delete files, and try "
                "what attackers try: if you may do that there, say --i-may-test-this-target"
            )
        endpoint = blocking_driver.play(recognised(target)).endpoint
        if endpoint.protocol == "smtp" and self.profile.facts.get("role") == "submission":
            endpoint = replace(endpoint, protocol="submission")
        if self.on(endpoint.protocol):
            raise BadTarget(f"{target.text}: there is another target for {endpoint.protocol} already")
        setting = self._setting(endpoint)
        facts = self._preflight(endpoint, setting)
        setting = replace(setting, facts={**surroundings(facts.address), **setting.facts})
        masker = Masker({**setting.facts, **setting.mailbox})
        scribe = Scribe(endpoint, self._rerun(endpoint), masker)
        self.probed.append(Probed(facts, setting, scribe))
        self.records.append(_target_record(facts, self.profile.product))
        self.records.append(records.Sanity(when="start", ok=True, target=endpoint.url))

    def _preflight(self, endpoint: Endpoint, setting: Setting) -> Facts:
        states = self.library.states(endpoint.protocol)
        try:
            return blocking_driver.play(preflight(endpoint, setting, states))
        except CannotTest as error:
            raise CannotTest(f"{error}{blocking_driver.play(second_look(endpoint))}") from None

    def _setting(self, endpoint: Endpoint) -> Setting:
        companions = self.profile.companions
        return Setting(
            endpoints={endpoint.protocol: endpoint, **_others(companions, endpoint.protocol)},
            facts=self.profile.facts,
            patience=_patience(self.options.patience),
            mailbox=self.profile.mailbox,
            postbox=self.hops.postbox,
        )

    def _rerun(self, endpoint: Endpoint) -> str:
        options = self.options
        if options.embedded:
            return "pytest suites"
        words = ["plumbline", "check", endpoint.url]
        words += ["--profile", str(options.profile)] if options.profile else []
        words += ["--segments", options.segments] if options.segments else []
        flags = {
            "--slow": options.slow,
            "--intrusive": options.intrusive,
            "--i-may-test-this-target": options.permitted,
        }
        return shlex.join([*words, *(flag for flag, given in flags.items() if given)])

    def start(self, cases: Iterable[ReadyCase]) -> None:
        """Start the runners; `cases` are all that could be control cases."""
        everything = {case.id: case for case in cases}
        wanted = {control_id(case) for case in everything.values() if case.spec.depends_on}
        controls = {name: everything[name] for name in wanted & set(everything)}
        if any(_HOP in case.needs and not self.skip_reason(case) for case in everything.values()):
            self.hops.start()
        for probed in self.probed:
            cuts = ways(self.options.segments)
            states = self.library.states(probed.protocol)
            plan = Plan(self.options.in_flight, self.options.again, controls, self.skip_reason, cuts, states)
            probed.runner = Runner(probed.setting, plan)
            probed.runner.start()

    def on(self, protocol: str) -> Probed | None:
        """The target that speaks this protocol."""
        return next((one for one in self.probed if one.protocol == protocol), None)

    def protocols(self) -> list[str]:
        """The protocols whose suites make sense."""
        return [name for name in PROTOCOLS if self.on(name) is not None]

    def skip_reason(self, case: ReadyCase) -> str:
        """Why a case is not run, or ""."""
        probed = self.on(case.protocol)
        if probed is None:
            return f"no target speaks {case.protocol}"
        if case.spec.slow and not self.options.slow:
            return "slow: asked for with --slow"
        if case.spec.intrusive and not self.options.intrusive:
            return "intrusive, could hurt a live service: asked for with --intrusive"
        if missing := _companions_needed(case) - set(probed.setting.endpoints):
            return f"needs a companion endpoint for {', '.join(sorted(missing))} (profile: companions)"
        if _HOP in case.needs and not self._alone:
            return "the next hops of a run are not shared by the processes of -n: run it without"
        return skip_reason(case, probed.facts.offered_to(case), probed.setting.facts)

    def submit(self, case: ReadyCase) -> Future[Attempted]:
        """Have a case run that is not to be skipped."""
        probed = self.on(case.protocol)
        assert probed is not None, "a case without target is skipped"
        assert probed.runner is not None, "the session was not started"
        return probed.runner.submit(case)

    def skipped(self, case: ReadyCase, reason: str) -> records.Case:
        """The record of a case that is not run."""
        return (self.on(case.protocol) or self.probed[0]).scribe.skipped(case, reason)

    def made(self, attempted: Attempted) -> records.Case:
        """The record of a case that was run."""
        probed = self.on(attempted.case.protocol)
        assert probed is not None, "a case without target is skipped"
        return probed.scribe.made(attempted, self.deviation(attempted.case.id))

    def deviation(self, name: str) -> Deviation | None:
        """The accepted deviation for a case, unless its time is over."""
        deviation = self.deviations.get(name)
        return deviation if deviation and not deviation.expired() else None

    def close(self, *, hurry: bool = False) -> list[records.Sanity]:
        """Stop, and look at every target once more; in a hurry with little patience."""
        try:
            return [self._closed(probed, hurry=hurry) for probed in self.probed]
        finally:
            self.hops.close()

    def _closed(self, probed: Probed, *, hurry: bool) -> records.Sanity:
        runner, setting = probed.runner, probed.setting
        if runner is not None:
            runner.close()
        if hurry:
            setting = replace(setting, patience=_HURRIED)
        wrong = runner.dead if runner else ""
        wrong = wrong or blocking_driver.play(sanity(probed.facts.endpoint, setting)).wrong
        return records.Sanity(
            when="end",
            ok=not wrong,
            detail=wrong,
            last_good_case=runner.last_good if runner else "",
            target=probed.facts.endpoint.url,
        )


def _patience(reply: float) -> Patience:
    usual = Patience()
    grown = {name: getattr(usual, name) * reply / usual.reply for name in Patience.__slots__}
    return Patience(**grown)


_HURRIED = Patience(connect=1.0, greeting=2.0, reply=2.0, tls=2.0)


def _others(companions: Mapping[str, Endpoint], protocol: str) -> dict[str, Endpoint]:
    """The companions, but the target itself: the URL of the command line wins."""
    return {name: one for name, one in companions.items() if name != protocol}


def _one_of_each(targets: Iterable[Target]) -> None:
    seen: dict[str, str] = {}
    for target in targets:
        if target.protocol and seen.setdefault(target.protocol, target.text) != target.text:
            raise BadTarget(
                f"two targets for {target.protocol}: {seen[target.protocol]} and {target.text}; "
                "test them in runs of their own, and compare: plumbline report A B"
            )


def _companions_needed(case: ReadyCase) -> set[str]:
    connects = (placed.step.connect for placed in (*case.state.steps, *case.steps))
    return {one.protocol for one in connects if isinstance(one, Connect) and one.protocol}


def timestamp() -> str:
    """Now, ISO 8601 with offset."""
    return datetime.datetime.now(tz=datetime.UTC).astimezone().isoformat(timespec="seconds")


def _run_record(options: Options, profile: Profile) -> records.Run:
    return records.Run(
        format=records.FORMAT,
        run_id=secrets.token_hex(8),
        tool="check",
        version=VERSION,
        python=platform.python_version(),
        started=timestamp(),
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


__all__ = ["BadTarget", "CannotTest", "Options", "Session", "timestamp"]
