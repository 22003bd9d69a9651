"""FTP: sessions, listings, uploads and downloads."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.system import Platform
from plumbline.loadtests.ftpplan import WORK, FtpPlan
from plumbline.loadtests.options import Option, UsageError
from plumbline.loadtests.scenarios.base import Machine, Preflight
from plumbline.probes.profile import Profile

OPTIONS = [
    Option("--do", "session, list, upload, download, mixed, or several: list,upload", "session", str, "WORK"),
    Option("--size", "octets of a file that is stored or fetched", 1_048_576, int, "N", (), (0, 1 << 32)),
    Option("--folder", "where files are stored, and what LIST lists", None, str, "PATH"),
    Option("--file", "fetch this file; else one of --size octets that is stored before", None, str, "PATH"),
    Option("--verify-content", "read back what was stored, compare checksums of all content", False, bool),
    Option("--passive", "how to open data connections", "epsv", str, None, ("epsv", "pasv")),
]


class Ftp:
    """Work after work, as fast as the target goes or by the clock."""

    name, method, unit = "ftp", "FTP", "operations"
    plan_type = FtpPlan
    schemes: Mapping[str, tuple[str, int, str]] = {"ftp": ("ftp", 21, ""), "ftps": ("ftp", 990, "implicit")}

    def options(self) -> Sequence[Option]:
        """What is done."""
        return OPTIONS

    def plan(self, options: Mapping[str, Any], known: Profile, common: dict[str, Any]) -> FtpPlan:
        """Account and folder come from the profile where the command line names none."""
        facts = known.facts
        common["user"] = common["user"] or facts.get("user", "anonymous")
        common["password"] = common["password"] or facts.get("password", "load@client.example")
        work = _work(options["do"])
        stores = "upload" in work or ("download" in work and not options["file"])
        folder = options["folder"] or (facts.get("writable", "") if stores else "")
        for name in (folder, options["file"] or "", common["user"], common["password"]):
            if any(c in name for c in "\r\n\0"):
                raise UsageError(f"no name or password for FTP: {name!r}")
        return FtpPlan(
            **common,
            work=work,
            size=options["size"],
            folder=folder,
            file=options["file"] or "",
            verify=options["verify_content"],
            passive=options["passive"],
        )

    def preflight(self, plan: FtpPlan, address: Address, platform: Platform) -> Preflight:
        """A login, and FEAT."""
        found: Preflight = _crew().preflight(plan, address, platform)
        return found

    def machine(
        self, plan: FtpPlan, address: Address, platform: Platform
    ) -> tuple[Machine, dict[str, Ledger]]:
        """A crew of clients."""
        made: tuple[Machine, dict[str, Ledger]] = _crew().machine(plan, address, platform)
        return made

    def facts(self, plan: FtpPlan, capabilities: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002
        """What was done with what."""
        since = "from the time it was meant to begin" if plan.open_loop else "from its begin"
        return {
            "latency": f"{since} to the reply that ends it; of a session from connecting to the reply to QUIT",
            "work": list(plan.work),
            "size": plan.size,
            "verified": plan.verify,
            "passive": plan.passive,
        }


def _work(text: str) -> tuple[str, ...]:
    words = (
        tuple(word.strip() for word in text.split(",")) if text != "mixed" else ("list", "upload", "download")
    )
    for word in words:
        if word not in WORK:
            raise UsageError(f"--do: {word!r} is none of {', '.join(WORK)}, mixed")
    if "session" in words and len(words) > 1:
        raise UsageError("--do: a session is a login, LIST and QUIT; it does not go with other work")
    return words


def _crew() -> Any:
    """Imported when it is needed: gevent has no place in the process that only starts Locust."""
    return importlib.import_module("plumbline.loadtests.crew.ftpcrew")


SCENARIO = Ftp()
