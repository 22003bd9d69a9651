"""Scripts as load: any case of a suite, played by every session again and again."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.system import Platform
from plumbline.loadtests.options import Option, UsageError
from plumbline.loadtests.scenarios.base import Machine, Preflight
from plumbline.loadtests.scriptplan import NoScript, ScriptPlan, find
from plumbline.probes.profile import Profile
from plumbline.probes.protocols.registry import SCHEMES
from plumbline.probes.script.loader import Library

OPTIONS = [
    Option("--script", "a case: FILE.yaml, FILE.yaml#id, or the id of a shipped case", None, str, "FILE#ID")
]


class Scripts:
    """One case again and again."""

    name, method, unit = "script", "SCRIPT", "runs"
    plan_type = ScriptPlan
    schemes: Mapping[str, tuple[str, int, str]] = {
        name: (scheme.protocol, scheme.port, "implicit" if scheme.implicit_tls else "")
        for name, scheme in SCHEMES.items()
    }

    def options(self) -> Sequence[Option]:
        """Which one."""
        return OPTIONS

    def plan(self, options: Mapping[str, Any], known: Profile, common: dict[str, Any]) -> ScriptPlan:
        """Facts, companions and mailbox go along to every worker."""
        if not options["script"]:
            raise UsageError("which script? say --script FILE.yaml#id, or an id that `plumbline list` shows")
        if options["starttls"]:
            raise UsageError("a script says by itself when it begins TLS; leave --starttls out")
        name, hash_, case = options["script"].partition("#")
        script = str(Path(name).resolve()) + hash_ + case if Path(name).is_file() else options["script"]
        try:
            find(script, common["protocol"], Library.open())
        except NoScript as error:
            raise UsageError(f"--script: {error}") from None
        companions = {name: (e.protocol, e.host, e.port, e.tls) for name, e in known.companions.items()}
        facts = {**known.facts, **_account(common)}
        return ScriptPlan(
            **common, script=script, facts=facts, companions=companions, mailbox=dict(known.mailbox)
        )

    def preflight(self, plan: ScriptPlan, address: Address, platform: Platform) -> Preflight:  # noqa: ARG002
        """As `plumbline check` looks at a target."""
        found: Preflight = _crew().preflight(plan, address)
        return found

    def machine(
        self, plan: ScriptPlan, address: Address, platform: Platform
    ) -> tuple[Machine, dict[str, Ledger]]:
        """A crew of players."""
        made: tuple[Machine, dict[str, Ledger]] = _crew().machine(plan, address, platform)
        return made

    def facts(self, plan: ScriptPlan, capabilities: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002
        """Which script."""
        since = "from the time it was meant to begin" if plan.open_loop else "from its begin"
        name, hash_, case = plan.script.partition("#")
        return {"latency": f"{since} to the end of the script", "script": Path(name).name + hash_ + case}


def _account(common: Mapping[str, Any]) -> dict[str, str]:
    return {name: common[name] for name in ("user", "password") if common[name]}


def _crew() -> Any:
    """Imported when it is needed: gevent has no place in the process that only starts Locust."""
    return importlib.import_module("plumbline.loadtests.crew.scripting")


SCENARIO = Scripts()
