"""Every FTP case fails on a server that breaks its rule, and passes on one that keeps it."""

from __future__ import annotations

import pytest

from tests.falsify.ftp_mutants import MUTANTS
from tests.falsify.ftp_planting import FACTS
from tests.falsify.harness import assert_model_passes, cases_of, not_shown, red, verdicts
from tests.models.ftp import FtpModel


@pytest.fixture(scope="module")
def cases():
    return cases_of("ftp")


def test_conforming_server_gets_no_red(cases):
    assert_model_passes(verdicts(cases, {"ftp": FtpModel}, FACTS))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_turns_exactly_these_red(mutant, cases):
    found = verdicts(cases, {"ftp": mutant.service}, FACTS)

    assert red(found) == {f"ftp/{name}" for name in mutant.red}


def test_every_case_is_shown_to_fail(cases):
    assert not_shown(cases, {mutant.name: set(mutant.red) for mutant in MUTANTS}) == set()


def test_every_mutant_is_caught():
    assert [mutant.name for mutant in MUTANTS if not mutant.red] == []
