"""Running the engine in this process, without Locust."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from plumbline.loadtests.engine.engine import Engine
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.plan import Plan, Timeouts
from plumbline.loadtests.engine.system import Platform, plain
from plumbline.loadtests.engine.tally import Tally

LONGEST = 60.0  # seconds, should a run not end by itself
BRISK = Timeouts(connect=2.0, reply=2.0, drain=1.0, give_up=0.5)
# Where nothing shall be waited for in vain, a busy machine must not make it so.
PATIENT = Timeouts(connect=20.0, reply=20.0, drain=20.0, give_up=0.5)


def run(
    port: int,
    sessions: int = 4,
    check: bool = False,
    stop_after: float = 0.0,
    meanwhile: Callable[[Engine], None] | None = None,
    platform: Platform | None = None,
    **plan: Any,
) -> tuple[Tally, Engine]:
    """Run a plan to its end, give back the account. `meanwhile` is called with the engine, in a thread."""
    plan = {"messages": 100, "timeouts": PATIENT, **plan}
    made = Plan(**{"host": "127.0.0.1", "port": port, **plan})
    ledger = Ledger()
    family = socket.AF_INET6 if ":" in made.host else socket.AF_INET
    engine = Engine(made, (family, (made.host, port)), ledger, platform or plain())
    engine.check = check
    for _ in range(sessions):
        engine.add_session()
    timer = threading.Timer(stop_after or LONGEST, engine.stop)
    timer.start()
    beside = threading.Thread(target=meanwhile, args=(engine,)) if meanwhile else None
    if beside:
        beside.start()
    engine.run()
    if beside:
        beside.join()
    timer.cancel()
    ledger.settle()
    return ledger.take(), engine


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
