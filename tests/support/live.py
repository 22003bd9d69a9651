"""Model servers of tests/models on real loopback sockets, for tests of whole commands."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from plumbline.probes.ops import Address

from tests.models.lines import LineService
from tests.models.world import World


class LiveLine:
    """What a service needs of a line, over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.client = Address(*connection.getpeername()[:2])
        self.server_open = True
        self.inbox: list[object] = []

    def say(self, data: bytes, after: float = 0.0) -> None:
        with contextlib.suppress(OSError):
            self.connection.sendall(data)

    def fin(self, after: float = 0.0) -> None:
        self.server_open = False


class LiveServer:
    """Serves one model on a free port. `connections` counts; `stop_after` closes the port after so many."""

    def __init__(self, service: Callable[[World], LineService], stop_after: int | None = None) -> None:
        self.service, self.stop_after = service, stop_after
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.reached = threading.Event()  # set when `stop_after` is reached
        self.open: list[tuple[threading.Thread, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self.open.append((thread, connection))
                thread.start()
                if self.connections == self.stop_after:
                    self.reached.set()
                    self.close()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # models write a reply in pieces
            service, line = self.service(World()), LiveLine(connection)
            service.opened(line)
            while line.server_open and (data := connection.recv(65_536)):
                service.received(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def end(self) -> None:
        """Close every connection and wait for those who serve them."""
        self.close()
        for thread, connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
            connection.close()


@contextlib.contextmanager
def live(service: Callable[[World], LineService], stop_after: int | None = None) -> Iterator[LiveServer]:
    server = LiveServer(service, stop_after)
    try:
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def saying(greeting: bytes) -> Iterator[int]:
    """A server that says one thing and then listens for ever. Yields its port."""

    class Mute(LineService):
        def greet(self) -> None:
            if greeting:
                self.line.say(greeting)

        def on_line(self, line: bytes) -> None:
            pass

    with live(Mute) as server:
        yield server.port
