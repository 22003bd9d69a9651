"""Connections are used again, closed in order, and never pile up."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest
from plumbline.loadtests.engine import pool
from plumbline.loadtests.engine.system import Platform, plain

from tests.loadtests.driving import run
from tests.loadtests.sink import Behaviour, running


class Counting:
    """Sockets, counted."""

    def __init__(self) -> None:
        self.made = list[socket.socket]()
        original = plain()
        self.platform = Platform(original.epoll, self._socket, original.wait)

    def _socket(self, *words):
        self.made.append(socket.socket(*words))
        return self.made[-1]


@contextmanager
def recording():
    """A server of one conversation after the other: port, and how each of its connections ended."""
    ends, listener = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(20)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ends.append(converse(sock))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], ends
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def converse(sock):
    """Answer, wait for the client's end, and tell what it was: FIN or RST."""
    sock.sendall(b"220 hello\r\n")
    file = sock.makefile("rb")
    for line in iter(file.readline, b""):
        verb = line[:4].upper()
        if verb == b"DATA":
            sock.sendall(b"354 go on\r\n")
            while file.readline() not in (b".\r\n", b""):
                pass
            sock.sendall(b"250 queued\r\n")
        elif verb == b"QUIT":
            sock.sendall(b"221 bye\r\n")
            break
        else:
            sock.sendall(b"250-hello\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 ok\r\n")
    try:
        return "FIN" if sock.recv(1) == b"" else "octets"
    except ConnectionResetError:
        return "RST"


@pytest.mark.parametrize("plan", [{}, {"reset": True}, {"pipelining": "off"}], ids=str)
def test_sockets_are_used_again(plan):
    counting = Counting()
    with running() as sink:
        tally, _ = run(sink.port, sessions=3, per_session=1, platform=counting.platform, **plan)
    assert tally.acknowledged == sink.acknowledged == len(sink.messages) == 100
    assert sink.connections == tally.connections >= 100
    assert len(counting.made) < 50
    assert not tally.errors


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("sources", [(), ("127.0.0.3",)])
def test_how_connections_end(reset, sources):
    with recording() as (port, ends):
        tally, _ = run(port, sessions=1, messages=20, per_session=1, reset=reset, sources=sources)
    assert (tally.acknowledged, tally.errors) == (20, {})
    assert ends[:20] == (["RST"] if reset else ["FIN"]) * 20


def test_under_another_address_every_connection_is_a_new_one():
    counting = Counting()
    with running() as sink:
        run(sink.port, per_session=5, sources=("127.0.0.3", "127.0.0.4"), platform=counting.platform)
    assert sink.peers == {"127.0.0.3", "127.0.0.4"}
    assert len(counting.made) == sink.connections >= 20


def test_a_target_that_never_says_its_end_takes_no_descriptors(monkeypatch):
    monkeypatch.setattr(pool, "MOST", 5)
    counting, most = Counting(), 0

    def look(engine):
        nonlocal most
        while engine.left > 0:
            most = max(most, sum(sock.fileno() >= 0 for sock in list(counting.made)))

    with running(Behaviour(stays=True)) as sink:
        tally, _ = run(
            sink.port, sessions=2, per_session=1, meanwhile=look, platform=counting.platform, messages=150
        )
    assert (tally.acknowledged, tally.errors) == (150, {})
    assert 2 <= most <= 2 + 2 * 5 + 2


def test_the_peer_may_reset_after_its_last_answer():
    with running(Behaviour(every={"QUIT": (2, "RESET")})) as sink:
        tally, _ = run(sink.port, sessions=2, per_session=1)
    assert tally.acknowledged == sink.acknowledged == 100
    assert not tally.failed
