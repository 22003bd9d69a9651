"""Make cases out of a few lines of YAML and play them against a wire."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from plumbline.probes.script.cases import ReadyCase
from plumbline.probes.script.interpreter import play
from plumbline.probes.script.loader import Library
from plumbline.probes.script.outcome import Endpoint, Outcome, Setting

from tests.support.wire import Wire
from tests.support.wire import play as play_wire

HEAD = """\
suite: test
protocol: {protocol}
rfc: 5321
state: connected
cases:
  - id: case
    requirement: X-test
    title: test
    script:
"""


def case(tmp_path: Path, script: str, protocol: str = "smtp", **keys: str) -> ReadyCase:
    """A case that begins with nothing but an open connection."""
    text = HEAD.format(protocol=protocol)
    if "state" in keys:
        text = text.replace("state: connected", f"state: {keys['state']}")
    path = tmp_path / "suite.probe.yaml"
    path.write_text(text + textwrap.indent(textwrap.dedent(script), "      "), encoding="utf-8")
    (found,) = Library.open().cases(path)
    return found


def outcome(
    tmp_path: Path,
    script: str,
    wire: Wire,
    *,
    protocol: str = "smtp",
    facts: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> Outcome:
    """Play a script against a wire."""
    endpoint = Endpoint(protocol, host, 25)
    given = {"client": "c.test", "sender": "s@c.test", **(facts or {})}
    setting = Setting(endpoints={protocol: endpoint}, facts=given)
    ready = case(tmp_path, script, protocol)
    return play_wire(play(ready, setting, {"marker": "m1"}), wire)
