"""The FTP suite shown against a model server: quiet on the conforming one, red on each that breaks a rule."""

import pytest
from plumbline.reports.records import Verdict

from tests.falsify.ftp_mutants import MUTANTS
from tests.falsify.ftp_planting import FACTS
from tests.falsify.harness import Mutant, cases_of, not_shown, quarrel, verdicts
from tests.models.ftp import FtpModel

CASES = cases_of("ftp")
GOOD = (Verdict.PASS, Verdict.TOLERATED, Verdict.INFO)


def test_the_model_conforms():
    found = verdicts(CASES, {"ftp": FtpModel}, FACTS)
    assert {
        name: told for name, told in found.items() if told[0].value not in ("pass", "tolerated", "info")
    } == {}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_turns_exactly_its_cases_red(mutant: Mutant):
    assert quarrel(CASES, mutant, "ftp", FACTS) == ""


def test_every_case_is_red_on_some_mutant():
    assert not_shown(CASES, MUTANTS) == []
