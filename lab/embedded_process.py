"""The process behind `embedded.start`: aiosmtpd in one thread, pyftpdlib in another. Run as a program."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, Envelope, Session
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer

HOST = "127.0.0.1"
DOMAIN = "example.test"
PEOPLE = ("alice", "bob", "postmaster")
TEXT = "The first line.\r\nThe second line.\r\n"

PROFILE = """\
# The embedded servers: aiosmtpd and pyftpdlib.
role: mx
product: embedded (aiosmtpd, pyftpdlib)
domain: example.test
recipient: alice@example.test
second_recipient: bob@example.test
unknown_recipient: nobody@example.test
foreign_recipient: someone@elsewhere.example
accounts:
  - {{user: alice, password: alicepw}}
  - {{user: bob, password: bobpw}}
delivered: {{via: maildir, path: {maildir}}}
directory: reports
writable: upload
"""


class Delivery(Mailbox):
    """Mail for example.test goes into one maildir; everything else is refused."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept people we know, refuse to relay."""
        local, _, domain = address.lower().partition("@")
        if domain not in ("", DOMAIN):
            return "550 5.7.1 relaying denied"
        if local not in PEOPLE:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Put a trace line on top, as RFC 5321 section 4.4 asks of whoever accepts mail, and deliver."""
        trace = f"Received: from {session.host_name} by {server.hostname} with ESMTP\r\n".encode()
        content = envelope.content
        envelope.content = trace + (content if isinstance(content, bytes) else str(content).encode())
        return str(await super().handle_DATA(server, session, envelope))


def start_smtp(maildir: Path) -> int:
    """aiosmtpd on a free port."""
    controller = Controller(
        Delivery(maildir), hostname=HOST, port=0, server_hostname=f"mx.{DOMAIN}", ready_timeout=10
    )
    _start(controller)
    server: Any = controller.server
    return int(server.sockets[0].getsockname()[1])


def _start(controller: Controller) -> None:
    """Controller.start connects to the port it was given, and cannot know a port that the kernel chose."""
    ready = threading.Event()
    thread = threading.Thread(target=controller._run, args=(ready,), daemon=True)
    thread.start()
    ready.wait(10)


def start_ftp(home: Path) -> int:
    """pyftpdlib on a free port, one thread a session."""
    for folder in ("reports", "upload"):
        (home / folder).mkdir(parents=True)
    (home / "text.txt").write_bytes(TEXT.encode())
    (home / "binary.bin").write_bytes(bytes(range(256)))
    (home / "empty.txt").write_bytes(b"")
    (home / "reports" / "january.txt").write_bytes(TEXT.encode())
    authorizer = DummyAuthorizer()
    for user in ("alice", "bob"):
        authorizer.add_user(user, f"{user}pw", str(home), perm="elradfmwMT")

    class Handler(FTPHandler):  # type: ignore[misc]
        """Settings of our own."""

        banner = "FTP server ready."
        auth_failed_timeout = 0

    Handler.authorizer = authorizer
    server = ThreadedFTPServer((HOST, 0), Handler)
    server.max_cons = 256
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.socket.getsockname()[1])


def main(directory: Path, lifeline: int) -> None:
    """Start both, tell the parent, stay until its end of the pipe closes."""
    logging.disable(logging.CRITICAL)
    maildir = directory / "mail"
    ports = {"smtp": start_smtp(maildir), "ftp": start_ftp(directory / "files")}
    profile = directory / "profile.yaml"
    profile.write_text(PROFILE.format(maildir=maildir), encoding="utf-8")
    told = {
        "endpoints": {name: f"{name}://{HOST}:{port}" for name, port in ports.items()},
        "profile": str(profile),
    }
    print(json.dumps(told), flush=True)
    while os.read(lifeline, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
