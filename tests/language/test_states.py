"""States files: chains, and what can be wrong with them."""

from __future__ import annotations

import pytest
from plumbline.probes.script.source import SuiteErrors, parse
from plumbline.probes.script.states import read_states

GOOD = """\
protocol: smtp
states:
  greeting:
    about: read
    script:
      - S: 220
  rcpt:
    about: accepted
    after: mail
    needs: [SIZE]
    script:
      - C: RCPT TO:<{recipient}> {id}
        S: 250
  mail:
    about: accepted
    after: greeting
    script:
      - C: MAIL FROM:<{sender}>
        S: 250
        save: (?P<id>\\d+)
"""


def no_others(protocol):
    raise AssertionError(f"nothing was asked of {protocol}")


def test_a_state_has_the_whole_chain():
    states = read_states(parse(GOOD, "states.yaml"), "smtp", no_others)

    assert list(states) == ["greeting", "rcpt", "mail"]
    assert [placed.line for placed in states["rcpt"].steps] == [6, 18, 12]
    assert states["rcpt"].needs == {"SIZE", "recipient"}
    assert states["mail"].needs == frozenset()


LIKE = """\
protocol: submission
like: smtp
states:
  mail:
    about: accepted
    after: greeting
    script:
      - C: MAIL FROM:<>
        S: 250
        save: (?P<id>\\d+)
"""


def test_states_that_are_like_those_of_another_protocol():
    model = parse(GOOD, "smtp.yaml")
    states = read_states(parse(LIKE, "like.yaml"), "submission", no_others, {"smtp": model}.get)

    assert {state.protocol for state in states.values()} == {"submission"}
    assert [placed.where for placed in states["rcpt"].steps] == ["smtp.yaml:6", "like.yaml:8", "smtp.yaml:12"]


def test_like_nothing():
    with pytest.raises(SuiteErrors, match=r"like.yaml:2:7: there are no states of 'smtp'"):
        read_states(parse(LIKE, "like.yaml"), "submission", no_others)


_BAD = [
    ("after: greeting", "after: greetin", "16:12: unknown state 'greetin'; did you mean 'greeting'?"),
    ("after: greeting", "after: rcpt", "16:12: the states go in a circle: rcpt -> mail -> rcpt"),
    ("after: greeting", "after: mail", "16:12: the states go in a circle: mail -> mail"),
    ("about: read", "abuot: read", "3:3: 'about' is missing here"),
    ("protocol: smtp", "protocol: ftp", "1:11: these are states of 'ftp', the folder is that of 'smtp'"),
    ("- S: 220", "- S: 22", "6:12: '22' is no reply of smtp"),
    (
        "- S: 220",
        "- connect: {name: b, state: male}",
        "6:35: unknown state of smtp 'male'; did you mean 'mail'?",
    ),
    ("- S: 220", "- S: 220\n    cleanup:\n      - {}", "8:9: this step does nothing and expects nothing"),
    ("{id}", "{di}", "12:12: unknown variable 'di'"),
    ("needs: [SIZE]", "needs: [Size]", "10:13: 'Size': capabilities are written in capitals"),
    ("  greeting:", "  Greeting:", "3:3: 'Greeting' is no name for a state"),
    ("states:\n", "states: 5\nold:\n", "2:9: states: expected a mapping, found the number 5"),
]


@pytest.mark.parametrize(("old", "new", "said"), _BAD, ids=[row[1] for row in _BAD])
def test_bad_states(old, new, said):
    assert old in GOOD
    with pytest.raises(SuiteErrors) as caught:
        read_states(parse(GOOD.replace(old, new), "x"), "smtp", no_others)

    assert any(str(error).startswith(f"x:{said}") for error in caught.value.errors), str(caught.value)


def test_everything_wrong_is_told():
    with pytest.raises(SuiteErrors) as caught:
        read_states(parse(GOOD.replace("S: 220", "S: 22").replace("{id}", "{di}"), "x"), "smtp", no_others)

    assert [error.line for error in caught.value.errors] == [6, 12]
