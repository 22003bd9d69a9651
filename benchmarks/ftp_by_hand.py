"""FTP loads as one writes them by hand, with ftplib: a locustfile, and threads.

ftp_by_hand.py PORT SESSIONS OPERATIONS WORK
"""

from __future__ import annotations

import ftplib
import io
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

USER, PASSWORD, SIZE = "user", "12345", 1_000_000


def connected(host: str, port: int) -> ftplib.FTP:
    """Logged in."""
    client = ftplib.FTP()  # noqa: S321 - the protocol under test
    client.connect(host, port)
    client.login(USER, PASSWORD)
    return client


def work(client: ftplib.FTP | None, name: str, host: str, port: int, lane: int) -> None:
    """One operation."""
    if name == "session":
        with connected(host, port) as own:
            own.retrlines("LIST", lambda _: None)
        return
    assert client is not None
    if name == "upload":
        client.storbinary(f"STOR up-{lane}", io.BytesIO(b"x" * SIZE), blocksize=262_144)
    else:
        client.retrbinary("RETR data", lambda _: None, blocksize=262_144)


def cpu() -> float:
    """Seconds, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def threads(port: int, sessions: int, operations: int, name: str) -> None:
    """Each thread does its share."""

    def share(lane: int, count: int) -> None:
        client = None if name == "session" else connected("127.0.0.1", port)
        for _ in range(count):
            work(client, name, "127.0.0.1", port, lane)

    each = [operations // sessions + (lane < operations % sessions) for lane in range(sessions)]
    running = [threading.Thread(target=share, args=pair) for pair in enumerate(each)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


if __name__ == "__main__":
    threads(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
else:
    import gevent
    from locust import User, events, task

    state: dict[str, Any] = {
        "left": int(os.environ.get("OPERATIONS", "0")),
        "done": 0,
        "begun": 0.0,
        "lanes": 0,
    }

    class ByHand(User):
        """ftplib, and an event for each operation."""

        def on_start(self) -> None:
            """Log in where the session stays."""
            self.where, _, port = str(self.host).partition(":")
            self.port, self.name = int(port), os.environ["WORK"]
            state["lanes"] += 1
            self.lane = state["lanes"]
            self.client = None if self.name == "session" else connected(self.where, self.port)
            if not state["begun"]:
                state.update(begun=time.perf_counter(), cpu=cpu())

        @task
        def operate(self) -> None:
            """One operation, counted."""
            if state["left"] <= 0:
                gevent.sleep(0.05)
                return
            state["left"] -= 1
            begun = time.perf_counter()
            work(self.client, self.name, self.where, self.port, self.lane)
            took = (time.perf_counter() - begun) * 1e3
            events.request.fire(
                request_type="FTP", name=self.name, response_time=took, response_length=0, exception=None
            )
            state["done"] += 1
            if state["done"] == int(os.environ["OPERATIONS"]):
                keep(time.perf_counter() - state["begun"], cpu() - state["cpu"])
                gevent.spawn(self.environment.runner.quit)

    def keep(wall: float, used: float) -> None:
        """In the form of our load record."""
        record = {"kind": "load", "duration_s": wall, "facts": {"generator_cpu_s": used}}
        Path(os.environ["RESULTS"]).write_text(json.dumps(record) + "\n")
