"""Play a conversation on plain sockets. Under gevent's monkey patching it becomes cooperative."""

from __future__ import annotations

import contextlib
import socket as plain
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from ..ops import (
    Accept,
    Address,
    Close,
    Endpoints,
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
    T,
    Talk,
    Trouble,
)
from .common import RECV_SIZE, address, lost, numeric, read_files, source_fits, tls_context
from .talking import Done, advance
from .trace import Observer

_NOW = 0.001


@dataclass(slots=True)
class _Channel:
    socket: plain.socket
    ended: Lost | None = None


def play(talk: Talk[T], *, observer: Observer | None = None, source: str | None = None) -> T:
    """As `trio_driver.play`, blocking."""
    channels: dict[str, _Channel] = {}
    answer: object = None
    try:
        while not isinstance(op := advance(talk, answer), Done):
            started = time.monotonic()
            try:
                answer = _perform(op, channels, source)
            except Lost as trouble:
                answer = trouble
            if observer is not None:
                observer.saw(op, started, time.monotonic(), answer)
        return op.value
    finally:
        talk.close()
        for channel in channels.values():
            channel.socket.close()


def _perform(op: Op, channels: dict[str, _Channel], source: str | None) -> object:  # noqa: C901 - one arm each
    match op:
        case Open():
            _drop(channels, op.conn)
            channels[op.conn], ends = _open(op, source)
            return ends
        case Send():
            return _send(_channel(channels, op.conn), op)
        case Recv():
            return _recv(_channel(channels, op.conn), op)
        case StartTLS():
            return _start_tls(_channel(channels, op.conn), op)
        case Shutdown():
            return _shutdown(_channel(channels, op.conn))
        case Reset():
            if op.conn in channels:
                linger = struct.pack("ii", 1, 0)
                channels[op.conn].socket.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, linger)
            return _drop(channels, op.conn)
        case Close():
            return _drop(channels, op.conn)
        case Listen():
            channels[op.conn], ours = _listen(_channel(channels, op.beside))
            return ours
        case Accept():
            channels[op.conn], ends = _accept(_channel(channels, op.conn), op)
            return ends
        case Sleep():
            return time.sleep(max(0.0, op.seconds))
        case Now():
            return time.monotonic()
        case ReadFiles():
            return read_files(op)
        case never:
            assert_never(never)


def _channel(channels: dict[str, _Channel], conn: str) -> _Channel:
    if conn not in channels:
        raise Lost(Trouble.UNREACHABLE, f"{conn} is not open")
    return channels[conn]


def _drop(channels: dict[str, _Channel], conn: str) -> None:
    channel = channels.pop(conn, None)
    if channel is not None:
        channel.socket.close()


@contextlib.contextmanager
def _trouble(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        raise lost(error, what) from None


def _open(op: Open, source: str | None) -> tuple[_Channel, Endpoints]:
    with _trouble(f"connect to {op.host} port {op.port}"):
        flags = plain.AI_NUMERICHOST if numeric(op.host) else 0
        family, kind, proto, _, name = plain.getaddrinfo(
            op.host, op.port, type=plain.SOCK_STREAM, flags=flags
        )[0]
        socket = plain.socket(family, kind, proto)
        try:
            socket.settimeout(max(op.timeout, _NOW))
            socket.setsockopt(plain.IPPROTO_TCP, plain.TCP_NODELAY, 1)
            if source is not None and source_fits(source, family):
                socket.bind((source, 0))
            socket.connect(name)
            return _Channel(socket), _ends(socket)
        except BaseException:
            socket.close()
            raise


def _ends(socket: plain.socket) -> Endpoints:
    return Endpoints(address(socket.getsockname()), address(socket.getpeername()))


def _send(channel: _Channel, op: Send) -> None:
    with _trouble(f"send on {op.conn}"):
        channel.socket.settimeout(max(op.timeout, _NOW))  # sendall counts it for the whole
        if op.urgent and not isinstance(channel.socket, ssl.SSLSocket):
            channel.socket.send(op.data, plain.MSG_OOB)
        else:
            channel.socket.sendall(op.data)


def _recv(channel: _Channel, op: Recv) -> bytes:
    if channel.ended is not None:
        raise channel.ended
    try:
        with _trouble(f"read on {op.conn}"):
            channel.socket.settimeout(max(op.timeout, _NOW))
            return channel.socket.recv(RECV_SIZE)
    except Lost as trouble:
        if trouble.trouble is not Trouble.SILENT:
            channel.ended = trouble
        raise


def _start_tls(channel: _Channel, op: StartTLS) -> str:
    with _trouble("TLS handshake"):
        channel.socket.settimeout(max(op.timeout, _NOW))
        context = tls_context(verify=op.verify)
        wrapped = context.wrap_socket(channel.socket, server_hostname=op.server_name)
        channel.socket = wrapped
        cipher = wrapped.cipher()
        return f"{wrapped.version()} {cipher[0] if cipher else ''}".strip()


def _shutdown(channel: _Channel) -> None:
    with contextlib.suppress(OSError):
        if isinstance(channel.socket, ssl.SSLSocket):
            channel.socket.settimeout(0.5)
            with contextlib.suppress(OSError):
                channel.socket = channel.socket.unwrap()
        channel.socket.shutdown(plain.SHUT_WR)


def _listen(beside: _Channel) -> tuple[_Channel, Address]:
    host, *_ = beside.socket.getsockname()
    with _trouble(f"listen on {host}"):
        socket = plain.socket(beside.socket.family, plain.SOCK_STREAM)
        socket.bind((host, 0))
        socket.listen(1)
    return _Channel(socket), address(socket.getsockname())


def _accept(listener: _Channel, op: Accept) -> tuple[_Channel, Endpoints]:
    with _trouble(f"accept on {op.conn}"):
        listener.socket.settimeout(max(op.timeout, _NOW))
        socket, _ = listener.socket.accept()
    listener.socket.close()
    socket.setsockopt(plain.IPPROTO_TCP, plain.TCP_NODELAY, 1)
    return _Channel(socket), _ends(socket)
