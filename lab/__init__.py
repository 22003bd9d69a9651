"""Real servers on loopback ports, started from a temporary folder.

with plumbline.lab.running("postfix") as server:
    server.endpoints["smtp"], server.profile_path
"""

from .lifecycle import AlreadyRunningError, NotRunningError, running, start, status, stop
from .model import LabError, Server

__all__ = [
    "AlreadyRunningError",
    "LabError",
    "NotRunningError",
    "Server",
    "running",
    "start",
    "status",
    "stop",
]
