"""Scripts as load, under Locust: each play is counted, each step timed, a failing one is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from plumbline.loadtests import cli
from plumbline.reports import records

from tests.loadtests.sink import Behaviour, running

SUITE = """
suite: For load
protocol: smtp
rfc: 5321
cases:
  - id: one-mail
    title: A mail
    requirement: RFC5321-3.3-a
    state: ehlo
    script:
      - C: MAIL FROM:<{sender}>
        S: 250
      - C: RCPT TO:<{recipient}>
        S: 250
      - C: DATA
        S: 354
      - raw: "Message-ID: <{marker}>\\r\\n\\r\\nhello\\r\\n.\\r\\n"
      - S: 250
      - C: QUIT
        S: 221
  - id: another
    title: Another
    requirement: RFC5321-3.3-a
    state: ehlo
    script:
      - C: NOOP
        S: 250
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "load.yaml"
    file.write_text(SUITE)
    (tmp_path / "target.yaml").write_text("recipient: alice@example.test\n")
    return file


def play(port: int, suite: Path, *words: str) -> tuple[int, records.Load]:
    results = suite.with_name("load.jsonl")
    profile = str(suite.with_name("target.yaml"))
    code = cli.main(
        ["script", f"smtp://127.0.0.1:{port}", "--profile", profile, "--results", str(results), *words]
    )
    (load,) = [record for record in records.read(results) if isinstance(record, records.Load)]
    return code, load


def test_a_script_is_played_by_every_session(suite):
    with running() as sink:
        code, load = play(sink.port, suite, "--script", f"{suite}#one-mail", "-u", "4", "--messages", "40")
    assert code == 0
    assert (load.scenario, load.messages, load.failures) == ("script", 40, 0)
    assert sink.acknowledged == len(sink.messages) == 40, "each play has a marker of its own"
    assert load.facts["script"] == "load.yaml#one-mail"
    assert load.facts["connections"] == 40
    steps = {name: phase["n"] for name, phase in load.phases.items()}
    assert steps["connecting"] == 40
    line = SUITE.splitlines().index("      - C: MAIL FROM:<{sender}>") + 1
    assert steps[f"load.yaml:{line} MAIL FROM:<{{sender}}>"] == 40
    assert any(name.startswith("states.yaml:") and "HELLO" in name.upper() for name in steps)


def test_steps_that_fail_are_failures(suite):
    with running(Behaviour(every={"RCPT": (5, "550 no")})) as sink:
        code, load = play(sink.port, suite, "--script", f"{suite}#one-mail", "-u", "2", "--messages", "20")
    assert code == 1
    assert (load.messages, load.failures) == (16, 4)
    (kind,) = load.errors
    assert kind.startswith("fail at load.yaml:")
    assert "RCPT TO" in kind
    assert sink.acknowledged == 16


def test_a_shipped_case_by_its_id_in_an_open_loop(suite):
    with running() as sink:
        code, load = play(
            sink.port, suite, "--script", "smtp/size-zero", "-u", "1", "--rate", "5", "-t", "2s"
        )
        assert code == 2, "the sink does not offer SIZE"
    with running(Behaviour(capabilities=("PIPELINING", "SIZE"))) as sink:
        code, load = play(sink.port, suite, "--script", "smtp/size-zero", "-u", "2", "--steps", "20:1s")
    assert (code, load.messages) == (0, 20)
    assert load.phases["generator lag"]["n"] == 20


def test_a_target_that_dies_is_given_up(suite):
    with running(Behaviour(die_after=20)) as sink:
        words = ["--script", f"{suite}#one-mail", "-u", "2", "-t", "30s", "--give-up", "0.5"]
        code, load = play(sink.port, suite, *words)
    assert code == 1
    assert 16 <= load.messages <= sink.acknowledged == 20, "the target dies while others take leave"
    assert load.facts["stopped_early"]
    assert load.duration_s < 10


def test_a_target_that_is_not_there(suite, capfd):
    code, _ = play(9, suite, "--script", f"{suite}#another")
    assert code == 2
    assert "Could not test smtp://127.0.0.1:9" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([], "which script?"),
        (["--script", "{suite}"], "has several cases for smtp; name one"),
        (["--script", "{suite}#one-mial"], "did you mean 'smtp/one-mail'"),
        (["--script", "smtp/no-such-case"], "smtp/no-such-case"),
        (["--script", "{bad}"], "bad.yaml:1"),
        (["--script", "{suite}#another", "--starttls"], "leave --starttls out"),
    ],
)
def test_wrong_usage(script, said, suite, capsys):
    bad = suite.with_name("bad.yaml")
    bad.write_text("suit: x\n")
    words = [word.format(suite=suite, bad=bad) for word in script]
    assert cli.main(["script", "smtp://127.0.0.1:2525", *words]) == 4
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
