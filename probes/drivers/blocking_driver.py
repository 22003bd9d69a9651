"""Play a conversation on plain sockets, one thread or greenlet each.

Nothing but the modules socket, select and time is waited in, looked up when it is called: gevent's monkey
patching makes it cooperative.
"""

from __future__ import annotations

import math
import select
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import assert_never

from ..ops import Lost, T, Talk
from .common import read_files
from .sockets import Sockets
from .talking import Done, advance
from .trace import Observer
from .waits import Found, Look, Pause, R, Ready, Receive, Resolve, Steps, Transmit, Wait, found


def play(talk: Talk[T], *, observer: Observer | None = None, source: str | None = None) -> T:
    """As `trio_driver.play`, blocking; the clock is `time.monotonic`.

    The system's resolver knows no deadline: looking up a host name can last longer than `Open.timeout`.
    """
    sockets = Sockets(time.monotonic, source)
    answer: object = None
    try:
        while not isinstance(op := advance(talk, answer), Done):
            started = time.monotonic()
            try:
                answer = _settle(sockets.perform(op))
            except Lost as lost:
                answer = lost
            if observer is not None:
                observer.saw(op, started, time.monotonic(), answer)
        return op.value
    finally:
        try:
            talk.close()
        finally:
            sockets.close_all()


def _settle(steps: Steps[R]) -> R:
    """Wait for whatever is to be waited for; an operation that is interrupted gives back its sockets."""
    try:
        wait = next(steps)
        while True:
            wait = steps.send(_wait(wait))
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        steps.close()


def _wait(wait: Wait) -> object:
    match wait:
        case Receive():
            return _transfer(partial(wait.sock.recv, wait.size), wait.sock, wait.deadline)
        case Transmit():
            return _transfer(partial(wait.sock.send, wait.data, wait.flags), wait.sock, wait.deadline)
        case Ready():
            return _until_ready(wait)
        case Pause(seconds=seconds):
            return time.sleep(seconds)
        case Resolve():
            return _resolve(wait)
        case Look(op=op):
            return read_files(op)
        case never:
            assert_never(never)


def _transfer(attempt: Callable[[], R], sock: socket.socket, deadline: float) -> R | OSError | None:
    """The socket's own time-out rather than poll: gevent keeps its watchers and is twice as fast."""
    left = max(0.0, deadline - time.monotonic())
    sock.settimeout(None if math.isinf(left) else left)
    try:
        return attempt()
    except BlockingIOError:
        return None
    except OSError as error:
        timed_out = isinstance(error, TimeoutError) and error.errno is None
        return None if timed_out else error


def _until_ready(wait: Ready) -> None:
    poll = select.poll()
    poll.register(wait.sock, select.POLLOUT if wait.write else select.POLLIN)
    left = max(0.0, wait.deadline - time.monotonic())
    poll.poll(None if math.isinf(left) else math.ceil(left * 1000))


def _resolve(wait: Resolve) -> Found | Exception:
    try:
        return found(socket.getaddrinfo(wait.host, wait.port, type=socket.SOCK_STREAM))
    except (OSError, ValueError) as error:
        return error
