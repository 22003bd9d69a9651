"""A small inetd: listens and starts a program once per connection, the socket as its standard streams.

Run by path: inetd.py HOST PORT PROGRAM [ARGUMENT...]. For servers that cannot listen by themselves.
Nothing of Plumbline is imported: this must also run from a checkout without installation.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence


def serve(host: str, port: int, program: Sequence[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    with socket.create_server((host, port), backlog=128) as listener:
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                _become(program, connection)
            connection.close()


def _become(program: Sequence[str], connection: socket.socket) -> None:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        connection.setblocking(True)
        for standard in (0, 1, 2):
            os.dup2(connection.fileno(), standard)
        os.execv(program[0], list(program))  # noqa: S606 - no shell is wanted
    finally:
        os._exit(71)  # EX_OSERR of sysexits.h: the program cannot be run


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
