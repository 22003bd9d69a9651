"""Mail transfer to SMTP, submission and LMTP targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.engine import Engine
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.system import Platform
from plumbline.loadtests.engine.texts import TextError
from plumbline.loadtests.options import TRANSFER, Option, UsageError
from plumbline.loadtests.scenarios.base import Machine, Preflight
from plumbline.loadtests.sending import sending
from plumbline.probes.profile import Profile


class Transfer:
    """Message after message, as fast as the target takes them or by the clock."""

    name, method, unit = "transfer", "SMTP", "messages"
    plan_type = Plan
    schemes: Mapping[str, tuple[str, int, str]] = {
        "smtp": ("smtp", 25, ""),
        "smtps": ("smtp", 465, "implicit"),
        "submission": ("submission", 587, ""),
        "submissions": ("submission", 465, "implicit"),
        "lmtp": ("lmtp", 24, ""),
    }

    def options(self) -> Sequence[Option]:
        """What is sent, and whether it arrived."""
        return TRANSFER

    def plan(self, options: Mapping[str, Any], known: Profile, common: dict[str, Any]) -> Plan:
        """Recipient, sender and accounts come from the profile where the command line names none."""
        facts = known.facts
        recipients = options.get("recipient") or [facts.get("recipient", "sink@server.example")]
        if common["protocol"] == "submission":
            common["user"] = common["user"] or facts.get("user", "")
            common["password"] = common["password"] or facts.get("password", "")
        return Plan(
            **common,
            sender=_address(options.get("sender") or facts["sender"]),
            recipients=tuple(_address(address) for address in recipients),
            **_sending(options),
            reset=options["reset"],
            pipelining=options["pipelining"],
            in_flight=options["in_flight"],
            phase_sample=options["phase_sample"],
            client_name=facts["client"],
            verify=options["verify_delivery"],
        )

    def preflight(self, plan: Plan, address: Address, platform: Platform) -> Preflight:
        """One envelope, without a message."""
        engine = Engine(plan, address, Ledger(), platform)
        engine.check = True
        engine.add_session()
        engine.run()
        opening = engine.last_session.opening if engine.last_session else None
        if not opening:
            return Preflight(engine.why)
        capabilities = [f"{word} {rest}".strip() for word, rest in opening.capabilities.items()]
        return Preflight(engine.why, opening.greeting, capabilities)

    def machine(self, plan: Plan, address: Address, platform: Platform) -> tuple[Machine, dict[str, Ledger]]:
        """The engine."""
        ledger = Ledger()
        return Engine(plan, address, ledger, platform), {"message": ledger}

    def facts(self, plan: Plan, capabilities: Sequence[str]) -> dict[str, Any]:
        """What a message is, and how it goes out."""
        return {
            "latency": _meaning(plan, capabilities),
            "size": plan.size,
            "sizes": len(plan.sizes),
            "attachments": list(plan.attachments),
            "corpus": plan.corpus,
            "sources": len(plan.sources),
            "recipients": len(plan.recipients),
            "reset": plan.reset,
            "pipelining": plan.pipelining,
            "in_flight": plan.in_flight,
            "phases": _phases(plan, capabilities),
        }


def _sending(options: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return sending(options)
    except TextError as error:
        raise UsageError(str(error)) from None


def _address(text: str) -> str:
    if not text.isascii() or any(c in text for c in "<>\r\n\0 "):
        raise UsageError(f"not an address for an envelope: {text!r}")
    return text


def _meaning(plan: Plan, capabilities: Sequence[str]) -> str:
    if plan.open_loop:
        return "from the time the message was meant to be sent to the reply to the end of data"
    if plan.in_flight > 1 and "CHUNKING" in capabilities and "PIPELINING" in capabilities:
        return "from MAIL, sent together with BDAT and the content, to the reply to BDAT LAST"
    pipelined = plan.pipelining == "on" or (plan.pipelining == "auto" and "PIPELINING" in capabilities)
    if pipelined:
        return "from the first octet of the content to the reply to the end of data"
    return "from MAIL to the reply to the end of data"


def _phases(plan: Plan, capabilities: Sequence[str]) -> str:
    if plan.pipelining == "off" or "PIPELINING" not in capabilities:
        return "of every message"
    if not plan.phase_sample:
        return "of connections only"
    return f"of every {plan.phase_sample}th message of a session, which then goes in lockstep"


SCENARIO = Transfer()
