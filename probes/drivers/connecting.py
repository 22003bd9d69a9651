"""How a connection comes about: by connecting, or by listening and accepting."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys

from ..ops import Address, Endpoints, Lost, Open, Trouble
from .channel import Channel
from .common import lost_by, reason, source_for
from .waits import Found, Limit, Resolve, SocketAddress, Steps

_IP_BIND_ADDRESS_NO_PORT = 24  # Linux; in module socket from Python 3.12 on


def connect(op: Open, limit: Limit, source: str | None) -> Steps[tuple[Channel, Endpoints]]:
    """Try the addresses of the host in turn. Raises Lost."""
    if not 0 < op.port < 65_536:
        raise Lost(Trouble.UNREACHABLE, f"there is no TCP port {op.port}")
    failed: list[Lost] = []
    for family, address in (yield from _resolve(op, limit)):
        try:
            return (yield from _connect_to(family, address, limit, source))
        except Lost as lost:
            if lost.trouble is Trouble.SILENT:
                raise
            failed.append(lost)
    refused = any(lost.trouble is Trouble.REFUSED for lost in failed)
    trouble = Trouble.REFUSED if refused else Trouble.UNREACHABLE
    raise Lost(trouble, "; ".join(lost.detail for lost in failed))


def listen(beside: Channel, other: str = "", port: int = 0) -> tuple[socket.socket, Address]:
    """Listen on the address that a connection comes from, or another. Raises Lost(UNREACHABLE)."""
    try:
        host, _port, *rest = beside.sock.getsockname()
        sock = socket.socket(beside.sock.family, socket.SOCK_STREAM)
    except OSError as error:
        raise Lost(Trouble.UNREACHABLE, f"cannot listen: {reason(error)}") from error
    host = other or host
    try:
        sock.setblocking(False)
        if port:  # our end of the control connection may have it, and has allowed that
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port, *rest))
        sock.listen(1)
        return sock, _address(sock.getsockname())
    except OSError as error:
        sock.close()
        raise Lost(Trouble.UNREACHABLE, f"cannot listen on {host}: {reason(error)}") from error


def accept(listener: socket.socket, limit: Limit) -> Steps[tuple[Channel, Endpoints]]:
    """Wait for somebody to connect. Raises Lost."""
    ours = _address(listener.getsockname())
    while True:
        try:
            sock, address = listener.accept()
            break
        except (BlockingIOError, ConnectionAbortedError):
            yield from limit.ready(listener, f"nobody connected to {_where(ours)}")
        except OSError as error:
            detail = f"cannot accept on {_where(ours)}: {reason(error)}"
            raise Lost(Trouble.UNREACHABLE, detail) from error
    _prepare(sock)
    theirs = _address(address)
    return Channel(sock, _where(theirs)), Endpoints(ours, theirs)


def _resolve(op: Open, limit: Limit) -> Steps[Found]:
    """A numeric address needs neither a name server nor a thread."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, op.host)
            return [(family, (op.host, op.port))]
    found: Found | Exception | None = yield Resolve(op.host, op.port, limit.at)
    if found is None:
        raise Lost(Trouble.UNREACHABLE, f"no name server knew {op.host} within {limit}")
    if isinstance(found, Exception):
        raise Lost(Trouble.UNREACHABLE, f"unknown host {op.host}: {reason(found)}")
    return found


def _connect_to(
    family: int, address: SocketAddress, limit: Limit, source: str | None
) -> Steps[tuple[Channel, Endpoints]]:
    channel = Channel(_socket(family, address, source), _where(_address(address)))
    try:
        yield from _handshake(channel, address, limit)
        return channel, Endpoints(_address(channel.sock.getsockname()), _address(address))
    except OSError as error:
        channel.sock.close()
        raise lost_by(error, channel.where) from error
    except BaseException:
        channel.sock.close()
        raise


def _socket(family: int, address: SocketAddress, source: str | None) -> socket.socket:
    """A socket bound to our source address where that fits the target. Raises Lost(UNREACHABLE)."""
    host = str(address[0]).partition("%")[0]
    try:
        ours = source_for(source, host)
    except ValueError as error:
        raise Lost(Trouble.UNREACHABLE, f"cannot connect from {source}: {error}") from error
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise Lost(Trouble.UNREACHABLE, f"cannot open a socket to {host}: {reason(error)}") from error
    try:
        _prepare(sock)
        if ours is not None:
            _bind(sock, ours)
    except OSError as error:
        sock.close()
        raise Lost(Trouble.UNREACHABLE, f"cannot connect from {ours}: {reason(error)}") from error
    return sock


def _prepare(sock: socket.socket) -> None:
    """No waiting in system calls, none for full segments; urgent octets of the peer stay in their place.

    Its port may be listened on as well: it is FTP's default data port (RFC 959, 3.2).
    """
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _bind(sock: socket.socket, source: str) -> None:
    """Choose our address and leave the port to connect: bind alone would run out of ports under load.

    Outside Linux only 127.0.0.1 of the loopback addresses exists by itself: there we do without.
    """
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    try:
        sock.bind((source, 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL or not source.startswith("127."):
            raise


def _handshake(channel: Channel, address: SocketAddress, limit: Limit) -> Steps[None]:
    """Raises OSError. A reset behind the handshake is no trouble of connecting, and words may precede it."""
    sock = channel.sock
    try:
        sock.connect(address)
    except BlockingIOError:
        yield from _connected(channel, limit)
    if sock.getsockname()[:2] == address[:2]:  # connected to itself, as a free port of our own range can be
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def _connected(channel: Channel, limit: Limit) -> Steps[None]:
    while True:
        yield from limit.ready(channel.sock, f"no answer from {channel.where}", write=True)
        error = channel.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error == errno.ECONNRESET:
            channel.reset_seen = True
            return
        if error:
            raise OSError(error, os.strerror(error))
        with contextlib.suppress(OSError):
            channel.sock.getpeername()
            return


def _address(name: SocketAddress) -> Address:
    return Address(str(name[0]), int(name[1]))


def _where(address: Address) -> str:
    return f"{address.host} port {address.port}"
