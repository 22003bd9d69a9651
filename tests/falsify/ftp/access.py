"""FTP servers with one planted bug each: access control, service commands, the form of commands."""

from __future__ import annotations

from plumbline.probes.protocols.parameters import Parameters

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M


class UserResetsType(M):
    def do_USER(self, argument):
        self.coded = Parameters()
        super().do_USER(argument)


class ReinKeepsLogin(M):
    def do_REIN(self, argument):
        self.say("220 Ready for another user")


class ReinCloses(M):
    def do_REIN(self, argument):
        super().do_REIN(argument)
        self.line.fin()


class ReinAborts(M):
    def do_REIN(self, argument):
        self.data.drop()
        super().do_REIN(argument)


class ControlCloses(M):
    """Is gone while data are transferred."""

    def announce(self, text):
        super().announce(text)
        self.line.fin(0.5)


class PwdIsLost(M):
    def do_PWD(self, argument):
        if not self.data.busy:
            super().do_PWD(argument)


class NeedsHelpFirst(M):
    """Loses its head over a command between USER and PASS."""

    helped = False

    def do_HELP(self, argument):
        self.helped = bool(self.user)
        super().do_HELP(argument)

    def do_PASS(self, argument):
        self.say("150 One moment") if self.helped else super().do_PASS(argument)


class FilesAreFolders(M):
    def do_CWD(self, argument):
        if self.path(argument) in self.files:
            self.say("250 There you are")
        else:
            super().do_CWD(argument)


class CdupLeaves(M):
    def do_CDUP(self, argument):
        if self.cwd == "/":
            self.cwd = "/.."
            self.say("250 Up we go")
        else:
            super().do_CDUP(argument)


class ParentsToo(M):
    def no_directory(self, path):
        if path.endswith("/below"):
            self.folders |= {path, path.rpartition("/")[0]}
            self.made(path)
        else:
            super().no_directory(path)


class DelesFolders(M):
    def do_DELE(self, argument):
        if self.path(argument) in self.folders:
            self.do_RMD(argument)
        else:
            super().do_DELE(argument)


class RetrievesFolders(M):
    def do_RETR(self, argument):
        if self.path(argument) in self.folders:
            self.say("150 Here it comes")
        else:
            super().do_RETR(argument)


class LosesWhatItCannotRename(M):
    def rename(self, old, new):
        super().rename(old, new)
        self.files.pop(old, None)


class RemembersRename(M):
    def rename(self, old, new):
        super().rename(old, new)
        if old in self.files:
            self.renaming = old

    def forget(self, renaming, restart):
        kept = self.renaming
        super().forget(renaming, restart)
        self.renaming = kept


class RenamesBetween(M):
    """NOOP behind RNFR, then RNTO: a reply of the wrong class."""

    between = False

    def do_NOOP(self, argument):
        self.between = bool(self.renaming)
        super().do_NOOP(argument)

    def do_RNTO(self, argument):
        self.say("350 RNFR first") if self.between else super().do_RNTO(argument)


class CutsAtSpaces(M):
    def do_MKD(self, argument):
        super().do_MKD(argument.split(" ")[0])


class OneOrder(M):
    """Forgets the data connection when a parameter is set behind PASV."""

    def do_MODE(self, argument):
        self.data.drop()
        super().do_MODE(argument)


class FourLetters(M):
    def verb(self, word):
        return super().verb(word)[:4]


class EmptyLineCloses(M):
    def on_line(self, line):
        if line:
            super().on_line(line)
        else:
            self.line.fin()


class NoArguments(M):
    def on_line(self, line):
        if line in (b"PWD plumbline", b"CDUP plumbline", b"SYST plumbline"):
            self.say("350 And then?")
        else:
            super().on_line(line)


class HangsUpOnVeryLongLines(M):
    def on_line(self, line):
        if len(line) > 2000:
            self.line.rst()
        else:
            super().on_line(line)


X_VERBS = {"XPWD": "XPWD", "XCWD": "XCWD", "XCUP": "XCUP"}

MUTANTS: list[Mutant] = [
    # access control
    planted("acct_300", "acct", do_ACCT=saying("332 Which one?")),
    planted("needs_help_first", "help-between-user-and-pass", NeedsHelpFirst),
    planted("user_resets_type", "user-keeps-parameters", UserResetsType),
    planted("rein_200", "rein rein-forgets-user", do_REIN=saying("200 Done")),
    planted("rein_keeps_login", "rein rein-forgets-user", ReinKeepsLogin),
    planted("rein_closes", "rein-then-login", ReinCloses),
    planted("rein_aborts", "rein-during-transfer", ReinAborts),
    planted("control_closes", "control-stays-open", ControlCloses),
    planted("pwd_is_lost", "commands-are-queued", PwdIsLost),
    planted("smnt_300", "smnt", do_SMNT=saying("350 And where?")),
    planted("files_are_folders", "cwd-to-file", FilesAreFolders),
    planted("cdup_leaves", "cdup-at-the-top", CdupLeaves),
    planted(
        "unknown_before_login_200",
        "unknown-before-login",
        **answering("XYZZY", "200 OK", logged_in=False),
    ),
    *(
        planted(f"no_{verb}", f"names-for-the-same[{name}]", **answering(verb, "500 What?"))
        for name, verb in X_VERBS.items()
    ),
    planted("no_xmkd", "names-for-making-directories", **answering("XMKD", "500 What?")),
    planted("no_xrmd", "names-for-making-directories", **answering("XRMD", "500 What?")),
    # service commands
    planted("allo_300", "allo[octets|records] allo-not-a-number", do_ALLO=saying("350 And then?")),
    planted("site_250", "site-unknown", do_SITE=saying("250 Done")),
    planted("help_site_350", "site-help", **answering("HELP", "350 Go on")),
    planted("stat_path_150", "stat-path", status_of=saying("150 Over the data connection")),
    planted("stat_missing_350", "stat-missing", no_status=saying("350 Make it")),
    planted("rest_250", "rest-of-anything", **rewording("350 Go on with", "250 Go on with")),
    planted(
        "rest_needs_nothing", "rest-without-marker", **rewording("501 REST takes digits", "350 From where?")
    ),
    planted("loses_what_it_cannot_rename", "rename-fails", LosesWhatItCannotRename),
    planted("remembers_rename", "rename-is-forgotten", RemembersRename),
    planted("renames_between", "rename-interrupted", RenamesBetween),
    planted("deles_folders", "dele-directory", DelesFolders),
    planted("parents_too", "mkd-without-parent", ParentsToo),
    planted("cuts_at_spaces", "mkd-with-space", CutsAtSpaces),
    planted("retrieves_folders", "retr-directory", RetrievesFolders),
    planted("one_order", "parameters-in-any-order", OneOrder),
    # the form of commands
    planted("four_letters", "long-verb[NOOPS|QUITE]", FourLetters),
    planted("empty_line_closes", "empty-line", EmptyLineCloses),
    planted("no_arguments", "argument-not-wanted[PWD|CDUP|SYST]", NoArguments),
    planted("hangs_up_on_very_long_lines", "very-long-command", HangsUpOnVeryLongLines),
]
