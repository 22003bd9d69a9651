"""What Trio adds: cancellation and virtual time."""

from __future__ import annotations

import math
import socket
import threading

import pytest
import trio
import trio.testing
from plumbline.probes.drivers import connecting, trio_driver
from plumbline.probes.drivers.trio_driver import play
from plumbline.probes.drivers.waits import SocketAddress
from plumbline.probes.ops import (
    Accept,
    Listen,
    Lost,
    Now,
    Op,
    Open,
    Recv,
    Send,
    Sleep,
    StartTLS,
    Talk,
    Trouble,
    listening,
    now,
)

from tests.drivers.peers import PATIENCE, Peer, never_answering, peer, read_to_end
from tests.drivers.scripts import connect, losing

FOREVER = math.inf


class Until:
    """An observer that says when an operation of a kind is over."""

    def __init__(self, kind: type[Op]) -> None:
        self.kind, self.over = kind, trio.Event()

    def saw(self, op: Op, started: float, ended: float, answer: object) -> None:
        if isinstance(op, self.kind):
            self.over.set()


def ending_in(server: Peer, op: Op) -> Talk[None]:
    """A script that waits in `op` for ever."""
    yield from connect(server)
    yield Now()
    yield op


async def cancel_behind(kind: type[Op], script: Talk[None]) -> None:
    """Play until an operation of that kind is over and the next one waits, then cancel."""
    until = Until(kind)

    async def playing() -> None:
        await play(script, observer=until)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(playing)
        await until.over.wait()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert nursery.cancel_scope.cancelled_caught


@pytest.mark.parametrize(
    "op",
    [
        Recv("main", FOREVER),
        Send("main", bytes(50_000_000), FOREVER),
        StartTLS("main", "mx.example", FOREVER),
        Sleep(3600),
    ],
    ids=lambda op: type(op).__name__,
)
def test_cancellation_passes_through_and_closes_the_connection(op: Op) -> None:
    release = threading.Event()
    ended: list[bool] = []

    def serve(sock: socket.socket) -> None:
        assert release.wait(PATIENCE)
        read_to_end(sock)
        ended.append(True)

    with peer(serve) as server:
        trio.run(cancel_behind, Now, ending_in(server, op))
        release.set()
    assert ended == [True]


def test_cancelling_an_accept_closes_the_listener() -> None:
    ports: list[int] = []

    def script(server: Peer) -> Talk[None]:
        yield from connect(server)
        ports.append((yield from listening(Listen("data", "main"))).port)
        yield Accept("data", FOREVER)

    with peer(read_to_end) as server:
        trio.run(cancel_behind, Listen, script(server))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[0]), PATIENCE)


def test_cancelling_a_connect_closes_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    real = connecting._socket

    def noting(family: int, address: SocketAddress, source: str | None) -> socket.socket:
        made.append(real(family, address, source))
        return made[-1]

    def script(port: int) -> Talk[None]:
        yield Now()
        yield Open("main", "127.0.0.1", port, FOREVER)

    monkeypatch.setattr(connecting, "_socket", noting)
    with never_answering() as port:
        trio.run(cancel_behind, Now, script(port))
    assert [sock.fileno() for sock in made] == [-1]


def test_the_script_is_closed_on_cancellation() -> None:
    closed: list[str] = []

    def script() -> Talk[None]:
        try:
            yield Sleep(3600)
        finally:
            closed.append("script")

    async def main() -> None:
        with trio.move_on_after(5):
            await play(script())

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert closed == ["script"]


def test_a_script_that_never_waits_can_be_cancelled() -> None:
    def script() -> Talk[None]:
        while True:
            yield Now()

    async def main() -> bool:
        with trio.move_on_after(0) as scope:
            await play(script())
        return scope.cancelled_caught

    assert trio.run(main)


def test_sleep_and_now_run_on_the_clock_of_trio() -> None:
    def script() -> Talk[float]:
        started = yield from now()
        yield Sleep(3600)
        return (yield from now()) - started

    async def main() -> float:
        return await play(script())

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == 3600


def test_deadlines_run_on_the_clock_of_trio() -> None:
    def script(server: Peer) -> Talk[tuple[Lost, float]]:
        yield from connect(server)
        started = yield from now()
        lost = yield from losing(Recv("main", 600))
        return lost, (yield from now()) - started

    async def main(server: Peer) -> tuple[Lost, float]:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        until = Until(Now)
        results: list[tuple[Lost, float]] = []

        async def playing() -> None:
            results.append(await play(script(server), observer=until))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(playing)
            await until.over.wait()
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(600)
        return results[0]

    with peer(read_to_end) as server:
        lost, lasted = trio.run(main, server, clock=trio.testing.MockClock())
    assert (lost.trouble, lasted) == (Trouble.SILENT, 600)


def test_a_name_server_that_never_answers_costs_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_args: object, **_more: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio.socket, "getaddrinfo", never)

    async def main() -> Lost:
        return await trio_driver.play(losing(Open("main", "mx.example", 25, 30)))

    lost = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert lost.trouble is Trouble.UNREACHABLE
    assert lost.detail == "no name server knew mx.example within 30 s"
