"""Servers that keep the rules and do not please (tests/models/smtp_policy.py): no case calls them failing."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from plumbline.probes.script.outcome import Endpoint, Setting
from plumbline.probes.trials import Attempted, Plan, Trials, control_id
from plumbline.reports.records import Verdict

from tests.falsify.benches import BENCHES
from tests.falsify.harness import cases_of, skipped, states_of
from tests.models import smtp_policy as policy
from tests.models.smtp_submission import SubmissionInClear
from tests.models.world import World

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
# The same in front of a submission server, which is reached by a login.
SUBMISSION = (
    policy.Greylisting,
    policy.SenderVerified,
    policy.SenderRefused,
    policy.Strict,
    policy.Impatient,
    policy.Blocking,
    policy.Dropping,
    policy.Quarantine,
)


def submission(model: type[policy.Policy]) -> type[policy.Policy]:
    """The submission server with this policy."""
    lists = {"keywords": SubmissionInClear.keywords, "secured_keywords": SubmissionInClear.secured_keywords}
    return type(f"{model.__name__}Submission", (model, SubmissionInClear), lists)


ALL = [
    *(("smtp", model) for model in MODELS),
    *(("submission", submission(model)) for model in SUBMISSION),
]


def fresh(service: type[policy.Policy]) -> tuple[World, int]:
    """A world in which nothing has happened yet, and the server's port there, the same in each."""
    world = World()
    return world, world.serve(lambda: service(world))


def judged(protocol: str, service: type[policy.Policy]) -> dict[str, Attempted]:
    """What a run would say of this server: with controls, and with failing cases played again. In virtual time."""
    bench, cases = BENCHES[protocol], cases_of(protocol)
    facts = {**bench.facts, **getattr(service, "profile", {})}
    everything = {case.id: case for case in cases}
    controls = {name: everything[name] for name in {control_id(one) for one in cases if one.spec.depends_on}}
    plan = Plan(
        controls=controls,
        skip=lambda case: skipped(case, service, facts),
        states=states_of(protocol),
    )
    world, port = fresh(service)

    async def plays(talk, *, observer=None, source=None):
        return world.play(talk, observer)

    async def still_there():
        return ""

    async def run():
        nonlocal world
        setting = Setting({protocol: Endpoint(protocol, "192.0.2.1", port)}, facts, mailbox=bench.mailbox)
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


@pytest.mark.parametrize(("protocol", "service"), ALL, ids=[model.__name__ for _, model in ALL])
def test_policy_is_no_violation(protocol, service):
    found = judged(protocol, service)

    failed = [name for name, one in found.items() if one.outcome.verdict is Verdict.FAIL]
    assert [name for name in failed if name.partition("/")[2] not in service.misses] == []
    assert len(found) > 200
