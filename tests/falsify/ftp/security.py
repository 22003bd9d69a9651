"""FTP servers with one planted bug each: security, and TLS on the control connection."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M

# -- security


class EprtToAnybody(M):
    """Looks at the address of PORT only."""

    def do_EPRT(self, argument):
        self.say("200 EPRT OK") if argument.startswith("|1|") else super().do_EPRT(argument)


class SamePort(M):
    def pasv_reply(self, numbers):
        super().pasv_reply("127,0,0,1,200,10")


class LowPort(M):
    def pasv_reply(self, numbers):
        super().pasv_reply("127,0,0,1,3,10")


class TellsUnknownNames(M):
    def do_PASS(self, argument):
        if self.user.startswith("no-"):
            self.say("530 Nobody of that name")
        else:
            super().do_PASS(argument)


class SecretDoors(M):
    """Some commands work before login."""

    def on_line(self, line):
        if not self.logged_in and line.split(b" ")[0] in (b"CDUP", b"STOU", b"RNTO", b"SITE"):
            self.say("250 Done")
        else:
            super().on_line(line)


class Exec(M):
    def do_SITE(self, argument):
        self.say("200 uid=0") if argument == "EXEC id" else super().do_SITE(argument)


class Debugging(M):
    def on_line(self, line):
        if line in (b"DEBUG", b"WIZ", b"SITE DEBUG"):
            self.say("200 Debugging")
        else:
            super().on_line(line)


class Escapes(M):
    """Two dots lead out of the root."""

    def do_CWD(self, argument):
        if ".." in argument:
            self.cwd = "/outside"
            self.say("250 Out of here")
        else:
            super().do_CWD(argument)


class RetrEscapes(M):
    def do_RETR(self, argument):
        if argument.endswith("etc/passwd"):
            self.transfer(b"root:x:0:0\n")
        else:
            super().do_RETR(argument)


class NulHangsUp(M):
    def on_line(self, line):
        if b"\0" in line.replace(b"\r\0", b""):
            self.line.fin()
        else:
            super().on_line(line)


class Explodes(M):
    """Takes a minute to see what a pattern matches."""

    def on_line(self, line):
        self.lag = 60.0 if b"*/../" in line else 0.0
        super().on_line(line)
        self.lag = 0.0


class DiesOfLongLines(M):
    dead = False

    def received(self, data, *, urgent=False):
        if len(data) > 100_000:
            self.world.dead = True
        super().received(data, urgent=urgent)

    def greet(self):
        if getattr(self.world, "dead", False):
            self.line.fin()
        else:
            super().greet()


# -- TLS


class KeepsLogin(M):
    def authorize(self):
        self.awaiting_tls, self.buffer = True, b""


class KeepsClearText(M):
    """What came behind AUTH is executed once TLS is on."""

    def authorize(self):
        self.reset()
        self.awaiting_tls = True

    def step(self):
        return not self.awaiting_tls and super().step()

    def secured(self):
        done = super().secured()
        while self.line.server_open and self.step():
            pass
        return done


class NoHandshake(M):
    def secured(self):
        return False


class DeafWithinTls(M):
    def do_PASS(self, argument):
        self.say("530 Not within TLS") if self.tls else super().do_PASS(argument)


class GoesOnInClear(M):
    def handshake_failed(self):
        self.say("200 OK")


class TlsLogsIn(M):
    def secured(self):
        self.logged_in = True
        return super().secured()


class SecondAuth(M):
    def do_AUTH(self, argument):
        self.say("150 Wait") if self.tls else super().do_AUTH(argument)


class CaseOfMechanism(M):
    def knows_mechanism(self, name):
        return name in self.mechanisms


class NoFeatWithinTls(M):
    def do_FEAT(self, argument):
        self.say("500 What?") if self.tls else super().do_FEAT(argument)


class AnyPbsz(M):
    def do_PBSZ(self, argument):
        self.pbsz = True
        self.say("200 PBSZ=0")


class GreaterPbsz(M):
    def do_PBSZ(self, argument):
        super().do_PBSZ(argument)
        self.pbsz = self.tls

    def say(self, text):
        super().say(text.replace("PBSZ=0", "PBSZ=16384"))


class ProtWithoutPbsz(M):
    def do_PROT(self, argument):
        self.pbsz = self.pbsz or self.tls
        super().do_PROT(argument)


class ProtInClear(M):
    def do_PROT(self, argument):
        self.say("200 If you say so") if not self.tls else super().do_PROT(argument)


class AnyLevel(M):
    def do_PROT(self, argument):
        self.say("200 Protection set") if self.pbsz else super().do_PROT(argument)


class ProtAccepted250(M):
    def protect(self, level):
        super().protect(level)

    def say(self, text):
        super().say(text.replace("200 Protection set", "250 Protection set"))


class TlsStays(M):
    def end_tls(self):
        """Goes on within TLS."""


class OneSession(M):
    """Takes no second handshake."""

    before = False

    def secured(self):
        again, self.before = self.before, True
        return not again and super().secured()


class ClearKeepsNothing(M):
    """After CCC nothing is protected any more."""

    def is_protected(self):
        return super().is_protected() and not self.cleared


VERBS = "AUTH|ADAT|PBSZ|PROT|CCC|MIC|CONF|ENC"


class Accommodating(M):
    """Says yes to security commands that cannot be meant."""

    def on_line(self, line):
        verb = line.split(b" ")[0].decode()
        if verb in VERBS and not self.tls and line != b"AUTH TLS" and not line.endswith(b"tls"):
            self.say("235 Yes")
        else:
            super().on_line(line)


MUTANTS: list[Mutant] = [
    planted("eprt_to_anybody", "eprt-not-to-others[reserved-port|another-host]", EprtToAnybody),
    planted("same_port", "pasv-another-port", SamePort),
    planted("names_low_port", "pasv-high-port", LowPort),
    planted("tells_unknown_names", "failed-login-told-alike", TellsUnknownNames),
    planted("no_penalty", "failed-login-takes-time", penalty=0.0),
    planted("endless_tries", "failed-logins-end-the-session", tries=-1),
    planted("closes_without_421", "failed-logins-told-421", **rewording("421 Too many", "530 Too many")),
    planted(
        "secret_doors",
        "no-command-before-login[cdup|stou|rnto|site-chmod|site-cpfr|site-cpto|site-exec]",
        SecretDoors,
    ),
    planted("site_exec", "site-exec", Exec),
    planted("debugging", "debugging-commands[DEBUG|WIZ|SITE-DEBUG]", Debugging),
    planted("no_auth", "session-can-be-encrypted", **answering("AUTH", "500 No", logged_in=False)),
    planted("auth_200", "auth-answered auth-tls", **rewording("234 Go on", "200 Go on")),
    planted("escapes", "path-escape[dots|absolute|backslashes|doubled|encoded]", Escapes),
    planted("retr_escapes", "path-escape-retr", RetrEscapes),
    planted("nul_hangs_up", "nul-in-name", NulHangsUp),
    planted("explodes", "pattern-bomb[STAT|DELE]", Explodes),
    planted("dies_of_long_lines", "endless-line", DiesOfLongLines),
    # TLS
    planted("auth_334", "auth-tls auth-tls-not-334[rfc4217|rfc2228]", **rewording("234 Go on", "334 Go on")),
    planted("no_handshake", "auth-tls", NoHandshake),
    planted("case_of_mechanism", "auth-small-letters[rfc4217|rfc2228]", CaseOfMechanism),
    planted("tls_only", "auth-tls-c", mechanisms=frozenset({"TLS"})),
    planted(
        "any_mechanism",
        "auth-unknown",
        knows_mechanism=lambda self, name: True,
    ),
    planted("auth_alone", "auth-without-mechanism", **rewording("501 AUTH what?", "234 TLS, I suppose")),
    planted("keeps_login", "auth-ends-login[rfc2228|rfc4217] auth-forgets-user", KeepsLogin),
    planted("second_auth_150", "auth-twice", SecondAuth),
    planted("tls_logs_in", "login-needed-after-auth", TlsLogsIn),
    planted("deaf_within_tls", "tls-login", DeafWithinTls),
    planted("keeps_clear_text", "auth-injection", KeepsClearText),
    planted("goes_on_in_clear", "tls-handshake-fails[commands|zeros]", GoesOnInClear),
    planted("user_150", "user-before-tls", **answering("USER", "150 Wait", logged_in=False)),
    *(
        planted(
            f"hides_{label}",
            f"tls-features[{label}]",
            features=tuple(one for one in M.features if one != label),
        )
        for label in ("PBSZ", "PROT")
    ),
    planted(
        "auth_feature_ssl",
        "auth-feature-names-tls",
        features=tuple(one.replace("AUTH TLS", "AUTH SSL") for one in M.features),
    ),
    planted("no_feat_within_tls", "feat-within-tls", NoFeatWithinTls),
    planted("any_pbsz", "pbsz-before-auth pbsz-malformed[abc|99999999999]", AnyPbsz),
    planted("pbsz_250", "pbsz[rfc4217|rfc2228]", **rewording("200 PBSZ=0", "250 PBSZ=0")),
    planted("greater_pbsz", "pbsz-not-greater", GreaterPbsz),
    planted("prot_without_pbsz", "prot-without-pbsz", ProtWithoutPbsz),
    planted("prot_in_clear", "prot-before-auth", ProtInClear),
    planted("prot_250", "prot[P|C]", ProtAccepted250),
    planted("prot_c_350", "prot-clear-refused", **rewording("200 Protection set", "350 Protection set")),
    planted(
        "any_level",
        "prot-not-for-tls[S-refused|E-refused|S-code|E-code] prot-unknown",
        AnyLevel,
    ),
    planted("ccc_ends_nothing", "ccc-goes-on-in-clear[rfc4217|rfc2228]", TlsStays),
    planted(
        "protection_after_ccc",
        "ccc-fixes-protection[PBSZ|PROT]",
        too_late=saying("200 Protection set"),
    ),
    planted("clear_keeps_nothing", "ccc-keeps-data-protected", ClearKeepsNothing),
    planted("one_session", "rein-wants-no-cached-session", OneSession),
    planted("ccc_200", "ccc-in-clear[rfc2228|rfc4217] ccc-before-login", do_CCC=saying("200 In clear")),
    planted("ccc_350", "ccc[rfc2228|not-known|not-wanted]", do_CCC=saying("350 Really?")),
    planted("tls_stays", "rein-ends-tls", TlsStays),
    planted(
        "accommodating",
        f"security-commands[{VERBS}] adat-without-auth protected-command-in-clear[MIC|CONF|ENC]",
        Accommodating,
    ),
    planted(
        "protects_commands",
        "protected-command-within-tls[MIC|CONF|ENC]",
        **{f"do_{verb}": saying("200 OK") for verb in ("MIC", "CONF", "ENC")},
    ),
    planted("replies_protected", "replies-not-protected", do_NOOP=saying("631 T0s=")),
]
