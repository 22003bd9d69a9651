"""Real servers on loopback ports, started from a temporary folder.

with plumbline.lab.running("postfix") as server:
    server.endpoints["smtp"], server.profile_path
"""

from .lifecycle import AlreadyRunningError, NotRunningError, crash, running, start, status, stop
from .model import LabError, Server

__all__ = [
    "AlreadyRunningError",
    "LabError",
    "NotRunningError",
    "Server",
    "crash",
    "running",
    "start",
    "status",
    "stop",
]
