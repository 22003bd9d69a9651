"""A crew of FTP clients, and the look at the target before."""

from __future__ import annotations

import gevent
from plumbline.loadtests.crew.crew import Crew, RefusedError
from plumbline.loadtests.crew.ftp import FtpScene, books
from plumbline.loadtests.crew.wire import Net
from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.engine import _named as named
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.engine.system import Platform
from plumbline.loadtests.ftpplan import FtpPlan
from plumbline.loadtests.scenarios.base import Preflight


class FtpCrew(Crew):
    """Clients, with the file to be fetched stored before the first of them begins."""

    scene: FtpScene

    def run(self) -> None:
        """As Crew.run; `gone` tells if the file cannot be stored."""
        self.gone = _attempt(self.scene, self.net)[0]
        if self.gone:
            self.stop()
        super().run()


def machine(plan: FtpPlan, address: Address, platform: Platform) -> tuple[Crew, dict[str, Ledger]]:
    """The crew and its ledgers."""
    kept = books(plan)
    ledger = next(iter(kept.values()))
    wires = net(plan, platform)
    return FtpCrew(plan, wires, FtpScene(plan, address, wires, ledger), kept), kept


def preflight(plan: FtpPlan, address: Address, platform: Platform) -> Preflight:
    """Log in and ask for FEAT."""
    wires = net(plan, platform)
    found = _attempt(FtpScene(plan, address, wires, Ledger()), wires, prepare=False)
    wires.close()
    return Preflight(*found)


def net(plan: FtpPlan, platform: Platform) -> Net:
    """Wires with the plan's time limits."""
    return Net(platform.socket, plan.timeouts.connect, plan.timeouts.reply)


def _attempt(scene: FtpScene, wires: Net, prepare: bool = True) -> tuple[str, str, list[str]]:
    """One login: why it failed, greeting, features."""
    client, sweeper = scene.conversation(-1), gevent.spawn(wires.sweep_often)
    try:
        client.login()
        features = client.features()
        if prepare:
            scene.prepare(client)
        client.close()
    except (RefusedError, EndedError) as error:
        return f"{error.kind}: {error}", client.greeting, []
    except OSError as error:
        return ": ".join(named(error)), client.greeting, []
    finally:
        client.abandon()
        sweeper.kill()
    return "", client.greeting, features
