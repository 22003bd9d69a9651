"""FTP as a client under load speaks it (RFC 959, RFC 2428, RFC 4217): one reply at a time, every octet counted."""

from __future__ import annotations

import re
import socket
import ssl
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

from plumbline.loadtests.crew.crew import RefusedError, timed
from plumbline.loadtests.crew.wire import CHUNK, Net, Wire
from plumbline.loadtests.engine.connection import Address
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.ftpplan import FtpPlan

LIMIT = 65_536  # octets of one reply
LOGIN, LIST, STORE, RETRIEVE = "login LIST QUIT", "LIST", "STOR", "RETR"
_BOOKS = {"session": LOGIN, "list": LIST, "upload": STORE, "download": RETRIEVE}

_one = re.compile(rb"([1-5]\d\d)(?: [^\n]*)?\r?\n").fullmatch
_several = re.compile(rb"([1-5]\d\d)(?:-(?s:.*?)^\1)?(?: [^\n]*)?\r?\n", re.MULTILINE).match
_extended = re.compile(rb"\(([!-~])\1\1(\d+)\1\)").search
_passive = re.compile(rb"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)").search


class Said(NamedTuple):
    """A reply."""

    code: int
    octets: bytes

    @property
    def text(self) -> str:
        """For people, and for facts in it."""
        return self.octets.decode("latin-1").strip()


class Control:
    """The control connection: commands and replies, never more than one outstanding."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._rest = b""

    def read(self, soon: bool = False) -> Said:
        """The next reply. Raises EndedError, OSError."""
        data = self._rest
        while True:
            if data and (found := _one(data) or _several(data)):
                self._rest = data[found.end() :]
                return Said(int(found[1]), found[0])
            if len(data) > LIMIT or (data and not re.match(rb"[1-5]\d?\d?(?:[- \r\n]|\Z)", data)):
                raise EndedError(f"garbage at {self.wire.what}", f"no FTP reply: {data[:80]!r}")
            more = self.wire.recv(soon=soon)
            if not more:
                raise EndedError(f"closed at {self.wire.what}", "the target closed the control connection")
            data += more

    def ask(self, line: bytes, phase: str) -> Said:
        """Send a command, read its (first) reply. 421 ends the conversation (RFC 959, 5.4)."""
        self.wire.what = phase
        self.wire.send(line)
        return self.answer()

    def answer(self, soon: bool = False) -> Said:
        """The next reply, unless it says that the target closes. `soon`: it is probably there already."""
        said = self.read(soon)
        if said.code == 421:
            raise EndedError(f"421 at {self.wire.what}", said.text)
        return said


class Client:
    """One login after the other. `lane` makes the names of its files its own."""

    def __init__(
        self, plan: FtpPlan, address: Address, net: Net, ledger: Ledger, scene: FtpScene, lane: int
    ) -> None:
        self._plan, self._address, self._net, self._ledger, self._scene = plan, address, net, ledger, scene
        self._path = f"{scene.prefix}-{lane}.bin"
        self._control: Control | None = None
        self._stored = False
        self._extended = plan.passive == "epsv"
        self.greeting = ""

    # -- a conversation ----------------------------------------------------------------------------

    def open(self) -> None:
        """Where a piece of work is a whole session there is nothing to do beforehand."""
        if self._plan.work != ("session",):
            self.login()

    def login(self) -> None:
        """Connect, TLS, USER, PASS, TYPE I. Raises EndedError, OSError."""
        note = timed(self._ledger)
        wire = self._net.connect(self._address, "connect")
        self._ledger.delta.connections += 1
        self._ledger.begun()
        self._control = control = Control(wire)
        note("connect")
        wire.what = "banner"
        if self._plan.tls == "implicit":
            wire.start_tls(self._scene.context, self._plan.host)
            note("TLS")
        said = control.answer()
        while said.code == 120:  # ready in n minutes
            said = control.answer()
        self.greeting = _good(said, (220,), "banner").text
        note("banner")
        if self._plan.tls == "starttls":
            self._secure(control, note)
        self._log_in(control, note)

    def _secure(self, control: Control, note: Callable[[str], None]) -> None:
        _good(control.ask(b"AUTH TLS\r\n", "AUTH TLS"), (234,), "AUTH TLS")
        control.wire.what = "TLS"
        control.wire.start_tls(self._scene.context, self._plan.host)
        note("TLS")

    def _log_in(self, control: Control, note: Callable[[str], None]) -> None:
        said = control.ask(b"USER %b\r\n" % self._plan.user.encode(), "USER")
        note("USER")
        if said.code != 230:
            _good(said, (331,), "USER")
            said = control.ask(b"PASS %b\r\n" % self._plan.password.encode(), "PASS")
            _good(said, (230, 202), "PASS")
            note("PASS")
        if self._plan.tls:
            _good(control.ask(b"PBSZ 0\r\n", "PBSZ"), (200,), "PBSZ")
            _good(control.ask(b"PROT P\r\n", "PROT"), (200,), "PROT")
        _good(control.ask(b"TYPE I\r\n", "TYPE"), (200,), "TYPE")
        note("TYPE")

    def close(self) -> None:
        """Remove what was stored, and take leave."""
        if self._control is None:
            return
        if self._stored:
            self.remove(self._path)
        note = timed(self._ledger)
        _good(self._control.ask(b"QUIT\r\n", "QUIT"), (221, 226), "QUIT")
        note("QUIT")
        self.abandon()

    def abandon(self) -> None:
        """Close the control connection; never fails."""
        if self._control is not None:
            self._control.wire.close()
            self._control = None

    def remove(self, path: str) -> None:
        """DELE; a refusal does not matter."""
        assert self._control is not None
        self._control.ask(b"DELE %b\r\n" % path.encode(), "DELE")

    # -- work --------------------------------------------------------------------------------------

    def perform(self, number: int) -> int:
        """The piece of work of this number; octets carried over data connections."""
        match self._scene.work(number):
            case "session":
                self.login()
                octets = self.listing()
                self.close()
                return octets
            case "list":
                return self.listing()
            case "upload":
                return self.upload(number)
            case _:
                return self.download(self._scene.source, self._scene.length, self._scene.checksum)

    def listing(self) -> int:
        """LIST, read to its end."""
        where = f" {self._plan.folder}" if self._plan.folder else ""
        return self._fetch(f"LIST{where}", None)[0]

    def upload(self, number: int) -> int:
        """STOR content that is different each time; read back where that was asked for."""
        content = self._scene.content(number)
        self.store(self._path, content)
        self._stored = True
        if self._plan.verify:
            self.download(self._path, self._plan.size, checksum_of(content))
        return self._plan.size

    def store(self, path: str, content: Sequence[memoryview]) -> None:
        """STOR, to the reply that says it is there."""
        assert self._control is not None
        note = timed(self._ledger)
        data = self._data(f"STOR {path}", note)
        try:
            for part in content:
                data.send(part)
            data.say_end()
            note("transfer")
            self._done("STOR")
        finally:
            data.close()
        note("226")

    def download(self, path: str, length: int, checksum: int) -> int:
        """RETR; a length or checksum that differs is a failure."""
        got, found = self._fetch(f"RETR {path}", 0 if self._plan.verify else None)
        if got != length:
            raise RefusedError("length differs", f"{path}: {got} octets came, {length} are expected")
        if found is not None and found != checksum:
            raise RefusedError("content differs", f"{path}: CRC-32 {found:08x}, {checksum:08x} is expected")
        return got

    def _fetch(self, command: str, checksum: int | None) -> tuple[int, int | None]:
        """Octets that came, and their CRC-32 where a start value is given."""
        note, got = timed(self._ledger), 0
        data = self._data(command, note)
        try:
            buffer, flags = self._scene.buffer, socket.MSG_TRUNC if checksum is None else 0
            while more := data.recv_into(buffer, flags):
                got += more
                if checksum is not None:
                    checksum = zlib.crc32(memoryview(buffer)[:more], checksum)
        finally:
            data.close()
        note("transfer")
        self._done(command[:4])
        note("226")
        return got, checksum

    def _data(self, command: str, note: Callable[[str], None]) -> Wire:
        """A data connection on which the answer to `command` has begun. Raises RefusedError, EndedError, OSError."""
        control = self._control
        assert control is not None
        port = self._passive(control)
        note("EPSV" if self._extended else "PASV")
        family, where = self._address
        data = self._net.connect((family, (where[0], port, *where[2:])), "data connection")
        try:
            note("data connection")
            said = control.ask(f"{command}\r\n".encode(), command[:4])
            if said.code not in (125, 150):
                raise RefusedError(f"{said.code} at {command[:4]}", said.text, said.code)
            if self._plan.tls:
                data.start_tls(self._scene.context, self._plan.host, control.wire.tls_session)
            note("150")
        except BaseException:
            data.close()
            raise
        return data

    def _passive(self, control: Control) -> int:
        """The port that the target listens on. An address other than the target's own is not followed."""
        if self._extended:
            said = control.ask(b"EPSV\r\n", "EPSV")
            if said.code == 229 and (found := _extended(said.octets)):
                return int(found[2])
            if said.code == 229 or said.code < 500:
                raise RefusedError(f"{said.code} at EPSV", said.text, said.code)
            self._extended = False
        said = control.ask(b"PASV\r\n", "PASV")
        found = _passive(said.octets, len("227 "))
        if said.code != 227 or not found:
            raise RefusedError(f"{said.code} at PASV", said.text, said.code)
        return int(found[5]) * 256 + int(found[6])

    def _done(self, verb: str) -> None:
        assert self._control is not None
        said = self._control.answer(soon=True)
        if said.code not in (226, 250):
            raise RefusedError(f"{said.code} at the end of {verb}", said.text, said.code)
        self._ledger.reply(said.code)

    def features(self) -> list[str]:
        """The answer to FEAT (RFC 2389)."""
        assert self._control is not None
        said = self._control.ask(b"FEAT\r\n", "FEAT")
        return [line.strip() for line in said.text.splitlines()[1:-1]] if said.code == 211 else []


class FtpScene:
    """What all sessions of a process share: names, contents, the file to be fetched."""

    def __init__(self, plan: FtpPlan, address: Address, net: Net, ledger: Ledger) -> None:
        self._plan, self._address, self._net, self._ledger = plan, address, net, ledger
        folder = plan.folder.rstrip("/") + "/" if plan.folder else ""
        self.prefix = f"{folder}plumbline-{plan.run_id}-{plan.part:x}"
        self.source = plan.file or f"{self.prefix}.bin"
        self.length, self.checksum = plan.size, 0
        self.buffer = bytearray(CHUNK)
        self._filling = memoryview(b"Plumbline load test.\n" * (plan.size // 21 + 1))[: plan.size]
        self._prepared = False

    @cached_property
    def context(self) -> ssl.SSLContext:
        """One for all connections, or a data connection could not resume the session of its control connection."""
        made = ssl.create_default_context(cafile=self._plan.ca or None)
        if not self._plan.verify_tls:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        return made

    def conversation(self, lane: int) -> Client:
        """A new client."""
        return Client(self._plan, self._address, self._net, self._ledger, self, lane)

    def work(self, number: int) -> str:
        """In turn."""
        return self._plan.work[number % len(self._plan.work)]

    def book(self, number: int) -> str:
        """By command."""
        return _BOOKS[self.work(number)]

    def content(self, number: int) -> list[memoryview]:
        """The file of this number: its name first, so that no two are alike; `size` octets in all."""
        head = f"{self._plan.run_id}.{self._plan.part:x}.{number:x}\n".encode()[: self._plan.size]
        return [memoryview(head), self._filling[len(head) :]]

    def prepare(self, client: Client) -> None:
        """See that the file to be fetched is there, and what is in it. Raises RefusedError, EndedError, OSError."""
        if "download" not in self._plan.work:
            return
        if not self._plan.file:
            content = self.content(0)
            client.store(self.source, content)
            self._prepared, self.checksum = True, checksum_of(content)
            return
        self.length, found = client._fetch(f"RETR {self.source}", 0)
        self.checksum = found or 0

    def finish(self) -> None:
        """Remove the file that was stored to be fetched; never fails."""
        if not self._prepared:
            return
        client = self.conversation(-1)
        try:
            client.login()
            client.remove(self.source)
            client.close()
        except (EndedError, OSError):
            pass
        finally:
            client.abandon()


def checksum_of(content: Sequence[memoryview]) -> int:
    """CRC-32 of all parts."""
    found = 0
    for part in content:
        found = zlib.crc32(part, found)
    return found


def _good(said: Said, codes: tuple[int, ...], step: str) -> Said:
    if said.code not in codes:
        raise EndedError(f"{said.code} at {step}", said.text)
    return said


def books(plan: FtpPlan) -> dict[str, Ledger]:
    """A ledger for each kind of work."""
    return {_BOOKS[work]: Ledger() for work in dict.fromkeys(plan.work)}
