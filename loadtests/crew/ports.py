"""Ports of this machine that are used up: FTP takes a new one for every transfer, and keeps it for a minute."""

from __future__ import annotations

import re
from pathlib import Path

NEARLY = 0.7  # of the range


def time_wait() -> int:
    """Sockets in TIME_WAIT; 0 where the kernel does not tell (proc(5))."""
    try:
        found = re.search(r"^TCP:.* tw (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def ephemeral() -> int:
    """How many ports the kernel gives out by itself."""
    try:
        low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        return 28_232
    return high - low + 1


def warning(waiting: int, ports: int) -> str:
    """What to say of so many sockets in TIME_WAIT; "" if nothing."""
    if waiting < ports * NEARLY:
        return ""
    return (
        f"{waiting} sockets came to be in TIME_WAIT, and this machine gives out {ports} ports: a target that runs "
        "here may have found no passive ports any more. Load it for a shorter time, or at a "
        f"rate below {ports * NEARLY / 60:.0f} data connections a second"
    )
