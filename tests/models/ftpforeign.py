"""Conforming FTP servers that are unlike those of the lab: other systems, other policies, less of what is optional.

No case may be red on one of them. What they refuse, a server may refuse; what they answer otherwise, a text leaves open.
`misses` are cases of a SHOULD that they leave out.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Callable
from typing import ClassVar
from weakref import WeakKeyDictionary

from plumbline.probes.protocols.coding import Decoding, Malformed

from tests.models.ftp import ANONYMOUS, WRITING, FtpModel
from tests.models.world import Line, World

LATER = {"FEAT", "OPTS", "EPSV", "EPRT", "SIZE", "MDTM", "MLST", "MLSD", "HOST", "LANG"}
SECURITY = {"AUTH", "PBSZ", "PROT", "ADAT", "CCC", "MIC", "CONF", "ENC"}
OPTIONAL = {"REIN", "ACCT", "SMNT", "ALLO", "SITE", "STOU"}
NO_ACCOUNTS = {"account_user": "", "account_password": "", "account": ""}


class OneCase(FtpModel):
    """Where small letters and capitals make one name."""

    def path(self, argument: str) -> str:
        return super().path("".join(letter.lower() if letter.isascii() else letter for letter in argument))


class Windows(OneCase):
    """As IIS: no spaces behind names, DOS listings, files with CRLF, a system of its own, 125, a fraction in MDTM, no SIZE in ASCII type.

    (But for the absolute names behind 257, which IIS lacks.)
    """

    verbs = FtpModel.verbs - OPTIONAL - SECURITY - {"MLST", "MLSD", "LANG"} | {"AUTH", "PBSZ", "PROT"}
    features = (
        *("AUTH TLS", "EPRT", "EPSV", "HOST", "MDTM", "PBSZ", "PROT C;P;", "REST STREAM", "SIZE", "UTF8"),
    )
    keywords = features
    mechanisms = frozenset({"TLS", "TLS-C"})
    own_facts: ClassVar[dict[str, str]] = NO_ACCOUNTS
    system = "Windows_NT"

    def path(self, argument: str) -> str:
        return super().path(argument.rstrip(" "))

    def do_SYST(self, _argument: str) -> None:
        self.say(f"215 {self.system}")

    def announce(self, text: str) -> None:
        self.say(text.replace("150", "125", 1))

    def long_form(self, name: str) -> str:
        what = "<DIR>         " if name in self.folders else f"{len(self.files.get(name, b'')):14}"
        return f"01-02-26  03:04AM       {what} {posixpath.basename(name)}"

    def outgoing(self, octets: bytes) -> bytes:
        return self.encoded(octets, self.coded)

    def incoming(self, decoding: Decoding) -> bytes:
        return decoding.content()

    def modified(self, path: str) -> str:
        return f"{super().modified(path)}.125"

    def do_SIZE(self, argument: str) -> None:
        if self.coded.is_text:
            return self.say("550 SIZE not in ASCII type")
        return super().do_SIZE(argument)

    def do_STAT(self, argument: str) -> None:
        return self.say("550 Not of a file") if argument else super().do_STAT("")

    def do_STRU(self, argument: str) -> None:
        return super().do_STRU(argument) if argument.upper() == "F" else self.unsupported("STRU")

    def do_MODE(self, argument: str) -> None:
        return super().do_MODE(argument) if argument.upper() == "S" else self.unsupported("MODE")


class EmulatedUnix(Windows):
    """The same, but it says that it is UNIX, as many servers there do; the feature MDTM tells of an extension."""

    features = (*(one for one in Windows.features if one != "MDTM"), "MDTM YYYYMMDDHHMMSS[+-TZ] filename")
    keywords = features
    system = "UNIX Type: L8"


class Decomposing(FtpModel):
    """As on macOS: the file system keeps names decomposed. NLST gives full paths."""

    keywords = tuple(one for one in FtpModel.features if one != "TVFS")
    features = keywords

    def path(self, argument: str) -> str:
        return unicodedata.normalize("NFD", super().path(argument))

    def short_form(self, name: str) -> str:
        return name


class Mainframe(OneCase):
    """Names in capitals and with versions, directories that are the beginning of names, SITE that takes anything.

    Nothing that is newer than RFC 1123.
    """

    verbs = FtpModel.verbs - OPTIONAL - SECURITY - LATER | {"SITE"}
    keywords: ClassVar[tuple[str, ...]] = ()
    own_facts: ClassVar[dict[str, str]] = NO_ACCOUNTS
    misses = frozenset({"cwd-to-file", "session-can-be-encrypted"})

    def do_SYST(self, _argument: str) -> None:
        self.say("215 MVS is the operating system of this server")

    def do_HELP(self, _argument: str) -> None:
        self.say("214 Ask the operator")

    def do_SITE(self, _argument: str) -> None:
        self.say("200 SITE was accepted, though a word of it is unknown")

    def quoted(self, path: str) -> str:
        return self.capitals(super().quoted(path))

    def capitals(self, name: str) -> str:
        return "".join(letter.upper() if letter.isascii() else letter for letter in name)

    def path(self, argument: str) -> str:
        return super().path(argument.partition(";")[0])

    def do_CWD(self, argument: str) -> None:
        if len(argument) > 255:
            return self.say("501 No name is that long")
        self.cwd = self.path(argument)
        return self.say("250 That is the beginning of names now")

    def do_STOR(self, argument: str) -> None:
        self.folders.add(posixpath.dirname(self.path(argument)))
        super().do_STOR(argument)

    def rename(self, old: str, new: str) -> None:
        self.folders.add(posixpath.dirname(new))
        super().rename(old, new)

    def short_form(self, name: str) -> str:
        return f"{self.capitals(super().short_form(name))};1"

    def long_form(self, name: str) -> str:
        return f"VOL001 3390   2026/01/02  1    1  VB   27998 {self.short_form(name)}   [ALICE]"


class Latin(FtpModel):
    """UTF-8 on the wire, and a file system that holds no more than ISO 8859-1: it finds out when the file is made."""

    keywords = FtpModel.features

    def holds(self, name: str) -> bool:
        return all(ord(letter) < 256 for letter in name)

    def do_MKD(self, argument: str) -> None:
        super().do_MKD(argument) if self.holds(argument) else self.say("451 No such names here")

    def store(self, path: str, octets: bytes, restart: int) -> None:
        if not self.holds(path):
            raise Malformed("no such name")
        super().store(path, octets, restart)


class AtHome(FtpModel):
    """Users begin in a directory of their own, which is where they may write; the root is the system's."""

    keywords = FtpModel.features
    own_facts: ClassVar[dict[str, str]] = {"writable": ".", "large_file": "/large.bin"}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.folders |= {"/home", "/home/alice", "/home/alice/reports"}

    def do_PASS(self, argument: str) -> None:
        super().do_PASS(argument)
        if self.logged_in:
            self.cwd = "/home/alice"


class OneThing(FtpModel):
    """Does one thing at a time (RFC 1123 section 4.1.3.3): what comes during a transfer waits, and so does the end of the session."""

    keywords = FtpModel.features
    misses = frozenset({"control-lost"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.waiting: list[bytes] = []
        self.gone = False

    def on_line(self, line: bytes) -> None:
        if self.data.busy:
            self.waiting.append(line)
        else:
            super().on_line(line)

    def say(self, text: str) -> None:
        super().say(text)
        if text[:1] in "245":
            self.world.later(0.0, self.go_on)

    def go_on(self) -> None:
        while self.waiting and not self.data.busy:
            super().on_line(self.waiting.pop(0))
        if self.gone and not self.data.busy:
            super().ended()

    def ended(self) -> None:
        self.gone = True
        self.go_on()


class OtherCodes(FtpModel):
    """Where the table of RFC 959 section 5.4 has several codes, those that fewer servers use; 3 s late with everything.

    FEAT has one line, EPSV is for IPv6 only, REST is refused, a listing of no files is an error.
    """

    verbs = FtpModel.verbs - LATER - SECURITY | {"FEAT", "OPTS", "EPSV"}
    keywords: ClassVar[tuple[str, ...]] = ()
    own_facts: ClassVar[dict[str, str]] = NO_ACCOUNTS
    misses = frozenset({"session-can-be-encrypted"})
    other: ClassVar[dict[str, str]] = {
        "226 Transfer complete": "250 Transfer complete",
        "530 Please log in": "532 An account is needed",
        "331 Password, please": "331-Welcome\r\n 2 users are here\r\n331 Password, please",
        "550 No such file": "450 No such file",
        "503 RNFR first": "503-Wait\r\n 503 is the code\r\n503 RNFR first",
    }

    def greet(self) -> None:
        self.say("120 Ready soon")
        self.lag = 3.0
        self.say("220-Welcome")
        self.say(" 220 is the code of this greeting")
        self.say("220 Ready")

    def announce(self, text: str) -> None:
        """At once, or all would have been sent before the client begins to read."""
        late, self.lag = self.lag, 0.0
        super().announce(text)
        self.lag = late

    def do_REIN(self, argument: str) -> None:
        self.say("120 In a moment")
        super().do_REIN(argument)

    def do_CDUP(self, argument: str) -> None:
        self.as_code("200", lambda: super(OtherCodes, self).do_CDUP(argument))

    def as_code(self, code: str, do: Callable[[], None]) -> None:
        """Do something, and tell success by another code."""
        self.other = {**OtherCodes.other, "250 Directory": f"{code} Directory"}
        do()
        self.other = OtherCodes.other

    def do_FEAT(self, argument: str) -> None:
        self.say("501 FEAT alone" if argument else "211 No features")

    def do_HELP(self, _argument: str) -> None:
        self.say("211 All that RFC 959 has")

    def do_EPSV(self, _argument: str) -> None:
        self.say("522 PASV is for IPv4")

    def do_STAT(self, argument: str) -> None:
        return super().do_STAT(argument) if argument else self.say("213 Idle")

    def do_REST(self, _argument: str) -> None:
        self.say("501 No restarts")

    def do_ABOR(self, argument: str) -> None:
        return super().do_ABOR(argument) if self.data.busy else self.say("225 Nothing to abort")

    def do_MODE(self, argument: str) -> None:
        return super().do_MODE(argument) if argument.upper() == "S" else self.say("501 MODE S")

    def do_NLST(self, argument: str) -> None:
        if any(name in self.files for name in self.names(self.path(argument))):
            return super().do_NLST(argument)
        return self.say("450 No files")

    def say(self, text: str) -> None:
        for usual, rare in self.other.items():
            text = text.replace(usual, rare)
        for line in text.split("\r\n") if "\r\n" in text else [text]:
            super().say(line)


class ReadOnly(FtpModel):
    """Nobody may write, so that there are no commands for it."""

    verbs = FtpModel.verbs - WRITING
    keywords = FtpModel.features
    own_facts: ClassVar[dict[str, str]] = {"writable": "", "quota_user": "", "account_user": ""}


class Small(FtpModel):
    """Of a printer or a camera: what RFC 1123 wants of everybody, and no password of anonymous users."""

    verbs = FtpModel.verbs - OPTIONAL - SECURITY - LATER - {"REST"}
    keywords: ClassVar[tuple[str, ...]] = ()
    own_facts: ClassVar[dict[str, str]] = NO_ACCOUNTS
    misses = frozenset({"session-can-be-encrypted"})

    def do_HELP(self, _argument: str) -> None:
        self.say("214 Read the manual")

    def do_MODE(self, argument: str) -> None:
        return super().do_MODE(argument) if argument.upper() == "S" else self.unsupported("MODE")

    def unknown(self, _text: str) -> None:
        self.say("502 Not here")

    def say(self, text: str) -> None:
        if text.startswith("331") and self.user == ANONYMOUS:
            self.user, self.logged_in, self.anonymous = "", True, True
            text = "230 No password is needed"
        super().say(text)


class Policies(FtpModel):
    """Refuses what its administrator does not want: active mode, appending, renaming, overwriting, REIN, data in clear within TLS.

    Logins take their time, a wrong password is 430, and the second one ends the session.
    """

    keywords = FtpModel.features
    penalty, tries = 20.0, 2
    misses = frozenset({"replies-with-known-codes[none-invented]", "replies-with-known-codes[those-used]"})

    def active(self, _host: str, _port: int) -> None:
        self.say("550 Active mode is off")

    def do_APPE(self, _argument: str) -> None:
        self.say("550 Not allowed")

    do_STOU = do_RNFR = do_APPE

    def do_STOR(self, argument: str) -> None:
        return self.say("553 It exists") if self.path(argument) in self.files else super().do_STOR(argument)

    def do_REIN(self, _argument: str) -> None:
        self.say("504 Not here")

    def say(self, text: str) -> None:
        super().say(text.replace("530 Login", "430 Login"))

    def fact(self, fact: str, path: str) -> str:
        told = super().fact(fact, path)
        return "".join(letter for letter in told if letter not in "afw") if fact == "perm" else told

    def do_PROT(self, argument: str) -> None:
        return super().do_PROT(argument) if argument.upper() == "P" else self.say("504 Only P")

    def transfer(
        self, sending: bytes | None, keep: Callable[[bytes], None] | None = None, **how: str
    ) -> None:
        if self.tls and not self.is_protected():
            self.data.drop()
            return self.say("550 Only with PROT P")
        return super().transfer(sending, keep, **how)  # type: ignore[arg-type]


class OnlyEpsv(FtpModel):
    """As for clients behind translation of addresses: EPSV and nothing else."""

    keywords = FtpModel.features
    misses = frozenset({"level-is-checked-at-the-transfer"})  # PASV is refused whatever the level

    def do_PASV(self, _argument: str) -> None:
        self.say("550 EPSV, please")

    def active(self, _host: str, _port: int) -> None:
        self.say("550 EPSV, please")


class OnlyPasv(FtpModel):
    """No EPSV, and no active mode."""

    features = tuple(one for one in FtpModel.features if one not in ("EPSV", "EPRT"))
    keywords = features

    def do_EPSV(self, _argument: str) -> None:
        self.say("550 PASV, please")

    def active(self, _host: str, _port: int) -> None:
        self.say("550 PASV, please")


class OnlyWithTls(FtpModel):
    """In clear it knows nobody (RFC 4217 section 10.1), and within TLS it wants protected data."""

    keywords = FtpModel.features
    misses = frozenset({"anonymous-is-known", "host-not-needed", "lang-not-needed"})

    def may(self, verb: str) -> bool:
        return super().may(verb) and (self.tls or verb not in ("USER", "PASS", "ACCT"))

    def transfer(
        self, sending: bytes | None, keep: Callable[[bytes], None] | None = None, **how: str
    ) -> None:
        if not self.is_protected():
            self.data.drop()
            return self.say("522 Only with PROT P")
        return super().transfer(sending, keep, **how)  # type: ignore[arg-type]


class Ftps(FtpModel):
    """TLS from the first octet on."""

    keywords = FtpModel.features
    implicit = True

    def opened(self, line: Line) -> None:
        self.line = line

    def secured(self) -> bool:
        greeted, _ = self.tls, super().secured()
        if not greeted:
            self.greet()
        return True


_SESSIONS: WeakKeyDictionary[World, set[str]] = WeakKeyDictionary()


class OneSession(FtpModel):
    """Each user may have one session at a time."""

    keywords = FtpModel.features
    own_facts: ClassVar[dict[str, str]] = NO_ACCOUNTS
    counted = ""

    def do_PASS(self, argument: str) -> None:
        name, users = self.user, _SESSIONS.setdefault(self.world, set())
        if name in users and name != self.counted:
            self.user = ""
            return self.say("530 You have a session already")
        super().do_PASS(argument)
        if self.logged_in:
            self.counted = name
            users.add(name)
        return None

    def do_QUIT(self, argument: str) -> None:
        self.forget_session()
        super().do_QUIT(argument)

    def ended(self) -> None:
        self.forget_session()
        super().ended()

    def forget_session(self) -> None:
        _SESSIONS.setdefault(self.world, set()).discard(self.counted)


FOREIGN = (
    *(Windows, EmulatedUnix, Decomposing, Mainframe, Latin, AtHome, Small, OneThing, OtherCodes),
    *(ReadOnly, Policies, OnlyEpsv, OnlyPasv, OnlyWithTls, Ftps, OneSession),
)
