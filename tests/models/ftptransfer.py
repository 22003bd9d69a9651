"""The model FTP server's transfers: parameters, data connections, files and listings (RFC 959, 1123, 2428, 3659, 4217).

As on UNIX, text is kept with line feeds and records are lines; on the wire both look as TYPE, STRU and MODE say.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias
from weakref import WeakKeyDictionary

from plumbline.probes.protocols.coding import Decoding, Malformed, encode
from plumbline.probes.protocols.parameters import Parameters

from tests.models.ftpdata import DataConnection, Transfer
from tests.models.lines import LineService
from tests.models.world import EPOCH, HOST, Address, World

LISTED = Parameters("A")  # listings are text, whatever the type (RFC 1123 section 4.1.2.7)


Disk: TypeAlias = tuple[set[str], dict[str, bytes], dict[str, tuple[float, float]]]
_DISKS: WeakKeyDictionary[World, Disk] = WeakKeyDictionary()


def _disk() -> Disk:
    """The folders and files that all sessions of a world have, and when files were made and changed."""
    return {"/", "/reports", "/upload"}, {"/readme.txt": b"one\ntwo\n"}, {}


QUOTAS = {"carol": 2_000_000}  # octets of the largest file that somebody may store


def _told(seconds: float) -> str:
    """A time of the world as RFC 3659 section 2.3 has it."""
    return f"{EPOCH + timedelta(seconds=int(seconds)):%Y%m%d%H%M%S}"


class Transfers(LineService):
    """The part of the server that deals with data connections."""

    patience = 60.0  # seconds that a transfer waits for the client's data connection

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.cwd, self.coded, self.name = "/", Parameters(), ""
        self.folders, self.files, self.times = _DISKS.setdefault(world, _disk())
        self.restart, self.leaving = 0, False
        self.data = DataConnection(world, self.may_connect, self.is_protected)
        self.only_epsv = False
        self.tls = self.pbsz = False

    @property
    def type(self) -> str:
        return self.coded.type

    def path(self, argument: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, argument))

    def no_file(self) -> None:
        self.say("550 No such file")

    # -- TLS (RFC 4217)

    def do_AUTH(self, argument: str) -> None:
        if argument.upper() != "TLS":
            return self.say("504 Only TLS")
        self.coded = Parameters()
        return self.say("234 Go on with TLS")

    def secured(self) -> bool:
        self.tls = True
        return True

    def do_PBSZ(self, _argument: str) -> None:
        self.pbsz = self.tls
        self.say("200 PBSZ=0" if self.tls else "503 AUTH first")

    def do_PROT(self, argument: str) -> None:
        level = argument.upper()
        if not self.pbsz:
            return self.say("503 PBSZ first")
        if level not in ("C", "P"):
            return self.say("536 Only C and P")
        return self.protect(level)

    def protect(self, level: str) -> None:
        self.coded = replace(self.coded, protection=level)
        self.say("200 Protection set")

    def is_protected(self) -> bool:
        return self.coded.protection == "P"

    # -- parameters

    def do_TYPE(self, argument: str) -> None:
        match self.letter(argument).split():
            case [("A" | "E") as kind, *form] if form in ([], ["N"], ["T"], ["C"]):
                self.set_type(kind, *form)
            case ["I"]:
                self.set_type("I")
            case ["L", "8"]:
                self.set_type("L")
            case ["L"] | ["I", _]:
                self.say("501 Not like that")
            case _:
                self.unsupported("TYPE")

    def set_type(self, kind: str, form: str = "N") -> None:
        self.coded = replace(self.coded, type=kind, form=form)
        self.say("200 Type set")

    def do_STRU(self, argument: str) -> None:
        if (letter := self.letter(argument)) not in ("F", "R", "P"):
            return self.unsupported("STRU")
        self.coded = replace(self.coded, structure=letter)
        return self.say("200 OK")

    def do_MODE(self, argument: str) -> None:
        if (letter := self.letter(argument)) not in ("S", "B", "C"):
            return self.unsupported("MODE")
        self.coded = replace(self.coded, mode=letter)
        return self.say("200 OK")

    def letter(self, argument: str) -> str:
        """A parameter of TYPE, STRU or MODE."""
        return argument.upper()

    def unsupported(self, verb: str) -> None:
        self.say(f"504 {verb} not for that parameter")

    def do_REST(self, argument: str) -> None:
        if not re.fullmatch("[0-9]+", argument):
            return self.say("501 REST takes digits")
        self.restart = int(argument)
        return self.say("350 Go on with RETR or STOR")

    # -- data connections

    def do_PASV(self, argument: str) -> None:
        if self.setup_refused("PASV"):
            return
        high, low = divmod(self.data.listen(), 256)
        self.pasv_reply(f"{HOST.replace('.', ',')},{high},{low}")

    def pasv_reply(self, numbers: str) -> None:
        self.say(f"227 Entering Passive Mode ({numbers})")

    def do_EPSV(self, argument: str) -> None:
        if argument.upper() == "ALL":
            self.only_epsv = True
            return self.say("200 EPSV only from now on")
        if not (argument.isdigit() or argument == ""):
            return self.say("501 EPSV, EPSV 1 or EPSV ALL")
        if argument not in ("", "1"):
            return self.unknown_family()
        return self.epsv_reply(self.data.listen())

    def epsv_reply(self, port: int) -> None:
        self.say(f"229 Entering Extended Passive Mode (|||{port}|)")

    def unknown_family(self) -> None:
        self.say("522 Network protocol not supported, use (1)")

    def setup_refused(self, verb: str) -> bool:
        """After EPSV ALL nothing but EPSV (RFC 2428 section 3)."""
        if self.only_epsv:
            self.say(f"503 no {verb} after EPSV ALL")
        return self.only_epsv

    def do_PORT(self, argument: str) -> None:
        numbers = [int(word) if word.isdigit() else 256 for word in argument.split(",")]
        if self.setup_refused("PORT"):
            return
        if len(numbers) != 6 or max(numbers) > 255:
            self.bad_port()
        else:
            self.active(".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5])

    def bad_port(self) -> None:
        self.say("501 PORT h1,h2,h3,h4,p1,p2")

    def do_EPRT(self, argument: str) -> None:
        parts = argument.split(argument[:1] or "|")
        if self.setup_refused("EPRT"):
            return
        if len(parts) != 5 or not parts[3].isdigit():
            self.bad_eprt()
        elif parts[1] != "1":
            self.unknown_family()
        else:
            self.active(parts[2], int(parts[3]))

    def bad_eprt(self) -> None:
        self.say("501 EPRT |1|address|port|")

    def active(self, host: str, port: int) -> None:
        if not self.is_client(host):
            return self.say("504 Only to your own address")
        if self.is_reserved(port):
            return self.say("504 Not to a port below 1024")
        self.data.aim(Address(host, port))
        return self.say("200 PORT OK")

    def is_client(self, host: str) -> bool:
        return host == self.line.client.host

    def is_reserved(self, port: int) -> bool:
        return port < 1024

    def may_connect(self, client: Address) -> bool:
        """Whether a data connection may come from there (RFC 2577 section 4)."""
        return client.host == self.line.client.host

    def source(self) -> Address:
        """Where active data connections come from: the default data port (RFC 959 section 3.2)."""
        return Address(self.line.server.host, self.line.server.port - 1)

    # -- transfers

    def transfer(
        self,
        sending: bytes | None,
        keep: Callable[[bytes], None] | None = None,
        *,
        coded: Parameters | None = None,
        announced: str = "150 Here it comes",
    ) -> None:
        """Announce and start a transfer, or say that there is no data connection. `sending` is as the wire has it."""
        if not self.data.connectable(self.line.client, self.source()):
            return self.no_data_connection()
        self.announce(announced)
        job = Transfer(
            coded or self.coded,
            sending,
            None if keep is None else (lambda decoding: keep(self.incoming(decoding))),
            self.transferred,
            self.no_data_connection,
            self.broken,
            self.marked,
        )
        return self.data.start(job, self.patience)

    def announce(self, text: str) -> None:
        self.say(text)

    def transferred(self) -> None:
        self.say("226 Transfer complete" if self.data.line is None else "250 Transfer complete")
        self.leave()

    def leave(self) -> None:
        """After QUIT, close; a transfer in progress was to be told of first (RFC 959 section 4.1.1)."""
        if self.leaving:
            self.say("221 Goodbye")
            self.line.fin()

    def no_data_connection(self) -> None:
        self.say("425 No data connection")

    def broken(self, error: Malformed | None) -> None:
        if error is None:
            self.say("426 Data connection lost")
        elif "quota" in str(error):
            self.over_quota()
        else:
            self.say("551 Page type unknown" if "page" in str(error) else "451 No data of this mode")

    def over_quota(self) -> None:
        self.say("552 Over quota")

    def marked(self, marker: str, octets: int) -> None:
        self.say(f"110 MARK {marker} = {octets}")

    def outgoing(self, octets: bytes) -> bytes:
        """A file as the wire has it."""
        return self.encoded(octets.replace(b"\n", b"\r\n") if self.coded.is_text else octets, self.coded)

    def incoming(self, decoding: Decoding) -> bytes:
        """A file as it is kept. Raises Malformed."""
        octets = decoding.content()
        return octets.replace(b"\r\n", b"\n") if self.coded.is_text else octets

    def encoded(self, content: bytes, coded: Parameters) -> bytes:
        return encode(content, coded)

    # -- listings

    def do_LIST(self, argument: str) -> None:
        words = [word for word in argument.split(" ") if not word.startswith("-")]
        self.list(self.path(" ".join(words)), self.long_form)

    def do_NLST(self, argument: str) -> None:
        self.list(self.path(argument), self.short_form)

    def do_MLSD(self, argument: str) -> None:
        path = self.path(argument)
        if path in self.files:
            return self.say("501 Not a directory")
        if path not in self.folders:
            return self.no_file()
        lines = [*self.own_entries(path), *(self.facts(name) for name in self.names(path))]
        return self.transfer(self.listing(lines), coded=self.listed_as())

    def own_entries(self, _path: str) -> list[str]:
        """What MLSD lists besides files and directories."""
        return []

    def list(self, path: str, form: Callable[[str], str]) -> None:
        coded = self.listed_as()
        self.transfer(self.listing([form(name) for name in self.names(path)]), coded=coded)

    def listed_as(self) -> Parameters:
        """A listing has the mode of the session; its type is text and its structure file."""
        return replace(LISTED, type="E" if self.type == "E" else "A", mode=self.coded.mode)

    def names(self, path: str) -> list[str]:
        """The absolute names of what a listing of `path` shows."""
        if path in self.files:
            return [path]
        everything = sorted(self.files.keys() | self.folders)
        return [
            name
            for name in everything
            if posixpath.dirname(name) == path and name != "/" and self.shows(name)
        ]

    def shows(self, name: str) -> bool:
        """A name with CRLF cannot stand in a listing (RFC 3659 section 2.2)."""
        return "\r\n" not in name

    def long_form(self, name: str) -> str:
        kind = "drwxr-xr-x" if name in self.folders else "-rw-r--r--"
        size = len(self.files.get(name, b""))
        return f"{kind} 1 ftp ftp {size:10} Jan  1 00:00 {posixpath.basename(name)}"

    def short_form(self, name: str) -> str:
        return posixpath.basename(name)

    def facts(self, name: str) -> str:
        """A line of MLSD (RFC 3659 section 7.2)."""
        kind = "type=dir;" if name in self.folders else f"type=file;size={len(self.files[name])};"
        return f"{kind} {posixpath.basename(name)}"

    def listing(self, lines: list[str]) -> bytes:
        text = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
        return self.encoded(text, self.listed_as())

    # -- files

    def do_RETR(self, argument: str) -> None:
        octets = self.files.get(self.path(argument))
        if octets is None:
            return self.no_file()
        return self.transfer(self.restarted(octets))

    def restarted(self, octets: bytes) -> bytes:
        """In stream mode REST counts octets of the wire, else those of the file."""
        if self.coded.mode == "S":
            return self.outgoing(octets)[self.restart :]
        return self.outgoing(octets[self.restart :])

    def do_STOR(self, argument: str) -> None:
        path, restart = self.path(argument), self.restart
        if posixpath.dirname(path) not in self.folders or path in self.folders:
            return self.say("553 Name not allowed")
        return self.transfer(None, lambda octets: self.store(path, octets, restart))

    def store(self, path: str, octets: bytes, restart: int) -> None:
        """Replace the file, or with a restart marker go on behind so many octets."""
        if self.name in QUOTAS and len(octets) > QUOTAS[self.name]:
            raise Malformed("over quota")
        self.files[path] = self.files.get(path, b"")[:restart] + octets
        self.touch(path)

    def touch(self, path: str) -> None:
        """The file was changed now, and made now if it was not there."""
        self.times[path] = (self.times.get(path, (self.world.now, 0.0))[0], self.world.now)

    def created(self, path: str) -> str:
        return _told(self.times.get(path, (0.0, 0.0))[0])

    def modified(self, path: str) -> str:
        return _told(self.times.get(path, (0.0, 0.0))[1])

    def do_APPE(self, argument: str) -> None:
        path = self.path(argument)
        self.transfer(None, lambda octets: self.append(path, octets))

    def append(self, path: str, octets: bytes) -> None:
        self.files[path] = self.files.get(path, b"") + octets
        self.touch(path)

    def do_STOU(self, _argument: str) -> None:
        name = self.unique()
        self.transfer(
            None, lambda octets: self.store(self.path(name), octets, 0), announced=f"150 FILE: {name}"
        )

    def unique(self) -> str:
        """A name that does not exist."""
        return next(
            name for number in range(1_000_000) if self.path(name := f"file.{number}") not in self.files
        )

    def do_ABOR(self, _argument: str) -> None:
        if self.data.busy:
            self.say("426 Transfer aborted")
        self.data.drop()
        self.say("226 ABOR done")
