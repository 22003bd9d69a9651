"""What a script sees of TLS, the same on every driver."""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from plumbline.probes.ops import (
    Close,
    EndTLS,
    Lost,
    PeerCertificate,
    Recv,
    Reset,
    Send,
    Shutdown,
    StartTLS,
    Talk,
    Trouble,
    certificate,
    handshake,
)

from tests.drivers.conftest import Play
from tests.drivers.peers import (
    PATIENCE,
    Peer,
    Serve,
    echo,
    over_tls,
    peer,
    read_exactly,
    read_to_end,
    rst,
)
from tests.drivers.scripts import connect, losing, recv, recv_exactly, recv_to_end, send

NAME = "mx.example"


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(NAME, "127.0.0.1").configure_cert(context)
    return context


def secure(server: Peer, *, name: str = NAME, verify: bool = False, ca: str = "") -> Talk[str]:
    """Connect and start TLS at once."""
    yield from connect(server)
    return (yield from handshake(StartTLS("main", name, PATIENCE, verify, ca)))


def failing_handshake(server: Peer, timeout: float = PATIENCE) -> Talk[Lost]:
    yield from connect(server)
    return (yield from losing(StartTLS("main", NAME, timeout)))


def test_starttls(play: Play) -> None:
    def serve(sock: socket.socket) -> None:
        assert read_exactly(sock, 10) == b"STARTTLS\r\n"
        sock.sendall(b"220 go\r\n")
        over_tls(server_context(), echo)(sock)

    def script() -> Talk[tuple[str, bytes]]:
        yield from connect(upgrading)
        yield from send(b"STARTTLS\r\n")
        assert (yield from recv_exactly(8)) == b"220 go\r\n"
        name = yield from handshake(StartTLS("main", NAME, PATIENCE))
        yield from send(b"EHLO x\r\n")
        answer = yield from recv_exactly(8)
        yield Close("main")
        return name, answer

    with peer(serve) as upgrading:
        name, answer = play(script())
    assert name.split()[0] == "TLSv1.3"
    assert name.split()[1].startswith("TLS_")
    assert answer == b"EHLO x\r\n"


def test_octets_said_before_the_handshake_stay_out_of_tls(play: Play) -> None:
    """A server that answers an injected command in clear must not have it pass for an answer under TLS."""

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"220 go\r\n250 injected\r\n")
        sock.recv(1000)

    def script() -> Talk[Lost]:
        yield from connect(chatty)
        yield from recv_exactly(8 + 14)
        return (yield from losing(StartTLS("main", NAME, 0.05)))

    with peer(serve) as chatty:
        assert play(script()).trouble in (Trouble.SILENT, Trouble.CLOSED)


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])
def test_every_version_that_this_machine_speaks(play: Play, version: str) -> None:
    context = server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what is deprecated is what we want to see
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with peer(over_tls(context, echo)) as old:

        def script() -> Talk[str]:
            name = yield from secure(old)
            yield Close("main")
            return name

        assert play(script()).split()[0] == version.replace("_", ".")


def test_a_large_message_in_both_directions(play: Play) -> None:
    data = bytes(range(256)) * 4_000

    def serve(tls: ssl.SSLSocket) -> None:
        heard = b""
        while len(heard) < len(data):
            heard += tls.recv(65_536)
        tls.sendall(heard)
        assert tls.recv(1) == b""

    def script() -> Talk[bytes]:
        yield from secure(repeating)
        yield from send(data)
        answer = yield from recv_exactly(len(data))
        yield Close("main")
        return answer

    with peer(over_tls(server_context(), serve)) as repeating:
        assert play(script()) == data


def test_server_name_is_indicated(play: Play) -> None:
    names: list[str | None] = []
    context = server_context()
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    with peer(over_tls(context, lambda tls: tls.recv(1))) as watching:
        for name in (NAME, "127.0.0.1", ""):

            def script(name: str = name) -> Talk[None]:
                yield from secure(watching, name=name)
                yield Close("main")

            play(script())
    assert names == [NAME, None, None]


def test_certificates_are_checked_on_demand_only(play: Play, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(ca)

    def outcome(name: str, *, verify: bool, ca: str = "") -> Talk[str]:
        try:
            yield from secure(server, name=name, verify=verify, ca=ca)
        except Lost as lost:
            return f"{lost.trouble} {lost.detail}"
        yield Close("main")
        return "good"

    with peer(forgiving(over_tls(server_context(), lambda tls: tls.recv(1)))) as server:
        assert play(outcome("other.example", verify=False)) == "good"
        assert play(outcome(NAME, verify=True, ca=str(ca))) == "good"
        assert "certificate verify failed" in play(outcome(NAME, verify=True))
        wrong_name = play(outcome("other.example", verify=True, ca=str(ca)))
        assert wrong_name.startswith("tls TLS handshake with 127.0.0.1 port ")
        assert "'other.example'" in wrong_name
        missing = play(outcome(NAME, verify=True, ca=str(tmp_path / "none.pem")))
        assert missing.startswith("unreachable cannot set up TLS")
        assert "none.pem" in missing


def forgiving(serve: Serve) -> Serve:
    """A server that does not mind a client which breaks off the handshake."""

    def served(sock: socket.socket) -> None:
        try:
            serve(sock)
        except (ssl.SSLError, ConnectionError):
            return

    return served


def test_the_peer_is_told_why_a_handshake_failed(play: Play) -> None:
    reasons: list[str] = []

    def serve(sock: socket.socket) -> None:
        with pytest.raises(ssl.SSLError) as caught:
            over_tls(server_context(), lambda tls: tls.recv(1))(sock)
        reasons.append(caught.value.reason)

    def script() -> Talk[Lost]:
        yield from connect(server)
        return (yield from losing(StartTLS("main", NAME, PATIENCE, verify=True)))

    with peer(serve) as server:
        assert play(script()).trouble is Trouble.TLS
    assert reasons == ["TLSV1_ALERT_UNKNOWN_CA"]


def answers_garbage(sock: socket.socket) -> None:
    sock.recv(1)
    sock.sendall(b"503 bad sequence of commands\r\n")
    read_to_end(sock)


def sends_alert(sock: socket.socket) -> None:
    sock.recv(1000)
    sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure
    read_to_end(sock)


def closes(sock: socket.socket) -> None:
    sock.recv(1000)


def resets(sock: socket.socket) -> None:
    sock.recv(1000)
    rst(sock)


def says_nothing(sock: socket.socket) -> None:
    read_to_end(sock)


@pytest.mark.parametrize(
    ("serve", "trouble", "words"),
    [
        (answers_garbage, Trouble.TLS, "failed: wrong version number"),
        (sends_alert, Trouble.TLS, "handshake failure"),
        (closes, Trouble.CLOSED, "closed the connection, in the TLS handshake"),
        (resets, Trouble.RESET, "connection reset by 127.0.0.1 port"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_handshake_that_fails(
    play: Play, serve: Callable[[socket.socket], None], trouble: Trouble, words: str
) -> None:
    with peer(serve) as failing:
        lost = play(failing_handshake(failing))
    assert lost.trouble is trouble
    assert words in lost.detail


def test_a_handshake_that_nobody_answers(play: Play) -> None:
    with peer(says_nothing) as mute:
        lost = play(failing_handshake(mute, 0.05))
    assert lost.trouble is Trouble.SILENT
    assert lost.detail.endswith("within 0.05 s, in the TLS handshake")


def test_after_a_failed_handshake_the_connection_is_in_clear(play: Play) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        assert read_to_end(sock).endswith(b"QUIT\r\n")
        sock.sendall(b"221 bye\r\n")

    def script() -> Talk[object]:
        yield from failing_handshake(failing)
        yield from send(b"QUIT\r\n")
        yield Shutdown("main")
        return (yield from recv_to_end())

    with peer(serve) as failing:
        assert play(script()) == (b"221 bye\r\n", Trouble.CLOSED)


def test_tls_inside_tls_is_our_own_fault(play: Play) -> None:
    def script() -> Talk[Lost]:
        yield from secure(server)
        lost = yield from losing(StartTLS("main", NAME, PATIENCE))
        yield Close("main")
        return lost

    with peer(over_tls(server_context(), echo)) as server:
        assert play(script()).trouble is Trouble.UNREACHABLE


def test_close_notify_and_bare_fin_both_end(play: Play) -> None:
    def polite(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"bye")
        tls.unwrap()

    def bare(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"bye")
        tls.shutdown(socket.SHUT_RDWR)

    for ending in (polite, bare):

        def script() -> Talk[object]:
            yield from secure(server)
            end = yield from recv_to_end()
            again = yield from recv()
            yield Close("main")
            return end, again

        with peer(over_tls(server_context(), ending)) as server:
            assert play(script()) == ((b"bye", Trouble.CLOSED), b"")


def test_an_end_without_close_notify_is_told_apart_where_that_is_asked(play: Play) -> None:
    def polite(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"bye")
        tls.unwrap()

    def bare(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"bye")
        tls.shutdown(socket.SHUT_RDWR)

    def script() -> Talk[object]:
        yield from secure(server)
        while (yield Recv("main", PATIENCE, alert=True)):
            pass
        yield Close("main")
        return "ended"

    with peer(over_tls(server_context(), polite)) as server:
        assert play(script()) == "ended"
    with peer(over_tls(server_context(), bare)) as server, pytest.raises(Lost) as lost:
        play(script())
    assert lost.value.trouble is Trouble.CUT
    assert "without a TLS close alert" in lost.value.detail


def test_tls_ends_and_the_connection_goes_on_in_clear(play: Play) -> None:
    def serve(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"200 clear now\r\n")
        with tls.unwrap() as clear:
            clear.sendall(b"first\r\n")
            assert read_exactly(clear, 6) == b"NOOP\r\n"
            clear.sendall(b"second\r\n")

    def script() -> Talk[tuple[bytes, bytes, Trouble, str]]:
        yield from secure(server)
        said = yield from recv_exactly(15)
        yield EndTLS("main", PATIENCE)
        first = yield from recv_exactly(7)
        yield from send(b"NOOP\r\n")
        second, end = yield from recv_to_end()
        again = yield from losing(EndTLS("main", PATIENCE))
        return said + first, second, end, again.trouble

    with peer(over_tls(server_context(), serve)) as server:
        assert play(script()) == (
            b"200 clear now\r\nfirst\r\n",
            b"second\r\n",
            Trouble.CLOSED,
            Trouble.UNREACHABLE,
        )


@pytest.mark.parametrize("after_data", [True, False])
def test_fin_alone_does_not_end_tls(play: Play, after_data: bool) -> None:
    def serve(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"file")
        tls.shutdown(socket.SHUT_WR)
        with socket.socket(fileno=tls.detach()) as rest:
            rest.settimeout(PATIENCE)
            read_to_end(rest)

    def script() -> Talk[Lost]:
        yield from secure(server)
        if after_data:
            assert (yield from recv_to_end()) == (b"file", Trouble.CLOSED)
        return (yield from losing(EndTLS("main", PATIENCE)))

    with peer(over_tls(no_tickets(), serve)) as server:
        lost = play(script())
    assert (lost.trouble, "without closing TLS" in lost.detail) == (Trouble.CLOSED, True)


def test_a_mute_peer_does_not_end_tls(play: Play) -> None:
    def script() -> Talk[Lost]:
        yield from secure(server)
        return (yield from losing(EndTLS("main", 0.05)))

    with peer(over_tls(server_context(), lambda tls: read_to_end(tls))) as server:
        assert play(script()).trouble in (Trouble.SILENT, Trouble.CLOSED)


def test_the_end_of_tls_is_known_where_it_was_read_already(play: Play) -> None:
    def script() -> Talk[None]:
        yield from secure(server)
        assert (yield from recv_to_end()) == (b"file", Trouble.CLOSED)
        yield EndTLS("main", PATIENCE)

    def serve(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"file")
        tls.unwrap()

    with peer(over_tls(no_tickets(), serve)) as server:
        play(script())


def test_a_bare_fin_says_no_close_notify(play: Play) -> None:
    seen: list[str] = []

    def serve(tls: ssl.SSLSocket) -> None:
        assert tls.recv(4) == b"file"
        try:
            seen.append(repr(tls.recv(1)))
        except ssl.SSLEOFError:
            seen.append("no close_notify")

    def script() -> Talk[None]:
        yield from secure(server)
        yield from send(b"file")
        yield Shutdown("main", bare=True)
        yield from recv_to_end()
        yield Close("main")

    with peer(over_tls(no_tickets(), serve)) as server:
        play(script())
    assert seen == ["no close_notify"]


def test_the_certificate_that_a_peer_shows(play: Play) -> None:
    def script() -> Talk[tuple[str, str, str, Trouble]]:
        yield from secure(server)
        mine = yield from certificate(PeerCertificate("main"))
        yield from connect(server, "second")
        clear = yield from losing(PeerCertificate("second"))
        yield from handshake(StartTLS("second", NAME, PATIENCE))
        same = yield from certificate(PeerCertificate("second"))
        yield from connect(other, "third")
        yield from handshake(StartTLS("third", NAME, PATIENCE))
        another = yield from certificate(PeerCertificate("third"))
        for conn in ("main", "second", "third"):
            yield Close(conn)
        return mine, same, another, clear.trouble

    with (
        peer(over_tls(server_context(), read_to_end)) as server,
        peer(over_tls(server_context(), read_to_end)) as other,
    ):
        mine, same, another, trouble = play(script())
    assert (len(mine), same, trouble) == (64, mine, Trouble.UNREACHABLE)
    assert another != mine


def test_close_says_close_notify_and_an_abandoned_connection_does_not(play: Play) -> None:
    seen: list[str] = []

    def serve(tls: ssl.SSLSocket) -> None:
        try:
            seen.append(repr(tls.recv(1)))
        except ssl.SSLEOFError:
            seen.append("no close_notify")

    def script(*, close: bool) -> Talk[None]:
        yield from secure(server)
        if close:
            yield from recv_exactly(0)
            yield Close("main")

    for close in (True, False):
        with peer(over_tls(no_tickets(), serve)) as server:
            play(script(close=close))
    assert seen == ["b''", "no close_notify"]


def no_tickets() -> ssl.SSLContext:
    """Without session tickets nothing is left unread, which would turn the client's FIN into RST."""
    context = server_context()
    context.num_tickets = 0
    return context


def test_half_close_of_tls_then_octets_in_clear_then_half_close_of_tcp(play: Play) -> None:
    clear: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        with socket.socket(fileno=socket.dup(sock.fileno())) as raw:
            raw.settimeout(PATIENCE)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = no_tickets().wrap_bio(incoming, outgoing, server_side=True)
            pump(raw, incoming, outgoing, tls.do_handshake)
            assert pump(raw, incoming, outgoing, lambda: tls.read(100)) == b"BDAT 100\r\n"
            tls.write(b"still here")  # on its way while the client ends
            assert pump(raw, incoming, outgoing, lambda: tls.read(100)) == b""
            tls.write(b", and now")
            raw.sendall(outgoing.read())
            clear.append(incoming.read() + read_to_end(raw))

    def script() -> Talk[object]:
        yield from secure(server)
        yield from send(b"BDAT 100\r\n")
        first = yield from recv()
        yield Shutdown("main")
        second = yield from recv()
        yield from send(b"in clear")
        yield Shutdown("main")
        lost = yield from losing(Send("main", b"x", PATIENCE))
        return first, second, lost.trouble, (yield from recv_to_end())

    with peer(serve) as server:
        expected = (b"still here", b", and now", Trouble.UNREACHABLE, (b"", Trouble.CLOSED))
        assert play(script()) == expected
    assert clear == [b"in clear"]


def pump(
    raw: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, step: Callable[[], object]
) -> object:
    while True:
        try:
            result = step()
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65_536))
        else:
            raw.sendall(outgoing.read())
            return result


def test_close_notify_while_the_peer_still_talks(play: Play) -> None:
    """What the peer sends must neither be lost nor spoil our close_notify."""
    sent = threading.Event()

    def serve(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"x" * 100_000)
        sent.set()
        assert tls.recv(1) == b""
        tls.sendall(b"end")
        tls.unwrap()

    def script() -> Talk[object]:
        yield from secure(server)
        first = yield from recv()
        assert sent.wait(PATIENCE)
        yield Shutdown("main")
        rest, end = yield from recv_to_end()
        return len(first + rest), rest[-3:], end

    with peer(over_tls(server_context(), serve)) as server:
        assert play(script()) == (100_003, b"end", Trouble.CLOSED)


def test_silence_under_tls(play: Play) -> None:
    def script() -> Talk[list[Trouble]]:
        yield from secure(server)
        zero = yield from losing(Recv("main", 0))
        short = yield from losing(Recv("main", 0.05))
        yield Reset("main")
        return [zero.trouble, short.trouble]

    with peer(forgiving(over_tls(server_context(), lambda tls: tls.recv(1)))) as server:
        assert play(script()) == [Trouble.SILENT, Trouble.SILENT]


def test_an_rst_under_tls_comes_behind_what_was_said(play: Play) -> None:
    gone = threading.Event()

    def serve(tls: ssl.SSLSocket) -> None:
        tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an RST drops what still waits to be sent
        tls.sendall(b"421 go away\r\n")
        rst(tls)
        gone.set()

    def script() -> Talk[object]:
        yield from secure(server)
        assert gone.wait(PATIENCE)
        return (yield from recv_to_end())

    with peer(over_tls(server_context(), serve)) as server:
        assert play(script()) == (b"421 go away\r\n", Trouble.RESET)


def test_an_alert_or_a_broken_record_is_tls_trouble_and_stays(play: Play) -> None:
    def serve(sock: socket.socket) -> None:
        tls = server_context().wrap_socket(sock, server_side=True)
        tls.sendall(b"good")
        with socket.socket(fileno=tls.detach()) as raw:
            raw.sendall(b"250 in clear\r\n")
            raw.settimeout(PATIENCE)
            raw.recv(1000)

    def script() -> Talk[object]:
        yield from secure(server)
        first = yield from recv_to_end()
        again = yield from losing(Recv("main", PATIENCE))
        yield Close("main")
        return first, again.trouble, "TLS with 127.0.0.1 port" in again.detail

    with peer(serve) as server:
        assert play(script()) == ((b"good", Trouble.TLS), Trouble.TLS, True)


def test_a_deadline_inside_a_record_does_not_spoil_the_stream(play: Play) -> None:
    go = threading.Event()
    heard: list[bytes] = []

    def serve(tls: ssl.SSLSocket) -> None:
        assert go.wait(PATIENCE)
        while data := tls.recv(65_536):
            heard.append(data)

    def script() -> Talk[Trouble]:
        yield from secure(slow)
        lost = yield from losing(Send("main", b"a" * 50_000_000, 0.05))
        go.set()
        yield from send(b"and on")
        yield Close("main")
        return lost.trouble

    with peer(over_tls(no_tickets(), serve)) as slow:
        assert play(script()) is Trouble.SILENT
    said = b"".join(heard)
    assert set(said[:-6]) == {ord("a")}
    assert said.endswith(b"aand on")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_second_connection_resumes_the_session_of_the_first(play: Play, version: str) -> None:
    """FTP servers may ask it of data connections (RFC 4217, 10.2)."""
    context = server_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    reused: list[bool | None] = []

    def serve(tls: ssl.SSLSocket) -> None:
        reused.append(tls.session_reused)
        tls.sendall(b"hi")
        assert tls.recv(1) == b""

    def script() -> Talk[tuple[str, str, str]]:
        first = yield from secure(server)
        yield from recv_exactly(2)
        names = [first]
        for resume in ("main", ""):
            yield from connect(server, "data")
            names.append((yield from handshake(StartTLS("data", NAME, PATIENCE, resume=resume))))
            yield from recv_exactly(2, "data")
            yield Close("data")
        yield Close("main")
        return names[0], names[1], names[2]

    with peer(over_tls(context, serve)) as server:
        first, second, third = play(script())
    assert second == f"{first}, session resumed"
    assert third == first
    assert sorted(reused) == [False, False, True]


def test_a_session_of_a_connection_in_clear_is_none_at_all(play: Play) -> None:
    def script() -> Talk[str]:
        yield from connect(server, "clear")
        yield from connect(server)
        name = yield from handshake(StartTLS("main", NAME, PATIENCE, resume="clear"))
        yield Close("main")
        return name

    with peer(forgiving(over_tls(server_context(), lambda tls: tls.recv(1)))) as server:
        assert "resumed" not in play(script())
