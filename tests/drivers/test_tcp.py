"""What a script sees over TCP, the same on every driver."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from plumbline.probes.ops import (
    Accept,
    Close,
    Listen,
    Lost,
    Now,
    Op,
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
    listening,
    now,
    opened,
)

from tests.drivers.conftest import Play
from tests.drivers.peers import (
    PATIENCE,
    echo,
    free_port,
    never_answering,
    peer,
    read_exactly,
    read_to_end,
    rst,
)
from tests.drivers.scripts import connect, losing, recv, recv_exactly, recv_to_end, send

SHORT = 0.05  # seconds: where silence itself is tested


def test_octets_go_there_and_back(play: Play) -> None:
    def script() -> Talk[bytes]:
        ends = yield from connect(echoing)
        assert (ends.peer.host, ends.peer.port) == ("127.0.0.1", echoing.port)
        assert ends.local.host == "127.0.0.1"
        yield from send(b"NOOP\r\n\0\xff")
        return (yield from recv_exactly(8))

    with peer(echo) as echoing:
        assert play(script()) == b"NOOP\r\n\0\xff"


def test_nobody_listens(play: Play) -> None:
    port = free_port()
    lost = play(losing(Open("main", "127.0.0.1", port, PATIENCE)))
    assert lost.trouble is Trouble.REFUSED
    assert lost.detail == f"connection refused by 127.0.0.1 port {port}"


def test_nobody_answers_the_connection_request(play: Play) -> None:
    with never_answering() as port:
        lost = play(losing(Open("main", "127.0.0.1", port, SHORT)))
    assert lost.trouble is Trouble.SILENT
    assert lost.detail == f"no answer from 127.0.0.1 port {port} within 0.05 s"


def test_an_unknown_host(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolver(*_args: object, **_more: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    lost = play(losing(Open("main", "mx.example", 25, PATIENCE)))
    assert lost.trouble is Trouble.UNREACHABLE
    assert lost.detail == "unknown host mx.example: Name or service not known"


@pytest.mark.parametrize("host", ["", "two..dots", "x" * 300, "nul\0nul"])
def test_what_cannot_be_a_host(play: Play, host: str) -> None:
    lost = play(losing(Open("main", host, 25, PATIENCE)))
    assert lost.trouble is Trouble.UNREACHABLE
    assert host in lost.detail


@pytest.mark.parametrize("port", [-1, 0, 65_536, 76_801])
def test_no_such_port(play: Play, port: int) -> None:
    lost = play(losing(Open("main", "127.0.0.1", port, PATIENCE)))
    assert (lost.trouble, lost.detail) == (Trouble.UNREACHABLE, f"there is no TCP port {port}")


def test_a_name_with_several_addresses_is_tried_until_somebody_listens(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def resolver(host: str, port: int, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002
        return [
            info for name in ("::1", "127.0.0.1") for info in real(name, port, family, type, proto, flags)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with peer(echo) as echoing:
        ends = play(connect(echoing, host="mail.example"))
    assert ends.peer.host == "127.0.0.1"
    port = free_port()
    lost = play(losing(Open("main", "mail.example", port, PATIENCE)))
    assert lost.trouble is Trouble.REFUSED
    assert lost.detail.count("refused by") == 2


@pytest.mark.parametrize("said", [b"", b"421 go away\r\n"])
def test_an_rst_is_seen_behind_what_was_said_before_it(play: Play, said: bytes) -> None:
    gone = threading.Event()

    def serve(sock: socket.socket) -> None:
        sock.sendall(said)
        rst(sock)
        gone.set()

    def script() -> Talk[object]:
        yield from connect(resetting)
        assert gone.wait(PATIENCE)
        first = yield from recv_to_end()
        again = yield from losing(Recv("main", PATIENCE))
        return first, again.trouble, again.detail

    with peer(serve) as resetting:
        detail = f"connection reset by 127.0.0.1 port {resetting.port}"
        assert play(script()) == ((said, Trouble.RESET), Trouble.RESET, detail)


def test_a_write_that_meets_an_rst_loses_nothing_of_what_was_said_before(play: Play) -> None:
    gone = threading.Event()

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"421 go away\r\n")
        rst(sock)
        gone.set()

    def script() -> Talk[object]:
        yield from connect(resetting)
        assert gone.wait(PATIENCE)
        lost = yield from losing(Send("main", b"NOOP\r\n", PATIENCE))
        again = yield from losing(Send("main", b"NOOP\r\n", PATIENCE))
        return [lost.trouble, again.trouble], (yield from recv_to_end()), (yield from recv_to_end())

    with peer(serve) as resetting:
        end = Trouble.RESET
        assert play(script()) == ([end, end], (b"421 go away\r\n", end), (b"", end))


def test_fin_is_an_end_that_lasts(play: Play) -> None:
    def script() -> Talk[object]:
        yield from connect(closing)
        return (yield from recv_to_end()), (yield from recv()), (yield from recv(timeout=0))

    with peer(lambda sock: sock.sendall(b"bye")) as closing:
        assert play(script()) == ((b"bye", Trouble.CLOSED), b"", b"")


def test_after_fin_of_the_peer_we_can_still_send(play: Play) -> None:
    heard: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"221 bye\r\n")
        sock.shutdown(socket.SHUT_WR)
        heard.append(read_to_end(sock))

    def script() -> Talk[object]:
        yield from connect(closing)
        end = yield from recv_to_end()
        yield from send(b"and one more thing")
        yield Close("main")
        return end

    with peer(serve) as closing:
        assert play(script()) == (b"221 bye\r\n", Trouble.CLOSED)
    assert heard == [b"and one more thing"]


def test_after_our_fin_we_can_still_read_and_no_longer_send(play: Play) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"you said " + read_to_end(sock))

    def script() -> Talk[object]:
        yield from connect(patient)
        yield from send(b"all")
        yield Shutdown("main")
        yield Shutdown("main")
        lost = yield from losing(Send("main", b"more", PATIENCE))
        return (yield from recv_to_end()), lost.trouble, lost.detail.split()[:4]

    with peer(serve) as patient:
        ours = ["we", "have", "sent", "FIN"]
        assert play(script()) == ((b"you said all", Trouble.CLOSED), Trouble.UNREACHABLE, ours)


def test_shutdown_of_a_connection_that_the_peer_has_reset_is_no_error(play: Play) -> None:
    gone = threading.Event()

    def serve(sock: socket.socket) -> None:
        rst(sock)
        gone.set()

    def script() -> Talk[object]:
        yield from connect(resetting)
        assert gone.wait(PATIENCE)
        yield Shutdown("main")
        return (yield from recv_to_end())

    with peer(serve) as resetting:
        assert play(script()) == (b"", Trouble.RESET)


def test_silence_lasts_to_the_deadline(play: Play) -> None:
    def script() -> Talk[tuple[Lost, float]]:
        yield from connect(mute)
        started = yield from now()
        lost = yield from losing(Recv("main", SHORT))
        return lost, (yield from now()) - started

    with peer(read_to_end) as mute:
        lost, lasted = play(script())
    assert lost.trouble is Trouble.SILENT
    assert lost.detail == f"no octet from 127.0.0.1 port {mute.port} within 0.05 s"
    assert SHORT <= lasted < PATIENCE


def test_time_out_zero_takes_what_is_there(play: Play) -> None:
    say, said = threading.Event(), threading.Event()

    def serve(sock: socket.socket) -> None:
        assert say.wait(PATIENCE)
        sock.sendall(b"hello")
        said.set()
        read_to_end(sock)

    def script() -> Talk[object]:
        yield from connect(speaking)
        before = yield from losing(Recv("main", 0))
        say.set()
        assert said.wait(PATIENCE)
        there = yield from recv(timeout=0)
        after = yield from losing(Recv("main", 0))
        return before.trouble, there, after.trouble

    with peer(serve) as speaking:
        assert play(script()) == (Trouble.SILENT, b"hello", Trouble.SILENT)


def test_one_recv_returns_no_more_than_64_kib(play: Play) -> None:
    def script() -> Talk[list[int]]:
        yield from connect(talkative)
        sizes = []
        while data := (yield from recv()):
            sizes.append(len(data))
        return sizes

    with peer(lambda sock: sock.sendall(bytes(1_000_000))) as talkative:
        sizes = play(script())
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 65_536


def test_a_peer_that_never_reads_costs_no_more_than_the_deadline(play: Play) -> None:
    done = threading.Event()

    def script() -> Talk[Lost]:
        yield from connect(deaf)
        return (yield from losing(Send("main", bytes(50_000_000), SHORT)))

    with peer(lambda _sock: done.wait(PATIENCE)) as deaf:
        lost = play(script())
        done.set()
    assert lost.trouble is Trouble.SILENT
    assert "of 50,000,000 octets within 0.05 s" in lost.detail


def test_a_large_send_arrives_whole(play: Play) -> None:
    data = bytes(range(256)) * 40_000
    heard: list[bytes] = []

    def script() -> Talk[None]:
        yield from connect(reading)
        yield from send(data)
        yield Close("main")

    with peer(lambda sock: heard.append(read_to_end(sock))) as reading:
        play(script())
    assert heard == [data]


def test_reset_is_seen_as_rst(play: Play) -> None:
    seen: list[str] = []

    def serve(sock: socket.socket) -> None:
        try:
            sock.recv(1)
        except ConnectionResetError:
            seen.append("RST")

    def script() -> Talk[None]:
        yield from connect(watching)
        yield Reset("main")

    with peer(serve) as watching:
        play(script())
    assert seen == ["RST"]


def test_urgent_octets(play: Play) -> None:
    heard: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"go")
        before = read_exactly(sock, 3)
        heard.extend([before, sock.recv(1, socket.MSG_OOB), read_to_end(sock)])

    def script() -> Talk[None]:
        yield from connect(listening_for_marks)
        yield from recv_exactly(2)
        yield from send(b"\xff\xf4\xff\xf2", urgent=True)
        yield from send(b"ABOR\r\n")
        yield Close("main")

    with peer(serve) as listening_for_marks:
        play(script())
    assert heard == [b"\xff\xf4\xff", b"\xf2", b"ABOR\r\n"]


def test_urgent_octets_of_the_peer_stay_in_their_place(play: Play) -> None:
    def serve(sock: socket.socket) -> None:
        sock.send(b"ab", socket.MSG_OOB)
        sock.sendall(b"cd")

    def script() -> Talk[object]:
        yield from connect(urgent)
        return (yield from recv_to_end())

    with peer(serve) as urgent:
        assert play(script()) == (b"abcd", Trouble.CLOSED)


def test_the_peer_sees_the_source_address(play: Play) -> None:
    def script() -> Talk[str]:
        return (yield from connect(watching)).local.host

    with peer(read_to_end) as watching:
        assert play(script(), source="127.1.2.3") == "127.1.2.3"
    assert watching.came_from == ["127.1.2.3"]


def test_ipv6_and_a_source_that_does_not_fit_it(play: Play) -> None:
    def script() -> Talk[object]:
        ends = yield from connect(echoing)
        yield from send(b"x")
        return ends.local.host, ends.peer.host, (yield from recv())

    with peer(echo, host="::1") as echoing:
        assert play(script(), source="127.1.2.3") == ("::1", "::1", b"x")


def test_a_source_that_is_not_ours(play: Play) -> None:
    lost = play(losing(Open("main", "192.0.2.1", 25, PATIENCE)), source="192.0.2.99")
    assert lost.trouble is Trouble.UNREACHABLE
    assert lost.detail.startswith("cannot connect from 192.0.2.99: ")


def test_listen_and_accept_on_the_address_of_the_control_connection(play: Play) -> None:
    def serve(sock: socket.socket) -> None:
        port = int(read_exactly(sock, 5))
        with socket.create_connection(("127.1.2.3", port), PATIENCE, ("127.0.0.9", 0)) as data:
            data.sendall(b"file")
        assert read_exactly(sock, 1) == b"!"  # accepted
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.1.2.3", port), PATIENCE)

    def script() -> Talk[object]:
        yield from connect(active)
        address = yield from listening(Listen("data", "main"))
        yield from send(b"%05d" % address.port)
        ends = yield from accepted(Accept("data", PATIENCE))
        yield from send(b"!")
        content = yield from recv_to_end("data")
        yield Shutdown("main")
        yield from recv_to_end()
        return address.host, ends.local == address, ends.peer.host, content

    with peer(serve) as active:
        expected = ("127.1.2.3", True, "127.0.0.9", (b"file", Trouble.CLOSED))
        assert play(script(), source="127.1.2.3") == expected


def test_listen_on_ipv6(play: Play) -> None:
    def script() -> Talk[str]:
        yield from connect(mute)
        return (yield from listening(Listen("data", "main"))).host

    with peer(read_to_end, host="::1") as mute:
        assert play(script()) == "::1"


def test_one_connection_comes_from_an_address_of_its_own(play: Play) -> None:
    def script() -> Talk[tuple[str, str]]:
        usual = yield from connect(watching)
        other = yield from opened(Open("other", watching.host, watching.port, PATIENCE, source="127.0.0.77"))
        return usual.local.host, other.local.host

    with peer(read_to_end) as watching:
        assert play(script(), source="127.1.2.3") == ("127.1.2.3", "127.0.0.77")
    assert watching.came_from == ["127.1.2.3", "127.0.0.77"]


def test_a_source_that_is_no_address(play: Play) -> None:
    lost = play(losing(Open("main", "127.0.0.1", 25, PATIENCE, source="nonsense")))
    assert lost.trouble is Trouble.UNREACHABLE
    assert "nonsense" in lost.detail


@pytest.mark.parametrize("source", [None, "127.1.2.3"])
def test_listen_on_the_port_of_the_control_connection(play: Play, source: str | None) -> None:
    """FTP's default data port (RFC 959, 3.2)."""

    def serve(sock: socket.socket) -> None:
        assert read_exactly(sock, 1) == b"!"
        with socket.create_connection(sock.getpeername(), PATIENCE, ("127.0.0.1", 0)) as data:
            data.sendall(b"file")

    def script() -> Talk[object]:
        ends = yield from connect(active)
        address = yield from listening(Listen("data", "main", port=ends.local.port))
        yield from send(b"!")
        yield from accepted(Accept("data", PATIENCE))
        return ends.local == address, (yield from recv_to_end("data"))

    with peer(serve) as active:
        assert play(script(), source=source) == (True, (b"file", Trouble.CLOSED))


def test_listen_on_another_address(play: Play) -> None:
    def script(host: str) -> Talk[str]:
        yield from connect(mute)
        return (yield from listening(Listen("data", "main", host=host))).host

    with peer(read_to_end) as mute:
        assert play(script("127.0.0.77")) == "127.0.0.77"
        for host in ("192.0.2.99", "::1"):
            with pytest.raises(Lost, match="cannot listen"):
                play(script(host))


def test_nobody_connects_to_the_listener(play: Play) -> None:
    def script() -> Talk[tuple[Trouble, str, bool, int]]:
        yield from connect(mute)
        address = yield from listening(Listen("data", "main"))
        first = yield from losing(Accept("data", SHORT))
        with socket.create_connection((address.host, address.port), PATIENCE):
            late = yield from accepted(Accept("data", PATIENCE))
        return first.trouble, first.detail, late.local == address, address.port

    with peer(read_to_end) as mute:
        trouble, detail, late, port = play(script())
    assert (trouble, late) == (Trouble.SILENT, True)
    assert detail == f"nobody connected to 127.0.0.1 port {port} within 0.05 s"


def test_two_connections_at_once(play: Play) -> None:
    def script() -> Talk[list[bytes]]:
        yield from connect(echoing, "one")
        yield from connect(echoing, "two")
        yield from send(b"1", "one")
        yield from send(b"2", "two")
        answers = [(yield from recv("two")), (yield from recv("one"))]
        yield Close("one")
        yield from send(b"3", "two")
        return [*answers, (yield from recv("two"))]

    with peer(echo) as echoing:
        assert play(script()) == [b"2", b"1", b"3"]


def test_opening_a_name_again_closes_the_connection_before(play: Play) -> None:
    ended = threading.Event()

    def serve(sock: socket.socket) -> None:
        echo(sock)
        ended.set()

    def script() -> Talk[bytes]:
        yield from connect(echoing)
        yield from connect(echoing)
        assert ended.wait(PATIENCE)
        yield from send(b"second")
        return (yield from recv())

    with peer(serve) as echoing:
        assert play(script()) == b"second"


@pytest.mark.parametrize(
    "op",
    [
        Send("gone", b"x", PATIENCE),
        Recv("gone", PATIENCE),
        StartTLS("gone", "mx.example", PATIENCE),
        Shutdown("gone"),
        Listen("data", "gone"),
        Accept("gone", PATIENCE),
    ],
    ids=lambda op: type(op).__name__,
)
def test_what_we_have_closed_ourselves_never_passes_for_a_fault_of_the_peer(play: Play, op: Op) -> None:
    def script() -> Talk[Lost]:
        yield from connect(mute, "gone")
        yield Close("gone")
        yield Close("gone")
        yield Reset("gone")
        return (yield from losing(op))

    with peer(read_to_end) as mute:
        lost = play(script())
    assert lost.trouble is Trouble.UNREACHABLE
    assert "'gone' is not" in lost.detail


def test_an_exception_in_the_script_closes_everything(play: Play) -> None:
    seen: list[bytes] = []
    ports: list[int] = []

    def script() -> Talk[None]:
        yield from connect(watching)
        ports.append((yield from listening(Listen("data", "main"))).port)
        raise ZeroDivisionError

    with peer(lambda sock: seen.append(read_to_end(sock))) as watching, pytest.raises(ZeroDivisionError):
        play(script())
    assert seen == [b""]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[0]), PATIENCE)


def test_trouble_that_the_script_does_not_catch_comes_out(play: Play) -> None:
    def script() -> Talk[None]:
        yield Open("main", "127.0.0.1", free_port(), PATIENCE)

    with pytest.raises(Lost, match="refused"):
        play(script())


def test_a_script_that_asks_for_nothing(play: Play) -> None:
    def script() -> Talk[int]:
        return 7
        yield Now()

    assert play(script()) == 7


def test_time_goes_on_while_the_script_sleeps(play: Play) -> None:
    def script() -> Talk[float]:
        started = yield from now()
        yield Sleep(0.01)
        yield Sleep(-1)
        return (yield from now()) - started

    assert 0.01 <= play(script()) < PATIENCE


def test_the_observer_sees_every_operation_with_its_times_and_its_answer(play: Play) -> None:
    class Notes:
        def __init__(self) -> None:
            self.rows: list[tuple[Op, float, float, object]] = []

        def saw(self, op: Op, started: float, ended: float, answer: object) -> None:
            self.rows.append((op, started, ended, answer))

    def script() -> Talk[None]:
        yield from connect(echoing)
        yield from send(b"x")
        yield from recv()
        yield from losing(Recv("main", SHORT))

    notes = Notes()
    with peer(echo) as echoing:
        play(script(), observer=notes)
    ops, starts, ends, answers = zip(*notes.rows, strict=True)
    assert [type(op) for op in ops] == [Open, Send, Recv, Recv]
    assert answers[1:3] == (None, b"x")
    assert isinstance(answers[3], Lost)
    assert answers[3].trouble is Trouble.SILENT
    times = [time for pair in zip(starts, ends, strict=True) for time in pair]
    assert times == sorted(times)
    assert ends[3] - starts[3] >= SHORT


def test_files_of_a_mail_store(play: Play, tmp_path: Path) -> None:
    (tmp_path / "new" / "deep").mkdir(parents=True)
    for name, content in {
        "new/b": b"2 mark",
        "new/a": b"1 mark",
        "new/deep/c": b"3 mark",
        "new/d": b"no",
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "new" / "vanished").symlink_to(tmp_path / "nowhere")

    def script(*patterns: str, limit: int = 100) -> Talk[list[bytes]]:
        paths = tuple(str(tmp_path / pattern) for pattern in patterns)
        return (yield from files(ReadFiles(paths, b"mark", limit)))

    assert play(script("new/*")) == [b"1 mark", b"2 mark"]
    assert play(script("**/c", "new/?", "new/a")) == [b"1 mark", b"2 mark", b"3 mark"]
    assert play(script("new/**", limit=1)) == [b"1 mark"]
    assert play(script("cur/*")) == []
