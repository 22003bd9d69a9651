"""The embedded servers, aiosmtpd and pyftpdlib, in a process of their own.

Run by path with one argument, a JSON object: directory, hostname, domain, users {name: password},
ports {protocol: number, 0 for any}, certificate, key and both in one file (empty: no TLS), watch (true: end,
and remove the directory, when standard input is closed, that is when the parent ends in whatever way).
Mail goes to maildirs below
the directory, or to the LMTP port `lmtp` if that is not 0. Prints one JSON line with the ports.

Nothing of Plumbline is imported: this must also run from a checkout without installation.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import itertools
import json
import os
import shutil
import signal
import smtplib
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

_SIZE_LIMIT = 32 * 1024 * 1024  # octets of one mail


class MaildirHandler:
    """Mail for the users goes to their maildirs; other domains are for clients that have logged in."""

    def __init__(self, setting: dict[str, Any]) -> None:
        self._mail = Path(setting["directory"]) / "mail"
        self._hostname = setting["hostname"]
        self._domain = setting["domain"]
        self._users = setting["users"]
        self._lmtp = setting["lmtp"]
        self._numbers = itertools.count(1)
        for user, kind in itertools.product(self._users, ("new", "cur", "tmp")):
            (self._mail / user / kind).mkdir(parents=True)

    def _user(self, address: str) -> str | None:
        """Whose maildir gets mail for this address; postmaster must work (RFC 5321, section 4.5.1)."""
        local, _, domain = address.rpartition("@")
        if not local:
            local, domain = domain, self._domain
        if domain.lower() != self._domain:
            return None
        name = local.strip('"').lower()
        return name if name in self._users else next(iter(self._users)) if name == "postmaster" else None

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd looks for
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        domain = address.rpartition("@")[2].lower()
        if self._user(address) is None:
            if domain in (self._domain, address.lower()):
                return "550 5.1.1 No such user here"
            if not session.authenticated:
                return "550 5.7.1 Relaying denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        users = list(dict.fromkeys(filter(None, map(self._user, envelope.rcpt_tos))))
        if self._lmtp:
            await asyncio.to_thread(self._hand_on, envelope.mail_from or "", users, content)
            return "250 OK"
        for user in users:
            self._deliver(user, self._trace(session, envelope) + content)
        return "250 OK"

    def _hand_on(self, sender: str, users: list[str], content: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", self._lmtp) as server:
            server.sendmail(sender, users, content)

    def _trace(self, session: Session, envelope: Envelope) -> bytes:
        """Return-Path and Received, as final delivery adds them (RFC 5321, section 4.4)."""
        kind = "ESMTP" if session.extended_smtp else "SMTP"
        if session.extended_smtp:
            kind += ("S" if session.ssl else "") + ("A" if session.authenticated else "")
        peer = session.peer[0] if session.peer else ""
        date = email.utils.format_datetime(email.utils.localtime())
        return (
            f"Return-Path: <{(envelope.mail_from or '').strip('<>')}>\r\n"
            f"Received: from {session.host_name} ([{peer}])\r\n"
            f"\tby {self._hostname} with {kind}; {date}\r\n"
        ).encode(errors="surrogateescape")

    def _deliver(self, user: str, content: bytes) -> None:
        name = f"{next(self._numbers)}.{os.getpid()}.{self._hostname}"
        path = self._mail / user / "tmp" / name
        path.write_bytes(content.replace(b"\r\n", b"\n"))
        path.rename(self._mail / user / "new" / name)


def _authenticator(users: dict[str, str]) -> Callable[..., AuthResult]:
    def check(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and users.get(data.login.decode("latin-1"), "").encode()
        # handled=True, the default, would mean that the client has been answered already.
        return AuthResult(success=bool(known) and known == data.password, handled=False)

    return check


async def _serve_smtp(setting: dict[str, Any]) -> dict[str, int]:
    users = setting["users"]
    handler = MaildirHandler(setting)
    common = {
        "hostname": setting["hostname"],
        "authenticator": _authenticator(users),
        "data_size_limit": _SIZE_LIMIT,
    }
    context = None
    if setting["certificate"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(setting["certificate"], setting["key"])
    loop, ports = asyncio.get_running_loop(), {}
    for protocol in setting["ports"].keys() & {"smtp", "smtps"}:
        implicit = protocol == "smtps"
        special = {"auth_require_tls": False} if implicit else {"tls_context": context}
        server = await loop.create_server(
            lambda special=special: SMTP(handler, **common, **special),
            "127.0.0.1",
            setting["ports"][protocol],
            ssl=context if implicit else None,
            reuse_address=True,
        )
        ports[protocol] = server.sockets[0].getsockname()[1]
    return ports


def _serve_ftp(setting: dict[str, Any]) -> int:
    """Run pyftpdlib, with a loop for every session; the port.

    With one loop for all (FTPServer) it loses about one data connection in 200 when sessions run side by side: the
    transfer hangs, or its listening socket is never served (2.2.0, measured).
    """
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer

    authorizer = DummyAuthorizer()
    for user, password in setting["users"].items():
        home = Path(setting["directory"]) / "ftp" / user
        authorizer.add_user(user, password, str(home), perm="elradfmwMT")
    attributes: dict[str, Any] = {"authorizer": authorizer}
    # Shipped: 3 s of silence after a wrong password. Cases on refused logins would only wait for it.
    attributes["auth_failed_timeout"] = 0
    base: type[FTPHandler] = FTPHandler
    with contextlib.suppress(ImportError):  # pyftpdlib speaks TLS where pyOpenSSL is installed
        from pyftpdlib.handlers import TLS_FTPHandler

        if setting["certificate"]:
            base, attributes["certfile"] = TLS_FTPHandler, setting["both"]
    server = ThreadedFTPServer(("127.0.0.1", setting["ports"]["ftp"]), type("Handler", (base,), attributes))
    threading.Thread(target=server.serve_forever, kwargs={"handle_exit": False}, daemon=True).start()
    return int(server.address[1])


async def _stdin_closed() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass


async def main(setting: dict[str, Any]) -> None:
    stopped = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, stopped.set)
    ports = await _serve_smtp(setting)
    if "ftp" in setting["ports"]:
        ports["ftp"] = _serve_ftp(setting)
    print(json.dumps({"ports": ports}), flush=True)
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(stopped.wait())]
    if setting["watch"]:
        waits.append(asyncio.ensure_future(_stdin_closed()))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if setting["watch"]:
        shutil.rmtree(setting["directory"], ignore_errors=True)
    os._exit(0)  # connections in progress and the FTP thread end here


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
