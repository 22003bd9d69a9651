"""Play a conversation on Trio."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

import trio

from ..ops import Lost, T, Talk
from .common import read_files
from .sockets import Sockets
from .talking import Done, advance
from .trace import Observer
from .waits import Found, Look, Pause, R, Ready, Receive, Resolve, Steps, Transmit, Wait, found


async def play(talk: Talk[T], *, observer: Observer | None = None, source: str | None = None) -> T:
    """Perform the operations of a script until it returns.

    `source` is the address to connect from, where it fits the target. Time is Trio's, so a mock clock
    works. Raises what the script raises; trouble with peers is thrown into the script. Every
    connection is closed at the end, whatever the end is.
    """
    sockets = Sockets(trio.current_time, source)
    answer: object = None
    try:
        while not isinstance(op := advance(talk, answer), Done):
            await trio.lowlevel.checkpoint()  # also where nothing has to be waited for
            started = trio.current_time()
            try:
                answer = await _settle(sockets.perform(op))
            except Lost as lost:
                answer = lost
            if observer is not None:
                observer.saw(op, started, trio.current_time(), answer)
        return op.value
    finally:
        try:
            talk.close()
        finally:
            sockets.close_all()


async def _settle(steps: Steps[R]) -> R:
    """Wait for whatever is to be waited for; a cancelled operation gives back its sockets."""
    try:
        wait = next(steps)
        while True:
            wait = steps.send(await _wait(wait))
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        steps.close()


async def _wait(wait: Wait) -> object:
    match wait:
        case Receive():
            return await _transfer(partial(wait.sock.recv, wait.size), Ready(wait.sock, False, wait.deadline))
        case Transmit():
            send = partial(wait.sock.send, wait.data, wait.flags)
            return await _transfer(send, Ready(wait.sock, True, wait.deadline))
        case Ready():
            return await _until_ready(wait)
        case Pause(seconds=seconds):
            return await trio.sleep(seconds)
        case Resolve():
            return await _resolve(wait)
        case Look(op=op):
            return await trio.to_thread.run_sync(read_files, op, abandon_on_cancel=True)
        case never:
            assert_never(never)


async def _transfer(attempt: Callable[[], R], ready: Ready) -> R | OSError | None:
    while True:
        try:
            return attempt()
        except BlockingIOError:
            if trio.current_time() >= ready.deadline:
                return None
            await _until_ready(ready)
        except OSError as error:
            return error


async def _until_ready(wait: Ready) -> None:
    with trio.move_on_at(wait.deadline):
        await (trio.lowlevel.wait_writable if wait.write else trio.lowlevel.wait_readable)(wait.sock)


async def _resolve(wait: Resolve) -> Found | Exception | None:
    with trio.move_on_at(wait.deadline):
        try:
            infos = await trio.socket.getaddrinfo(wait.host, wait.port, type=trio.socket.SOCK_STREAM)
            return found(infos)
        except (OSError, ValueError) as error:  # ValueError: no name of a host, such as two dots in a row
            return error
    return None
