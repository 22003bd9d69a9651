"""FTP servers with one planted bug each: whose data connection it is, names, restarts, what happens during a transfer."""

from __future__ import annotations

import posixpath

from tests.falsify.ftp.planting import planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M
from tests.models.ftpdata import DataConnection, Side
from tests.models.world import Address

# -- whose data connection


class NamesAnother(M):
    def pasv_reply(self, numbers):
        super().pasv_reply("10,0,0,1," + numbers.split(",", 4)[4])


class LowPort(M):
    def pasv_reply(self, numbers):
        super().pasv_reply(",".join(numbers.split(",")[:4]) + ",3,232")


class WantsConnection(M):
    """Refuses a transfer whose connection is not there yet."""

    def transfer(self, sending, keep=None, **how):
        if self.data.line is None:
            self.data.drop()
            self.say("425 Connect first")
        else:
            super().transfer(sending, keep, **how)


class KeepsFirstPort(M):
    """A second PASV names a port and means the first one."""

    first = 0

    def do_PASV(self, argument):
        if not self.first:
            super().do_PASV(argument)
            self.first = self.data.listening
        else:
            nobody = DataConnection(self.world, self.may_connect, self.is_protected)
            high, low = divmod(self.world.serve(lambda: Side(nobody)), 256)
            self.pasv_reply(f"127,0,0,1,{high},{low}")


class KeepsConnection(M):
    """PASV leaves the old data connection open."""

    def do_PASV(self, argument):
        self.data.line = None
        super().do_PASV(argument)


class PortForgotten(M):
    """PORT behind PASV is answered and not followed."""

    def active(self, host, port):
        if self.data.listening:
            self.say("200 PORT OK")
        else:
            super().active(host, port)


class ComesFromElsewhere(M):
    def source(self):
        return Address("127.0.0.2", 20)


class ThirdSilent(M):
    """Announces active transfers and never ends them."""

    def transferred(self):
        if self.went_out:
            return
        super().transferred()

    went_out = False

    def active(self, host, port):
        self.went_out = True
        super().active(host, port)


class DefaultNowhere(M):
    """Without PASV and PORT says that all went well."""

    def no_data_connection(self):
        self.say("226 Nothing to do")

    def source(self):
        self.data.aimed = self.data.aimed or Address("127.0.0.1", 1)
        return super().source()


class AnybodyMay(M):
    def may_connect(self, client):
        return True


class ClosesEarly(M):
    """Takes what has come by the time of STOR, without waiting for the end."""

    def transfer(self, sending, keep=None, **how):
        super().transfer(sending, keep, **how)
        job = self.data.job
        if job is not None and keep is not None and self.data.line is not None:
            self.world.later(0.5, lambda: self.hurry(job))

    def hurry(self, job):
        if self.data.job is job:
            self.data.eof = True
            self.data.take(job)


class NeverCloses(M):
    """Sends a file and leaves the stream open."""

    def transferred(self):
        super().transferred()

    def do_RETR(self, argument):
        super().do_RETR(argument)

    def __init__(self, world):
        super().__init__(world)
        self.data.drop_line = self.data.drop

        def finish(job):
            line, self.data.line = self.data.line, None if job.sending is not None else self.data.line
            self.data.drop()
            del line
            job.done()

        self.data.finish = finish


class AnnouncesMissing(M):
    def no_file(self):
        self.say("150 Here it comes")
        if self.data.line is not None:
            self.data.line.say(b"no such file")
        self.data.drop()
        self.say("226 Done")


class LossIsSuccess(M):
    def broken(self, error):
        self.transferred()


class LossIsSilence(M):
    def broken(self, error):
        pass


class OnlyBars(M):
    def do_EPRT(self, argument):
        super().do_EPRT(argument if argument.startswith("|") else "nonsense")


class EpsvArguments(M):
    def do_EPSV(self, argument):
        if argument == "1":
            return self.unknown_family()
        return super().do_EPSV("" if argument == "XYZZY" else argument)


class EpsvAllEndsAll(M):
    def do_EPSV(self, argument):
        if self.only_epsv:
            return self.say("503 Not after EPSV ALL")
        return super().do_EPSV(argument)


class EpsvCuts(M):
    """Loses the end of what goes over EPSV and EPRT."""

    extended = False

    def do_EPSV(self, argument):
        self.extended = True
        super().do_EPSV(argument)

    def do_EPRT(self, argument):
        self.extended = True
        super().do_EPRT(argument)

    def do_RETR(self, argument):
        if self.extended:
            self.files[self.path(argument)] = self.files.get(self.path(argument), b"")[:-1]
        super().do_RETR(argument)


# -- listings


class NoMlsd(M):
    def do_MLSD(self, argument):
        self.say("502 No")


class MlsdTab(M):
    def facts(self, name):
        return super().facts(name).replace(" ", "\t", 1)


class MlsdOfAnything(M):
    def do_MLSD(self, argument):
        self.list(self.path(argument), self.facts)


class MlsdFullNames(M):
    def facts(self, name):
        return super().facts(name).partition(" ")[0] + f" {name}"


class ListsItself(M):
    """Lists a directory among its own entries."""

    def names(self, path):
        found = super().names(path)
        return found if found else [path]

    def long_form(self, name):
        return super().long_form(name).replace("d", "-", 1)

    def facts(self, name):
        return f"type=dir; {posixpath.basename(name)}"


class NlstOfHere(M):
    def do_NLST(self, argument):
        super().do_NLST("")


class NlstFolder(M):
    """Names in NLST lead nowhere."""

    def short_form(self, name):
        return f"x/{posixpath.basename(name)}"


class ListsMissing(M):
    def names(self, path):
        found = super().names(path)
        return found if found or path in self.folders else [path]


# -- names


class Renames(M):
    """Takes a name for another one."""

    old, new = "", ""

    def path(self, argument):
        return super().path(argument.replace(self.old, self.new))


class CutAtSpace(M):
    def path(self, argument):
        return super().path(argument.partition(" ")[0])


class StripsSpaces(M):
    """In front everywhere, behind when it stores."""

    def path(self, argument):
        return super().path(argument.lstrip(" "))

    def do_STOR(self, argument):
        super().do_STOR(argument.strip(" "))


class Patterns(M):
    """RETR takes an asterisk for any sign."""

    def do_RETR(self, argument):
        super().do_RETR(argument.replace("plumbx", "plumb*"))


class Normalises(M):
    """Stores under a composed name, and does not find what is asked for under the other."""

    def do_STOR(self, argument):
        super().do_STOR(argument.replace("e\u0301", "\u00e9"))


class StoresElsewhere(M):
    """Stores under a changed name, and looks under the right one."""

    def do_STOR(self, argument):
        super().do_STOR(argument.replace(" ", "_").replace("\u00df", "_"))


class LineEndsInNames(M):
    def shows(self, name):
        return True

    def plain(self, line):
        return line.replace(b"\0", b"")


class KeepsNul(M):
    def plain(self, line):
        return line


class KeepsIac(M):
    def __init__(self, world):
        super().__init__(world)
        feed = self.telnet.feed
        self.telnet.feed = lambda data: feed(data).replace(b"\xff", b"\xff\xff")


# -- during transfers


class AborAlone(M):
    """ABOR answers for itself only."""

    def do_ABOR(self, argument):
        self.say("550 Not now" if self.data.busy else "226 ABOR done")


class AborFirst(M):
    """Tells of the ABOR before it tells of the transfer."""

    def do_ABOR(self, argument):
        busy = self.data.busy
        self.data.drop()
        self.say("226 ABOR done")
        if busy:
            self.say("426 Transfer aborted")


class AborKeepsOpen(M):
    def do_ABOR(self, argument):
        self.data.line, self.data.job = None, None
        self.say("226 ABOR done")


class AborEndsSession(M):
    def do_ABOR(self, argument):
        super().do_ABOR(argument)
        self.line.fin()


class AborLeavesDownload(M):
    def do_ABOR(self, argument):
        if self.data.job is not None and self.data.job.sending is not None:
            self.line.fin()
        else:
            super().do_ABOR(argument)


class StatBreaks(M):
    def do_STAT(self, argument):
        if self.data.busy:
            self.data.came = b""
        super().do_STAT(argument)

    def received(self, data, *, urgent=False):
        if b"STAT" in data and self.data.busy and self.data.decoding is not None:
            self.data.decoding.feed(b"!")
        super().received(data, urgent=urgent)


class BusyIsDeaf(M):
    """Forgets commands that come during a transfer."""

    def on_line(self, line):
        if not self.data.busy:
            super().on_line(line)


class LostControlIsNothing(M):
    def ended(self):
        self.line.fin()


class QuitAtOnce(M):
    def do_QUIT(self, argument):
        self.data.drop()
        self.say("221 Goodbye")
        self.line.fin()


class OneTransfer(M):
    """Serves two transfers a session."""

    count = 0

    def transfer(self, sending, keep=None, **how):
        self.count += 1
        if self.count > 4:
            self.data.drop()
            self.say("451 Enough")
        else:
            super().transfer(sending, keep, **how)


class CutsLarge(M):
    """Loses the end of large files."""

    def store(self, path, octets, restart):
        super().store(path, octets[:-1] if len(octets) > 60_000 else octets, restart)


class OneOctetLost(M):
    def store(self, path, octets, restart):
        super().store(path, octets if len(octets) > 1 else b"", restart)


class CutCrLf(M):
    """Converts line ends in each piece of its own."""

    def received(self, data, *, urgent=False):
        super().received(data, urgent=urgent)

    def incoming(self, decoding):
        return (
            super().incoming(decoding).replace(b"one\n", b"one\r\n")
            if self.pieces
            else super().incoming(decoding)
        )

    @property
    def pieces(self):
        return True


class StouAgain(M):
    def unique(self):
        return "file.0"


class StouSays(M):
    def announce(self, text):
        super().announce(text.replace("FILE: ", "Name "))


class StorRefusedBy200(M):
    def say(self, text):
        super().say(text.replace("553 Name not allowed", "200 Well"))


# -- restarts


class RestTransfers(M):
    """Sends the file when REST comes."""

    def do_REST(self, argument):
        super().do_REST(argument)
        if self.data.line is not None:
            self.data.line.say(b"0123456789"[self.restart :])


class RestLess(M):
    """Begins one octet early."""

    def restarted(self, octets):
        self.restart = max(0, self.restart - 1)
        return super().restarted(octets)


class RestTruncates(M):
    """STOR behind REST forgets what stood before."""

    def store(self, path, octets, restart):
        self.files[path] = b"\0" * restart + octets


class AppeForgetsRest(M):
    def append(self, path, octets):
        self.files[path] = octets


class RestInRange(M):
    def do_REST(self, argument):
        if argument.isdigit() and int(argument) > 90_000 and int(argument) < 100_000:
            self.say("554 Behind the end")
        else:
            super().do_REST(argument)


class RestWraps(M):
    """From behind the end comes the whole file."""

    def restarted(self, octets):
        self.restart = 0 if self.restart > len(octets) else self.restart
        return super().restarted(octets)


class RestOfFile(M):
    """Counts octets of the file in ASCII type."""

    def restarted(self, octets):
        return self.outgoing(octets[self.restart :])


class NoRest(M):
    def do_REST(self, argument):
        self.say("200 Noted")


MUTANTS: list[Mutant] = [
    planted("names_another", "pasv-names-the-server", NamesAnother),
    planted("low_port", "passive-port-is-high", LowPort),
    planted("wants_connection", "pasv-waits", WantsConnection),
    planted("keeps_first_port", "second-pasv-replaces-first", KeepsFirstPort),
    planted("keeps_connection", "pasv-closes-what-was-open", KeepsConnection),
    planted("port_forgotten", "port-replaces-pasv", PortForgotten),
    planted("comes_from_elsewhere", "server-comes-from-its-address", ComesFromElsewhere),
    planted("never_tells", "server-comes-from-the-port-below", ThirdSilent),
    planted("default_nowhere", "default-data-port second-transfer-needs-a-port", DefaultNowhere),
    planted("anybody_may", "port-theft port-theft-upload", AnybodyMay),
    planted("any_address", "bounce[port|eprt]", is_client=lambda self, host: True),
    planted("announces_missing", "refused-file-without-announcement", AnnouncesMissing),
    planted("never_closes", "stream-ends-with-close", NeverCloses),
    planted("closes_early", "close-ends-upload", ClosesEarly),
    planted("loss_is_success", "lost-download", LossIsSuccess),
    planted("loss_is_silence", "lost-download", LossIsSilence),
    planted("only_bars", "eprt-delimiter[exclamation-mark|letter|tilde]", OnlyBars),
    planted("epsv_arguments", "epsv-with-protocol epsv-bad-argument", EpsvArguments),
    planted("epsv_230", "epsv-success", epsv_reply=saying("230 Port 5")),
    planted("epsv_all_ends_all", "epsv-all-goes-on", EpsvAllEndsAll),
    planted("epsv_cuts", "ipv6-passive ipv6-active", EpsvCuts),
    planted("pasv_200", "ipv6-pasv", **rewording("227 Entering", "200 Entering")),
    planted("no_mlsd", "mlsd", NoMlsd),
    planted("mlsd_tab", "mlsd-lines", MlsdTab),
    planted("mlsd_of_anything", "mlsd-of-a-file mlsd-of-nothing", MlsdOfAnything),
    planted("mlsd_full_names", "mlsd-names-are-bare", MlsdFullNames),
    planted("lists_itself", "empty-directory[list|nlst] mlsd-empty-directory", ListsItself),
    planted("nlst_of_here", "nlst-directory", NlstOfHere),
    planted("nlst_folder", "nlst-names-can-be-used", NlstFolder),
    planted("lists_missing", "listing-of-nothing[list|nlst]", ListsMissing),
    planted("cut_at_space", "name[space]", CutAtSpace),
    planted("strips_spaces", "name[space-in-front|space-behind]", StripsSpaces),
    planted("no_quotes", "name[double-quote]", Renames, old='"', new=""),
    planted("no_apostrophes", "name[apostrophe]", Renames, old="'", new=""),
    planted("no_backslashes", "name[backslash]", Renames, old="\\", new=""),
    planted("patterns", "name[asterisk]", Patterns),
    planted("options", "name[hyphen-in-front]", Renames, old="-plumb", new="plumb"),
    planted("ascii_names", "name[utf-8]", Renames, old="\u00e4\u00f6\u00fc\u00df\u20ac\U0001f600", new=""),
    planted("normalises", "name[decomposed]", Normalises),
    planted("stores_elsewhere", "name[space] name-in-listing[space|utf-8]", StoresElsewhere),
    planted("line_ends_in_names", "name-with-line-end", LineEndsInNames),
    planted("keeps_nul", "name-with-carriage-return", KeepsNul),
    planted("keeps_iac", "name-with-octet-255", KeepsIac),
    planted("abor_alone", "abor-upload abor-synch", AborAlone),
    planted("abor_first", "abor-upload abor-synch", AborFirst),
    planted("abor_keeps_open", "abor-closes-upload abor-closes-idle-connection", AborKeepsOpen),
    planted("abor_ends_session", "abor-upload abor-synch abor-download", AborEndsSession),
    planted("abor_leaves_download", "abor-download", AborLeavesDownload),
    planted("stat_breaks", "stat-during-transfer", StatBreaks),
    planted("busy_is_deaf", "commands-are-accepted", BusyIsDeaf),
    planted("lost_control_is_nothing", "control-lost", LostControlIsNothing),
    planted("quit_at_once", "quit-during-transfer", QuitAtOnce),
    planted("enough_after_four", "several-transfers", OneTransfer),
    planted("cuts_large", "large-file[segment|1M|10M] large-text[segment|1M|10M] private-large", CutsLarge),
    planted("one_octet_lost", "large-file[one-octet]", OneOctetLost),
    planted(
        "never_empty",
        "large-file[empty] large-text[empty]",
        store=lambda s, p, o, r: M.store(s, p, o or b"x", r),
    ),
    planted("cut_crlf", "text-across-segments", CutCrLf),
    planted("stou_again", "stou", StouAgain),
    planted("stou_says", "stou-names-file", StouSays),
    planted("stor_refused_by_200", "stor-refused", StorRefusedBy200),
    planted("rest_transfers", "rest-transfers-nothing", RestTransfers),
    planted("rest_less", "rest-at-the-end rest-in-ascii-type broken-download-is-completed", RestLess),
    planted("rest_truncates", "rest-in-the-middle-of-an-upload broken-upload-is-completed", RestTruncates),
    planted("appe_forgets_rest", "appe-after-rest", AppeForgetsRest),
    planted("rest_in_range", "rest-out-of-range", RestInRange),
    planted("rest_wraps", "rest-out-of-range-transfers-nothing", RestWraps),
    planted("rest_of_file", "rest-in-ascii-type", RestOfFile),
    planted("no_rest", "rest-accepted", NoRest),
]
