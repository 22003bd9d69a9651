"""Options, said once for Locust's command line and for `plumbline load`."""

from __future__ import annotations

import argparse
import ipaddress
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from plumbline.loadtests.delivery.stores import StoreError, queue, store
from plumbline.loadtests.delivery.verifying import Verification
from plumbline.loadtests.engine.plan import Common, Plan, Timeouts
from plumbline.loadtests.engine.schedule import Stage
from plumbline.loadtests.scenarios.base import Scenario, Where
from plumbline.loadtests.search import BadObjective, Search, objective
from plumbline.probes.profile import Profile, SourceError, default, load

EXIT_OK, EXIT_MISSED, EXIT_NOT_TESTED, EXIT_USAGE = 0, 1, 2, 4


class UsageError(Exception):
    """The command line asks for something that cannot be; one sentence for people."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its flag, and what argparse wants to know. `bounds` are lowest and highest value."""

    flag: str
    help: str
    default: Any = None
    type: Any = str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    many: bool = False

    @property
    def dest(self) -> str:
        """Its name among the parsed options."""
        return self.flag.lstrip("-").replace("-", "_")

    def keywords(self) -> dict[str, Any]:
        """For add_argument."""
        if self.type is bool:
            return {"action": "store_true", "default": False, "help": self.help}
        keys: dict[str, Any] = {"type": self.type, "default": self.default, "help": self.help}
        if self.many:
            keys["action"] = "append"
        if self.choices:
            keys["choices"] = self.choices
        if self.metavar:
            keys["metavar"] = self.metavar
        return keys


OPTIONS = [
    Option(
        "--max-error-ratio", "fail above this share of messages (default: 0)", 0.0, float, "X", (), (0, 1)
    ),
    Option(
        "--min-rate", "fail below this many acknowledged messages a second", None, float, "N", (), (0, 1e9)
    ),
    Option("--max-p50", "fail above this median latency", None, float, "MS", (), (0, 1e9)),
    Option("--max-p99", "fail above this 99th percentile of latency", None, float, "MS", (), (0, 1e9)),
    Option("--max-p99.9", "fail above this 99.9th percentile of latency", None, float, "MS", (), (0, 1e9)),
    Option("--results", "write result records to this file", None, str, "FILE.jsonl"),
    Option("--report", "write an HTML report to this file", None, str, "FILE.html"),
    Option("--profile", "facts about the target (YAML)", None, str, "FILE"),
    Option("--messages", "stop after this many messages", 0, int, "N", (), (0, 1e9)),
    Option(
        "--per-session", "messages before QUIT and a new connection; 0: no limit", 0, int, "N", (), (0, 1e9)
    ),
    Option("--think", "pause between the messages of a session", 0.0, float, "SECONDS", (), (0, 3600)),
    Option(
        "--pace", "each session begins a message every so many seconds", 0.0, float, "SECONDS", (), (0, 3600)
    ),
    Option("--rate", "open loop: send by the clock, this many a second", None, float, "N", (), (0.001, 1e6)),
    Option("--ramp", "seconds over which --rate is reached", 0.0, float, "SECONDS", (), (0, 86_400)),
    Option("--steps", "open loop: rates and their times, such as 100:10s,200:10s", None, str, "LIST"),
    Option(
        "--trace", "open loop: a file with a time in each line, in seconds from the start", None, str, "FILE"
    ),
    Option("--poisson", "open loop with random gaps", False, bool),
    Option("--seed", "seed of everything random", 1, int, "N", (), (0, 2**31)),
    Option("--find-knee", "search the highest open-loop rate that meets --objective", False, bool),
    Option("--objective", "limits for --find-knee", "p99<200ms,errors<0.1%", str, "LIST"),
    Option("--knee-from", "the first rate that --find-knee tries", 100.0, float, "N", (), (0.1, 1e6)),
    Option("--knee-to", "the highest rate that --find-knee tries", 1e6, float, "N", (), (0.1, 1e6)),
    Option("--step-time", "seconds of each step of --find-knee", 3.0, float, "SECONDS", (), (0.1, 3600)),
    Option("--starttls", "use STARTTLS", False, bool),
    Option("--tls-no-verify", "accept any certificate", False, bool),
    Option("--auth-user", "user for AUTH", None, str, "NAME"),
    Option("--auth-password", "password for AUTH", None, str, "SECRET"),
    Option("--connect-timeout", "longest wait for a connection", 10.0, float, "SECONDS", (), (0.01, 3600)),
    Option("--reply-timeout", "longest wait for a reply", 30.0, float, "SECONDS", (), (0.01, 3600)),
    Option(
        "--drain", "wait this long for messages under way at the end", 5.0, float, "SECONDS", (), (0.1, 3600)
    ),
    Option(
        "--give-up",
        "stop if the target takes no session for this long",
        5.0,
        float,
        "SECONDS",
        (),
        (0.1, 3600),
    ),
    Option(
        "--progress",
        "tell how it goes every so many seconds; 0: do not",
        10.0,
        float,
        "SECONDS",
        (),
        (0, 3600),
    ),
    Option("--i-may-test-this-target", "allow a target that is not this machine", False, bool),
]

# Of mail transfer alone.
TRANSFER = [
    Option("--size", "octets of the body", 1024, int, "N", (), (2, 1 << 30)),
    Option("--sizes", "sizes of bodies and how often: lines such as `4k 20`", None, str, "FILE"),
    Option("--size-lognormal", "log-normal sizes of bodies, such as 8k:1.5", None, str, "MEDIAN:SIGMA"),
    Option("--attachment", "octets of an attachment; may be repeated", None, str, "N", many=True),
    Option("--corpus", "send the mail in this folder: every *.eml file in it or below", None, str, "FOLDER"),
    Option("--bind", "address or network to connect from; may be repeated", None, str, "ADDRESS", many=True),
    Option("--reset", "end connections by a reset once QUIT is answered, as smtp-source does", False, bool),
    Option("--sender", "address for MAIL FROM", None, str, "ADDRESS"),
    Option("--recipient", "address for RCPT TO; may be repeated", None, str, "ADDRESS", many=True),
    Option(
        "--pipelining",
        "use PIPELINING if offered (auto), always, or never",
        "auto",
        str,
        None,
        ("auto", "on", "off"),
    ),
    Option(
        "--in-flight",
        "messages of a session at the same time, where the target offers CHUNKING and PIPELINING",
        1,
        int,
        "N",
        (),
        (1, 1000),
    ),
    Option(
        "--phase-sample",
        "time the phases of every n-th message of a session; 0: none",
        1000,
        int,
        "N",
        (),
        (0, 1e9),
    ),
    Option("--verify-delivery", "look for every acknowledged message as the profile says", False, bool),
    Option(
        "--verify-within", "give up after so long without a new mail", 20.0, float, "SECONDS", (), (0, 86_400)
    ),
    Option(
        "--late-after", "count mails as delayed that took longer", 10.0, float, "SECONDS", (), (0, 86_400)
    ),
    Option(
        "--max-lost",
        "fail above so many acknowledged and lost messages (default: 0)",
        None,
        int,
        "N",
        (),
        (0, 1e9),
    ),
    Option("--max-duplicated", "fail above so many messages delivered twice", None, int, "N", (), (0, 1e9)),
    Option("--max-altered", "fail above so many messages delivered altered", None, int, "N", (), (0, 1e9)),
]

THRESHOLDS = ("max_error_ratio", "min_rate", "max_p50", "max_p99", "max_p99.9")
DELIVERY = ("max_lost", "max_duplicated", "max_altered")


@dataclass(frozen=True, slots=True)
class Job:
    """A plan, with what surrounds it in the process that the user started."""

    target: str
    plan: Common
    limits: dict[str, float]  # name of a threshold -> limit, as given
    results: Path | None = None
    report: Path | None = None
    profile: Profile = field(default_factory=default)
    verification: Verification | None = None
    search: Search | None = None
    progress: float = 0.0  # seconds between two lines that tell how it goes


def options_of(scenario: Scenario) -> list[Option]:
    """Those of every load, and its own."""
    return [*OPTIONS, *scenario.options()]


def add_options(parser: argparse.ArgumentParser, scenario: Scenario) -> None:
    """Add ours to a parser. Locust has a --profile of its own, without use here: ours takes its place."""
    group = parser.add_argument_group("Plumbline")
    taken = {flag for action in parser._actions for flag in action.option_strings}
    for option in options_of(scenario):
        if option.flag not in taken:
            group.add_argument(option.flag, **option.keywords())


def job(options: Mapping[str, Any], target: str | None, scenario: Scenario) -> Job:
    """What the options ask for. Raises UsageError."""
    if not target:
        example = next(iter(scenario.schemes))
        raise UsageError(f"no target given; say for example --host {example}://127.0.0.1:2525")
    _check_bounds(options, scenario)
    known = profile(options.get("profile"))
    where = split_target(target, scenario)
    if not options["i_may_test_this_target"]:
        _refuse_strangers(where.host)
    return Job(
        target=target,
        plan=scenario.plan(options, known, _common(options, known, where)),
        limits=_limits(options),
        results=Path(options["results"]) if options.get("results") else None,
        report=Path(options["report"]) if options.get("report") else None,
        profile=known,
        verification=_verification(options, known),
        search=_search(options),
        progress=options["progress"],
    )


def _search(options: Mapping[str, Any]) -> Search | None:
    if not options["find_knee"]:
        return None
    if options["rate"] or options["steps"] or options["trace"] or options["messages"]:
        raise UsageError("--find-knee chooses the rates; leave --rate, --steps, --trace and --messages out")
    if options["knee_to"] < options["knee_from"]:
        raise UsageError(f"--knee-to {options['knee_to']:g} is below --knee-from {options['knee_from']:g}")
    try:
        wanted = objective(options["objective"])
    except BadObjective as error:
        raise UsageError(f"--objective: {error}") from None
    return Search(wanted, options["knee_from"], options["step_time"], highest=options["knee_to"])


def _limits(options: Mapping[str, Any]) -> dict[str, float]:
    limits = {name: options[name] for name in (*THRESHOLDS, *DELIVERY) if options.get(name) is not None}
    if options["find_knee"]:
        limits.pop("max_error_ratio", None)
        if missed := limits.keys() - {"min_rate", *DELIVERY}:
            raise UsageError(
                f"--find-knee has its limits in --objective; leave --{min(missed).replace('_', '-')} out"
            )
    if options.get("verify_delivery"):
        limits.setdefault("max_lost", 0)
    elif given := limits.keys() & set(DELIVERY):
        raise UsageError(f"--{min(given).replace('_', '-')} needs --verify-delivery")
    return limits


def _verification(options: Mapping[str, Any], known: Profile) -> Verification | None:
    if not options.get("verify_delivery"):
        return None
    if len(options.get("recipient") or []) > 1:
        raise UsageError("--verify-delivery looks into one mailbox; give one --recipient")
    try:
        looked_into = store(known, verify_tls=not options["tls_no_verify"])
    except (StoreError, OSError) as error:
        raise UsageError(f"--verify-delivery: {error}") from None
    return Verification(looked_into, options["verify_within"], options["late_after"], queue(known))


def _common(options: Mapping[str, Any], known: Profile, where: Where) -> dict[str, Any]:
    """The fields that every plan has."""
    if options["think"] and options["pace"]:
        raise UsageError("--think pauses after a message, --pace counts from its begin; give one of them")
    return {
        "host": where.host,
        "port": where.port,
        "protocol": where.protocol,
        "tls": "starttls" if options["starttls"] else where.tls,
        "verify_tls": not options["tls_no_verify"],
        "ca": str((known.shown.get("tls") or {}).get("ca", "")),
        "user": options.get("auth_user") or "",
        "password": options.get("auth_password") or "",
        "messages": options["messages"],
        "per_session": options["per_session"],
        "think_s": options["think"],
        "pace_s": options["pace"],
        "trace": trace(options),
        "stages": stages(options),
        "poisson": options["poisson"],
        "seed": options["seed"],
        "search": options["find_knee"],
        "run_id": uuid.uuid4().hex[:10],
        "timeouts": Timeouts(
            connect=options["connect_timeout"],
            reply=options["reply_timeout"],
            drain=options["drain"],
            give_up=options["give_up"],
        ),
    }


def trace(options: Mapping[str, Any]) -> tuple[float, ...]:
    """Send times out of a file: one in a line, rising; empty lines and those with # do not count. Raises UsageError."""
    name = options["trace"]
    if not name:
        return ()
    if options["rate"] or options["steps"] or options["poisson"]:
        raise UsageError("--trace says all the times; leave --rate, --steps and --poisson out")
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--trace {name}: {getattr(error, 'strerror', None) or error}") from None
    found: list[float] = []
    for number, line in enumerate(lines, 1):
        if word := line.partition("#")[0].strip():
            found.append(_time(word, f"--trace {name}:{number}", found[-1] if found else 0.0))
    if not found:
        raise UsageError(f"--trace {name}: no time in it")
    return tuple(found)


def _time(word: str, where: str, last: float) -> float:
    try:
        at = float(word)
    except ValueError:
        at = float("nan")
    if not last <= at < float("inf"):
        raise UsageError(f"{where}: {word!r} is no time in seconds from {last:g} on")
    return at


def stages(options: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The open loop that was asked for; empty for a closed loop. Raises UsageError."""
    if options["steps"]:
        if options["rate"] or options["ramp"]:
            raise UsageError("--steps says all the rates; leave --rate and --ramp out")
        return tuple(_step(word) for word in options["steps"].split(","))
    if not options["rate"]:
        if options["ramp"] or (options["poisson"] and not options["find_knee"]):
            raise UsageError("--ramp and --poisson need --rate or --steps")
        return ()
    ramp = (Stage(0.0, options["rate"], options["ramp"]),) if options["ramp"] else ()
    return (*ramp, Stage(options["rate"], options["rate"]))


def _step(word: str) -> Stage:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)s?\s*", word)
    if not match or not float(match[2]) or not 0 < float(match[1]) <= 1e6:
        raise UsageError(f"--steps: {word!r} is not RATE:SECONDS, such as 100:10s")
    return Stage(float(match[1]), float(match[1]), float(match[2]))


def _check_bounds(options: Mapping[str, Any], scenario: Scenario) -> None:
    for option in options_of(scenario):
        value = options.get(option.dest)
        if option.bounds and value is not None and not option.bounds[0] <= value <= option.bounds[1]:
            low, high = option.bounds
            raise UsageError(f"{option.flag} {value:g}: must be from {low:g} to {high:g}")


def split_target(target: str, scenario: Scenario) -> Where:
    """The parts of `smtp://host:port`; without a scheme it is the scenario's first. Raises UsageError."""
    first = next(iter(scenario.schemes))
    parts = urlsplit(target if "://" in target else f"{first}://{target}")
    if parts.scheme not in scenario.schemes:
        raise UsageError(f"{target}: the scheme must be one of {', '.join(scenario.schemes)}")
    protocol, port, tls = scenario.schemes[parts.scheme]
    try:
        given = parts.port
    except ValueError:
        raise UsageError(f"{target}: the port must be a number from 1 to 65535") from None
    if not parts.hostname:
        raise UsageError(f"{target}: no host; say for example {first}://127.0.0.1:2525")
    return Where(protocol, parts.hostname, given or port, tls)


def _refuse_strangers(host: str) -> None:
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(
            f"{host} is not this machine; a load test may harm it. "
            "If you may test it, add --i-may-test-this-target"
        )


def profile(path: str | None) -> Profile:
    """The facts of a profile file. Raises UsageError."""
    try:
        return load(Path(path)) if path else default()
    except SourceError as error:
        raise UsageError(f"--profile: {error}") from None
    except OSError as error:
        raise UsageError(f"--profile {path}: {error.strerror or error}") from None


def resolve(plan: Common) -> tuple[int, tuple[Any, ...]]:
    """Family and socket address of the target. Raises UsageError."""
    try:
        found = socket.getaddrinfo(plan.host, plan.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"cannot resolve {plan.host}: {error.strerror or error}") from None
    if isinstance(plan, Plan) and plan.sources:
        version = socket.AF_INET6 if ":" in plan.sources[0] else socket.AF_INET
        found = [entry for entry in found if entry[0] == version]
        if not found:
            raise UsageError(f"--bind {plan.sources[0]}: {plan.host} has no address of that kind")
    family, _, _, _, address = found[0]
    return family, address
