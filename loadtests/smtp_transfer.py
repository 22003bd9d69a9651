"""Locustfile: transfer mail to an SMTP, submission or LMTP target as fast as it takes it.

    locust -f loadtests/smtp_transfer.py --headless -u 10 -t 10s --host smtp://127.0.0.1:2525 \\
        --max-error-ratio 0.001 --min-rate 50 --max-p99 200

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
from plumbline.loadtests.scenarios.transfer import SCENARIO

install(SCENARIO)


class SmtpTransfer(SessionUser):
    """One session that sends message after message."""
