"""TYPE, STRU, MODE and PROT as a session has them."""

from __future__ import annotations

import pytest
from plumbline.probes.protocols.parameters import Parameters


def after(*said: tuple[str, str]) -> Parameters:
    found = Parameters()
    for command, status in said:
        found = found.after(command.encode(), status)
    return found


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("TYPE A", Parameters()),
        ("type i", Parameters(type="I")),
        ("TYPE E", Parameters(type="E")),
        ("TYPE A T", Parameters(form="T")),
        ("TYPE E C", Parameters(type="E", form="C")),
        ("TYPE L 8", Parameters(type="L")),
        ("TYPE L 36", Parameters(type="L", byte_size=36)),
        ("STRU R", Parameters(structure="R")),
        ("MODE B\r\n", Parameters(mode="B")),
        ("PROT P", Parameters(protection="P")),
    ],
)
def test_what_is_accepted_holds(command, expected):
    assert after((command, "200")) == expected
    assert after((command, "504")) == Parameters()


@pytest.mark.parametrize(
    "command", ["", "TYPE", "TYPE L", "TYPE L x", "TYPE L 0", "TYPE Q", "MODE Q", "STRU", "\xff"]
)
def test_nonsense_changes_nothing(command):
    assert after((command, "200")) == Parameters()


def test_type_a_alone_is_non_print_again():
    assert after(("TYPE A T", "200"), ("TYPE A", "200")) == Parameters()


@pytest.mark.parametrize(("command", "status"), [("REIN", "220"), ("AUTH TLS", "234")])
def test_rein_and_auth_begin_anew(command, status):
    before = [("TYPE I", "200"), ("MODE B", "200"), ("STRU R", "250"), ("PROT P", "200")]
    assert after(*before) == Parameters("I", structure="R", mode="B", protection="P")
    assert after(*before, (command, status)) == Parameters()
    assert after(*before, (command, "500")) != Parameters()


def test_told_as_the_commands_are():
    assert str(Parameters(type="L", byte_size=36, mode="B")) == "TYPE L 36, STRU F, MODE B"
    assert str(Parameters(type="I", structure="R")) == "TYPE I, STRU R, MODE S"
    assert str(Parameters(type="E", form="C")) == "TYPE E C, STRU F, MODE S"
