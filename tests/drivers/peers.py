"""Scripted peers on real loopback sockets, for the drivers to talk to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import TypeAlias

Serve: TypeAlias = Callable[[socket.socket], object]

PATIENCE = 10.0  # seconds until a test that waits for something that never comes is given up


class Peer:
    """Serves the connections that come to a free port, one after the other or all at once."""

    def __init__(self, serve: Serve, *, host: str = "127.0.0.1") -> None:
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=self.family)
        self.host, self.port = self.listener.getsockname()[:2]
        self.came_from: list[str] = []
        self.faults: list[BaseException] = []
        self._serve = serve
        self._last: tuple[str, int] | None = None
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            sock, address = self.listener.accept()
            if self._last is not None and address[:2] == self._last:
                sock.close()
                return
            self.came_from.append(address[0])
            thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        try:
            with sock:
                self._serve(sock)
        except BaseException as fault:
            self.faults.append(fault)

    def stop(self) -> None:
        """Wait for what is being served, then raise what went wrong there.

        The last connection is our own: all others are accepted before it.
        """
        with socket.socket(self.family) as sock:
            sock.bind((self.host, 0))
            self._last = sock.getsockname()[:2]
            sock.connect((self.host, self.port))
            self._acceptor.join(PATIENCE)
        self.listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the scripted peer still waits for something"
        if self.faults:
            raise self.faults[0]


@contextlib.contextmanager
def peer(serve: Serve, *, host: str = "127.0.0.1") -> Iterator[Peer]:
    served = Peer(serve, host=host)
    try:
        yield served
    finally:
        served.stop()


def read_to_end(sock: socket.socket) -> bytes:
    """Everything up to FIN."""
    return b"".join(iter(lambda: sock.recv(65_536), b""))


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"the client ended after {data!r}"
        data += piece
    return data


def rst(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65_536):
        sock.sendall(data)


def over_tls(context: ssl.SSLContext, serve: Callable[[ssl.SSLSocket], object]) -> Serve:
    """Serve under TLS from the first octet on."""

    def wrapped(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as tls:
            serve(tls)

    return wrapped


@contextlib.contextmanager
def never_answering() -> Iterator[int]:
    """A port whose queue of connections is full: the kernel drops whoever comes next."""
    with socket.socket() as full, contextlib.ExitStack() as queue:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
