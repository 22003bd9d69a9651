"""What sends in one process: the engine in a greenlet, and the accounts that leave it ten times a second."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import gevent
import gevent.monkey
from locust.env import Environment
from plumbline.loadtests import locust_stats
from plumbline.loadtests.delivery.likeness import likeness
from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.ledger import Receipts
from plumbline.loadtests.engine.plan import Common
from plumbline.loadtests.engine.system import Platform
from plumbline.loadtests.engine.tally import Tally
from plumbline.loadtests.scenarios.base import Preflight, Scenario

FLUSH = 0.1  # seconds between two batches


def platform() -> Platform:
    """The system as it was before gevent patched it, with a wait that lets other greenlets run."""
    hub = gevent.get_hub()
    watchers: dict[int, Any] = {}

    def wait(epoll: Any) -> None:
        fd = epoll.fileno()
        if fd not in watchers:
            watchers[fd] = hub.loop.io(fd, 1)
        hub.wait(watchers[fd])

    original = gevent.monkey.get_original
    return Platform(original("select", "epoll"), original("socket", "socket"), wait)


class Generator:
    """Engine, ledger and clock of one run in one process that sends."""

    def __init__(self, environment: Environment, scenario: Scenario, plan: Common, address: Address) -> None:
        self.environment, self.scenario, self.plan, self.address = environment, scenario, plan, address
        self.engine, self.books = scenario.machine(plan, address, platform())
        self.ledger = next(iter(self.books.values()))
        self.greenlet: gevent.Greenlet | None = None
        self.found = Preflight("")
        self._cpu, self._waited, self._over = _cpu(), _waited(), False
        self._kept = Tally()  # counted, and not taken yet
        self._step: Tally | None = None  # of a step that is under way
        self._acknowledged: list[tuple[int, float, int]] = []
        self._doubtful: list[int] = []

    def preflight(self) -> str:
        """Look at the target; "" or why it cannot be tested."""
        self.found = self.scenario.preflight(self.plan, self.address, platform())
        return self.found.why

    def run(self) -> None:
        """Drive the sessions until the end, and flush meanwhile."""
        self._cpu, self._waited = _cpu(), _waited()  # what the start took is no part of the load
        self.greenlet = gevent.spawn(self._drive)
        gevent.spawn(self._flush_often)

    def _drive(self) -> None:
        self.engine.run()
        self.flush()
        self._over = True

    def _flush_often(self) -> None:
        while self.greenlet:
            gevent.sleep(FLUSH)
            self.flush()

    def flush(self) -> None:
        """Settle what was counted, and tell Locust."""
        cpu, waited = _cpu(), _waited()
        if not self._over:  # what Locust does afterwards is no part of the load
            self.ledger.delta.cpu_s += cpu - self._cpu
            self.ledger.delta.waited_s += waited - self._waited
        self._cpu, self._waited = cpu, waited
        for name, ledger in self.books.items():
            locust_stats.record(self.environment, self.scenario.method, name, ledger.settle())
            if ledger.receipts is not None:
                self._keep(ledger.receipts.take())

    def _counted(self) -> Tally:
        """What the ledgers have settled, for a step too if one is under way."""
        taken = Tally()
        for ledger in self.books.values():
            taken.merge(ledger.take())
        if self._step is not None:
            self._step.merge(taken)
        return taken

    def _keep(self, receipts: Receipts) -> None:
        """Name the messages, and what each must look like where it arrives."""
        plain = self.engine.plain
        self._acknowledged += [(n, at, likeness(plain(n))) for n, at in receipts.acknowledged]
        self._doubtful += receipts.doubtful

    def take(self) -> Tally:
        """What was counted since the last call, but for what is under way in this moment."""
        self.flush()
        taken, self._kept = self._kept, Tally()
        taken.merge(self._counted())
        return taken

    def begin_step(self) -> None:
        """From here on count for a step, too."""
        self.flush()
        self._kept.merge(self._counted())
        self._step = Tally()

    def end_step(self) -> Tally:
        """The count since `begin_step`."""
        self.flush()
        self._kept.merge(self._counted())
        step, self._step = self._step, None
        return step or Tally()

    def take_receipts(self) -> dict[str, Any]:
        """Receipts since the last call, as plain data."""
        part = f"{self.plan.run_id}.{self.plan.part:x}"
        taken = {"part": part, "acknowledged": self._acknowledged, "doubtful": self._doubtful}
        self._acknowledged, self._doubtful = [], []
        return taken

    def stop(self) -> None:
        """Finish what is under way; bounded by the plan's drain time."""
        self.engine.stop()
        if self.greenlet:
            self.greenlet.join(self.plan.timeouts.drain + 2)
            self.greenlet.kill()
        self.flush()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _waited() -> float:
    """Seconds that the main thread waited for a processor; 0.0 where the kernel does not tell (proc(5))."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) * 1e-9
    except (OSError, IndexError):
        return 0.0
