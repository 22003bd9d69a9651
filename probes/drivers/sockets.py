"""Perform operations on sockets, and leave all waiting to a driver.

Both drivers run this code, so that what a script sees cannot depend on the driver. Performing an operation is
a generator of waits (module waits): whatever may block is asked of the driver, deadline included, and
the driver hands back what came of it, errors as values.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import assert_never

from ..ops import (
    Accept,
    Address,
    Close,
    Endpoints,
    EndTLS,
    Listen,
    Lost,
    Now,
    Op,
    Open,
    PeerCertificate,
    ReadFiles,
    Recv,
    Reset,
    Send,
    Shutdown,
    Sleep,
    StartTLS,
    Trouble,
)
from .channel import Channel
from .connecting import accept, connect, listen
from .waits import Limit, Look, Pause, Steps


class Sockets:
    """All sockets of one conversation. `clock` gives seconds, `source` the address to connect from."""

    def __init__(self, clock: Callable[[], float], source: str | None) -> None:
        self._clock = clock
        self._source = source
        self._channels: dict[str, Channel] = {}
        self._listeners: dict[str, socket.socket] = {}

    def close_all(self) -> None:
        """Close everything at once: nobody is told, nobody is waited for."""
        for sock in [*(channel.sock for channel in self._channels.values()), *self._listeners.values()]:
            sock.close()
        self._channels.clear()
        self._listeners.clear()

    def perform(self, op: Op) -> Steps[object]:  # noqa: C901 - one arm for each operation
        """Returns the answer. Raises Lost."""
        match op:
            case Open():
                return (yield from self._open(op))
            case Send():
                channel = self._channel(op.conn)
                return (yield from channel.send(op.data, self._limit(op.timeout), urgent=op.urgent))
            case Recv():
                return (yield from self._channel(op.conn).recv(self._limit(op.timeout), alert=op.alert))
            case StartTLS():
                return (yield from self._start_tls(op))
            case EndTLS():
                return (yield from self._channel(op.conn).end_tls(self._limit(op.timeout)))
            case PeerCertificate():
                return self._channel(op.conn).certificate()
            case Shutdown():
                return (yield from self._channel(op.conn).shutdown(self._limit(op.timeout), bare=op.bare))
            case Reset():
                return self._drop(op.conn, reset=True)
            case Close():
                return self._drop(op.conn)
            case Listen():
                return self._listen(op)
            case Accept():
                return (yield from self._accept(op))
            case Sleep():
                return (yield Pause(max(0.0, op.seconds)))
            case Now():
                return self._clock()
            case ReadFiles():
                return (yield Look(op))
            case never:
                assert_never(never)

    def _limit(self, timeout: float) -> Limit:
        return Limit(self._clock, timeout)

    def _channel(self, conn: str) -> Channel:
        if conn not in self._channels:
            raise Lost(Trouble.UNREACHABLE, f"{conn!r} is not an open connection of ours")
        return self._channels[conn]

    def _open(self, op: Open) -> Steps[Endpoints]:
        self._drop(op.conn)
        self._channels[op.conn], ends = yield from connect(
            op, self._limit(op.timeout), op.source or self._source
        )
        return ends

    def _start_tls(self, op: StartTLS) -> Steps[str]:
        beside = self._channel(op.resume).tls if op.resume else None
        return (yield from self._channel(op.conn).start_tls(op, self._limit(op.timeout), beside))

    def _listen(self, op: Listen) -> Address:
        listener, address = listen(self._channel(op.beside), op.host, op.port)
        self._drop(op.conn)
        self._listeners[op.conn] = listener
        return address

    def _accept(self, op: Accept) -> Steps[Endpoints]:
        if op.conn not in self._listeners:
            raise Lost(Trouble.UNREACHABLE, f"{op.conn!r} is not listening")
        listener = self._listeners[op.conn]
        channel, ends = yield from accept(listener, self._limit(op.timeout))
        self._drop(op.conn)
        self._channels[op.conn] = channel
        return ends

    def _drop(self, conn: str, *, reset: bool = False) -> None:
        if listener := self._listeners.pop(conn, None):
            listener.close()
        if channel := self._channels.pop(conn, None):
            (channel.reset if reset else channel.close)()
