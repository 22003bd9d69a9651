"""Play a conversation on Trio."""

from __future__ import annotations

import contextlib
import socket as plain
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import trio

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

_NOW = 0.001  # a Recv with time-out 0 still has to let the kernel be asked once


@dataclass(slots=True)
class _Channel:
    """A connection or a listener, in clear and, after StartTLS, under TLS."""

    socket: trio.socket.SocketType
    tls: trio.SSLStream[trio.SocketStream] | None = None
    ended: Lost | None = None  # the trouble that a read ran into: it stays


async def play(talk: Talk[T], *, observer: Observer | None = None, source: str | None = None) -> T:
    """Perform the operations of a script until it returns.

    `source` is the address to connect from, where the family fits. Every connection is closed at the
    end, whatever happens. Raises what the script raises; trouble with peers is thrown into the script.
    """
    channels: dict[str, _Channel] = {}
    answer: object = None
    try:
        while not isinstance(op := advance(talk, answer), Done):
            started = trio.current_time()
            try:
                answer = await _perform(op, channels, source)
            except Lost as trouble:
                answer = trouble
            if observer is not None:
                observer.saw(op, started, trio.current_time(), answer)
        return op.value
    finally:
        talk.close()
        for channel in channels.values():
            channel.socket.close()


async def _perform(  # noqa: C901 - one arm for each operation
    op: Op, channels: dict[str, _Channel], source: str | None
) -> object:
    match op:
        case Open():
            _drop(channels, op.conn)
            channels[op.conn], ends = await _open(op, source)
            return ends
        case Send():
            return await _send(_channel(channels, op.conn), op)
        case Recv():
            return await _recv(_channel(channels, op.conn), op)
        case StartTLS():
            return await _start_tls(_channel(channels, op.conn), op)
        case Shutdown():
            return await _shutdown(_channel(channels, op.conn))
        case Reset():
            if op.conn in channels:
                linger = struct.pack("ii", 1, 0)
                channels[op.conn].socket.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, linger)
            return _drop(channels, op.conn)
        case Close():
            await _say_goodbye(channels.get(op.conn))
            return _drop(channels, op.conn)
        case Listen():
            channels[op.conn], ours = await _listen(_channel(channels, op.beside))
            return ours
        case Accept():
            channels[op.conn], ends = await _accept(_channel(channels, op.conn), op)
            return ends
        case Sleep():
            return await trio.sleep(max(0.0, op.seconds))
        case Now():
            return trio.current_time()
        case ReadFiles():
            return await trio.to_thread.run_sync(read_files, op)
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
def _deadline(timeout: float, what: str) -> Iterator[None]:
    """Trouble of any kind inside becomes Lost; cancellation from outside passes through."""
    try:
        with trio.fail_after(max(timeout, _NOW)):
            yield
    except trio.TooSlowError:
        raise Lost(Trouble.SILENT, f"{what}: nothing within {timeout:g} s") from None
    except trio.BrokenResourceError as error:
        raise lost(error.__cause__ or error, what) from None
    except (OSError, ssl.SSLError) as error:
        raise lost(error, what) from None


async def _open(op: Open, source: str | None) -> tuple[_Channel, Endpoints]:
    with _deadline(op.timeout, f"connect to {op.host} port {op.port}"):
        flags = plain.AI_NUMERICHOST if numeric(op.host) else 0
        found = await trio.socket.getaddrinfo(op.host, op.port, type=plain.SOCK_STREAM, flags=flags)
        family, kind, proto, _, name = found[0]
        socket = trio.socket.socket(family, kind, proto)
        try:
            socket.setsockopt(plain.IPPROTO_TCP, plain.TCP_NODELAY, 1)
            if source is not None and source_fits(source, family):
                await socket.bind((source, 0))
            await socket.connect(name)
            return _Channel(socket), _ends(socket)
        except BaseException:
            socket.close()
            raise


def _ends(socket: trio.socket.SocketType) -> Endpoints:
    return Endpoints(address(socket.getsockname()), address(socket.getpeername()))


async def _send(channel: _Channel, op: Send) -> None:
    with _deadline(op.timeout, f"send on {op.conn}"):
        if channel.tls is not None:
            await channel.tls.send_all(op.data)
        elif op.urgent:
            await channel.socket.send(op.data, plain.MSG_OOB)
        else:
            data = memoryview(op.data)
            while data:
                data = data[await channel.socket.send(data) :]


async def _recv(channel: _Channel, op: Recv) -> bytes:
    if channel.ended is not None:
        raise channel.ended
    try:
        with _deadline(op.timeout, f"read on {op.conn}"):
            if channel.tls is not None:
                return bytes(await channel.tls.receive_some(RECV_SIZE))
            return await channel.socket.recv(RECV_SIZE)
    except Lost as trouble:
        if trouble.trouble is not Trouble.SILENT:
            channel.ended = trouble
        raise


async def _start_tls(channel: _Channel, op: StartTLS) -> str:
    context = tls_context(verify=op.verify)
    with _deadline(op.timeout, "TLS handshake"):
        stream = trio.SSLStream(
            trio.SocketStream(channel.socket), context, server_hostname=op.server_name, https_compatible=True
        )
        await stream.do_handshake()
        channel.tls = stream
        cipher = stream.cipher()
        return f"{stream.version()} {cipher[0] if cipher else ''}".strip()


async def _shutdown(channel: _Channel) -> None:
    with contextlib.suppress(Lost), _deadline(1.0, "shutdown"):
        await _say_goodbye(channel)
        channel.socket.shutdown(plain.SHUT_WR)


async def _say_goodbye(channel: _Channel | None) -> None:
    """close_notify, if there is TLS and the peer still listens; nobody waits for the answer."""
    if channel is None or channel.tls is None:
        return
    with contextlib.suppress(Exception), trio.move_on_after(0.5):
        await channel.tls.unwrap()


async def _listen(beside: _Channel) -> tuple[_Channel, Address]:
    host, *_ = beside.socket.getsockname()
    with _deadline(1.0, f"listen on {host}"):
        socket = trio.socket.socket(beside.socket.family, plain.SOCK_STREAM)
        await socket.bind((host, 0))
        socket.listen(1)
    return _Channel(socket), address(socket.getsockname())


async def _accept(listener: _Channel, op: Accept) -> tuple[_Channel, Endpoints]:
    with _deadline(op.timeout, f"accept on {op.conn}"):
        socket, _ = await listener.socket.accept()
    listener.socket.close()
    socket.setsockopt(plain.IPPROTO_TCP, plain.TCP_NODELAY, 1)
    return _Channel(socket), _ends(socket)
