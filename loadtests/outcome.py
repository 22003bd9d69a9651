"""What a load run came to: thresholds, exit code, result records, and a few lines for people."""

from __future__ import annotations

import os
import platform
import resource
import shlex
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from plumbline.loadtests.crew import ports
from plumbline.loadtests.engine.histogram import Histogram
from plumbline.loadtests.engine.tally import Tally
from plumbline.loadtests.options import DELIVERY, EXIT_MISSED, EXIT_NOT_TESTED, EXIT_OK, Job
from plumbline.loadtests.scenarios.base import Preflight, Scenario
from plumbline.probes.version import VERSION
from plumbline.reports import records

MANY = 1_000  # connections
BUSY = 0.9  # of the time: from here on the generator limits the rate


@dataclass(frozen=True, slots=True)
class Check:
    """A threshold and what was measured. `value` and `limit` are in the option's unit."""

    name: str
    limit: float
    value: float
    ok: bool

    def __str__(self) -> str:
        return f"{'ok    ' if self.ok else 'MISSED'} {self.name} {self.limit:g}: measured {self.value:.6g}"


@dataclass(slots=True)
class Outcome:
    """All that is known at the end of a run."""

    job: Job
    scenario: Scenario
    tally: Tally
    started: float  # seconds since the epoch
    found: Preflight = field(default_factory=lambda: Preflight(""))
    not_tested: str = ""  # why there was no run at all
    stopped_early: str = ""  # why the run ended before its time
    interrupted: bool = False
    users: int = 0
    processes: int = 1
    delivery: records.Delivery | None = None
    knee: records.Knee | None = None
    not_kept: list[str] = field(default_factory=list)  # what could not be written
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def checks(self) -> list[Check]:
        """Every threshold that was asked for."""
        limits = self.job.limits.items()
        return [self._check(name, limit) for name, limit in limits]

    def _check(self, name: str, limit: float) -> Check:
        if name in DELIVERY:
            return _counted(name, limit, self.delivery)
        if self.knee:  # --min-rate is the only limit beside --find-knee
            return Check("--min-rate", limit, self.knee.rate, self.knee.rate >= limit)
        return _check(name, limit, self.tally)

    @property
    def why_not_tested(self) -> str:
        """Why nothing can be said about the target; "" if something can."""
        if self.not_tested:
            return self.not_tested
        if self.tally.acknowledged or self.tally.failed:
            return ""
        return self.stopped_early or f"no {self.scenario.unit} were begun"

    @property
    def exit_code(self) -> int:
        """0 fine, 1 a threshold was missed, 2 could not test, not to the end, or not kept."""
        if self.why_not_tested:
            return EXIT_NOT_TESTED
        if not all(check.ok for check in self.checks):
            return EXIT_MISSED
        unknown = self.delivery is not None and self.delivery.incomplete
        unfound = self.knee is not None and not self.knee.limited_by
        return EXIT_NOT_TESTED if self.interrupted or self.not_kept or unknown or unfound else EXIT_OK

    @property
    def generator_limit(self) -> str:
        """Why the numbers may be the generator's and not the target's; "" where that is not so."""
        lag = self.tally.phases.get("generator lag", Histogram()).percentile(99)
        if lag > max(0.001, self.tally.message.percentile(99) / 10):
            return f"it sent 1 % of the messages {lag * 1e3:.1f} ms or more after their time"
        time_there = self.tally.duration * self.processes
        busy = (self.tally.cpu_s + self.tally.waited_s) / time_there if time_there else 0.0
        if busy > BUSY:
            return f"it ran, or waited for a processor, for {min(busy, 1):.0%} of the time"
        return ""

    @property
    def port_limit(self) -> str:
        """Whether ports ran short; "" if not, or if this run opened few connections."""
        if self.scenario.name != "ftp" and self.tally.connections < MANY:
            return ""
        return ports.warning(self.tally.time_wait, ports.ephemeral())

    def lines(self) -> list[str]:
        """For the console."""
        if self.why_not_tested:
            return [f"Could not test {self.job.target}: {self.why_not_tested}"]
        out = [_numbers(self.tally, self.scenario.unit), _latency(self.tally)]
        if self.tally.octets and self.scenario.name == "ftp":
            speed = self.tally.octets / max(self.tally.duration, 1e-9)
            out.append(f"Data: {self.tally.octets} octets, {speed / 1e6:.2f} MB a second")
        if self.port_limit:
            out.append(f"Ports: {self.port_limit}.")
        if self.interrupted:
            out.append("Interrupted before the end of the run; this is what was measured until then.")
        if self.generator_limit:
            out.append(f"The generator may have been the bottleneck: {self.generator_limit}.")
        if self.stopped_early:
            out.append(f"Stopped early: {self.stopped_early}")
        worst = sorted(self.tally.errors.items(), key=lambda item: -item[1])[:5]
        for kind, times in worst:
            out.append(f"{times:>9} x {kind}: {self.tally.samples.get(kind, '')}")
        if self.knee:
            out.append(knee_line(self.knee))
        if self.delivery:
            out += delivery_lines(self.delivery)
        return [*out, *map(str, self.checks)]

    def to_records(self) -> list[records.AnyRecord]:
        """Run, Target, Load, Samples, Summary."""
        return [self._run(), self._target(), self._load(), *self._samples(), self._summary()]

    def _run(self) -> records.Run:
        return records.Run(
            format=records.FORMAT,
            run_id=self.job.plan.run_id,
            tool="load",
            version=VERSION,
            python=platform.python_version(),
            started=datetime.fromtimestamp(self.started, UTC).isoformat(),
            command=_masked_command(self.job.plan.password),
            targets=[self.job.target],
            options=dict(self.job.limits),
            profile=dict(self.job.profile.shown),
        )

    def _target(self) -> records.Target:
        plan = self.job.plan
        return records.Target(
            name=self.job.target,
            protocol=plan.protocol,
            host=plan.host,
            port=plan.port,
            greeting=self.found.greeting,
            capabilities=self.found.capabilities,
            product=self.job.profile.product,
        )

    def _load(self) -> records.Load:
        tally, plan = self.tally, self.job.plan
        return records.Load(
            scenario=self.scenario.name,
            target=self.job.target,
            duration_s=tally.duration,
            messages=tally.acknowledged,
            failures=tally.failed,
            rate=tally.rate,
            latency=tally.message.summary(),
            phases={name: histogram.summary() for name, histogram in sorted(tally.phases.items())},
            replies=dict(sorted(tally.replies.items())),
            errors=tally.errors,
            delivery=self.delivery,
            knee=self.knee,
            thresholds={c.name: {"limit": c.limit, "value": c.value, "ok": c.ok} for c in self.checks},
            facts={
                **self.scenario.facts(plan, self.found.capabilities),
                "sessions": self.users,
                "per_session": plan.per_session,
                "tls": plan.tls,
                "connections": tally.connections,
                "in_doubt": tally.in_doubt,
                "octets": tally.octets,
                "octets_per_second": tally.octets / tally.duration if tally.duration else 0.0,
                "time_wait": tally.time_wait,
                "port_limit": self.port_limit,
                "loop": "open" if plan.open_loop else "closed",
                "stages": msgspec.to_builtins(plan.stages),
                "trace": len(plan.trace),
                "pace_s": plan.pace_s,
                "longest_queue": tally.longest_queue,
                "generator_cpu_s": tally.cpu_s,
                "generator_waited_s": tally.waited_s,
                "generator_processes": self.processes,
                "generator": _generator(),
                "generator_limit": self.generator_limit,
                "failure_latency": tally.failure.summary(),
                "error_samples": tally.samples,
                "stopped_early": self.stopped_early,
                **self.facts,
            },
        )

    def _samples(self) -> list[records.Sample]:
        first = int(self.tally.begun_at)
        return [
            records.Sample(
                at=float(max(epoch - first, 0)),
                messages=second.messages,
                failures=second.failures,
                p50=second.latency.percentile(50),
                p90=second.latency.percentile(90),
                p99=second.latency.percentile(99),
                max=second.latency.highest,
                users=second.sessions,
            )
            for epoch, second in sorted(self.tally.seconds.items())
            if first and epoch >= first
        ]

    def _summary(self) -> records.Summary:
        return records.Summary(
            ended=datetime.now(UTC).isoformat(),
            duration_s=time.time() - self.started,
            exit_code=self.exit_code,
            counts={"acknowledged": self.tally.acknowledged, "failed": self.tally.failed},
            interrupted=self.interrupted,
            detail=self.why_not_tested or self.stopped_early,
        )


def _counted(name: str, limit: float, delivery: records.Delivery | None) -> Check:
    """Without a delivery nobody looked, and nothing is known to be in order."""
    value = float(getattr(delivery, name.removeprefix("max_"))) if delivery else float("nan")
    return Check("--" + name.replace("_", "-"), limit, value, value <= limit)


def knee_line(knee: records.Knee) -> str:
    """What the search came to, in a sentence."""
    found = f"{knee.rate:.0f} a second under {knee.objective}"
    match knee.limited_by:
        case "target" if knee.rate:
            return f"Knee: the target sustains {found}; beyond: {knee.why}"
        case "target":
            return f"Knee: the target sustains no rate that was tried under {knee.objective}: {knee.why}"
        case "generator":
            return f"Knee: at least {found}; at the next rate the generator was the bottleneck: {knee.why}"
        case "highest rate":
            return f"Knee: at least {found}; no higher rate was tried"
        case _:
            return "Knee: the search did not come to its end"


_NOT_FOUND = (
    "Lost means: not found where mail is delivered to. The target may still hold them in its queue: look there or in "
    "its log, let the profile name the queue's folder (delivered: queue:), or wait longer (--verify-within)."
)


def delivery_lines(found: records.Delivery) -> list[str]:
    """The account of delivery in a sentence, and which messages it is about."""
    queued = "" if found.queued is None else f"{found.queued} still in the target's queue + "
    out = [
        f"Delivery: {found.acknowledged} acknowledged = {found.delivered} delivered + {queued}{found.lost} lost; "
        f"{found.duplicated} duplicated, {found.altered} altered, "
        f"{found.delayed} delayed by more than {found.late_s:g} s"
    ]
    if found.lost and found.queued is None:
        out.append(_NOT_FOUND)
    if found.unanswered:
        out.append(f"{found.unanswered_delivered} of {found.unanswered} unanswered messages arrived")
    if found.refused_delivered:
        out.append(
            f"{found.refused_delivered} messages arrived that the target had refused: senders will repeat them"
        )
    if found.delay:
        times = ", ".join(f"{name} {found.delay[name]:.3f}" for name in ("p50", "p99", "max"))
        out.append(f"From acknowledgement to arrival, in s: {times}")
    for kind, markers in found.markers.items():
        more = ", ..." if len(markers) > 5 else ""
        out.append(f"{kind}: {', '.join(markers[:5])}{more}")
    return [*out, *([f"Delivery is not known to the end: {found.incomplete}"] if found.incomplete else [])]


def _check(name: str, limit: float, tally: Tally) -> Check:
    total = tally.acknowledged + tally.failed
    if name == "min_rate":
        return Check("--min-rate", limit, tally.rate, tally.rate >= limit)
    if name == "max_error_ratio":
        ratio = tally.failed / total if total else 1.0
        return Check("--max-error-ratio", limit, ratio, ratio <= limit)
    percent = float(name.removeprefix("max_p"))
    value = tally.message.percentile(percent) * 1e3
    return Check("--" + name.replace("_", "-"), limit, value, bool(tally.acknowledged) and value <= limit)


def _numbers(tally: Tally, unit: str) -> str:
    doubt = f", {tally.in_doubt} of them perhaps delivered" if tally.in_doubt else ""
    return (
        f"{tally.acknowledged} {unit} acknowledged, {tally.failed} failed{doubt}; "
        f"{tally.rate:.1f} a second for {tally.duration:.1f} s over {tally.connections} connections"
    )


def _latency(tally: Tally) -> str:
    named = {name: value for name, value in tally.message.summary().items() if name != "n"}
    return "Latency in ms: " + ", ".join(f"{name} {value * 1e3:.3f}" for name, value in named.items())


def progress(tally: Tally, users: int, now: float) -> str:
    """How it goes, in a line; rate and latency are those of the last five whole seconds."""
    seconds = [tally.seconds[epoch] for epoch in range(int(now) - 5, int(now)) if epoch in tally.seconds]
    latency = Histogram()
    for second in seconds:
        latency.merge(second.latency)
    rate = sum(second.messages for second in seconds) / len(seconds) if seconds else 0.0
    p99 = f"p99 {latency.percentile(99) * 1e3:.1f} ms, " if latency.count else ""
    return (
        f"{max(now - tally.begun_at, 0):5.0f} s: {tally.acknowledged} acknowledged, {rate:.0f} a second, "
        f"{p99}{tally.failed} failed, {users} sessions"
    )


def _generator() -> dict[str, Any]:
    """Where the load came from."""
    return {
        "machine": platform.machine(),
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "memory_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "locust": metadata.version("locust"),
    }


def _masked_command(secret: str) -> list[str]:
    """What the user typed: `plumbline load` says it in the environment."""
    typed = os.environ.get("PLUMBLINE_COMMAND")
    words = shlex.split(typed) if typed else [Path(sys.argv[0]).name, *sys.argv[1:]]
    return [word.replace(secret, "****") if secret else word for word in words]
