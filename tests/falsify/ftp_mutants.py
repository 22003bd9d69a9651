"""FTP servers with one planted bug each, and the cases that must turn red by it."""

from __future__ import annotations

from tests.falsify.harness import Mutant, mutant, saying
from tests.models.ftp import FtpModel

FACTS = {"user": "alice", "password": "alicepw", "directory": "reports", "writable": "/upload"}
M = FtpModel


def planted(name: str, red: str, base: type[FtpModel] = FtpModel, **broken: object) -> Mutant:
    """A mutant; `red` names cases without the protocol, rows of a matrix as `stem[a|b]`."""
    return mutant(name, base, *(f"ftp/{one}" for word in red.split() for one in _rows(word)), **broken)


def _rows(word: str) -> list[str]:
    stem, bracket, rows = word.rstrip("]").partition("[")
    return [f"{stem}[{row}]" for row in rows.split("|")] if bracket else [stem]


def answering(verb: str, text: str, *, logged_in: bool = True) -> dict[str, object]:
    """Members of a server that answers this verb so, before or after login, whatever it should say."""

    def on_line(self, line):
        if self.logged_in == logged_in and line.split(b" ")[0] == verb.encode():
            self.say(text)
        else:
            M.on_line(self, line)

    return {"on_line": on_line}


# -- the session


class ForgetsUserGivenTwice(M):
    def do_USER(self, argument):
        super().do_USER(argument if not self.user else "?")


class KnowsNames(M):
    def do_USER(self, argument):
        if argument in self.users:
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
    def do_NOOP(self, argument):
        super().do_NOOP(argument)
        self.say("200 Really")


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
        if before == "/":
            self.cwd = before


class CwdLeavesAnyway(M):
    def do_CWD(self, argument):
        if self.path(argument) not in self.folders:
            self.cwd = "/upload"
        super().do_CWD(argument)


class CwdAnywhere(M):
    def do_CWD(self, argument):
        if self.path(argument) not in self.folders:
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


# -- data connections


class PasvDeaf(M):
    """Names a port on which nobody listens."""

    def do_PASV(self, argument):
        super().do_PASV(argument)
        self.world.stop(self.data.listening)


class PasvOnce(M):
    again = False

    def do_PASV(self, argument):
        super().do_PASV(argument)
        if self.again:
            self.world.stop(self.data.listening)
        self.again = True


class EpsvDeaf(M):
    def do_EPSV(self, argument):
        super().do_EPSV(argument)
        self.world.stop(self.data.listening)


class FamilyWithoutList(M):
    def unknown_family(self):
        self.say("522 Network protocol not supported")


class Way(M):
    """Refuses one transfer command over one way of making data connections."""

    way = ""
    verb_now = ""
    refused = ("", "")

    def on_line(self, line):
        verb = line.split(b" ")[0].decode()
        if verb in ("PASV", "EPSV", "PORT", "EPRT"):
            self.way = verb
        self.verb_now = verb
        super().on_line(line)

    def transfer(self, sending, keep=None):
        if (self.verb_now, self.way) == self.refused:
            self.data.drop()
            self.say("451 Not like this")
        else:
            super().transfer(sending, keep)


class Cut(Way):
    """Loses the end of what goes over one way."""

    def transfer(self, sending, keep=None):
        if (self.verb_now, self.way) == self.refused:
            super(Way, self).transfer(sending and sending[:-1], keep and (lambda octets: keep(octets[:-1])))
        else:
            super().transfer(sending, keep)


WAYS = {"passive": "PASV", "extended-passive": "EPSV", "active": "PORT", "extended-active": "EPRT"}


def ways(verb: str, base: type[Way], also: str = "") -> list[Mutant]:
    """A mutant for each way; `also` is red as well on the one that breaks PASV."""
    return [
        planted(
            f"{base.__name__.lower()}_{verb}_{way}".replace("-", "_"),
            f"{verb.lower()}[{way}] " + (also if command == "PASV" else ""),
            base,
            refused=(verb, command),
        )
        for way, command in WAYS.items()
    ]


# -- transfers


class HidesDirectories(M):
    def do_LIST(self, argument):
        lines = [self.long_form(name) for name in self.names(self.path(argument)) if name in self.files]
        self.transfer(self.listing(lines))


class ListsNoFile(M):
    def do_LIST(self, argument):
        if self.path(argument) in self.files:
            self.transfer(b"")
        else:
            super().do_LIST(argument)


class LfListings(M):
    def listing(self, lines):
        return super().listing(lines).replace(b"\r\n", b"\n") if self.type == "A" else super().listing(lines)


class LfListingsInImage(M):
    def listing(self, lines):
        return super().listing(lines).replace(b"\r\n", b"\n") if self.type == "I" else super().listing(lines)


class ListsOnControl(M):
    def announce(self):
        self.say(f"150 Here come {' '.join(self.files)}")


class ListsOnControlBehind(M):
    def transferred(self):
        self.say(f"226 These were {' '.join(self.files)}")


class LongNames(M):
    def short_form(self, name):
        return self.long_form(name)


class RetrMakesEmpty(M):
    def do_RETR(self, argument):
        self.files.setdefault(self.path(argument), b"")
        super().do_RETR(argument)


class RetrSpoils(M):
    def do_RETR(self, argument):
        super().do_RETR(argument)
        self.files[self.path(argument)] = b"gone"


class SevenBits(M):
    def incoming(self, octets):
        return bytes(octet & 127 for octet in super().incoming(octets))


class NoEmptyLines(M):
    def incoming(self, octets):
        return super().incoming(octets).replace(b"\n\n", b"\n")


class PretendsAscii(M):
    """Takes TYPE A and sends as if it were TYPE I."""

    def outgoing(self, octets):
        return octets

    incoming = outgoing


class NoEmptyFiles(M):
    def store(self, path, octets, restart):
        if octets:
            super().store(path, octets, restart)


class FillsEmptyFiles(M):
    def store(self, path, octets, restart):
        super().store(path, octets or b"\n", restart)


class StorAppends(M):
    def store(self, path, octets, restart):
        super().store(path, octets, restart or 1_000_000)


class AppeReplaces(M):
    def append(self, path, octets):
        self.files[path] = octets


class AppeNeedsFile(M):
    def do_APPE(self, argument):
        if self.path(argument) in self.files:
            super().do_APPE(argument)
        else:
            self.no_file()


# -- SIZE, MDTM, REST, FEAT


class SizeOneMore(M):
    def do_SIZE(self, argument):
        octets = self.files.get(self.path(argument))
        if octets is None:
            self.no_file()
        else:
            self.say(f"213 {len(octets) + 1}")


class SizeOfNothing(M):
    def do_SIZE(self, argument):
        self.say(f"213 {len(self.files.get(self.path(argument), b''))}")


class MdtmWithDashes(M):
    def say(self, text):
        super().say(text.replace("213 20260102030405", "213 2026-01-02 03:04:05"))


class RestIgnored(M):
    def do_RETR(self, argument):
        self.restart = 0
        super().do_RETR(argument)


class RestStays(M):
    def do_RETR(self, argument):
        self.kept = self.restart or getattr(self, "kept", 0)
        self.restart = self.kept
        super().do_RETR(argument)


class RestZeroIgnored(M):
    kept = 0

    def do_REST(self, argument):
        super().do_REST(argument)
        self.restart = self.kept = self.restart or self.kept

    def do_RETR(self, argument):
        self.restart, self.kept = self.kept, 0
        super().do_RETR(argument)


class RestNotForStor(M):
    def store(self, path, octets, restart):
        super().store(path, octets, 0)


class RestAnything(M):
    def do_REST(self, argument):
        super().do_REST(argument if argument.isdigit() else "0")


class FeatAnyArgument(M):
    def do_FEAT(self, argument):
        super().do_FEAT("")


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
    planted("pass_200", "pass-logs-in textbook-session", **answering("PASS", "200 In", logged_in=False)),
    planted("pass_450", "pass-wrong", **answering("PASS", "450 No", logged_in=False)),
    planted("wrong_password_logs_in", "pass-wrong-is-no-login", WrongPasswordLogsIn),
    planted("keeps_user_after_failure", "pass-after-failure", KeepsUserAfterFailure),
    planted("pass_first", "pass-without-user pass-after-failure", PassFirst),
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
    planted("cwd_anywhere", "cwd-missing-directory", CwdAnywhere),
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
    # data connections
    planted("pasv_with_a_colon", "pasv-reply", pasv_reply=saying("227 Come to 127.0.0.1:3000")),
    planted("pasv_deaf", "pasv-listens textbook-session", PasvDeaf),
    planted("pasv_once", "pasv-again", PasvOnce),
    planted("epsv_without_bars", "epsv-reply", epsv_reply=lambda self, port: self.say(f"229 Port {port}")),
    planted("epsv_deaf", "epsv-listens", EpsvDeaf),
    planted("any_family", "epsv-unknown-protocol eprt-unknown-protocol", unknown_family=saying("200 OK")),
    planted("family_without_list", "eprt-522-names-protocols", FamilyWithoutList),
    planted("no_epsv_all", "epsv-all", **answering("EPSV", "550 No")),
    planted("forgets_epsv_all", "epsv-all-forbids[pasv|port|eprt]", setup_refused=lambda self, verb: False),
    planted("port_350", "port-accepted", **answering("PORT", "350 Go on")),
    planted("eprt_350", "eprt-accepted", **answering("EPRT", "350 Go on")),
    planted(
        "any_port_argument",
        "port-malformed[four-numbers|number-too-great|words]",
        bad_port=saying("200 OK"),
    ),
    planted("any_eprt_argument", "eprt-malformed", bad_eprt=saying("200 OK")),
    planted("reserved_ports", "port-reserved", is_reserved=lambda self, port: False),
    planted("any_host", "port-of-another-host", is_client=lambda self, host: True),
    planted(
        "transfers_nowhere",
        "no-data-connection[list|nlst|retr|stor]",
        no_data_connection=saying("226 Done"),
    ),
    # transfers
    *ways("LIST", Way, "textbook-session"),
    *ways("RETR", Way),
    *ways("STOR", Way),
    *ways("RETR", Cut),
    *ways("STOR", Cut),
    planted(
        "transfer_200",
        "list[passive|extended-passive|active|extended-active] retr[passive|extended-passive|active|extended-active]"
        " stor[passive|extended-passive|active|extended-active] nlst textbook-session",
        transferred=saying("200 Done"),
    ),
    planted("hides_directories", "list-names-directory", HidesDirectories),
    planted("lists_no_file", "list-names-file", ListsNoFile),
    planted("lf_listings", "list-lines-end-in-crlf", LfListings),
    planted("lf_listings_in_image", "list-in-image-type nlst-names-only", LfListingsInImage),
    planted("lists_on_control", "listing-not-on-control-connection", ListsOnControl),
    planted("lists_on_control_behind", "listing-not-on-control-connection", ListsOnControlBehind),
    planted("no_nlst", "nlst", **answering("NLST", "502 No")),
    planted("long_names", "nlst-names-only", LongNames),
    planted("retr_makes_empty", "retr-missing-file", RetrMakesEmpty),
    planted("retr_spoils", "retr-leaves-file", RetrSpoils),
    planted("seven_bits", "image-unchanged", SevenBits),
    planted("no_empty_lines", "ascii-comes-back", NoEmptyLines),
    planted("pretends_ascii", "ascii-lines-end-in-crlf", PretendsAscii),
    planted("no_empty_files", "stor-empty-file", NoEmptyFiles),
    planted("fills_empty_files", "stor-empty-file", FillsEmptyFiles),
    planted("stor_appends", "stor-replaces", StorAppends),
    planted("appe_replaces", "appe", AppeReplaces),
    planted("appe_needs_file", "appe-new-file", AppeNeedsFile),
    # SIZE, MDTM, REST, FEAT
    planted("size_one_more", "size", SizeOneMore),
    planted("size_of_nothing", "size-missing-file", SizeOfNothing),
    planted("mdtm_with_dashes", "mdtm", MdtmWithDashes),
    planted("mdtm_of_nothing", "mdtm-missing-file", do_MDTM=saying("213 20260102030405")),
    planted("rest_200", "rest-retr", **answering("REST", "200 OK")),
    planted("rest_ignored", "rest-retr", RestIgnored),
    planted("rest_stays", "rest-once", RestStays),
    planted("rest_zero_ignored", "rest-zero", RestZeroIgnored),
    planted("rest_not_for_stor", "rest-stor", RestNotForStor),
    planted("rest_anything", "rest-not-a-number", RestAnything),
    planted("feat_200", "feat", do_FEAT=saying("200 All of them")),
    planted("feat_two_spaces", "feat-form", features=(" SIZE",)),
    planted("feat_names_itself", "feat-not-among-features", features=("FEAT", "SIZE")),
    planted("feat_any_argument", "feat-argument", FeatAnyArgument),
    planted("opts_anything", "opts-unknown-command opts-feat", do_OPTS=saying("200 OK")),
    # replies
    planted("no_separator", "replies-form", do_NOOP=saying("200OK")),
    planted("bare_code", "replies-space-behind-code", do_NOOP=saying("200")),
    planted("second_digit_9", "replies-second-digit", do_NOOP=saying("290 OK")),
    planted("lf_only", "replies-end-in-crlf", LfOnly),
    planted("inner_number", "replies-inner-lines", InnerNumber),
]
