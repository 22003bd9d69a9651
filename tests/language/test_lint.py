"""`plumbline lint`."""

from __future__ import annotations

import re

import pytest
from plumbline.probes import lint

from tests.language.helpers import suite


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Write own.probe.yaml, lint it; exit code and lines."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str) -> tuple[int, list[str]]:
        (tmp_path / "own.probe.yaml").write_text(text, encoding="utf-8")
        code = lint.main(arguments or ["own.probe.yaml"])
        return code, capsys.readouterr().out.splitlines()

    return run


def test_all_right(run):
    code, lines = run(suite("- S: 220"))

    assert code == 0
    assert re.fullmatch(r"1 suite, 1 case, \d+ requirements: 0 errors, 0 warnings", lines[-1])


def test_errors_have_line_and_caret(run):
    code, lines = run(suite("- S: 2xx\n- c: NOOP"))

    assert code == 1
    assert lines[:6] == [
        "own.probe.yaml:10:12: '2xx' is no reply of smtp; did you mean '2yz'? "
        "(S takes a code (250), a class (2yz) or closed)",
        "          - S: 2xx",
        "               ^",
        lines[3],
        "          - c: NOOP",
        "            ^",
    ]
    assert lines[3].startswith("own.probe.yaml:11:9: unknown key 'c'; did you mean 'C'? (allowed: C, raw,")
    assert lines[-1].endswith(": 2 errors, 0 warnings")


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (
            "requirement: X-test",
            "requirement: X-MUST-test\n    severity: {exploitable: relay}",
            "6:5: warning: a case about security says why",
        ),
        (
            "title: A test",
            "title: a\n    needs: [recipent]",
            "9:13: warning: 'recipent' is no fact that Plumbline knows",
        ),
        (
            "title: A test",
            "title: a\n    matrix: {v: [1]}",
            "9:5: warning: the variable 'v' of this matrix is used nowhere",
        ),
    ],
)
def test_warnings_are_no_errors(run, old, new, warning):
    code, lines = run(suite("- S: 220").replace(old, new))

    assert code == 0
    assert lines[0].startswith(f"own.probe.yaml:{warning}")
    assert lines[-1].endswith(": 0 errors, 1 warning")


def test_a_requirement_of_another_protocol(run):
    code, lines = run(suite("- S: 220").replace("X-test", "RFC959-LOGIN-06"))

    assert code == 1
    assert lines[0] == "own.probe.yaml:7:18: RFC959-LOGIN-06 is about ftp; this is a case of smtp"


def test_folders_are_searched(run, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text(suite("- S: 22").replace("id: case", "id: b"), encoding="utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.yaml").write_text("nonsense", encoding="utf-8")

    code, lines = run(suite("- S: 220"), ".")

    assert code == 1
    assert lines[0].startswith("sub/b.yaml:10:12: '22' is no reply of smtp")
    assert lines[-1].startswith("2 suites, 1 case, ")


def test_the_same_id_in_two_files(run, tmp_path):
    (tmp_path / "b.yaml").write_text(suite("- S: 220"), encoding="utf-8")

    code, lines = run(suite("- S: 220"), ".")

    assert code == 1
    assert lines[0] == "own.probe.yaml:6:5: the id case is taken by the case at b.yaml:6"


def test_a_states_file(run, tmp_path):
    (tmp_path / "smtp").mkdir()
    path = tmp_path / "smtp" / "states.yaml"
    path.write_text("protocol: smtp\nstates: {a: {about: x, after: b}}\n", encoding="utf-8")

    code, lines = run("", "smtp")

    assert code == 1
    assert lines[0] == "smtp/states.yaml:2:31: unknown state 'b' (known: a)"


@pytest.mark.parametrize("arguments", [["nosuch.yaml"], ["--nosuch"], ["empty"]])
def test_usage(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    assert lint.main(arguments) == 4
    assert "plumbline lint" in capsys.readouterr().err


def test_shipped_suites(capsys):
    code = lint.main([])
    out = capsys.readouterr().out

    assert code == 0, out
    assert re.search(r"^\d+ suites, \d{3,} cases, \d{3,} requirements: 0 errors", out, re.MULTILINE)
