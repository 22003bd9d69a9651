"""The wire that other tests lean on must itself be right."""

from __future__ import annotations

import pytest
from plumbline.probes.ops import (
    Accept,
    Address,
    Close,
    Listen,
    Lost,
    Open,
    ReadFiles,
    Recv,
    Reset,
    Send,
    Shutdown,
    Sleep,
    StartTLS,
    Talk,
    Trouble,
    accepted,
    files,
    handshake,
    listening,
    now,
    opened,
    received,
)

from tests.support.wire import File, Fin, Hears, HearsEnd, Peer, Rst, Says, Wire, cuts, play

MAIN = Open("main", "192.0.2.1", 25, 5)


def recv(timeout: float = 5) -> Talk[bytes | Trouble]:
    try:
        return (yield from received(Recv("main", timeout)))
    except Lost as lost:
        return lost.trouble


def test_every_says_is_a_segment_and_time_moves_only_as_far_as_needed() -> None:
    def script() -> Talk[list[object]]:
        yield MAIN
        return [(yield from recv()), (yield from recv()), (yield from now())]

    assert play(script(), Wire(Peer(b"22", Says(b"0 x\r\n", after=2)))) == [b"22", b"0 x\r\n", 2.0]


def test_a_reply_waits_for_the_octets_that_it_answers_however_they_are_cut() -> None:
    def script(parts: tuple[bytes, ...]) -> Talk[object]:
        yield MAIN
        early = yield from recv(0)
        for part in parts:
            yield Send("main", part, 5)
        return early, (yield from recv(3)), (yield from recv(3)), (yield from now())

    for parts in cuts(b"NOOP\r\nQUIT\r\n"):
        wire = Wire(Peer(Hears(b"NOOP\r\n"), b"250\r\n", Hears(b"QUIT\r\n"), Says(b"221\r\n", after=1)))
        assert play(script(parts), wire) == (Trouble.SILENT, b"250\r\n", b"221\r\n", 1.0)
        assert wire.sent("main") == b"NOOP\r\nQUIT\r\n"


@pytest.mark.parametrize(
    ("end", "seen"), [(Fin(1), b""), (Rst(1), Trouble.RESET), (Hears(b"x"), Trouble.SILENT)]
)
def test_fin_rst_and_silence_are_told_apart_and_last(end: Fin | Rst | Hears, seen: object) -> None:
    def script() -> Talk[list[object]]:
        yield MAIN
        return [(yield from recv()), (yield from recv()), (yield from recv())]

    assert play(script(), Wire(Peer(b"data", end))) == [b"data", seen, seen]


def test_a_write_after_rst_is_a_reset_and_what_came_before_can_still_be_read() -> None:
    def script() -> Talk[object]:
        yield MAIN
        with pytest.raises(Lost, match="reset"):
            yield Send("main", b"x", 5)
        return (yield from recv()), (yield from recv())

    assert play(script(), Wire(Peer(b"421\r\n", Rst()))) == (b"421\r\n", Trouble.RESET)


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.UNREACHABLE, Trouble.SILENT])
def test_opening_can_fail(trouble: Trouble) -> None:
    def script() -> Talk[object]:
        try:
            yield from opened(MAIN)
        except Lost as lost:
            return lost.trouble, (yield from now())
        return "opened"

    assert play(script(), Wire(Peer(fails=trouble))) == (trouble, 5.0 if trouble == Trouble.SILENT else 0.0)


def test_the_peer_can_wait_for_our_end() -> None:
    def script() -> Talk[object]:
        yield MAIN
        yield Send("main", b"x", 5)
        before = yield from recv(1)
        yield Shutdown("main")
        after = yield from recv(1)
        with pytest.raises(Lost, match="FIN"):
            yield Send("main", b"y", 1)
        yield Reset("main")
        yield Reset("main")
        return before, after

    wire = Wire(Peer(HearsEnd(), b"bye"))
    assert play(script(), wire) == (Trouble.SILENT, b"bye")
    assert wire.line("main").ended == "shutdown"
    assert wire.left_open == []


def test_tls_marks_what_is_written_afterwards() -> None:
    def script() -> Talk[str]:
        yield MAIN
        yield Send("main", b"STARTTLS\r\n", 5)
        name = yield from handshake(StartTLS("main", "mx.example", 5))
        yield Send("main", b"EHLO x\r\n", 5)
        return name

    wire = Wire(Peer())
    assert play(script(), wire).startswith("TLS")
    assert [write.tls for write in wire.line("main").writes] == [False, True]
    with pytest.raises(Lost, match="alert"):
        play(script(), Wire(Peer(tls=Lost(Trouble.TLS, "alert"))))


def test_the_first_shutdown_under_tls_is_close_notify_and_the_second_is_fin() -> None:
    def script() -> Talk[bytes | Trouble]:
        yield MAIN
        yield StartTLS("main", "mx.example", 5)
        yield Send("main", b"BDAT 9\r\n", 5)
        yield Shutdown("main")
        yield Send("main", b"in clear", 5)
        yield Shutdown("main")
        with pytest.raises(Lost, match="FIN"):
            yield Send("main", b"x", 5)
        return (yield from recv())

    wire = Wire(Peer(HearsEnd(), Fin()))
    assert play(script(), wire) == b""
    assert [(write.data, write.tls) for write in wire.line("main").writes] == [
        (b"BDAT 9\r\n", True),
        (b"in clear", False),
    ]


def test_a_deaf_peer_costs_the_deadline() -> None:
    def script() -> Talk[None]:
        yield MAIN
        yield Send("main", b"x", 7)

    wire = Wire(Peer(deaf=True))
    with pytest.raises(Lost, match="silent"):
        play(script(), wire)
    assert wire.now == 7.0


def test_listen_and_accept() -> None:
    def script() -> Talk[object]:
        yield MAIN
        address = yield from listening(Listen("data", "main"))
        ends = yield from accepted(Accept("data", 5))
        yield Close("main")
        return ends.local == address, ends.peer, (yield from received(Recv("data", 1)))

    wire = Wire(Peer(), Peer(b"file", after=1, address=Address("192.0.2.9", 20)))
    assert play(script(), wire) == (True, Address("192.0.2.9", 20), b"file")
    assert wire.left_open == ["data"]
    with pytest.raises(Lost, match="silent"):
        play(script(), Wire(Peer()))


def test_files_appear_at_their_time() -> None:
    def script() -> Talk[object]:
        look = ReadFiles(("/mail/*",), b"marker")
        early = yield from files(look)
        yield Sleep(3)
        return early, (yield from files(look))

    wire = Wire(files=[File(b"old"), File(b"a marker", since=2)])
    assert play(script(), wire) == ([], [b"a marker"])


def test_an_unexpected_connection_is_a_fault_of_the_test() -> None:
    def script() -> Talk[None]:
        yield MAIN

    with pytest.raises(AssertionError, match="no peer left"):
        play(script(), Wire())


def test_cuts() -> None:
    assert list(cuts(b"abc")) == [(b"abc",), (b"a", b"bc"), (b"ab", b"c"), (b"a", b"b", b"c")]
