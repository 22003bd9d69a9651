"""The model FTP server's commands of later documents, and the optional ones of RFC 959 (RFC 2228, 2389, 2640, 3659, 7151).

Every rule that a mutant may break is a method or an attribute of its own.
"""

from __future__ import annotations

import posixpath
import re
import zlib

from plumbline.probes.protocols.parameters import Parameters

from tests.models.ftptransfer import Transfers
from tests.models.world import World

BEFORE_LOGIN = {"ACCT", "REIN", "HOST", "LANG", "ADAT", "CCC", "MIC", "CONF", "ENC"}
AFTER_LOGIN = {"ALLO", "SITE", "SMNT", "MLST", "XPWD", "XCWD", "XCUP", "XMKD", "XRMD"}
FACTS = ("type", "size", "modify", "create", "perm", "unique")
LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(?:\.{LABEL})*")
ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]+\]|\d+(?:\.\d+){3}")
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?")
LANGUAGE = re.compile("[A-Za-z]{1,8}(?:-[A-Za-z]{1,8})*")


class Extensions(Transfers):
    """What a server may have besides the commands that all have."""

    extended_features = ("HOST", "LANG EN*;FR", "MLST", "TVFS")
    hosts = frozenset({"ftp.example.test", "second.example.test"})
    languages = frozenset({"en", "fr"})
    mechanisms = frozenset({"TLS", "TLS-C", "GSSAPI"})
    down = frozenset({"down.example.test"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.user, self.logged_in = "", False
        self.awaiting_tls = self.exchanging = self.ending = self.cleared = False
        self.language = "EN"
        self.host = self.named = ""  # chosen by HOST or in the handshake; in the handshake
        self.chosen = set(FACTS)

    # -- TLS and the other security commands (RFC 2228, RFC 4217)

    def received(self, data: bytes, *, urgent: bool = False) -> None:
        if self.awaiting_tls:
            self.handshake_failed()
        elif not self.ending:  # whoever was told that TLS ends says nothing more under it
            super().received(data, urgent=urgent)

    def handshake_failed(self) -> None:
        """Clear text where a handshake should begin (RFC 4217 section 10.1)."""
        self.line.fin()

    def secured(self) -> bool:
        self.awaiting_tls = False
        if (named := self.line.named.lower()) in self.hosts:
            self.host = self.named = named
        return super().secured()

    @property
    def certificate(self) -> str:
        """Every host has its own."""
        return f"certificate of {self.host}" if self.host else "c0ffee"

    def do_AUTH(self, argument: str) -> None:
        if self.tls:
            return self.say("503 TLS is on already")
        if not argument:
            return self.say("501 AUTH what?")
        if not self.knows_mechanism(argument):
            return self.say("504 Only TLS")
        if argument.upper() == "GSSAPI":
            self.exchanging = True
            return self.say("334 ADAT must follow")
        self.authorize()
        return super().do_AUTH("TLS")

    def knows_mechanism(self, name: str) -> bool:
        return name.upper() in self.mechanisms

    def authorize(self) -> None:
        """A new security exchange begins: who was logged in is not, what came in clear is forgotten."""
        self.reset()
        self.awaiting_tls, self.buffer = True, b""

    def do_PBSZ(self, argument: str) -> None:
        if self.tls and not (argument.isdigit() and int(argument) < 2**32):
            return self.say("501 PBSZ takes a number")
        if self.cleared:
            return self.too_late()
        return super().do_PBSZ(argument)

    def too_late(self) -> None:
        """After CCC protection stays as it is (RFC 4217 section 5)."""
        self.say("503 Not after CCC")

    def do_PROT(self, argument: str) -> None:
        if self.pbsz and argument.upper() not in ("C", "S", "E", "P"):
            return self.say("504 No such level")
        if self.cleared:
            return self.too_late()
        return super().do_PROT(argument)

    def do_CCC(self, _argument: str) -> None:
        if not self.tls:
            return self.say("533 Not without TLS")
        if not self.logged_in:
            return self.say("533 Log in first")
        self.say("200 In clear from now on")
        self.cleared = True
        return self.end_tls()

    def closes_tls(self) -> bool:
        """The client has closed TLS: whether we do the same, and go on in clear."""
        if self.ending:
            self.tls = self.ending = False
            return True
        return False

    def do_ADAT(self, argument: str) -> None:
        if not self.exchanging:
            return self.say("503 AUTH first")
        self.exchanging = False
        return self.refuse_data() if BASE64.fullmatch(argument) else self.no_base64()

    def no_base64(self) -> None:
        self.say("501 That is no base 64")

    def refuse_data(self) -> None:
        """No ticket that a probe can have is good for anything."""
        self.say("535 The check has failed")

    def do_MIC(self, _argument: str) -> None:
        self.say("537 Not with TLS" if self.tls else "503 AUTH first")

    do_CONF = do_ENC = do_MIC

    # -- access control

    def reset(self) -> None:
        """The state in which a session begins."""
        self.user, self.logged_in = "", False
        self.coded, self.cwd, self.chosen = Parameters(), "/", set(FACTS)
        self.speak("EN")

    def do_REIN(self, _argument: str) -> None:
        self.reset()
        self.say("220 Ready for another user")
        if self.tls:
            self.end_tls()

    def end_tls(self) -> None:
        """After REIN and CCC the session goes on in clear, once TLS is closed (RFC 4217 sections 5 and 13)."""
        self.ending = True

    def do_ACCT(self, _argument: str) -> None:
        self.say("202 No account is needed")

    def do_SMNT(self, _argument: str) -> None:
        self.say("202 There is nothing to mount")

    def do_ALLO(self, argument: str) -> None:
        self.say("200 OK" if argument.split(" ")[0].isdigit() else "501 ALLO takes a number")

    def do_SITE(self, _argument: str) -> None:
        self.say("501 SITE knows nothing of that kind")

    # -- other names (RFC 1123 section 4.1.3.1)

    def do_XPWD(self, argument: str) -> None:
        self.another_name("PWD", argument)

    def do_XCWD(self, argument: str) -> None:
        self.another_name("CWD", argument)

    def do_XCUP(self, argument: str) -> None:
        self.another_name("CDUP", argument)

    def do_XMKD(self, argument: str) -> None:
        self.another_name("MKD", argument)

    def do_XRMD(self, argument: str) -> None:
        self.another_name("RMD", argument)

    def another_name(self, verb: str, argument: str) -> None:
        getattr(self, f"do_{verb}")(argument)

    # -- virtual hosts (RFC 7151)

    def do_HOST(self, argument: str) -> None:
        if self.logged_in:
            return self.late_host()
        if not self.is_host(argument):
            return self.say("501 No host name")
        if argument.lower() in self.down:
            return self.host_is_down()
        if not self.serves(argument):
            return self.unknown_host()
        if self.is_another(argument.lower()):
            return self.other_host()
        self.host = argument.lower()
        return self.enter_host()

    def is_another(self, name: str) -> bool:
        """Whether the handshake was with another host (RFC 7151 section 3.2.2)."""
        return self.named not in ("", name)

    def other_host(self) -> None:
        self.say("504 TLS is with another host")

    def late_host(self) -> None:
        self.say("503 HOST comes before USER")

    def is_host(self, name: str) -> bool:
        return (ADDRESS.fullmatch(name) or DOMAIN.fullmatch(name)) is not None

    def serves(self, name: str) -> bool:
        return name.lower() in self.hosts or name == self.line.server.host

    def unknown_host(self) -> None:
        self.say("504 No such host here")

    def enter_host(self) -> None:
        """Who began to log in has to begin again (section 4)."""
        self.user = ""
        self.speak("EN")
        self.say("220 Host accepted")

    def host_is_down(self) -> None:
        self.say("421 Come back later")
        self.line.fin()

    # -- languages (RFC 2640 section 4)

    def do_LANG(self, argument: str) -> None:
        if argument and not LANGUAGE.fullmatch(argument):
            self.say("501 No language tag")
        elif argument and not self.speaks(argument):
            self.say("504 Not spoken here")
        else:
            self.speak(argument.split("-")[0].upper() or "EN")
            self.say("200 OK")

    def speak(self, language: str) -> None:
        """From now on replies are in this language."""
        self.language = language

    def speaks(self, tag: str) -> bool:
        return tag.split("-")[0].lower() in self.languages

    # -- options, facts (RFC 2389 section 4, RFC 3659 section 7)

    def feature(self, label: str) -> str:
        """A feature with its parameters."""
        if label == "LANG EN*;FR":
            return "LANG EN;FR".replace(self.language, f"{self.language}*")
        if label != "MLST":
            return label
        return "MLST " + "".join(f"{fact}{'*' * (fact in self.chosen)};" for fact in FACTS)

    def do_OPTS(self, argument: str) -> None:
        verb, _, options = argument.partition(" ")
        match verb.upper():
            case "MLST" if re.fullmatch(r"(?:[^; ]+;)*", options):
                self.choose(options.lower().split(";")[:-1])
            case "UTF8" if options.upper() == "ON":
                self.say("200 Names are in UTF-8 anyway")
            case _:
                self.no_options()

    def no_options(self) -> None:
        self.say("501 No options")

    def choose(self, facts: list[str]) -> None:
        self.chosen = {fact for fact in FACTS if fact in facts}
        self.say(
            " ".join(["200 MLST OPTS", "".join(f"{fact};" for fact in FACTS if fact in self.chosen)]).strip()
        )

    def do_MLST(self, argument: str) -> None:
        path = self.path(argument)
        if path not in self.files and path not in self.folders:
            return self.no_file()
        for line in ("250-Listing", f" {self.entry(path, path)}", "250 End"):
            self.say(line)
        return None

    def entry(self, path: str, name: str) -> str:
        return f"{self.told(path)} {name}"

    def told(self, path: str) -> str:
        """The facts of a file or directory, as far as they were chosen."""
        facts = {fact: self.fact(fact, path) for fact in FACTS if fact in self.chosen}
        return "".join(f"{fact}={value};" for fact, value in facts.items() if value)

    def fact(self, fact: str, path: str) -> str:
        directory = path in self.folders
        match fact:
            case "type":
                return "dir" if directory else "file"
            case "size":
                return "" if directory else str(len(self.files.get(path, b"")))
            case "modify":
                return self.modified(path)
            case "create":
                return self.created(path)
            case "perm":
                return "cdeflmp" if directory else "adfrw"
            case _:
                return f"{zlib.crc32(path.encode('utf-8', 'surrogateescape')):x}"

    def facts(self, name: str) -> str:
        """A line of MLSD."""
        return self.entry(name, posixpath.basename(name))

    def own_entries(self, path: str) -> list[str]:
        """The directory itself and its parent (RFC 3659 section 7.5.1), where types are told."""
        if "type" not in self.chosen:
            return []
        parent = posixpath.dirname(path)
        own = self.told(path).replace("type=dir;", "type=cdir;")
        above = self.told(parent).replace("type=dir;", "type=pdir;")
        return [f"{own} {self.own_name(path)}", f"{above} {self.own_name(parent)}"]

    def own_name(self, path: str) -> str:
        return path

    # -- what STAT tells of a path (RFC 959 section 4.1.3)

    def status_of(self, argument: str) -> None:
        names = self.names(self.path(argument))
        if not names and self.path(argument) not in self.folders:
            return self.no_status()
        for line in ("212-Status", *(f" {self.long_form(name)}" for name in names), "212 End"):
            self.say(line)
        return None

    def no_status(self) -> None:
        self.say("450 No such file")
