"""Loopback ports: choose free ones, wait until a server listens."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from .model import HOST, PORT_OFFSETS, LabError

_LOWEST = 10240
_POLL = 0.02  # seconds


def choose(
    protocols: Sequence[str], port_base: int | None = None, taken: Collection[int] = (), host: str = HOST
) -> dict[str, int]:
    """A port for each protocol: free ones, or fixed ones above `port_base`. Raises LabError."""
    return fixed(protocols, port_base, host) if port_base is not None else free(protocols, taken, host)


def fixed(protocols: Sequence[str], port_base: int, host: str = HOST) -> dict[str, int]:
    chosen = {protocol: port_base + PORT_OFFSETS[protocol] for protocol in protocols}
    if not 1 <= min(chosen.values()) <= max(chosen.values()) <= 65535:
        raise LabError(f"port base {port_base}: ports must lie between 1 and 65535")
    for protocol, port in chosen.items():
        if not is_free(port, host):
            raise LabError(
                f"port {port} ({protocol}) is in use; take another --port-base, or none for free ports"
            )
    return chosen


def free(protocols: Sequence[str], taken: Collection[int] = (), host: str = HOST) -> dict[str, int]:
    """Free ports below the system's range for outgoing connections.

    A port that the system picks (bind to port 0) may be taken by any outgoing connection of a load test
    before the server binds it; one below that range is not.
    """
    candidates = list(range(_LOWEST, _outgoing_start()))
    random.SystemRandom().shuffle(candidates)
    chosen: list[int] = []
    with ExitStack() as held:
        for port in candidates:
            if len(chosen) == len(protocols):
                return dict(zip(protocols, chosen, strict=True))
            if port not in taken and (holder := _bind(port, host)):
                held.enter_context(holder)
                chosen.append(port)
    raise LabError(f"no {len(protocols)} free ports on {host} between {_LOWEST} and {_outgoing_start()}")


def _outgoing_start() -> int:
    try:
        start = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768
    return start if start > _LOWEST + 1000 else 65536


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bind(port: int, host: str) -> socket.socket | None:
    sock = socket.socket(_family(host))
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        return None
    return sock


def is_free(port: int, host: str = HOST) -> bool:
    # With SO_REUSEADDR, as servers do: connections in TIME_WAIT of an earlier server do not matter.
    with socket.socket(_family(host)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            return False
        return True


def is_open(port: int, host: str = HOST) -> bool:
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return False
    return True


def await_open(
    ports: Mapping[str, int], check: Callable[[], None], deadline: float, host: str = HOST
) -> None:
    """Wait until every port accepts connections. `check` raises when waiting has become useless.

    Raises LabError after `deadline` seconds.
    """
    end = time.monotonic() + deadline
    missing = dict(ports)
    while missing:
        check()
        missing = {protocol: port for protocol, port in missing.items() if not is_open(port, host)}
        if missing and time.monotonic() > end:
            listed = ", ".join(f"{protocol} ({port})" for protocol, port in missing.items())
            raise LabError(f"nothing listens on {listed} after {deadline:g} s")
        if missing:
            time.sleep(_POLL)
    check()
