"""A conforming FTP server, made to be broken one rule at a time (RFC 959, 1123, 2389, 2428, 3659).

Every rule that a mutant may break is a method or an attribute of its own. Each connection finds the same
files; names are absolute. As on UNIX, text is kept with line feeds and sent with CRLF in ASCII type.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from plumbline.probes.protocols.telnet import Telnet, refusals

from tests.models.ftpdata import DataConnection, Transfer
from tests.models.lines import LineService
from tests.models.world import HOST, World

NO_LOGIN = {"USER", "PASS", "QUIT", "HELP", "NOOP", "FEAT", "OPTS", "SYST", "ABOR"}
WITH_PATH = {"RETR", "STOR", "APPE", "DELE", "MKD", "RMD", "RNFR", "RNTO", "SIZE", "MDTM", "CWD"}
WITH_ARGUMENT = WITH_PATH | {"TYPE", "STRU", "MODE"}
OTHERS = {"PASV", "EPSV", "PORT", "EPRT", "LIST", "NLST", "CDUP", "PWD", "STAT", "REST"}
USERS = {"alice": "alicepw"}


class FtpModel(LineService):
    """The server's side of one control connection."""

    verbs = NO_LOGIN | WITH_ARGUMENT | OTHERS
    features = ("MDTM", "REST STREAM", "SIZE")
    banner = "220 ftp.example.test ready"
    patience = 60.0  # seconds that a transfer waits for the client's data connection

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.telnet = Telnet()
        self.user, self.logged_in = "", False
        self.cwd, self.type = "/", "A"
        self.folders = {"/", "/reports", "/upload"}
        self.files = {"/readme.txt": b"one\ntwo\n"}
        self.renaming, self.restart = "", 0
        self.data = DataConnection(world)
        self.only_epsv = False

    # -- the control connection

    def greet(self) -> None:
        self.say(self.banner)

    def received(self, data: bytes, *, urgent: bool = False) -> None:
        plain = self.telnet.feed(data)
        self.negotiate(self.telnet.commands)
        self.telnet.commands.clear()
        super().received(plain)

    def negotiate(self, commands: list[bytes]) -> None:
        if answer := refusals(commands):
            self.line.say(answer)

    def ended(self) -> None:
        self.data.drop()
        super().ended()

    def on_line(self, line: bytes) -> None:
        text = line.decode("utf-8", "surrogateescape")
        word, _, argument = text.partition(" ")
        verb = self.verb(word)
        renaming, restart = self.renaming, self.restart
        if verb not in self.verbs:
            self.unknown(text)
        elif not self.may(verb):
            self.say("530 Please log in with USER and PASS")
        elif verb in WITH_ARGUMENT and not argument:
            self.missing(verb)
        else:
            getattr(self, f"do_{verb}")(argument)
        self.forget(renaming, restart)

    def forget(self, renaming: str, restart: int) -> None:
        """RNFR and REST hold for the next command only."""
        self.renaming = "" if self.renaming == renaming else self.renaming
        self.restart = 0 if self.restart == restart else self.restart

    def verb(self, word: str) -> str:
        return word.upper()

    def letter(self, argument: str) -> str:
        """A parameter of TYPE, STRU or MODE."""
        return argument.upper()

    def may(self, verb: str) -> bool:
        return self.logged_in or verb in NO_LOGIN

    def unknown(self, _text: str) -> None:
        self.say("500 Command not understood")

    def missing(self, _verb: str) -> None:
        self.say("501 Argument needed")

    def quoted(self, path: str) -> str:
        return '"' + path.replace('"', '""') + '"'

    def path(self, argument: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, argument))

    # -- login and logout

    def do_USER(self, argument: str) -> None:
        self.user, self.logged_in = argument, False
        self.say("331 Password, please")

    def do_PASS(self, argument: str) -> None:
        if not self.user:
            return self.say("503 USER first")
        user, self.user = self.user, ""
        if USERS.get(user) != argument:
            return self.say("530 Login incorrect")
        self.logged_in = True
        return self.say("230 Logged in")

    def do_QUIT(self, _argument: str) -> None:
        self.say("221 Goodbye")
        self.line.fin()

    # -- information

    def do_NOOP(self, _argument: str) -> None:
        self.say("200 OK")

    def do_SYST(self, _argument: str) -> None:
        self.say("215 UNIX Type: L8")

    def do_HELP(self, _argument: str) -> None:
        self.lines("214", [" USER PASS QUIT and so on"], "214 End")

    def do_STAT(self, _argument: str) -> None:
        self.lines("211", [f" TYPE {self.type}; STRU F; MODE S"], "211 End")

    def do_FEAT(self, argument: str) -> None:
        if argument:
            return self.say("501 FEAT takes no argument")
        return self.lines("211", [f" {feature}" for feature in self.features], "211 End")

    def do_OPTS(self, _argument: str) -> None:
        self.say("501 No options")

    def lines(self, code: str, inner: list[str], last: str) -> None:
        for line in (f"{code}-This is it:", *inner, last):
            self.say(line)

    # -- parameters

    def do_TYPE(self, argument: str) -> None:
        words = self.letter(argument).split()
        if words in (["A"], ["A", "N"], ["I"], ["L", "8"]):
            self.type = "A" if words[0] == "A" else "I"
            self.say("200 Type set")
        else:
            self.unsupported("TYPE")

    def do_STRU(self, argument: str) -> None:
        self.say("200 OK") if self.letter(argument) == "F" else self.unsupported("STRU")

    def do_MODE(self, argument: str) -> None:
        self.say("200 OK") if self.letter(argument) == "S" else self.unsupported("MODE")

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
        parts = argument.split("|")
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
        self.data.aim(port)
        return self.say("200 PORT OK")

    def is_client(self, host: str) -> bool:
        return host == self.line.client.host

    def is_reserved(self, port: int) -> bool:
        return port < 1024

    # -- transfers

    def transfer(self, sending: bytes | None, keep: Callable[[bytes], None] | None = None) -> None:
        """Announce and start a transfer, or say that there is no data connection."""
        if not self.data.connectable():
            return self.no_data_connection()
        self.announce()
        job = Transfer(sending, keep, self.transferred, self.no_data_connection)
        return self.data.start(job, self.patience)

    def announce(self) -> None:
        self.say("150 Here it comes")

    def transferred(self) -> None:
        self.say("226 Transfer complete")

    def no_data_connection(self) -> None:
        self.say("425 No data connection")

    def do_LIST(self, argument: str) -> None:
        words = [word for word in argument.split() if not word.startswith("-")]
        names = self.names(self.path(words[0] if words else ""))
        self.transfer(self.listing([self.long_form(name) for name in names]))

    def do_NLST(self, argument: str) -> None:
        self.transfer(self.listing([self.short_form(name) for name in self.names(self.path(argument))]))

    def names(self, path: str) -> list[str]:
        """The absolute names of what a listing of `path` shows."""
        if path in self.files:
            return [path]
        everything = sorted(self.files.keys() | self.folders)
        return [name for name in everything if posixpath.dirname(name) == path and name != "/"]

    def long_form(self, name: str) -> str:
        kind = "drwxr-xr-x" if name in self.folders else "-rw-r--r--"
        size = len(self.files.get(name, b""))
        return f"{kind} 1 ftp ftp {size:10} Jan  1 00:00 {posixpath.basename(name)}"

    def short_form(self, name: str) -> str:
        return posixpath.basename(name)

    def listing(self, lines: list[str]) -> bytes:
        """Listings are text, whatever the type (RFC 1123 section 4.1.2.7)."""
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")

    def do_RETR(self, argument: str) -> None:
        octets = self.files.get(self.path(argument))
        if octets is None:
            return self.no_file()
        return self.transfer(self.outgoing(octets)[self.restart :])

    def no_file(self) -> None:
        self.say("550 No such file")

    def outgoing(self, octets: bytes) -> bytes:
        return octets.replace(b"\n", b"\r\n") if self.type == "A" else octets

    def incoming(self, octets: bytes) -> bytes:
        return octets.replace(b"\r\n", b"\n") if self.type == "A" else octets

    def do_STOR(self, argument: str) -> None:
        path, restart = self.path(argument), self.restart
        if posixpath.dirname(path) not in self.folders or path in self.folders:
            return self.say("553 Name not allowed")
        return self.transfer(None, lambda octets: self.store(path, self.incoming(octets), restart))

    def store(self, path: str, octets: bytes, restart: int) -> None:
        """Replace the file, or with a restart marker go on behind so many octets."""
        self.files[path] = self.files.get(path, b"")[:restart] + octets

    def do_APPE(self, argument: str) -> None:
        path = self.path(argument)
        self.transfer(None, lambda octets: self.append(path, self.incoming(octets)))

    def append(self, path: str, octets: bytes) -> None:
        self.files[path] = self.files.get(path, b"") + octets

    def do_ABOR(self, _argument: str) -> None:
        if self.data.busy:
            self.say("426 Transfer aborted")
        self.data.drop()
        self.say("226 ABOR done")

    # -- files and directories

    def do_PWD(self, _argument: str) -> None:
        self.say(f"257 {self.quoted(self.cwd)} is the current directory")

    def do_CWD(self, argument: str) -> None:
        path = self.path(argument)
        if path not in self.folders:
            return self.no_directory(path)
        self.cwd = path
        return self.say("250 Directory changed")

    def no_directory(self, _path: str) -> None:
        self.say("550 No such directory")

    def do_CDUP(self, _argument: str) -> None:
        self.cwd = posixpath.dirname(self.cwd)
        self.say("250 Directory changed")

    def do_MKD(self, argument: str) -> None:
        path = self.path(argument)
        if path in self.folders or path in self.files:
            return self.exists(path)
        self.folders.add(path)
        return self.made(path)

    def exists(self, _path: str) -> None:
        self.say("550 It exists")

    def made(self, path: str) -> None:
        self.say(f"257 {self.quoted(path)} created")

    def do_RMD(self, argument: str) -> None:
        path = self.path(argument)
        if path not in self.folders:
            return self.no_directory(path)
        self.folders.discard(path)
        return self.say("250 Directory removed")

    def do_DELE(self, argument: str) -> None:
        path = self.path(argument)
        if path not in self.files:
            return self.no_file()
        del self.files[path]
        return self.say("250 File removed")

    def do_RNFR(self, argument: str) -> None:
        path = self.path(argument)
        if path not in self.files and path not in self.folders:
            return self.no_file()
        self.renaming = path
        return self.say("350 And to what name?")

    def do_RNTO(self, argument: str) -> None:
        if not self.renaming:
            return self.say("503 RNFR first")
        return self.rename(self.renaming, self.path(argument))

    def rename(self, old: str, new: str) -> None:
        if old in self.files:
            self.files[new] = self.files.pop(old)
        else:
            self.folders = {new if name == old else name for name in self.folders}
        self.renaming = ""
        self.say("250 Renamed")

    def do_SIZE(self, argument: str) -> None:
        octets = self.files.get(self.path(argument))
        if octets is None:
            return self.no_file()
        return self.say(f"213 {len(self.outgoing(octets))}")

    def do_MDTM(self, argument: str) -> None:
        if self.path(argument) not in self.files:
            return self.no_file()
        return self.say("213 20260102030405")
