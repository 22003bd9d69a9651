"""FTP servers with one planted bug each: pathnames, languages, virtual hosts, anonymous users, Telnet."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M

# -- pathnames and languages


class StripsNames(M):
    def on_line(self, line):
        verb, _, argument = line.partition(b" ")
        super().on_line(verb + b" " + argument.strip() if argument else verb)


class StripsBehind(M):
    def on_line(self, line):
        super().on_line(line.rstrip(b" "))


class CapitalTagsOnly(M):
    def speaks(self, tag):
        return tag == "EN"


class SmallTagsOnly(M):
    def speaks(self, tag):
        return tag == "en"


class LangMovesCodes(M):
    lang = False

    def do_LANG(self, argument):
        super().do_LANG(argument)
        self.lang = True

    def do_NOOP(self, argument):
        self.say("250 Gut") if self.lang else super().do_NOOP(argument)


class WantsLangFirst(M):
    asked = False

    def on_line(self, line):
        if line.startswith((b"LANG", b"HOST")):
            self.asked = True
        if line.startswith(b"USER") and not self.asked:
            self.say("503 LANG first")
        else:
            super().on_line(line)


# -- virtual hosts


class HostOnce(M):
    asked = False

    def do_HOST(self, argument):
        if self.asked and not self.logged_in:
            self.say("503 There was one")
        else:
            self.asked = True
            super().do_HOST(argument)


class HostRefusedLocks(M):
    locked = False

    def say(self, text):
        self.locked = self.locked or text.startswith(("501 No host", "504 No such host"))
        super().say(text)

    def do_USER(self, argument):
        self.say("503 HOST first") if self.locked else super().do_USER(argument)


class HostCaseMatters(M):
    def serves(self, name):
        return name == "plumbline.invalid" or super().serves(name)


class ReinKeepsHost(M):
    entered = False

    def do_REIN(self, argument):
        super().do_REIN(argument)
        self.entered = True

    def do_HOST(self, argument):
        self.say("503 There was one") if self.entered else super().do_HOST(argument)


# -- Telnet


class Bare(M):
    """Takes no Telnet out of the stream."""

    bare = frozenset()

    def received(self, data, *, urgent=False):
        if any(octets in data for octets in self.bare):
            data = data.replace(b"\xff", b"\xff\xff")
        super().received(data, urgent=urgent)


class NoTelnetWithin(M):
    def received(self, data, *, urgent=False):
        if b"O\xff" in data:
            data = data.replace(b"\xff\xf1", b"?")
        super().received(data, urgent=urgent)


class LosesAfterSynch(M):
    """Waits for the urgent octet out of band and takes the next command for it."""

    skip = False

    def received(self, data, *, urgent=False):
        if self.skip:
            self.skip = False
        else:
            super().received(data, urgent=urgent)
        self.skip = urgent


class LosesSecondSynch(M):
    synchs = 0

    def received(self, data, *, urgent=False):
        self.synchs += urgent
        if self.synchs < 2:
            super().received(data, urgent=urgent)


class AytHangsUp(M):
    def negotiate(self, commands):
        if b"\xff\xf6" in commands:
            self.line.fin()
        super().negotiate(commands)


class Confirms(M):
    """Answers requests to stop, one way or another."""

    answer = b""

    def negotiate(self, commands):
        super().negotiate(commands)
        for command in commands:
            if command[1] in (252, 254):
                self.line.say(self.answer + command[2:])


class Begins(M):
    def greet(self):
        self.line.say(b"\xff\xfb\x01")
        super().greet()


class RefusesNothing(M):
    def negotiate(self, commands):
        pass


class RefusesWrongly(M):
    def negotiate(self, commands):
        for command in commands:
            if command[1] in (251, 253):
                self.line.say(b"\xff\xfc" + command[2:] if command[1] == 251 else b"\xff\xfe" + command[2:])


class KeepsBoth(M):
    """Stores IAC IAC as two octets."""

    def received(self, data, *, urgent=False):
        super().received(data.replace(b"\xff\xff", b"\xff\xff\xff\xff"), urgent=urgent)


class SaysOne(M):
    """Sends an octet 255 as it is."""

    def say(self, text):
        self.line.say(text.encode("utf-8", "surrogateescape") + b"\r\n", self.lag)


class EndsAtCr(M):
    """CR NUL ends a command."""

    def received(self, data, *, urgent=False):
        super().received(data.replace(b"\r\0", b"\r\n"), urgent=urgent)


class KeepsNul(M):
    """Stores the NUL, and does not find the name again."""

    def plain(self, line):
        return line.replace(b"RMD", b"RMD ?") if b"\r\0" in line else line


class EndsTwice(M):
    """Takes LF for the end of another, empty line."""

    def do_NOOP(self, argument):
        super().do_NOOP(argument)
        self.say("500 Nothing?")


class EndsAtBareCr(M):
    def received(self, data, *, urgent=False):
        super().received(data.replace(b"\rQUIT", b"\r\nQUIT"), urgent=urgent)


class LangNeeded(M):
    def do_LANG(self, argument):
        self.say("501 Which one?") if not argument else super().do_LANG(argument)


TELNET = {"NOP": b"\xff\xf1NOOP", "GA": b"\xff\xf9"}

MUTANTS: list[Mutant] = [
    # pathnames
    planted("utf8_feature_more", "utf8-feature", **rewording(" UTF8", " UTF8 on")),
    planted("opts_utf8_350", "opts-utf8", **answering("OPTS", "350 On")),
    planted("strips_names", "space-before-name[utf8|mlst] space-behind-name", StripsNames),
    planted("strips_behind", "space-behind-name", StripsBehind),
    # languages
    planted("no_lang", "lang-implemented lang-default", **answering("LANG", "500 No", logged_in=False)),
    planted("lang_needed", "lang-default", LangNeeded),
    planted("capital_tags_only", "lang-listed[small]", CapitalTagsOnly),
    planted("small_tags_only", "lang-listed[as-listed|capitals]", SmallTagsOnly),
    planted("speaks_all", "lang-unsupported", speaks=lambda self, tag: True),
    planted("lang_anything", "lang-malformed lang-unsupported", do_LANG=saying("200 OK")),
    planted("lang_moves_codes", "lang-keeps-codes", LangMovesCodes),
    planted(
        "lang_with_charset",
        "lang-feature",
        features=tuple(one.replace("LANG EN*;FR", "LANG en-US.UTF-8*") for one in M.features),
    ),
    planted("greets_in_french", "greeting-in-ascii", banner="220 prêt"),
    planted("wants_lang_first", "lang-not-needed host-not-needed", WantsLangFirst),
    # virtual hosts
    planted(
        "host_200", "host-unknown-command host-own-address", **answering("HOST", "200 OK", logged_in=False)
    ),
    planted(
        "serves_any_host", "host-foreign-address host-case", serves=lambda self, name: not name.islower()
    ),
    planted("unknown_host_200", "host-unknown-name", unknown_host=saying("250 Why not")),
    planted(
        "any_host_name",
        "host-with-port[ipv4|ipv6] host-malformed[empty|two-words|hyphens|octets]",
        is_host=lambda self, name: True,
        serves=lambda self, name: True,
    ),
    planted(
        "no_ipv6_hosts",
        "host-ipv6-address",
        do_HOST=lambda self, argument: (
            self.say("451 IPv6?") if "[" in argument else M.do_HOST(self, argument)
        ),
    ),
    planted("host_once", "host-again", HostOnce),
    planted("host_refused_locks", "host-refused-login", HostRefusedLocks),
    planted("host_case_matters", "host-case", HostCaseMatters),
    planted("host_keeps_user", "host-between-user-and-pass", enter_host=saying("220 Host accepted")),
    planted("late_host_220", "host-after-login", late_host=saying("220 Host accepted")),
    planted("rein_keeps_host", "host-after-rein", ReinKeepsHost),
    planted("hides_host", "host-listed", features=tuple(one for one in M.features if one != "HOST")),
    # anonymous users
    planted(
        "nobody_anonymous",
        "anonymous-is-known",
        do_USER=lambda self, argument: (
            self.say("530 Not here") if argument == "anonymous" else M.do_USER(self, argument)
        ),
    ),
    planted(
        "anonymous_needs_guest",
        "anonymous-password anonymous-hyphen",
        do_PASS=lambda self, argument: (
            M.do_PASS(self, argument) if "@" not in argument else self.wrong_password()
        ),
    ),
    planted(
        "anonymous_no_hyphen",
        "anonymous-hyphen",
        do_PASS=lambda self, argument: (
            M.do_PASS(self, argument) if argument[:1] != "-" else self.wrong_password()
        ),
    ),
    planted(
        "anonymous_lists_nothing",
        "anonymous-lists",
        do_LIST=lambda self, argument: (
            self.say("550 Not for you") if self.anonymous else M.do_LIST(self, argument)
        ),
    ),
    planted(
        "anonymous_stores",
        "anonymous-stores-nothing[mkd|stor]",
        do_PASS=lambda self, argument: (M.do_PASS(self, argument), setattr(self, "anonymous", False)),
        no_data_connection=saying("150 Wait"),
    ),
    # Telnet
    planted("refuses_nothing", "telnet-refusal[do|will]", RefusesNothing),
    planted("refuses_wrongly", "telnet-refusal[do|will]", RefusesWrongly),
    planted("refuses_to_stop", "telnet-disabled-option", Confirms, answer=b"\xff\xfb"),
    planted("confirms_stop", "telnet-disabled-option", Confirms, answer=b"\xff\xfc"),
    planted("begins_negotiation", "telnet-negotiation-unasked", Begins),
    *(
        planted(f"no_telnet_{name}", f"telnet-command[{name}]", Bare, bare=frozenset({octets}))
        for name, octets in TELNET.items()
    ),
    planted("no_data_mark", "telnet-data-mark", Bare, bare=frozenset({b"\xff\xf2NOOP"})),
    planted("no_telnet_within", "telnet-command-within-line", NoTelnetWithin),
    planted("ayt_hangs_up", "telnet-are-you-there", AytHangsUp),
    planted(
        "loses_after_synch", "telnet-synch-then-command telnet-synch telnet-synch-twice", LosesAfterSynch
    ),
    planted("loses_second_synch", "telnet-synch-twice", LosesSecondSynch),
    planted("keeps_both", "iac-doubled-in-command", KeepsBoth),
    planted("says_one", "iac-doubled-in-reply[telnet|pathname] replies-cr-is-padded", SaysOne),
    planted("ends_at_cr_nul", "cr-nul-in-command[telnet|pathname]", EndsAtCr),
    planted("keeps_cr_nul", "cr-nul-in-command[telnet|pathname]", KeepsNul),
    planted("ends_twice", "crlf-is-one-end", EndsTwice),
    planted("ends_at_bare_cr", "cr-alone-ends-no-command", EndsAtBareCr),
]
