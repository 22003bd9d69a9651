"""Servers that keep the rules and do not please (tests/models/smtp_policy.py): no case calls them failing."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from plumbline.probes.script.loader import Library
from plumbline.probes.script.outcome import Endpoint, Setting
from plumbline.probes.trials import Attempted, Plan, Trials, control_id
from plumbline.reports.records import Verdict

from tests.falsify.benches import BENCHES
from tests.falsify.harness import SUITES, cases_of, skipped
from tests.models import smtp_policy as policy
from tests.models.world import World

BENCH = BENCHES["smtp"]
MODELS = (
    policy.Greylisting,
    policy.Unusual,
    policy.SenderVerified,
    policy.SenderRefused,
    policy.Locked,
    policy.Strict,
    policy.Impatient,
    policy.Silent,
    policy.Wary,
    policy.Filtering,
    policy.Balanced,
    policy.Tarpit,
    policy.Slow,
    policy.Blocking,
    policy.Dropping,
    policy.Quarantine,
    policy.Rewriting,
    policy.Talkative,
    policy.Hiding,
)


def fresh(service: type[policy.Policy]) -> tuple[World, int]:
    """A world in which nothing has happened yet, and the server's port there, the same in each."""
    world = World()
    return world, world.serve(lambda: service(world))


def judged(service: type[policy.Policy]) -> dict[str, Attempted]:
    """What a run would say of this server: with controls, and with failing cases played again. In virtual time."""
    cases = cases_of("smtp")
    facts = {**BENCH.facts, **getattr(service, "profile", {})}
    everything = {case.id: case for case in cases}
    controls = {name: everything[name] for name in {control_id(one) for one in cases if one.spec.depends_on}}
    plan = Plan(
        controls=controls,
        skip=lambda case: skipped(case, service, facts),
        states=Library.open(SUITES).states("smtp"),
    )
    world, port = fresh(service)

    async def plays(talk, *, observer=None, source=None):
        return world.play(talk, observer)

    async def still_there():
        return ""

    async def run():
        nonlocal world
        setting = Setting({"smtp": Endpoint("smtp", "192.0.2.1", port)}, facts, mailbox=BENCH.mailbox)
        trials = Trials(setting, plan, plays)
        trials.health._look = trials._look = still_there
        found = {}
        for case in sorted(cases, key=lambda case: bool(case.spec.passive)):
            if "large" in case.tags or plan.skip(case):
                continue
            world, _ = fresh(service)
            found[case.id] = await trials.result(case)
        return found

    return trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("service", MODELS, ids=[model.__name__ for model in MODELS])
def test_policy_is_no_violation(service):
    found = judged(service)

    failed = [name for name, one in found.items() if one.outcome.verdict is Verdict.FAIL]
    assert [name for name in failed if name.partition("/")[2] not in service.misses] == []
    assert len(found) > 200
