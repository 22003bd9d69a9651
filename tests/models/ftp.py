"""A conforming FTP server, made to be broken one rule at a time (RFC 959, 1123, 2389, 2428, 3659).

Every rule that a mutant may break is a method or an attribute of its own. Each connection finds the same
files; names are absolute. What has to do with data connections is in ftptransfer.py, optional and later commands
are in ftpextensions.py.
"""

from __future__ import annotations

import posixpath

from plumbline.probes.protocols.telnet import Telnet, escaped, refusals

from tests.models.ftpextensions import AFTER_LOGIN, BEFORE_LOGIN, Extensions
from tests.models.world import World

NO_LOGIN = {"USER", "PASS", "QUIT", "HELP", "NOOP", "FEAT", "OPTS", "SYST", "ABOR", "AUTH", "PBSZ", "PROT"}
NO_LOGIN |= BEFORE_LOGIN
WITH_PATH = {"RETR", "STOR", "APPE", "DELE", "MKD", "RMD", "RNFR", "RNTO", "SIZE", "MDTM", "CWD"}
WITH_ARGUMENT = WITH_PATH | {"TYPE", "STRU", "MODE"}
OTHERS = {"PASV", "EPSV", "PORT", "EPRT", "LIST", "NLST", "MLSD", "STOU", "CDUP", "PWD", "STAT", "REST"}
WRITING = {"STOR", "STOU", "APPE", "DELE", "MKD", "RMD", "RNFR", "RNTO", "XMKD", "XRMD"}
USERS = {"alice": "alicepw", "carol": "carolpw", "dave": "davepw"}
ACCOUNTS = {"dave": "blue"}  # who needs one, and which
ANONYMOUS = "anonymous"
LARGE = {"/large.bin": 5_368_709_120}  # files of which only the size is here


class FtpModel(Extensions):
    """The server's side of one control connection."""

    verbs = NO_LOGIN | WITH_ARGUMENT | OTHERS | AFTER_LOGIN
    features = (
        "AUTH TLS",
        "EPRT",
        "EPSV",
        "MDTM",
        "PBSZ",
        "PROT",
        "REST STREAM",
        "SIZE",
        "UTF8",
        *Extensions.extended_features,
    )
    penalty, tries = (
        5.0,
        3,
    )  # seconds that a wrong password takes, and how many end the session (RFC 2577 section 5)
    banner = "220 ftp.example.test ready"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.telnet = Telnet()
        self.renaming, self.account = "", ""  # account: that the user has yet to tell
        self.anonymous = False
        self.lag = 0.0  # seconds that an answer takes

    # -- the control connection

    def say(self, text: str) -> None:
        """As Telnet has it: 255 doubled, a CR of the text followed by NUL."""
        self.line.say(escaped(text.encode("utf-8", "surrogateescape")) + b"\r\n", self.lag)

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
        text = self.plain(line).decode("utf-8", "surrogateescape")
        word, _, argument = text.partition(" ")
        verb = self.verb(word)
        renaming, restart = self.renaming, self.restart
        if verb not in self.verbs:
            self.unknown(text)
        elif not self.may(verb):
            self.say("530 Please log in with USER and PASS")
        elif self.anonymous and verb in WRITING:
            self.say("550 Not for anonymous users")
        elif verb in WITH_ARGUMENT and not argument:
            self.missing(verb)
        else:
            getattr(self, f"do_{verb}")(argument)
        self.forget(renaming, restart)

    def plain(self, line: bytes) -> bytes:
        """Without the NUL that Telnet puts behind a CR (RFC 2640 section 3.1)."""
        return line.replace(b"\r\0", b"\r")

    def forget(self, renaming: str, restart: int) -> None:
        """RNFR and REST hold for the next command only."""
        self.renaming = "" if self.renaming == renaming else self.renaming
        self.restart = 0 if self.restart == restart else self.restart

    def verb(self, word: str) -> str:
        return word.upper()

    def may(self, verb: str) -> bool:
        return self.logged_in or verb in NO_LOGIN

    def unknown(self, _text: str) -> None:
        self.say("500 Command not understood")

    def missing(self, _verb: str) -> None:
        self.say("501 Argument needed")

    def quoted(self, path: str) -> str:
        return '"' + path.replace('"', '""') + '"'

    # -- login and logout

    def do_USER(self, argument: str) -> None:
        self.user, self.logged_in, self.anonymous = argument, False, False
        self.account = ""
        self.say("331 Password, please")

    def do_PASS(self, argument: str) -> None:
        if not self.user:
            return self.say("503 USER first")
        user, self.user = self.user, ""
        self.anonymous = user == ANONYMOUS
        if USERS.get(user) != argument and not self.anonymous:
            return self.wrong_password()
        self.name, self.account = user, ACCOUNTS.get(user, "")
        if self.account:
            return self.say("332 Account, please")
        self.logged_in = True
        return self.say("230 Logged in")

    def do_ACCT(self, argument: str) -> None:
        if not self.account:
            return super().do_ACCT(argument)
        if argument != self.account:
            return self.say("530 Not that account")
        self.logged_in = True
        return self.say("230 Logged in")

    def wrong_password(self) -> None:
        self.lag, self.tries = self.penalty, self.tries - 1
        if self.tries:
            self.say("530 Login incorrect")
        else:
            self.say("421 Too many wrong passwords")
            self.line.fin(self.lag)
        self.lag = 0.0

    def do_QUIT(self, _argument: str) -> None:
        self.leaving = True
        if not self.data.busy:
            self.leave()

    # -- information

    def do_NOOP(self, _argument: str) -> None:
        self.say("200 OK")

    def do_SYST(self, _argument: str) -> None:
        self.say("215 UNIX Type: L8")

    def do_HELP(self, _argument: str) -> None:
        self.lines("214", [" USER PASS QUIT FEAT and so on"], "214 End")

    def do_STAT(self, argument: str) -> None:
        if argument:
            return self.status_of(argument)
        return self.lines(
            "211", [f" {self.coded}", *(" transferring" for _ in range(self.data.busy))], "211 End"
        )

    def do_FEAT(self, argument: str) -> None:
        if argument:
            return self.say("501 FEAT takes no argument")
        return self.lines("211", [f" {self.feature(label)}" for label in self.features], "211 End")

    def lines(self, code: str, inner: list[str], last: str) -> None:
        for line in (f"{code}-This is it:", *inner, last):
            self.say(line)

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
        if posixpath.dirname(path) not in self.folders:
            return self.no_directory(path)
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
        if posixpath.dirname(new) not in self.folders:
            self.renaming = ""
            return self.say("553 Not there")
        if old in self.files:
            self.files[new] = self.files.pop(old)
        else:
            self.folders.discard(old)
            self.folders.add(new)
        self.renaming = ""
        return self.say("250 Renamed")

    def do_SIZE(self, argument: str) -> None:
        octets = self.files.get(self.path(argument))
        if self.path(argument) in LARGE:
            return self.size_of_large(LARGE[self.path(argument)])
        if octets is None:
            return self.no_file()
        return self.say(f"213 {len(self.outgoing(octets))}")

    def size_of_large(self, size: int) -> None:
        self.say(f"213 {size}")

    def do_MDTM(self, argument: str) -> None:
        if self.path(argument) not in self.files:
            return self.no_file()
        return self.say(f"213 {self.modified(self.path(argument))}")
