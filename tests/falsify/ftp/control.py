"""FTP servers with one planted bug each, and the cases that turn red by it: session, commands, replies."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import USERS
from tests.models.ftp import FtpModel as M

# -- the session


class ForgetsUserGivenTwice(M):
    def do_USER(self, argument):
        super().do_USER(argument if not self.user else "?")


class KnowsNames(M):
    def do_USER(self, argument):
        if argument in USERS:
            super().do_USER(argument)
        else:
            self.say("500 Nobody of that name")


class WrongPasswordLogsIn(M):
    def do_PASS(self, argument):
        super().do_PASS(argument)
        self.logged_in = True


class KeepsUserAfterFailure(M):
    def do_PASS(self, argument):
        user = self.user
        super().do_PASS(argument)
        self.user = user


class PassFirst(M):
    tried = False

    def do_PASS(self, argument):
        if self.user or self.tried:
            self.tried = True
            super().do_PASS(argument)
        else:
            self.say("331 And who are you?")


class SaysMore(M):
    def do_STAT(self, argument):
        super().do_STAT(argument)
        self.say("200 By the way")


class QuitStays(M):
    def do_QUIT(self, argument):
        self.say("221 Goodbye")


# -- the form of commands


class ActsAtOnce(M):
    """Obeys NOOP when its four letters are there."""

    def step(self):
        if self.buffer == b"NOOP":
            self.buffer = b""
            self.say("200 OK")
            return False
        if self.buffer == b"\r\n":
            self.buffer = b""
            return False
        return super().step()


class OneSegmentOneCommand(M):
    """Takes every segment for a whole command."""

    def received(self, data, *, urgent=False):
        if data.endswith(b"\r\n") and data != b"\r\n" and data != b"\n":
            super().received(data)


class OneCommandASegment(M):
    """Looks at the first line of a segment only."""

    def received(self, data, *, urgent=False):
        first, end, _rest = data.partition(b"\r\n")
        super().received(first + end)


class NeedsWholeEndOfLine(M):
    """Loses a command whose CR and LF come in two segments."""

    def received(self, data, *, urgent=False):
        if data == b"\n":
            self.buffer = b""
        else:
            super().received(data)


class OneSpace(M):
    def do_TYPE(self, argument):
        if argument.startswith(" "):
            self.unsupported("TYPE")
        else:
            super().do_TYPE(argument)


class HangsUpOnLongLines(M):
    def on_line(self, line):
        if len(line) > 500:
            self.line.rst()
        else:
            super().on_line(line)


class KnowsNoTelnet(M):
    def received(self, data, *, urgent=False):
        self.buffer += data
        while self.line.server_open and self.step():
            pass


# -- commands


def refusing_type(*refused: str) -> dict[str, object]:
    def do_TYPE(self, argument):
        if argument in refused:
            self.unsupported("TYPE")
        else:
            M.do_TYPE(self, argument)

    return {"do_TYPE": do_TYPE}


class CwdStays(M):
    def do_CWD(self, argument):
        before = self.cwd
        super().do_CWD(argument)
        if self.cwd == "/reports":
            self.cwd = before


class CwdLeavesAnyway(M):
    def do_CWD(self, argument):
        if self.path(argument) not in self.folders:
            self.cwd = "/upload"
        super().do_CWD(argument)


class CwdAnywhere(M):
    def do_CWD(self, argument):
        if self.path(argument) not in self.folders and len(argument) < 500:
            self.say("250 Why not")
        else:
            super().do_CWD(argument)


class MkdRelative(M):
    def made(self, path):
        super().made(path.rpartition("/")[2])


class RmdKeeps(M):
    def do_RMD(self, argument):
        before = set(self.folders)
        super().do_RMD(argument)
        self.folders = before


class RmdAnything(M):
    def do_RMD(self, argument):
        self.folders.discard(self.path(argument))
        self.say("250 Gone")


class DeleKeeps(M):
    def do_DELE(self, argument):
        before = dict(self.files)
        super().do_DELE(argument)
        self.files = before


class DeleAnything(M):
    def do_DELE(self, argument):
        self.files.pop(self.path(argument), None)
        self.say("250 Gone")


class RenameCopies(M):
    def rename(self, old, new):
        before = dict(self.files)
        super().rename(old, new)
        self.files |= before


class RenameLoses(M):
    def rename(self, old, new):
        super().rename(old, new)
        self.files.pop(new, None)


class RnfrAnything(M):
    def do_RNFR(self, argument):
        self.renaming = self.path(argument)
        self.say("350 And to what name?")


class RnfrKeepsFailure(M):
    def do_RNFR(self, argument):
        super().do_RNFR(argument)
        self.renaming = self.path(argument)

    def rename(self, old, new):
        if old in self.files:
            super().rename(old, new)
        else:
            self.say("250 Renamed")


class RntoAlone(M):
    def do_RNTO(self, argument):
        if self.renaming:
            super().do_RNTO(argument)
        else:
            self.say("250 Renamed")


class RntoAgain(M):
    renamed = False

    def do_RNTO(self, argument):
        if self.renamed:
            self.say("250 Renamed")
        else:
            self.renamed = bool(self.renaming)
            super().do_RNTO(argument)


class AborCloses(M):
    def do_ABOR(self, argument):
        super().do_ABOR(argument)
        self.line.fin()


# -- replies


class LfOnly(M):
    def say(self, text):
        self.line.say(text.encode("utf-8", "surrogateescape") + b"\n")


class InnerNumber(M):
    def do_HELP(self, argument):
        self.lines("214", ["123 is a number"], "214 End")


BEFORE_LOGIN = {
    "NLST": "150 Here",
    "RETR": "150 Here",
    "STOR": "150 Go on",
    "APPE": "150 Go on",
    "DELE": "250 Gone",
    "MKD": '257 "/x"',
    "RMD": "250 Gone",
    "RNFR": "350 And to what name?",
    "CWD": "250 There you are",
}

MUTANTS: list[Mutant] = [
    planted("greets_554", "greeting textbook-session", banner="554 Not today"),
    planted(
        "lists_before_login",
        "login-needed[list] textbook-session",
        **answering("LIST", "150 Here", logged_in=False),
    ),
    planted(
        "pasv_before_login",
        "login-needed[pasv] pass-wrong-is-no-login",
        **answering("PASV", "227 (127,0,0,1,200,1)", logged_in=False),
    ),
    *(
        planted(
            f"{verb}_before_login",
            f"login-needed[{verb.lower()}]",
            **answering(verb, text, logged_in=False),
        )
        for verb, text in BEFORE_LOGIN.items()
    ),
    planted(
        "user_200",
        "user-asks-for-password user-unknown-name textbook-session",
        do_USER=saying("200 Password, please"),
    ),
    planted("knows_names", "user-unknown-name", KnowsNames),
    planted("forgets_user_given_twice", "user-again", ForgetsUserGivenTwice),
    planted("pass_200", "pass-logs-in textbook-session", **rewording("230 Logged in", "200 In")),
    planted("pass_450", "pass-wrong", **rewording("530 Login incorrect", "450 No")),
    planted("wrong_password_logs_in", "pass-wrong-is-no-login", WrongPasswordLogsIn),
    planted("keeps_user_after_failure", "pass-after-failure", KeepsUserAfterFailure),
    planted("pass_first", "pass-without-user", PassFirst),
    planted("no_help_before_login", "help-before-login", **answering("HELP", "450 No", logged_in=False)),
    planted("says_more", "nothing-unasked", SaysMore),
    planted("quit_stays", "quit-reply-and-close quit-before-login textbook-session", QuitStays),
    planted("quit_200", "quit-reply-and-close textbook-session", **answering("QUIT", "200 Bye")),
    planted("quit_needs_login", "quit-before-login", **answering("QUIT", "530 No", logged_in=False)),
    # the form of commands
    planted("capitals_only", "verb-in-small-letters[small|mixed]", verb=lambda self, word: word),
    planted(
        "capital_parameters_only",
        "parameter-in-small-letters[type|stru|mode]",
        letter=lambda self, argument: argument,
    ),
    planted("one_space", "two-spaces", OneSpace),
    planted("knows_everything", "unknown-command", unknown=saying("200 OK")),
    planted(
        "needs_no_argument",
        "missing-argument[TYPE|RETR|STOR|DELE|MKD|RNFR]",
        missing=saying("200 OK"),
    ),
    planted("any_parameter", "unknown-parameter[type|stru|mode]", unsupported=saying("200 OK")),
    planted("acts_at_once", "no-action-before-end-of-line", ActsAtOnce),
    planted(
        "one_segment_one_command",
        "no-action-before-end-of-line command-in-pieces",
        OneSegmentOneCommand,
    ),
    planted("needs_whole_end_of_line", "command-in-pieces", NeedsWholeEndOfLine),
    planted("one_command_a_segment", "commands-in-one-piece", OneCommandASegment),
    planted("hangs_up_on_long_lines", "long-command", HangsUpOnLongLines),
    planted("knows_no_telnet", "telnet-negotiation telnet-synch", KnowsNoTelnet),
    # commands
    planted("syst_200", "syst textbook-session", do_SYST=saying("200 UNIX")),
    planted("noop_500", "noop", do_NOOP=saying("500 No")),
    planted("help_200", "help[alone|argument] help-before-login", do_HELP=saying("200 No")),
    planted("stat_200", "stat", do_STAT=saying("200 Fine")),
    planted(
        "pwd_without_quotes",
        "pwd",
        do_PWD=lambda self, argument: self.say(f"257 {self.quoted(self.cwd)[1:-1]}"),
    ),
    planted("no_image", "type[image]", **refusing_type("I")),
    planted("no_ascii", "type[ascii]", **refusing_type("A")),
    planted("no_non_print", "type[ascii-non-print]", **refusing_type("A N")),
    planted("no_local_8", "type[local-8]", **refusing_type("L 8")),
    planted("no_stru", "stru-file", do_STRU=saying("504 No")),
    planted("no_mode", "mode-stream", do_MODE=saying("504 No")),
    planted("cwd_stays", "cwd-directory", CwdStays),
    planted("cwd_leaves_anyway", "cwd-missing-directory", CwdLeavesAnyway),
    planted("cwd_anywhere", "failure-is-told[cwd]", CwdAnywhere),
    planted("cdup_stays", "cdup", do_CDUP=saying("250 Done")),
    planted("mkd_200", "mkd", made=lambda self, path: self.say(f"200 {self.quoted(path)}")),
    planted("mkd_relative", "mkd-name-is-absolute", MkdRelative),
    planted("mkd_again", "mkd-existing-name", exists=lambda self, path: self.made(path)),
    planted("quotes_not_doubled", "mkd-doubles-quotes", quoted=lambda self, path: f'"{path}"'),
    planted("rmd_keeps", "rmd", RmdKeeps),
    planted("rmd_anything", "rmd-missing-directory", RmdAnything),
    planted("dele_keeps", "dele", DeleKeeps),
    planted("dele_anything", "dele rename", DeleAnything),
    planted("rename_copies", "rename", RenameCopies),
    planted("rename_loses", "rename", RenameLoses),
    planted("rnfr_anything", "rnfr-missing-file", RnfrAnything),
    planted("rnfr_keeps_failure", "rnto-after-failed-rnfr", RnfrKeepsFailure),
    planted("rnto_alone", "rnto-without-rnfr rnto-after-failed-rnfr rnto-twice", RntoAlone),
    planted("rnto_again", "rnto-twice", RntoAgain),
    planted("abor_200", "abor-idle", do_ABOR=saying("200 OK")),
    planted("abor_closes", "abor-keeps-connection", AborCloses),
    # replies
    planted("no_separator", "replies-form", do_NOOP=saying("200OK")),
    planted("bare_code", "replies-space-behind-code", do_NOOP=saying("200")),
    planted("second_digit_9", "replies-second-digit", do_NOOP=saying("290 OK")),
    planted("lf_only", "replies-end-in-crlf", LfOnly),
    planted("inner_number", "replies-inner-lines", InnerNumber),
]
