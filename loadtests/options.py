"""Options of the transfer load, said once for Locust's command line and for `plumbline load smtp`."""

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

from plumbline.loadtests.delivery.stores import StoreError, store
from plumbline.loadtests.delivery.verifying import Verification
from plumbline.loadtests.engine.plan import Plan, Timeouts
from plumbline.loadtests.engine.schedule import Stage
from plumbline.loadtests.search import BadObjective, Search, objective
from plumbline.probes.profile import Profile, SourceError, default, load

EXIT_OK, EXIT_MISSED, EXIT_NOT_TESTED, EXIT_USAGE = 0, 1, 2, 4

_SCHEMES = {
    "smtp": ("smtp", 25, ""),
    "smtps": ("smtp", 465, "implicit"),
    "submission": ("submission", 587, ""),
    "submissions": ("submission", 465, "implicit"),
    "lmtp": ("lmtp", 24, ""),
}


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
    Option("--size", "octets of the body", 1024, int, "N", (), (2, 1 << 30)),
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
        "--phase-sample",
        "time the phases of every n-th message of a session; 0: none",
        1000,
        int,
        "N",
        (),
        (0, 1e9),
    ),
    Option("--think", "pause between the messages of a session", 0.0, float, "SECONDS", (), (0, 3600)),
    Option("--rate", "open loop: send by the clock, this many a second", None, float, "N", (), (0.001, 1e6)),
    Option("--ramp", "seconds over which --rate is reached", 0.0, float, "SECONDS", (), (0, 86_400)),
    Option("--steps", "open loop: rates and their times, such as 100:10s,200:10s", None, str, "LIST"),
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
    Option("--i-may-test-this-target", "allow a target that is not this machine", False, bool),
]

THRESHOLDS = ("max_error_ratio", "min_rate", "max_p50", "max_p99", "max_p99.9")
DELIVERY = ("max_lost", "max_duplicated", "max_altered")


@dataclass(frozen=True, slots=True)
class Job:
    """A plan, with what surrounds it in the process that the user started."""

    target: str
    plan: Plan
    limits: dict[str, float]  # name of a threshold -> limit, as given
    results: Path | None = None
    report: Path | None = None
    profile: Profile = field(default_factory=default)
    verification: Verification | None = None
    search: Search | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ours to a parser. Locust has a --profile of its own, without use here: ours takes its place."""
    group = parser.add_argument_group("Plumbline")
    taken = {flag for action in parser._actions for flag in action.option_strings}
    for option in OPTIONS:
        if option.flag not in taken:
            group.add_argument(option.flag, **option.keywords())


def job(options: Mapping[str, Any], target: str | None) -> Job:
    """What the options ask for. Raises UsageError."""
    if not target:
        raise UsageError("no target given; say for example --host smtp://127.0.0.1:2525")
    _check_bounds(options)
    known = profile(options.get("profile"))
    protocol, host, port, tls = split_target(target)
    if not options["i_may_test_this_target"]:
        _refuse_strangers(host)
    return Job(
        target=target,
        plan=_plan(options, known, (protocol, host, port, tls)),
        limits=_limits(options),
        results=Path(options["results"]) if options.get("results") else None,
        report=Path(options["report"]) if options.get("report") else None,
        profile=known,
        verification=_verification(options, known),
        search=_search(options),
    )


def _search(options: Mapping[str, Any]) -> Search | None:
    if not options["find_knee"]:
        return None
    if options["rate"] or options["steps"] or options["messages"]:
        raise UsageError("--find-knee chooses the rates; leave --rate, --steps and --messages out")
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
    if options["verify_delivery"]:
        limits.setdefault("max_lost", 0)
    elif given := limits.keys() & set(DELIVERY):
        raise UsageError(f"--{min(given).replace('_', '-')} needs --verify-delivery")
    return limits


def _verification(options: Mapping[str, Any], known: Profile) -> Verification | None:
    if not options["verify_delivery"]:
        return None
    if len(options.get("recipient") or []) > 1:
        raise UsageError("--verify-delivery looks into one mailbox; give one --recipient")
    try:
        looked_into = store(known, verify_tls=not options["tls_no_verify"])
    except (StoreError, OSError) as error:
        raise UsageError(f"--verify-delivery: {error}") from None
    return Verification(looked_into, options["verify_within"], options["late_after"])


def _plan(options: Mapping[str, Any], known: Profile, where: tuple[str, str, int, str]) -> Plan:
    protocol, host, port, tls = where
    facts = known.facts
    recipients = options.get("recipient") or [facts.get("recipient", "sink@server.example")]
    needs_login = protocol == "submission"
    return Plan(
        host=host,
        port=port,
        protocol=protocol,
        tls="starttls" if options["starttls"] else tls,
        verify_tls=not options["tls_no_verify"],
        ca=str((known.shown.get("tls") or {}).get("ca", "")),
        user=options.get("auth_user") or (facts.get("user", "") if needs_login else ""),
        password=options.get("auth_password") or (facts.get("password", "") if needs_login else ""),
        sender=_address(options.get("sender") or facts["sender"]),
        recipients=tuple(_address(address) for address in recipients),
        size=options["size"],
        messages=options["messages"],
        per_session=options["per_session"],
        pipelining=options["pipelining"],
        phase_sample=options["phase_sample"],
        think_s=options["think"],
        stages=stages(options),
        poisson=options["poisson"],
        seed=options["seed"],
        client_name=facts["client"],
        verify=options["verify_delivery"],
        search=options["find_knee"],
        run_id=uuid.uuid4().hex[:10],
        timeouts=Timeouts(
            connect=options["connect_timeout"],
            reply=options["reply_timeout"],
            drain=options["drain"],
            give_up=options["give_up"],
        ),
    )


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


def _address(text: str) -> str:
    if not text.isascii() or any(c in text for c in "<>\r\n\0 "):
        raise UsageError(f"not an address for an envelope: {text!r}")
    return text


def _check_bounds(options: Mapping[str, Any]) -> None:
    for option in OPTIONS:
        value = options.get(option.dest)
        if option.bounds and value is not None and not option.bounds[0] <= value <= option.bounds[1]:
            low, high = option.bounds
            raise UsageError(f"{option.flag} {value:g}: must be from {low:g} to {high:g}")


def split_target(target: str) -> tuple[str, str, int, str]:
    """Protocol, host, port and "" or "implicit" (TLS) of `smtp://host:port`. Raises UsageError."""
    parts = urlsplit(target if "://" in target else f"smtp://{target}")
    if parts.scheme not in _SCHEMES:
        raise UsageError(f"{target}: the scheme must be one of {', '.join(_SCHEMES)}")
    protocol, port, tls = _SCHEMES[parts.scheme]
    try:
        given = parts.port
    except ValueError:
        raise UsageError(f"{target}: the port must be a number from 1 to 65535") from None
    if not parts.hostname:
        raise UsageError(f"{target}: no host; say for example smtp://127.0.0.1:2525")
    return protocol, parts.hostname, given or port, tls


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


def resolve(plan: Plan) -> tuple[int, tuple[Any, ...]]:
    """Family and socket address of the target. Raises UsageError."""
    try:
        found = socket.getaddrinfo(plan.host, plan.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"cannot resolve {plan.host}: {error.strerror or error}") from None
    family, _, _, _, address = found[0]
    return family, address
