"""A lab of its own for every test, and a server of ours to start in it."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plumbline.lab import catalogue, lifecycle, places, processes, state
from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product, Program, Source

# Listens on the port given and leaves a child behind that ignores SIGTERM when told so.
_LISTENER = """
import os, signal, socket, subprocess, sys, time
port, stubborn = int(sys.argv[1]), sys.argv[2] == "stubborn"
code = "import signal, time; %s; print('ready', flush=True); time.sleep(60)"
ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if stubborn else "pass"
child = subprocess.Popen([sys.executable, "-c", code % ignore], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", port))
print("child", child.pid, flush=True)  # before it listens: who finds the port open may read this
sock.listen()
while True:
    sock.accept()[0].close()
"""


@pytest.fixture(autouse=True)
def lab_folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and temporary folders below it; tests of real servers share the real ones."""
    if request.node.get_closest_marker("lab"):
        return places.cache()
    monkeypatch.setenv("PLUMBLINE_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # what tempfile remembers of an earlier TMPDIR
    return tmp_path


@pytest.fixture
def make_product(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Product]]:
    """Adds a product to the catalogue; what still runs at the end of the test is stopped."""
    added: dict[str, Product] = {}
    real = catalogue.products
    monkeypatch.setattr(catalogue, "products", lambda: real() | added)

    def make(
        name: str = "listener", script: str = _LISTENER, stubborn: str = "", single: str = ""
    ) -> Product:
        def prepare(bench: Bench) -> Launch:
            argv = (sys.executable, "-c", script, str(bench.ports["smtp"]), stubborn)
            delivered = {"via": "mbox", "path": "inbox"}
            return Launch((Program(argv),), {"delivered": delivered, "home": "/"}, version="1.0")

        added[name] = Product(
            name=name,
            about="a server made for a test",
            protocols=("smtp",),
            source=Source("own", ()),
            prepare=prepare,
            mail_users=False,
            needs_root=False,
            single=single,
        )
        return added[name]

    yield make
    for record in state.load_all():
        lifecycle.stop(record.name)


def child_of(directory: Path) -> processes.Process:
    """The process that the listener started."""
    pid = int((directory / "output.log").read_text().split()[-1])
    found = processes.look(pid)
    assert found
    return found


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()
