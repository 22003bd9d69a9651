"""Next hops: domains that a mail server of the lab relays to ports on which whoever tests listens.

As an operator would, each server is told these domains as ones that it relays to, for everybody; `dead` is a port on
which nobody listens, and `loop` is the server itself. Nothing else may be relayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import DOMAIN, HOST

DOMAINS: Mapping[str, str] = {name: f"{name}.relay.test" for name in ("full", "plain", "dead", "loop")}
UNKNOWN = "unknown.relay.test"
PORTS = ("full-hop", "plain-hop", "dead-hop")  # keys of model.PORT_OFFSETS
ALIAS = "away"  # of the served domain, forwarded to an address at the full hop
TARGET = f"{ALIAS}@{DOMAINS['full']}"


def ports(chosen: Mapping[str, int]) -> dict[str, int]:
    """Domain -> port, of all next hops."""
    found = {DOMAINS[name]: chosen[f"{name}-hop"] for name in ("full", "plain", "dead")}
    return {**found, DOMAINS["loop"]: chosen["smtp"]}


def facts(chosen: Mapping[str, int], *, login: bool = False, unknown: bool = False) -> dict[str, Any]:
    """Keys of the profile. login: the server logs in at the full hop. unknown: it knows that UNKNOWN does not exist."""
    hops: dict[str, dict[str, Any]] = {name: {"domain": domain} for name, domain in DOMAINS.items()}
    hops["full"] |= {"login": True} if login else {}
    hops |= {"unknown": {"domain": UNKNOWN}} if unknown else {}
    for name in ("full", "plain"):
        hops[name]["listen"] = f"{HOST}:{chosen[f'{name}-hop']}"
    return {"next_hops": hops, "forwarded": f"{ALIAS}@{DOMAIN}", "delay_warning": True}
