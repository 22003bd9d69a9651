"""Make suites out of a few lines, with line numbers that are easy to count."""

from __future__ import annotations

import textwrap
from pathlib import Path

from plumbline.probes.script.cases import ReadyCase
from plumbline.probes.script.loader import Library
from plumbline.probes.script.source import SuiteErrors

# Keys of the case begin on line 6, its steps on line 10.
HEAD = """\
suite: Test
protocol: {protocol}
rfc: 5321
state: connected
cases:
  - id: case
    requirement: X-test
    title: A test
    script:
"""


def suite(script: str, protocol: str = "smtp") -> str:
    """A suite with one case; the first line of the script is line 10, in column 7."""
    return (
        HEAD.format(protocol=protocol) + textwrap.indent(textwrap.dedent(script).strip("\n"), " " * 6) + "\n"
    )


def loaded(tmp_path: Path, text: str) -> list[ReadyCase]:
    """The cases of a suite of the user's own."""
    path = tmp_path / "own.probe.yaml"
    path.write_text(text, encoding="utf-8")
    return Library.open().cases(path)


def wrong(tmp_path: Path, text: str) -> list[str]:
    """What the loader says of a suite, the file's name left out."""
    try:
        loaded(tmp_path, text)
    except SuiteErrors as error:
        return [str(one).partition("own.probe.yaml:")[2] for one in error.errors]
    return []
