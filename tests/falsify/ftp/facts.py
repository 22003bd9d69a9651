"""FTP servers with one planted bug each: facts of files, languages, security data, and servers that are set up otherwise."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M
from tests.models.ftpconfigured import Insisting, ShortIdle

# -- facts


class NoOverwriting(M):
    """Tells that a file may be written over, and refuses it."""

    def do_STOR(self, argument):
        if self.path(argument) in self.files:
            self.say("550 It is there already")
        else:
            super().do_STOR(argument)


# -- languages


class Latin1(M):
    """Speaks French in ISO 8859-1."""

    def speak(self, language):
        super().speak(language)
        if language == "FR":
            self.say("200 Voil\udce0")


class KeepsLanguage(M):
    def speak(self, language):
        if language != "EN":
            super().speak(language)


# -- security data


class ShortLines(M):
    def on_line(self, line):
        if len(line) > 2000:
            self.say("500 Too long")
        else:
            super().on_line(line)


# -- set up otherwise


class RefusesPasv(Insisting):
    """Looks at the level too early."""

    def do_PASV(self, argument):
        if self.tls and not self.is_protected():
            self.too_low()
        else:
            super().do_PASV(argument)


class NoWordOfAccount(M):
    """Lets everybody in and refuses without saying why."""

    def do_PASS(self, argument):
        self.logged_in = True
        self.say("230 Logged in")

    def do_STOR(self, argument):
        self.say("550 No")


NAMES = {"RETR": "550 No", "APPE": "550 No", "DELE": "550 No", "RNFR": "550 No"}

MUTANTS: list[Mutant] = [
    planted("modify_never_changes", "modify-changes", modified=lambda self, path: "20260102030405"),
    planted("local_time", "times-in-utc", modified=lambda self, path: "20260102040405"),
    planted("made_tomorrow", "create-not-later-than-modify", created=lambda self, path: "20260103000000"),
    planted(
        "made_a_second_later", "create-not-later-than-modify", created=lambda self, path: "20260102030406"
    ),
    *(
        planted(f"perm_without_{verb}", f"perm-is-true[{verb}]", **answering(verb, text))
        for verb, text in NAMES.items()
    ),
    planted("no_overwriting", "perm-is-true[STOR]", NoOverwriting),
    planted(
        "entries_lead_nowhere", "cdir-can-be-entered pdir-can-be-entered", own_name=lambda self, path: "here"
    ),
    planted("entries_lead_here", "pdir-can-be-entered", own_name=lambda self, path: "."),
    planted(
        "size_in_32_bits",
        "size-above-four-gigabytes",
        size_of_large=lambda self, size: self.say(f"213 {size % 2**32}"),
    ),
    planted("latin_1", "lang-replies-in-utf8", Latin1),
    planted("asterisk_stays", "lang-moves-asterisk", feature=lambda self, label: label),
    planted("keeps_language", "lang-is-undone[REIN|HOST]", KeepsLanguage),
    planted("any_host_under_tls", "host-as-in-handshake", is_another=lambda self, name: False),
    planted("no_host_under_tls", "host-as-in-handshake", is_another=lambda self, name: bool(self.named)),
    planted("one_certificate", "host-chooses-certificate", certificate="the only one"),
    planted("host_is_never_down", "host-unavailable", host_is_down=saying("220 Welcome")),
    planted("adat_anything", "adat-no-base64", no_base64=saying("235 Welcome")),
    planted("adat_welcome", "adat-fails-check", refuse_data=saying("235 Welcome")),
    planted("short_lines", "adat-long-line", ShortLines),
    planted("refuses_pasv", "level-is-checked-at-the-transfer", RefusesPasv),
    planted("too_low_is_done", "too-low-level[rfc2228|rfc4217]", Insisting, too_low=saying("226 Done")),
    planted("no_word_of_account", "account-is-asked-for", NoWordOfAccount),
    planted("quota_is_nothing", "lack-of-space", over_quota=saying("226 Done")),
    planted("never_idle", "idle-session-ends", ShortIdle, idle=1000.0),
    planted("transfers_are_idle", "transfer-is-activity", ShortIdle, is_active=lambda self: False),
]
