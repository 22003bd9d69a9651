"""A socket that carries a session: non-blocking, with TLS by memory buffers where asked."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from plumbline.loadtests.engine.payload import MOST_PARTS
from plumbline.loadtests.engine.session import Session

Address = tuple[int, tuple[object, ...]]  # family, socket address
IN, OUT, PEER_ENDED = 1, 4, 0x2000  # EPOLLIN, EPOLLOUT, EPOLLRDHUP
EDGES = (
    IN | OUT | PEER_ENDED | 1 << 31
)  # EPOLLET: each event is told once, so that waiting needs no system call


class Connection:
    """`out` holds what the kernel would not take yet: `flush` when there is room."""

    __slots__ = (
        "connected",
        "fd",
        "opened_at",
        "out",
        "ready",
        "recv",
        "send",
        "sendmsg",
        "session",
        "sock",
        "tls",
    )

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock, self.session = sock, session
        self.fd = session.fd = sock.fileno()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.recv: Callable[[int], bytes] = sock.recv
        self.send: Callable[[bytes | memoryview], int] = sock.send
        self.sendmsg: Callable[[Sequence[bytes | memoryview]], int] = sock.sendmsg

    def begin(self, now: float) -> None:
        """Start from nothing: not connected, with the session at its beginning."""
        self.opened_at = now
        self.out: deque[memoryview] = deque()
        self.connected = False
        self.ready = False  # for replies: connected, and no TLS handshake is going on
        self.tls: Tls | None = None
        self.session.restart(now)

    @property
    def phase(self) -> str:
        """What is being waited for; "" for nothing."""
        if not self.connected:
            return "connect"
        return self.session.waits_for if self.ready else "TLS"

    def connect(self, address: tuple[object, ...]) -> None:
        """Begin to connect. Raises OSError for what is known at once."""
        code = self.sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))

    def check_connected(self, events: int) -> None:
        """`events` are epoll's. Raises OSError if the connection was refused."""
        code = events & ~(IN | OUT | PEER_ENDED) and self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self.connected = True

    def write(self, octets: bytes | list[bytes]) -> None:
        """Send as much as goes, keep the rest. Raises OSError."""
        if self.tls:
            octets = self.tls.encrypt(octets if isinstance(octets, bytes) else b"".join(octets))
        self.put(octets)

    def put(self, octets: bytes | list[bytes]) -> None:
        """Like `write`, for octets that TLS has seen already."""
        if self.out:  # kept in parts: to join them would copy all that waits with every message
            self._keep(octets)
            return
        try:
            if isinstance(octets, bytes):
                sent, size = self.send(octets), len(octets)
            else:
                sent, size = self.sendmsg(octets), sum(map(len, octets))
        except BlockingIOError:
            sent, size = 0, -1
        if sent != size:
            self._keep(octets)
            self._sent(sent)

    def flush(self) -> None:
        """Send more of what is left, until the kernel takes no more."""
        out = self.out
        with contextlib.suppress(BlockingIOError):
            while out:
                self._sent(self.sendmsg(list(islice(out, MOST_PARTS))))

    def _keep(self, octets: bytes | list[bytes]) -> None:
        self.out.extend([memoryview(octets)] if isinstance(octets, bytes) else map(memoryview, octets))

    def _sent(self, octets: int) -> None:
        out = self.out
        while out and octets >= len(out[0]):
            octets -= len(out.popleft())
        if octets:
            out[0] = out[0][octets:]

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """From here on everything goes through TLS; drive it with `Tls.handshake`."""
        self.ready = False
        self.tls = Tls(self.sock, context, server_name)
        self.recv = self.tls.recv

    def close(self) -> None:
        """Close the socket; never fails."""
        with contextlib.suppress(OSError):
            self.sock.close()


class Tls:
    """TLS over memory buffers, so that the loop keeps the socket (and gevent stays out of it)."""

    __slots__ = ("_incoming", "_object", "_outgoing", "_sock", "done")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.done = False

    def handshake(self, readable: bool) -> tuple[bool, bytes]:
        """Whether the handshake is done, and octets for the peer. Raises ssl.SSLError, OSError."""
        if readable:
            self._read()
        try:
            self._object.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        return self.done, self._outgoing.read()

    def _read(self) -> None:
        """All there is: the kernel tells of it only once."""
        with contextlib.suppress(BlockingIOError):
            while data := self._sock.recv(65_536):
                self._incoming.write(data)
            self._incoming.write_eof()

    def recv(self, size: int) -> bytes:
        """Plain octets; b"" at the end. Raises BlockingIOError where there are none yet."""
        self._read()
        return self.plain(size)

    def plain(self, size: int) -> bytes:
        """Like `recv`, of what the socket gave already."""
        parts = []
        try:
            while part := self._object.read(size):
                parts.append(part)
        except ssl.SSLWantReadError:
            if not parts:
                raise BlockingIOError from None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        return b"".join(parts)

    def encrypt(self, octets: bytes) -> bytes:
        """What to put on the wire for these plain octets."""
        self._object.write(octets)
        return self._outgoing.read()
