"""Every case fails on a server that breaks its rule, and passes on one that keeps it."""

from __future__ import annotations

import functools

import pytest
from plumbline.probes.trials import control_id
from plumbline.reports.records import Verdict

from tests.falsify.benches import BENCHES
from tests.falsify.harness import GOOD, cases_of

cases = functools.cache(cases_of)
FOREIGN = [(bench, model) for bench in BENCHES.values() for model in bench.foreign]
_GOOD = Verdict.PASS, "no control"
ALL = [(bench, one) for bench in BENCHES.values() for one in bench.all_mutants]


@pytest.mark.parametrize("bench", BENCHES.values(), ids=BENCHES)
def test_conforming_servers_get_no_red_and_leave_nothing_untested(bench):
    found = [bench.verdicts(model, cases(bench.protocol)) for model in bench.models]

    bad = {
        name: told
        for verdicts in found
        for name, told in verdicts.items()
        if told[0] not in (*GOOD, Verdict.SKIPPED) and name.partition("/")[2] not in bench.misses
    }
    assert bad == {}
    untested = [name for name in found[0] if all(verdicts[name][0] not in GOOD for verdicts in found)]
    assert untested == []


@pytest.mark.parametrize(("bench", "model"), FOREIGN, ids=[f"{b.protocol}-{m.__name__}" for b, m in FOREIGN])
def test_what_other_systems_and_policies_do_is_no_violation(bench, model):
    found = bench.verdicts(model, cases(bench.protocol))
    hindered = {
        case.id for case in cases(bench.protocol) if found.get(control_id(case), _GOOD)[0] not in GOOD
    }
    red = {
        name.partition("/")[2]: told
        for name, told in found.items()
        if told[0] is Verdict.FAIL and name not in hindered
    }

    assert red.keys() == getattr(model, "misses", frozenset()), red
    assert sum(verdict in GOOD for verdict, _ in found.values()) > 50


@pytest.mark.parametrize(("bench", "mutant"), ALL, ids=[f"{b.protocol}-{m.name}" for b, m in ALL])
def test_mutant_turns_exactly_these_red(bench, mutant):
    found = bench.red(mutant, bench.share(mutant, cases(bench.protocol)))

    assert mutant.breaks - set(found) == set()
    assert found == bench.pinned().get(mutant.name), "read why, then python -m tests.falsify.redraw"


@pytest.mark.parametrize("bench", BENCHES.values(), ids=BENCHES)
def test_every_case_is_shown_to_fail(bench):
    shown = {name for reds in bench.pinned().values() for name in reds}

    assert {case.id.partition("/")[2] for case in cases(bench.protocol)} - shown == set()


@pytest.mark.parametrize("bench", BENCHES.values(), ids=BENCHES)
def test_every_mutant_is_caught_and_every_pin_has_its_mutant(bench):
    pinned = bench.pinned()

    assert [one.name for one in bench.mutants if not pinned[one.name]] == []
    assert sorted(pinned) == sorted(one.name for one in bench.all_mutants)
