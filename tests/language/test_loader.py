"""From a suite file to cases that can be played."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plumbline.probes.script.loader import Library, SuiteErrors
from plumbline.probes.script.source import Document, parse

from tests.language.helpers import loaded, suite

TEXT = """\
suite: Two cases
protocol: smtp
rfc: 5321
state: mail
needs: [PIPELINING]
tags: [all]
serial: mailbox
cases:
  - id: first
    requirement: RFC5321-4.1.1.3-a
    title: One
    needs: [SIZE]
    tags: [one]
    script:
      - C: RCPT TO:<{unknown_recipient}>
        S: 550
      - C: NOOP
        S: 250
    cleanup:
      - C: RSET {mailing_list}

  # about the second
  - id: second
    requirement: X-MUST-behave
    title: It behaves
    state: connected
    serial: true
    script:
      - {S: 220}
"""


def test_everything_is_resolved(tmp_path):
    first, second = loaded(tmp_path, TEXT)

    assert (first.id, first.protocol, first.suite) == ("smtp/first", "smtp", "Two cases")
    assert first.requirement.section == "4.1.1.3"
    assert first.state.name == "mail"
    assert first.tags == {"all", "one"}
    assert (first.serial, second.serial) == ("mailbox", True)
    assert (first.line, first.source_line, second.line) == (9, 9, 23)
    assert [placed.line for placed in first.steps] == [15, 17]
    assert [placed.column for placed in first.steps] == [9, 9]
    assert [placed.line for placed in first.cleanup] == [20]
    assert first.steps[0].file == str(tmp_path / "own.probe.yaml")
    assert first.source.startswith("- id: first\n  requirement:")
    assert first.source.endswith("- C: RSET {mailing_list}")
    assert second.source.endswith("    - {S: 220}")


def test_facts_that_the_steps_use_are_needs(tmp_path):
    first, second = loaded(tmp_path, TEXT)

    assert first.needs == {
        "PIPELINING",
        "SIZE",
        "unknown_recipient",
    }  # not the clean-up's, nor sender, client
    assert second.needs == {"PIPELINING"}


def test_a_state_brings_its_needs(tmp_path):
    (case,) = loaded(tmp_path, suite("- S: 250").replace("state: connected", "state: rcpt"))

    assert case.needs == {"recipient"}


def test_looking_at_what_was_delivered_is_a_need(tmp_path):
    (case,) = loaded(tmp_path, suite("- delivered: {}"))

    assert case.needs == {"delivered"}


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("X-test", "SHOULD"),
        ("X-MUST-test", "MUST"),
        ("X-MAY-test", "MAY"),
        ("X-must-test", "SHOULD"),
        ("X-", "SHOULD"),
    ],
)
def test_requirements_of_ones_own(tmp_path, name, level):
    (case,) = loaded(tmp_path, suite("- S: 220").replace("X-test", name))

    assert (case.requirement.id, case.requirement.level, case.requirement.statement) == (
        name,
        level,
        "A test",
    )


def test_passive_cases_need_no_state(tmp_path):
    text = (
        suite("- S: 220")
        .replace("state: connected\n", "")
        .replace("script:\n      - S: 220", "passive: [bare-lf]")
    )

    (case,) = loaded(tmp_path, text)

    assert not case.state.connects


def test_connect_brings_the_states_it_asks_for(tmp_path):
    (case,) = loaded(tmp_path, suite("- connect: {name: b, state: ehlo}\n- connect: c\n- S: 220"))

    assert {key: state.name for key, state in case.states.items()} == {
        ("smtp", "ehlo"): "ehlo",
        ("smtp", "greeting"): "greeting",
    }


def test_a_submission_suite_starts_in_smtp_states(tmp_path):
    (case,) = loaded(tmp_path, suite("- S: 250", "submission").replace("state: connected", "state: ehlo"))

    assert (case.state.name, case.state.protocol) == ("ehlo", "submission")


def test_control_cases_of_another_file(tmp_path):
    text = suite("- S: 220").replace("title: A test", "title: a\n    depends_on: greeting")

    (case,) = loaded(tmp_path, text)

    assert case.spec.depends_on == "greeting"


def test_names_in_messages_are_the_same_everywhere(tmp_path):
    library = Library.open()

    assert library.name(library.folder / "smtp" / "3-session.yaml") == "suites/smtp/3-session.yaml"
    assert library.name(tmp_path / "x.probe.yaml") == str(tmp_path / "x.probe.yaml")


def test_an_id_belongs_to_one_file(tmp_path):
    library = Library.open()
    one, two = tmp_path / "one.probe.yaml", tmp_path / "two.probe.yaml"
    for path in (one, two):
        path.write_text(suite("- S: 220"), encoding="utf-8")
    library.cases(one)

    with pytest.raises(
        SuiteErrors, match=r"two.probe.yaml:6:5: the id case is taken by the case at .*one.*yaml:6"
    ):
        library.cases(two)

    assert library.cases(one)  # once more is no clash


def test_a_run_reads_the_files_of_its_protocol_only(monkeypatch):
    seen: list[str] = []
    from plumbline.probes.script import loader

    real = loader.read

    def spying(path: Path, name: str = "") -> Document:
        seen.append(name)
        return real(path, name)

    monkeypatch.setattr(loader, "read", spying)
    library = Library.open()
    for path in library.suite_files(["ftp"]):
        library.cases(path)

    assert seen
    assert all(name.startswith("suites/ftp/") for name in seen)
    assert len(seen) == len(set(seen))


def test_a_thousand_cases_load_fast(tmp_path):
    head, case = suite(
        "- C: RCPT TO:<{recipient}> X=1\n  S: 555\n  tolerate: [501, 504]\n- S: {reply: 250, text: ok}"
    ).split("cases:\n")
    text = head + "cases:\n" + "".join(case.replace("id: case", f"id: case-{n}") for n in range(1000))
    start = time.process_time()

    cases = loaded(tmp_path, text)

    assert len(cases) == 1000
    assert time.process_time() - start < 1.5  # about 0.2 s; the bound only catches what grows with the square


def test_shipped_suites_are_right():
    library = Library.open()
    cases = [case for path in library.suite_files() for case in library.cases(path)]

    assert len({case.id for case in cases}) == len(cases) > 100
    assert all(case.requirement.id in library.requirements for case in cases)


_LEAVES = (
    st.none() | st.booleans() | st.integers(-5, 600) | st.sampled_from(["NOOP", "{a}", "2yz", "closed", "x("])
)
_KEYS = st.sampled_from(
    [
        "C",
        "S",
        "raw",
        "message",
        "literal",
        "data",
        "connect",
        "tls",
        "close",
        "wait",
        "delivered",
        "relayed",
        "tolerate",
        "observe",
        "save",
        "on",
        "when",
        "given",
        "segments",
        "reply",
        "text",
        "lines",
        "silence",
        "or",
        "size",
        "hex",
        "kind",
        "name",
        "state",
        "protocol",
        "open",
        "receive",
        "count",
        "at_least",
        "id",
        "title",
        "requirement",
        "script",
        "cleanup",
        "matrix",
        "needs",
        "depends_on",
        "severity",
        "passive",
    ]
)
_NODES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=10,
)
_CASES = st.fixed_dictionaries(
    {"id": st.just("a") | _NODES, "title": st.just("t") | _NODES, "requirement": st.just("X-a") | _NODES},
    optional={
        "script": st.lists(st.dictionaries(_KEYS, _NODES, max_size=4), max_size=3),
        "matrix": _NODES,
        "cleanup": _NODES,
        "severity": _NODES,
        "needs": _NODES,
        "depends_on": _NODES,
        "state": st.just("ehlo") | _NODES,
    },
)
_SUITES = st.fixed_dictionaries(
    {"suite": st.just("s"), "protocol": st.sampled_from(["smtp", "imap", "ftp"]), "rfc": st.just(1)},
    optional={"cases": st.lists(_CASES, max_size=3), "state": st.just("connected") | _NODES, "needs": _NODES},
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SUITES)
def test_any_data_loads_or_is_told_to_be_wrong(tmp_path_factory, tree):
    import json

    path = tmp_path_factory.getbasetemp() / "any.probe.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    try:
        cases = Library.open().cases(path)
    except SuiteErrors as error:
        cases = error.errors

    assert all(str(one) for one in cases)


def test_round_trip_through_types(tmp_path):
    """What msgspec makes of a case and writes again is read as the same case."""
    import msgspec

    library = Library.open()
    for path in library.suite_files():
        for case in library.cases(path):
            text = msgspec.json.encode(case.spec).decode()
            again = msgspec.convert(parse(text, "x").tree, type(case.spec))
            assert again == case.spec
