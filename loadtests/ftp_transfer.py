"""Locustfile: FTP sessions, listings, uploads and downloads.

    locust -f loadtests/ftp_transfer.py --headless -u 10 -t 10s --host ftp://127.0.0.1:2121 \\
        --do mixed --size 100000 --auth-user alice --auth-password alicepw --verify-content

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
from plumbline.loadtests.scenarios.ftp import SCENARIO

install(SCENARIO)


class FtpTransfer(SessionUser):
    """One session that does work after work."""
