"""Locustfile: a case of a suite as load, with the latency of every step.

    locust -f loadtests/script.py --headless -u 10 -t 10s --host smtp://127.0.0.1:2525 \\
        --script suites/smtp/session.yaml#quit --profile target.yaml

Exit codes: 0 all thresholds met, 1 one was missed, 2 the target could not be tested, 4 wrong usage.
"""

import sys
import types
from pathlib import Path

try:
    import plumbline.loadtests  # noqa: F401
except ModuleNotFoundError:  # a bare checkout, nothing of ours installed
    _package = types.ModuleType("plumbline")
    _package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["plumbline"] = _package

from plumbline.loadtests.frame import SessionUser, install
from plumbline.loadtests.scenarios.script import SCENARIO

install(SCENARIO)


class Script(SessionUser):
    """One session that plays the script again and again."""
