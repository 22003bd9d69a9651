"""FTP servers with one planted bug each: what every server has, SIZE and MDTM, TVFS."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M

VERBS = [
    "TYPE",
    "MODE",
    "STRU",
    "CWD",
    "CDUP",
    "PASV",
    "RNFR",
    "RNTO",
    "DELE",
    "RMD",
    "PWD",
    "SYST",
    "STAT",
    "HELP",
    "NOOP",
]


class Intermediate(M):
    """Wants more behind the second half of a command."""

    def do_RNTO(self, argument):
        self.say("350 And what was it?") if not self.renaming else super().do_RNTO(argument)

    def do_PASS(self, argument):
        self.say("331 And who are you?") if not self.user else super().do_PASS(argument)


class LfEndsCommands(M):
    def step(self):
        self.buffer = self.buffer.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return super().step()


class SuccessAlways(M):
    def no_directory(self, path):
        self.say("250 Done")

    def no_file(self):
        self.say("250 Done")


class HangsUpWhenIdle(M):
    last = None

    def received(self, data, *, urgent=False):
        if self.last is not None and self.world.now - self.last > 60:
            self.line.fin()
        else:
            self.last = self.world.now
            super().received(data, urgent=urgent)


class SizeEstimates(M):
    def do_SIZE(self, argument):
        octets = self.files.get(self.path(argument))
        self.no_file() if octets is None else self.say(f"213 {round(len(octets), -1)}")


class SizeIgnoresType(M):
    def do_SIZE(self, argument):
        octets = self.files.get(self.path(argument))
        self.no_file() if octets is None else self.say(f"213 {len(octets)}")


class MdtmSets(M):
    def do_MDTM(self, argument):
        super().do_MDTM(argument.split(" ")[-1])


class Patterns(M):
    def path(self, argument):
        return super().path(argument.replace("plumb*", "plumbline"))


class CapitalVerbs(M):
    def verb(self, word):
        return super().verb(word) if word.lower() not in ("size", "mdtm", "mlst", "rest") else word


class SlashFromHere(M):
    """A path that begins with a slash begins where one is."""

    def path(self, argument):
        return super().path(argument.lstrip("/") if argument != "/upload" else argument)


class NoRoot(M):
    def do_CWD(self, argument):
        self.say("550 Not there") if argument == "/" else super().do_CWD(argument)


class NamesWithSlash(M):
    def short_form(self, name):
        return name


MUTANTS: list[Mutant] = [
    *(planted(f"no_{verb}_at_all", f"implemented[{verb}]", **answering(verb, "502 No")) for verb in VERBS),
    planted("port_150", "port-implemented", **answering("PORT", "150 Wait")),
    planted("type_i_250", "parameter[TYPE-I|TYPE-A-N]", **rewording("200 Type set", "250 Type set")),
    planted("stru_mode_250", "parameter[STRU-F|MODE-S]", do_STRU=saying("250 OK"), do_MODE=saying("250 OK")),
    planted("pwd_needs_argument", "verb-alone", **answering("PWD", "501 Of what?")),
    planted("pwd_quote_missing", "pwd-form", quoted=lambda self, path: f"'{path}'"),
    planted("syst_toaster", "syst-official-name", do_SYST=saying("215 TOASTER 3000")),
    planted("success_always", "failure-is-told[dele|rmd|cwd]", SuccessAlways),
    planted("wants_first_half", "second-half-first[RNTO|PASS]", Intermediate),
    planted("port_words_200", "invalid-parameter", bad_port=saying("200 OK")),
    planted("greets_530", "greeting-is-220-or-421", banner="530 Not today"),
    planted("lf_ends_commands", "line-feed-alone", LfEndsCommands),
    planted("hangs_up_when_idle", "idle-for-almost-five-minutes", HangsUpWhenIdle),
    planted("size_with_unit", "size-form", do_SIZE=saying("213 10 octets")),
    planted("size_estimates", "size-is-no-estimate", SizeEstimates),
    planted("size_ignores_type", "size-in-ascii-type", SizeIgnoresType),
    planted("size_of_no_name", "argument-needed[SIZE|MDTM]", missing=saying("213 0")),
    planted("mdtm_dashes", "mdtm-value[digits]", **rewording("213 20260102030405", "213 2026-01-02")),
    planted("mdtm_period", "mdtm-value[fraction]", **rewording("213 20260102030405", "213 20260102030405.")),
    planted("mdtm_directory_150", "mdtm-directory", no_file=saying("150 Wait")),
    planted("mdtm_sets", "mdtm-sets-nothing", MdtmSets),
    planted("takes_patterns", "no-pattern[SIZE|MDTM|MLST]", Patterns),
    planted("capital_verbs", "small-letters[size|mdtm|mlst|rest]", CapitalVerbs),
    planted("slash_from_here", "tvfs-full-path[same-file|honest]", SlashFromHere),
    planted("no_root", "tvfs-root", NoRoot),
    planted("names_with_slash", "tvfs-names-without-slash", NamesWithSlash),
    planted("tvfs_more", "tvfs-feature", **rewording(" TVFS", " TVFS yes")),
]
