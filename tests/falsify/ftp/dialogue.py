"""FTP servers with one planted bug each: the replies of a transfer, who opens and closes data connections."""

from __future__ import annotations

import posixpath
import re

from tests.falsify.ftp.data import Way
from tests.falsify.ftp.planting import answering, planted
from tests.falsify.ftp.transfers import LossIsSuccess, NeverCloses
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M
from tests.models.ftpdata import DataConnection, Side

# -- replies


class Downloads(M):
    """Misbehaves where it sends; uploads are as they should be, so that there is a file."""

    uploading = False

    def transfer(self, sending, keep=None, **how):
        self.uploading = keep is not None
        super().transfer(sending, keep, **how)


class AnnouncesNothing(Downloads):
    def announce(self, text):
        if self.uploading:
            super().announce(text)


class AnnouncesTwice(Downloads):
    def announce(self, text):
        super().announce(text)
        if not self.uploading:
            super().announce(text)


class NeverConcludes(M):
    def transferred(self):
        pass

    def broken(self, error):
        pass


class StorNeedsFile(M):
    def do_STOR(self, argument):
        if self.path(argument) in self.files:
            super().do_STOR(argument)
        else:
            self.say("550 No such file")


class StoresNowhere(M):
    """Announces an upload to a directory that does not exist, and never tells what became of it."""

    def do_STOR(self, argument):
        if posixpath.dirname(self.path(argument)) in self.folders:
            super().do_STOR(argument)
        else:
            self.say("150 Send it")


class FirstCommandWaits(M):
    """Greets before it can take input."""

    ready = False

    def on_line(self, line):
        self.lag, self.ready = (0.0 if self.ready else 15.0), True
        super().on_line(line)
        self.lag = 0.0


class NestsReplies(M):
    def do_HELP(self, argument):
        self.lines("214", ["220-Another one", " begins"], "214 End")


class EndsOpen(M):
    """The last line of a reply looks like one before it."""

    def lines(self, code, inner, last):
        super().lines(code, inner, last.replace(" ", "-", 1))


class StaysAfter421(M):
    def wrong_password(self):
        self.say("421 Too many wrong passwords")


# -- connections


class SaysClosing(M):
    """Says 226 in block mode and closes when the next transfer comes."""

    def transferred(self):
        self.say("226 Closing")


class LosesQueue(M):
    """Throws away what was queued when the client closed."""

    def store(self, path, octets, restart):
        super().store(path, octets[:1_000_000], restart)


class PasvForgotten(M):
    """PASV behind PORT is answered and not followed."""

    def do_PASV(self, argument):
        if self.data.aimed is None:
            super().do_PASV(argument)
        else:
            nobody = DataConnection(self.world, self.may_connect, self.is_protected)
            high, low = divmod(self.world.serve(lambda: Side(nobody)), 256)
            self.pasv_reply(f"127,0,0,1,{high},{low}")


class AnnouncesFirst(M):
    """Tries every port, after 150."""

    def is_reserved(self, port):
        return False

    def no_data_connection(self):
        self.say("150 Here it comes")
        self.say("425 Nobody there")


class NothingBehindPasv(Way):
    uploads = True

    def transfer(self, sending, keep=None, **how):
        if self.way == "PASV" and (self.verb_now != "STOR" or self.uploads):
            self.data.drop()
            self.say("425 Only with PORT")
        else:
            super().transfer(sending, keep, **how)


# -- representation, restart


class DropsLineFeeds(M):
    def incoming(self, decoding):
        content = decoding.content()
        return re.sub(rb"(?<!\r)\n", b" ", content).replace(b"\r\n", b"\n") if self.coded.is_text else content


class FirstParameterOnly(M):
    def do_TYPE(self, argument):
        self.set_type(argument.upper()[:1])


class PagesIn150(M):
    def do_STRU(self, argument):
        self.say("150 Wait") if argument == "P" else super().do_STRU(argument)


class WaitsBehindMarker(M):
    """Sends the first half of a file, then waits for an answer to its marker."""

    def transfer(self, sending, keep=None, **how):
        if sending is not None and len(sending) > 100_000 and self.coded.mode == "B":
            self.say("150 Here it comes")
            self.data.line.say(sending[: len(sending) // 2])
        else:
            super().transfer(sending, keep, **how)


class RestStaysForStor(M):
    kept = 0

    def do_RETR(self, argument):
        self.kept = self.restart
        super().do_RETR(argument)

    def do_STOR(self, argument):
        self.restart = self.restart or self.kept
        super().do_STOR(argument)


class RestMoves(M):
    """A command behind REST moves the place."""

    def do_NOOP(self, argument):
        self.restart += 1
        super().do_NOOP(argument)


class RestListedOnly(M):
    def do_RETR(self, argument):
        self.restart = 0
        super().do_RETR(argument)


class AppeRefusedTooLate(M):
    def do_APPE(self, argument):
        if self.type == "A":
            self.files[self.path(argument)] = b""
            self.say("555 Not in this type")
        else:
            super().do_APPE(argument)


class FeatWithoutFeatures(M):
    def do_FEAT(self, argument):
        self.say("500 There are none")


# -- within TLS


class AborNeedsUrgent(M):
    """Loses an ABOR that nothing urgent came with."""

    def do_ABOR(self, argument):
        if not self.data.busy:
            super().do_ABOR(argument)


TABLE = (
    *("CWD", "CDUP", "SMNT", "PORT", "PASV", "MODE", "TYPE", "STRU", "ALLO", "REST", "RETR", "RNFR"),
    *("DELE", "RMD", "MKD", "PWD", "ABOR", "SYST", "STAT", "HELP", "SITE", "NOOP", "QUIT"),
)
READS, ONCE = "RETR|LIST|NLST", "retr-passive|retr-active|list-passive|list-active"

MUTANTS: list[Mutant] = [
    planted(
        "no_hyphen_in_first_line",
        "first-line[HELP|STAT|FEAT]",
        lines=lambda self, code, inner, last: [self.say(line) for line in (f"{code} So:", *inner, last)],
    ),
    planted("digit_of_its_own", "replies-general-rules", do_NOOP=saying("277 OK")),
    planted("nests_replies", "replies-not-nested replies-of-several-lines", NestsReplies),
    planted("invents_code", "replies-with-known-codes[none-invented|those-used]", do_NOOP=saying("242 OK")),
    planted("ends_open", "last-line[HELP|STAT|FEAT]", EndsOpen),
    planted("stays_after_421", "closes-after-421", StaysAfter421),
    *(planted(f"{verb}_279", f"code-of-the-table[{verb}]", **answering(verb, "279 Fine")) for verb in TABLE),
    planted("announces_nothing", f"transfer-is-announced[{READS}]", AnnouncesNothing),
    planted("announces_twice", f"transfer-is-announced-once[{ONCE}]", AnnouncesTwice),
    planted(
        "never_concludes", "announced-transfer-is-concluded[data|none] broken-upload-code", NeverConcludes
    ),
    planted("concludes_with_200", "retr-dialogue", transferred=saying("200 Done")),
    planted("stor_needs_file", "stor-creates", StorNeedsFile),
    planted("says_closing", "closing-is-told", NeverCloses),
    planted("breaking_is_success", "broken-download-code", LossIsSuccess),
    planted("stores_nowhere", "typical-scenario", StoresNowhere),
    planted("first_command_waits", "ready-when-greeted", FirstCommandWaits),
    planted("says_closing_of_blocks", "closing-early-is-at-once", SaysClosing),
    planted("loses_queue", "closed-upload-is-whole", LosesQueue),
    planted("pasv_forgotten", "pasv-behind-port", PasvForgotten),
    planted("nobody_was_needed", "nobody-connects", no_data_connection=saying("226 Done")),
    planted("silent_without_data", "server-to-server", no_data_connection=lambda self: None),
    planted("announces_first", "no-low-port[port|eprt]", AnnouncesFirst),
    planted("port_150_wait", "port-or-not", active=lambda self, host, port: self.say("150 Wait")),
    planted("pasv_five_numbers", "pasv-six-numbers", pasv_reply=saying("227 Come to (127,0,0,1,117)")),
    planted("nothing_sent_behind_pasv", f"passive-download[{READS}]", NothingBehindPasv, uploads=False),
    planted("nothing_behind_pasv", "passive-upload[STOR|APPE]", NothingBehindPasv),
    planted("drops_line_feeds", "bare-line-feed", DropsLineFeeds),
    planted(
        "first_parameter_only",
        "type-second-parameter[image-non-print|ascii-8|local-non-print] type-local-without-size",
        FirstParameterOnly,
    ),
    planted("pages_in_150", "page-structure-not-wanted", PagesIn150),
    planted(
        "marker_without_equals",
        "marker-reply-form[form|printable]",
        marked=lambda self, marker, octets: self.say(f"110 MARK {marker} at {octets}"),
    ),
    planted("waits_behind_marker", "markers-want-no-answer", WaitsBehindMarker),
    planted("rest_stays_for_stor", "rest-not-for-the-upload-behind", RestStaysForStor),
    planted("rest_moves", "command-behind-rest", RestMoves),
    planted("rest_listed_only", "rest-stream-is-true", RestListedOnly),
    planted("appe_refused_too_late", "append-in-another-type", AppeRefusedTooLate),
    planted("feat_without_features", "feat-of-who-knows-it", FeatWithoutFeatures),
    planted("abor_needs_urgent", "abor-within-tls", AborNeedsUrgent),
]
