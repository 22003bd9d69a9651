"""A connection as a greenlet sees it: reading waits first and reads then, which costs half of gevent's own sockets."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.engine.system import disconnect, over

READ, WRITE = 1, 2
CHUNK = 262_144
TURNS = 16  # reads of a transfer without a wait
MOST = 64  # wires kept for another use
NEVER = float("inf")
SWEEP = 0.1  # seconds


class Net:
    """Opens wires, and ends those that wait too long. One for each process."""

    def __init__(self, socket_class: Callable[..., socket.socket], connect_s: float, reply_s: float) -> None:
        self._socket = socket_class
        self.connect_s, self.reply_s = connect_s, reply_s
        self.wires: set[Wire] = set()
        self._spare: list[Wire] = []  # not connected; to connect one again is cheaper than to make one
        self._hub: Any = gevent.get_hub()
        self.switch = self._hub.switch  # to the hub, which comes back when something is ready

    def connect(self, address: Address, what: str) -> Wire:
        """Raises EndedError ("silent at ..."), OSError."""
        family, where = address
        wire = self._spare.pop() if self._spare else Wire(self, self._socket(family))
        wire.what = what
        self.wires.add(wire)
        try:
            wire.connect(where)
        except BaseException:
            wire.close()
            raise
        return wire

    def part(self, wire: Wire) -> None:
        """Whoever had this wire needs it no more; never fails, and may be said twice."""
        if wire not in self.wires:
            return
        self.wires.remove(wire)
        if len(self._spare) < MOST and wire.again():
            self._spare.append(wire)
        else:
            wire.destroy()

    def close(self) -> None:
        """Close what is kept for another use."""
        for wire in self._spare:
            wire.destroy()
        self._spare.clear()

    def watcher(self, fd: int, events: int) -> Any:
        """For `wait`."""
        return self._hub.loop.io(fd, events)

    def wait(self, watcher: Any) -> None:
        """Let other greenlets run until the descriptor is ready."""
        self._hub.wait(watcher)

    def sweep(self, now: float) -> None:
        """End what has waited too long. Its greenlet wakes up and finds it overdue."""
        for wire in self.wires:
            if wire.limit < now:
                wire.end(f"silent at {wire.what}", "no answer in time")

    def sweep_often(self) -> None:
        """For a greenlet of its own."""
        while True:
            gevent.sleep(SWEEP)
            self.sweep(perf_counter())

    def end_all(self, kind: str, text: str) -> None:
        """End every wire."""
        for wire in self.wires:
            wire.end(kind, text)


class Wire:
    """One connection. `what` is the phase it is in, for whoever has to tell what was waited for."""

    __slots__ = (
        "_ended",
        "_in",
        "_in_a_row",
        "_net",
        "_out",
        "_reader",
        "_reading",
        "_tls",
        "_watched",
        "_writing",
        "limit",
        "sock",
        "what",
    )

    def __init__(self, net: Net, sock: socket.socket) -> None:
        self._net, self.sock, self.what = net, sock, ""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.limit = NEVER
        self._in_a_row = 0  # reads without a wait
        self._ended: EndedError | None = None
        self._tls: ssl.SSLObject | None = None
        self._reading = net.watcher(sock.fileno(), READ)
        self._reader: Any = None  # the greenlet that waits for octets
        self._watched = False
        self._writing: Any = None

    def connect(self, address: tuple[object, ...]) -> None:
        """Raises EndedError, OSError."""
        code = self.sock.connect_ex(address)
        if (
            code == errno.EINPROGRESS
        ):  # on loopback it is done already, and asking again is cheaper than waiting
            code = self.sock.connect_ex(address)
        if code == errno.EISCONN:
            return
        if code == errno.EALREADY:
            self._wait_for_room(self._net.connect_s)
            code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def end(self, kind: str, text: str) -> None:
        """From outside: whoever waits shall wake up and raise EndedError."""
        self._ended = self._ended or EndedError(kind, text)
        self.limit = NEVER
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _wait(self) -> None:
        """Until something can be read. Raises EndedError."""
        self.limit = perf_counter() + self._net.reply_s
        self._reader = gevent.getcurrent()
        if not self._watched:
            self._watched = True
            self._reading.start(self._readable)
        try:
            self._net.switch()
        finally:
            self._reader = None
        self.limit = NEVER
        if self._ended:
            raise self._ended

    def _readable(self) -> None:
        """Called in the hub. While greenlets read the watcher stays: to start it each time costs a system call."""
        reader = self._reader
        if reader is None:
            self._watched = False
            self._reading.stop()
        else:
            reader.switch()

    def _wait_for_room(self, seconds: float) -> None:
        if self._writing is None:
            self._writing = self._net.watcher(self.sock.fileno(), WRITE)
        self.limit = perf_counter() + seconds
        self._net.wait(self._writing)
        self.limit = NEVER
        if self._ended:
            raise self._ended

    def recv(self, size: int = 65_536, soon: bool = False) -> bytes:
        """What came; b"" at the end. `soon`: it is probably there already. Raises EndedError, OSError."""
        if self._tls is not None:
            return self._recv_tls(size)
        return self._recv(size, soon)

    def _recv(self, size: int, soon: bool = False) -> bytes:
        while True:
            if not soon:
                self._wait()
            try:
                return self.sock.recv(size)
            except (
                BlockingIOError
            ):  # not there, or woken for the end of the connection that this socket had before
                soon = False

    def recv_into(self, buffer: bytearray, flags: int = 0) -> int:
        """As much of a transfer as is there; how many octets, 0 at the end. Raises EndedError, OSError.

        It looks before it waits, but not for ever: others want their turn. With MSG_TRUNC the octets are dropped.
        """
        if self._tls is not None:
            return self._recv_tls_into(buffer)
        soon = self._in_a_row < TURNS
        while True:
            if not soon:
                self._wait()
                self._in_a_row = 0
            try:
                got = self.sock.recv_into(buffer, 0, flags)
            except BlockingIOError:
                soon = False
            else:
                self._in_a_row += 1
                return got

    def send(self, octets: bytes | memoryview) -> None:
        """All of it. Raises EndedError, OSError."""
        if self._tls is not None:
            for start in range(0, len(octets), CHUNK):
                self._tls.write(octets[start : start + CHUNK])
                self._put(self._out.read())
            return
        self._put(octets)

    def start_tls(self, context: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None) -> None:
        """From here on everything goes through TLS. Raises EndedError, OSError (ssl.SSLError is one)."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name, session=session)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._put(self._out.read())
                self._fill()
        self._put(self._out.read())

    @property
    def tls_session(self) -> ssl.SSLSession | None:
        """For a data connection that shall resume it; some servers insist."""
        return self._tls.session if self._tls is not None else None

    def _fill(self) -> None:
        data = self._recv(65_536)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def _recv_tls(self, size: int) -> bytes:
        assert self._tls is not None
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _recv_tls_into(self, buffer: bytearray) -> int:
        data = self._recv_tls(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def say_end(self) -> None:
        """Nothing more will be sent. Raises EndedError, OSError.

        With TLS: close_notify, FIN, and then wait for the peer's end. It may have sent session tickets, and to
        close over octets that nobody read would reset the connection under a peer that still reads.
        """
        if self._tls is None:
            self.sock.shutdown(socket.SHUT_WR)
            return
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._put(self._out.read())
        with contextlib.suppress(ConnectionResetError):
            self.sock.shutdown(socket.SHUT_WR)
            while self._recv(65_536):
                pass

    def _put(self, octets: bytes | memoryview) -> None:
        try:
            sent = self.sock.send(octets)
        except BlockingIOError:
            sent = 0
        if sent == len(octets):
            return
        rest = memoryview(octets)[sent:]
        while rest:
            self._wait_for_room(self._net.reply_s)
            rest = rest[self.sock.send(rest) :]

    def close(self) -> None:
        """Never fails."""
        self._net.part(self)

    def again(self) -> bool:
        """Whether both sides have ended it in order, and it can be connected once more."""
        usual = self._tls is None and self._ended is None
        return usual and over(self.sock) and disconnect(self.sock.fileno())

    def destroy(self) -> None:
        """Never fails."""
        for watcher in (self._reading, self._writing):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        with contextlib.suppress(OSError):
            self.sock.close()
