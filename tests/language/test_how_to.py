"""docs/how-to/write-a-suite.md keeps its word: the first case fails, then passes; lint says what it shows."""

from __future__ import annotations

import pytest
from plumbline.probes import lint
from plumbline.probes.capability import skip_reason
from plumbline.reports.records import Verdict

from tests.falsify.harness import verdicts
from tests.language.helpers import loaded
from tests.language.test_reference import HOW_TO, examples
from tests.models.smtp import SmtpModel

FIRST, SECOND = (example for _, example in examples(HOW_TO))
FACTS = {
    "client": "client.plumbline.test",
    "sender": "probe@client.plumbline.test",
    "recipient": "alice@example.test",
    "foreign_recipient": "x@elsewhere.example",
}


def played(tmp_path, text):
    cases = loaded(tmp_path, text)
    return {name: verdict for name, (verdict, _) in verdicts(cases, {"smtp": SmtpModel}, FACTS).items()}


def test_the_first_case_fails(tmp_path):
    assert played(tmp_path, FIRST) == {"smtp/noop-is-answered": Verdict.FAIL}


def test_then_it_passes(tmp_path):
    assert played(tmp_path, FIRST.replace("251", "250")) == {"smtp/noop-is-answered": Verdict.PASS}


def test_the_second_suite(tmp_path):
    assert played(tmp_path, SECOND) == {"smtp/noop-is-answered": Verdict.PASS, "smtp/no-relay": Verdict.PASS}


def test_without_the_fact_the_case_is_skipped(tmp_path):
    _, relay = loaded(tmp_path, SECOND)

    assert skip_reason(relay, (), {}) == "needs the profile fact 'foreign_recipient'"
    assert skip_reason(relay, (), FACTS) == ""


@pytest.mark.parametrize("mistake", [False, True])
def test_lint_says_what_is_shown(tmp_path, monkeypatch, capsys, mistake):
    monkeypatch.chdir(tmp_path)
    text = FIRST.replace("S: 251", "s: 251") if mistake else FIRST
    (tmp_path / "first.probe.yaml").write_text(text, encoding="utf-8")

    lint.main(["first.probe.yaml"])

    first, *_ = capsys.readouterr().out.splitlines()
    begin = "first.probe.yaml:11:9: unknown key 's'; did you mean 'S'? (allowed: C, raw, message, literal, "
    assert first.startswith(begin if mistake else "1 suite, 1 case, ")
    assert first[:40] in HOW_TO if mistake else first.partition("case,")[0] in HOW_TO
