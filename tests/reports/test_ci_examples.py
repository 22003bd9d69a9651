"""docs/how-to/run-in-ci.md: the YAML is valid, the commands exist, and what they write is what is kept."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from plumbline.probes import cli
from plumbline.reports import cli as report_cli
from plumbline.reports import diffcli, records

from tests.reports.made import load_results, results

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "run-in-ci.md").read_text(encoding="utf-8")
YAML = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SHELL = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def github_job():
    return yaml.safe_load(YAML[0])["jobs"]["conformance"]


def gitlab_job():
    return yaml.safe_load(YAML[1])["conformance"]


def lines(texts):
    """Shell lines, with continued ones put together."""
    return [line.strip() for text in texts for line in text.replace("\\\n", " ").splitlines()]


def commands():
    github = [step["run"] for step in github_job()["steps"] if "run" in step]
    every = lines([*github, *gitlab_job()["script"], *gitlab_job()["after_script"], *SHELL])
    return [shlex.split(line)[1:] for line in every if line.startswith("plumbline ")]


def test_both_run_check_and_load_and_keep_the_report():
    assert len(YAML) == 2
    assert sorted({words[0] for words in commands()}) == ["check", "diff", "load", "report"]
    kept = github_job()["steps"][-1]
    assert kept["if"] == "always()"
    assert kept["with"]["path"].split() == ["report.html", "results"] == gitlab_job()["artifacts"]["paths"]
    assert gitlab_job()["artifacts"]["when"] == "always"


def test_the_report_is_made_whatever_check_and_load_say():
    steps = {step.get("name"): step for step in github_job()["steps"]}

    assert steps["Load"]["if"] == "success() || failure()"
    assert steps["Report"]["if"] == "always()"


def parses(words, capsys):
    """Whether the command knows all its options: asked for its help with them."""
    assert cli.main([words[0], *(words[1:2] if words[0] == "load" else []), "--help"]) == 0
    known = set(re.findall(r"(?<![\w-])--?[a-z][\w.-]*", capsys.readouterr().out))
    used = {word for word in words if re.match(r"--?[a-z]", word)}
    return used - known


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_option_exists(words, capsys):
    assert parses(words, capsys) == set()


def test_the_reports_and_the_comparison_work_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("results", "main/results"):
        records.write(tmp_path / folder / "check.jsonl", results("postfix", 20))
        records.write(tmp_path / folder / "load.jsonl", load_results("postfix"))
    for words in commands():
        expanded = [
            name
            for word in words[1:]
            for name in (sorted(map(str, tmp_path.glob(word))) if "*" in word else [word])
        ]
        if words[0] == "report":
            assert report_cli.main(expanded) == 0
        elif words[0] == "diff":
            assert diffcli.main(expanded) == 0

    made = {path.name for path in tmp_path.iterdir()}
    assert {"report.html", "junit.xml", "plumbline.sarif", "summary.md", "changes.md", "badge.svg"} <= made
