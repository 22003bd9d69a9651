"""The next hops of a run: listen for what the target passes on, in a thread of its own.

hops = NextHops(profile.hops)
hops.start()        # hops.postbox says in words if that cannot be
...
hops.close()
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from functools import partial

import trio

from .drivers.common import reason
from .ops import Address
from .protocols.nexthop import Postbox, Receiver

_IDLE = 120.0  # seconds that a connection may be silent
_STOP = 5.0  # seconds for the thread to end
_SIZE = 65_536


class NextHops:
    """Listeners by name, all of which put what comes into one postbox."""

    def __init__(self, places: Mapping[str, Address]) -> None:
        self.postbox = Postbox()
        self._places = places
        self._sockets: dict[str, socket.socket] = {}
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plumbline next hops", daemon=True)

    def start(self) -> None:
        """Listen. What is in the way is told by the postbox: only cases about relaying are hindered by it."""
        for name, place in self._places.items():
            try:
                self._sockets[name] = _listen(place)
            except OSError as error:
                self.postbox.trouble = (
                    f"the next hop {name!r} cannot listen on {place.host} port {place.port}: {reason(error)} "
                    "(profile: next_hops; is there another run with this profile?)"
                )
                self._close_sockets()
                return
        self._thread.start()
        self._ready.wait()

    def close(self) -> None:
        """Stop listening. Closing twice is no error."""
        if self._token is not None:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._scope.cancel)
        if self._thread.is_alive():
            self._thread.join(timeout=_STOP)
        self._close_sockets()
        self.postbox.trouble = self.postbox.trouble or "the next hops have stopped listening"

    def _close_sockets(self) -> None:
        for sock in self._sockets.values():
            sock.close()

    # -- in the thread

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:  # the thread has no other way to tell
            self.postbox.trouble = f"a fault of Plumbline's own: {type(error).__name__}: {error}"
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope:
            async with trio.open_nursery() as nursery:
                for name, sock in self._sockets.items():
                    listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
                    nursery.start_soon(trio.serve_listeners, partial(self._serve, name), [listener])
                self._ready.set()

    async def _serve(self, name: str, stream: trio.SocketStream) -> None:
        receiver = Receiver(name, self.postbox)
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError), trio.move_on_after(_IDLE) as patience:
                await stream.send_all(receiver.greeting())
                while not receiver.closing and (data := await stream.receive_some(_SIZE)):
                    patience.deadline = trio.current_time() + _IDLE
                    if said := receiver.feed(data):
                        await stream.send_all(said)
        receiver.ended()


def _listen(place: Address) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((place.host, place.port))
        sock.listen(128)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
