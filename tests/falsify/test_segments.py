"""Replay with other segments: no verdict on a conforming server changes, and a server that reads by segments is found."""

from __future__ import annotations

import pytest
import trio
from plumbline.probes.script.checks import SEGMENTS_RULE
from plumbline.probes.script.outcome import Endpoint, Setting
from plumbline.probes.segments import WAYS
from plumbline.probes.trials import Plan, Trials
from plumbline.reports.records import Verdict

from tests.falsify.benches import BENCHES
from tests.falsify.harness import GOOD, cases_of, shipped
from tests.models.world import World

ABOUT_SEGMENTS = ["smtp", "ftp"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocol", BENCHES)
def test_no_verdict_on_a_conforming_server_changes(protocol, way):
    bench = BENCHES[protocol]
    for model in bench.models:
        found = bench.verdicts(model, cases_of(protocol), way)

        bad = {name: told for name, told in found.items() if told[0] not in (*GOOD, Verdict.SKIPPED)}
        assert [name for name in bad if name.partition("/")[2] not in bench.misses] == []


def by_segments(protocol):
    """A server that takes every segment for a whole command, if it ends in CRLF; else it drops it."""
    (model, *_) = BENCHES[protocol].models

    def received(self, data, *, urgent=False):
        if data.endswith(b"\r\n"):
            model.received(self, data, urgent=urgent)
        else:
            self.say("500 incomplete")

    return type("BySegments", (model,), {"received": received})


def judged(service, protocol, segments):
    """What the case about segments says after one other case was played, and replayed in these ways."""
    bench, world = BENCHES[protocol], World()
    port = world.serve(lambda: service(world))
    setting = Setting(endpoints={protocol: Endpoint(protocol, "192.0.2.1", port)}, facts=bench.facts)
    every = {case.spec.id: case for case in shipped(protocol)}
    (about,) = [case for case in every.values() if SEGMENTS_RULE in case.spec.passive]

    async def plays(talk, *, observer, source):
        return world.play(talk, observer)

    async def look():
        return ""

    async def run():
        trials = Trials(setting, Plan(segments=segments), plays)
        trials.health._look = trials._look = look
        tried = await trials.result(every["unknown-command"])
        return tried, (await trials.result(about)).outcome

    return trio.run(run)


@pytest.mark.parametrize("protocol", ABOUT_SEGMENTS)
def test_a_server_that_reads_by_segments_is_found(protocol):
    tried, outcome = judged(by_segments(protocol), protocol, ("octets", "cr-lf"))

    assert tried.outcome.verdict is Verdict.PASS
    assert set(tried.replays.values()) <= {Verdict.FAIL, Verdict.INCONCLUSIVE}
    assert outcome.verdict is Verdict.FAIL
    assert "unknown-command: pass as written, inconclusive with one octet per segment" in outcome.got


@pytest.mark.parametrize("protocol", ABOUT_SEGMENTS)
def test_a_conforming_server_passes(protocol):
    tried, outcome = judged(BENCHES[protocol].models[0], protocol, WAYS)

    assert set(tried.replays.values()) == {Verdict.PASS}
    assert outcome.verdict is Verdict.PASS
    assert outcome.reason == "the same verdict in 4 replays with other segments"


@pytest.mark.parametrize("protocol", ABOUT_SEGMENTS)
def test_without_replays_nothing_is_said(protocol):
    assert judged(BENCHES[protocol].models[0], protocol, ())[1].verdict is Verdict.SKIPPED
