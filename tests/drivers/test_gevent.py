"""The blocking driver under gevent's monkey patching, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.drivers.peers import PATIENCE, over_tls, peer
from tests.drivers.test_tls import server_context

MANY = 20

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gevent") is None, reason="gevent is not installed (it comes with locust)"
)


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_conversations_wait_for_each_other_not_for_the_thread(tls: bool) -> None:
    """The peer answers nobody before all have spoken: one conversation that blocks the thread would end it."""
    all_here = threading.Barrier(MANY)

    def serve(sock: socket.socket) -> None:
        said = sock.recv(10)
        all_here.wait(PATIENCE)
        sock.sendall(b"250 " + said)
        assert sock.recv(1) == b""

    with peer(over_tls(server_context(), serve) if tls else serve) as server:
        script = Path(__file__).with_name("gevent_talks.py")
        command = [sys.executable, str(script), str(server.port), str(MANY), "tls" if tls else "clear"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=6 * PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [f"silent, 250 {number}" for number in range(MANY)]
