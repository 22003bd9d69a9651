"""What a load of scripts is to do, and where its script is found; read by those who must not import gevent, too."""

from __future__ import annotations

from pathlib import Path

from plumbline.loadtests.engine.plan import Common
from plumbline.probes.requirements import CatalogueError
from plumbline.probes.script.cases import ReadyCase
from plumbline.probes.script.loader import PROTOCOLS, Library, SuiteErrors
from plumbline.probes.script.outcome import Endpoint, Patience, Setting
from plumbline.probes.script.shape import unknown
from plumbline.probes.script.source import SourceError


class NoScript(Exception):
    """There is no such script; a sentence for people."""


class ScriptPlan(Common, frozen=True, kw_only=True):
    """Play one case again and again. `script`: FILE, FILE#id or the id of a shipped case."""

    script: str
    facts: dict[str, str]
    companions: dict[str, tuple[str, str, int, bool]]
    mailbox: dict[str, str]


def find(script: str, protocol: str, library: Library) -> ReadyCase:
    """The case that is named. Raises NoScript."""
    name, _, wanted = script.partition("#")
    path = Path(name)
    try:
        if path.is_file():
            cases = [case for case in library.cases(path) if case.protocol == protocol]
        else:
            wanted = script
            cases = [
                case for file in library.suite_files(PROTOCOLS) for case in library.cases(file, [protocol])
            ]
    except (SuiteErrors, SourceError, CatalogueError) as error:
        raise NoScript(str(error)) from None
    matching = [case for case in cases if not wanted or wanted in (case.id, case.id.partition("/")[2])]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise NoScript(f"{name} has several cases for {protocol}; name one: {name}#{matching[0].id}")
    if not cases:
        raise NoScript(f"{script}: no case for {protocol} there")
    raise NoScript(unknown("case", wanted, [case.id for case in cases]))


def setting(plan: ScriptPlan) -> Setting:
    """The world that the script is played in."""
    own = Endpoint(plan.protocol, plan.host, plan.port, plan.tls == "implicit")
    others = {name: Endpoint(*parts) for name, parts in plan.companions.items() if name != plan.protocol}
    limits = plan.timeouts
    patience = Patience(limits.connect, limits.reply, limits.reply, limits.connect, limits.reply)
    return Setting({plan.protocol: own, **others}, plan.facts, patience, plan.mailbox)
