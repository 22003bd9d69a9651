"""What the engine needs of the operating system, handed in from outside.

gevent removes `select.epoll` and replaces `socket.socket`; a front end that lives under gevent passes the
originals, and a way to wait that lets other greenlets run.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CLOCK_MONOTONIC, NONBLOCK, ABSOLUTE = 1, os.O_NONBLOCK, 1
_NANO = 1_000_000_000


def _wait(epoll: Any) -> None:
    select.select([epoll], [], [])


@dataclass(frozen=True, slots=True)
class Platform:
    """`wait(epoll)` returns when at least one of its descriptors is ready."""

    epoll: Callable[[], Any]
    socket: Callable[..., socket.socket]
    wait: Callable[[Any], None]


def plain() -> Platform:
    """For a process of our own."""
    return Platform(select.epoll, socket.socket, _wait)


_libc = ctypes.CDLL(None, use_errno=True)
_UNSPECIFIED = bytes(16)  # a socket address of family AF_UNSPEC
_CLOSED = 7  # TCP_CLOSE, the first octet of struct tcp_info


def disconnect(fd: int) -> bool:
    """Make a socket whose connection is over ready to connect once more (connect(2)); whether that could be done."""
    return not _libc.connect(fd, _UNSPECIFIED, len(_UNSPECIFIED))


def over(sock: socket.socket) -> bool:
    """Say the end (FIN); whether the peer had said its own, and has this one already. Never fails."""
    with contextlib.suppress(OSError):  # said before, or the peer reset the connection
        sock.shutdown(socket.SHUT_WR)
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED


class Timer:
    """A timerfd: an alarm with the precision that epoll time-outs (whole milliseconds) lack."""

    def __init__(self) -> None:
        self.fd: int = _libc.timerfd_create(CLOCK_MONOTONIC, NONBLOCK)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed; the load engine needs Linux")
        self._at = 0.0

    def arm(self, at: float) -> None:
        """Ring at this value of time.perf_counter(), or at once where that is past."""
        if at == self._at:
            return
        self._at = at
        nanoseconds = max(int(at * _NANO), 1)
        value = (ctypes.c_long * 4)(0, 0, *divmod(nanoseconds, _NANO))
        _libc.timerfd_settime(self.fd, ABSOLUTE, value, None)

    def ring(self) -> None:
        """Take note that it rang; arm it again."""
        self._at = 0.0
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 8)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)
