"""A pyftpdlib server in a process of its own, that counts what it did and misbehaves on demand.

Run as a program: a folder, a mishap ("" for none). Prints the port; on SIGTERM its counts as JSON.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

USER, PASSWORD = "user", "12345"


@dataclass
class Ftpd:
    """`counts` is filled when the server has been stopped."""

    port: int
    folder: Path
    pid: int
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        return ["ftp", f"127.0.0.1:{self.port}", "--auth-user", USER, "--auth-password", PASSWORD]


@contextlib.contextmanager
def running(folder: Path, mishap: str = "") -> Iterator[Ftpd]:
    words = [sys.executable, __file__, str(folder), mishap]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = Ftpd(int(process.stdout.readline()), folder, process.pid)
        try:
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            server.counts = json.loads(process.communicate(timeout=10)[0])


def main(folder: str, mishap: str) -> None:  # noqa: C901 - small parts, none of use elsewhere
    from pyftpdlib import handlers
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.servers import FTPServer

    logging.basicConfig(level=logging.ERROR)  # pyftpdlib tells of every command otherwise
    counts: Counter[str] = Counter()
    data_now: set[object] = set()

    class Data(handlers.DTPHandler):
        def __init__(self, *words: object) -> None:
            super().__init__(*words)
            data_now.add(self)
            counts["data at the same time"] = max(counts["data at the same time"], len(data_now))

        def close(self) -> None:
            data_now.discard(self)
            super().close()

    class Handler(handlers.FTPHandler):
        dtp_handler = Data
        auth_failed_timeout = 0

        def on_login(self, username: str) -> None:
            counts["logins"] += 1

        def on_file_received(self, file: str) -> None:
            counts["stored"] += 1
            if mishap == "corrupt":
                content = bytearray(Path(file).read_bytes())
                content[-1] ^= 1
                Path(file).write_bytes(content)
            if mishap == "cut":
                os.truncate(file, 10)

        def on_file_sent(self, file: str) -> None:
            counts["sent"] += 1

        def ftp_LIST(self, path: str) -> object:
            counts["listed"] += 1
            if mishap == "refuse" and counts["listed"] % 5 == 0:
                self.respond("450 busy")
                return None
            if mishap == "hang up" and counts["listed"] % 5 == 0:
                self.respond("421 going down")
                self.close_when_done()
                return None
            return super().ftp_LIST(path)

        def ftp_EPSV(self, line: str) -> None:
            if mishap == "no EPSV":
                self.respond("502 not implemented")
            else:
                super().ftp_EPSV(line)

        def ftp_TYPE(self, line: str) -> None:
            if mishap != "mute":
                super().ftp_TYPE(line)

    def report(*_: object) -> None:
        print(json.dumps(counts), flush=True)
        os._exit(0)

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, folder, perm="elradfmwMT")
    Handler.authorizer = authorizer
    server = FTPServer(("127.0.0.1", 0), Handler)
    signal.signal(signal.SIGTERM, report)
    print(server.address[1], flush=True)
    server.serve_forever(handle_exit=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
