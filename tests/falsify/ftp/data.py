"""FTP servers with one planted bug each: data connections, transfers, SIZE, MDTM, REST and FEAT."""

from __future__ import annotations

from tests.falsify.ftp.planting import answering, planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M
from tests.models.world import Address

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


class PortConnects(M):
    """Connects when PORT comes."""

    def active(self, host, port):
        super().active(host, port)
        self.data.connectable(Address(host, port), self.source())


class EpsvDeaf(M):
    def do_EPSV(self, argument):
        super().do_EPSV(argument)
        self.world.stop(self.data.listening)


class ActiveWants3yz(M):
    def active(self, host, port):
        if self.is_client(host) and not self.is_reserved(port):
            self.say("350 Go on")
        else:
            super().active(host, port)


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

    def transfer(self, sending, keep=None, **how):
        if (self.verb_now, self.way) == self.refused:
            self.data.drop()
            self.say("451 Not like this")
        else:
            super().transfer(sending, keep, **how)
        self.way = ""


class Cut(Way):
    """Loses the end of what goes over one way."""

    def transfer(self, sending, keep=None, **how):
        if (self.verb_now, self.way) == self.refused:
            M.transfer(self, sending and sending[:-1], keep and (lambda octets: keep(octets[:-1])), **how)
        else:
            super().transfer(sending, keep, **how)


WAYS = {"passive": "PASV", "extended-passive": "EPSV", "active": "PORT", "extended-active": "EPRT"}


def ways(verb: str, base: type[Way], *, but: str = "", also: str = "") -> list[Mutant]:
    """A mutant for each way `but` one; `also` is red as well on the one that breaks PASV."""
    return [
        planted(
            f"{base.__name__.lower()}_{verb}_{way}".replace("-", "_"),
            f"{verb.lower()}[{way}] " + (also if command == "PASV" else ""),
            base,
            refused=(verb, command),
        )
        for way, command in WAYS.items()
        if way != but
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
    def announce(self, text):
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
        restart = self.restart
        super().do_RETR(argument)
        if self.path(argument) in self.files and not restart:
            self.files[self.path(argument)] = b"gone"


class SevenBits(M):
    def incoming(self, decoding):
        return bytes(octet & 127 for octet in super().incoming(decoding))


class NoEmptyLines(M):
    def incoming(self, decoding):
        return super().incoming(decoding).replace(b"\n\n", b"\n")


class PretendsAscii(M):
    """Takes TYPE A and sends as if it were TYPE I."""

    def outgoing(self, octets):
        return octets

    def incoming(self, decoding):
        return decoding.content()


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

    def do_STOR(self, argument):
        self.kept = 0
        super().do_STOR(argument)


class RestNotForStor(M):
    def store(self, path, octets, restart):
        super().store(path, octets, 0)


class RestAnything(M):
    def do_REST(self, argument):
        super().do_REST(argument if argument.isdigit() else "0")


class FeatAnyArgument(M):
    def do_FEAT(self, argument):
        super().do_FEAT("")


ALL_WAYS = "|".join(WAYS)

MUTANTS: list[Mutant] = [
    # data connections
    planted("pasv_with_a_colon", "pasv-reply", pasv_reply=saying("227 Come to 127.0.0.1:3000")),
    planted("pasv_deaf", "pasv-listens textbook-session", PasvDeaf),
    planted("pasv_once", "pasv-again", PasvOnce),
    planted("epsv_without_bars", "epsv-reply", epsv_reply=lambda self, port: self.say(f"229 Port {port}")),
    planted("epsv_deaf", "epsv-listens", EpsvDeaf),
    planted("any_family", "epsv-unknown-protocol eprt-unknown-protocol", unknown_family=saying("200 OK")),
    planted("family_without_list", "eprt-522-names-protocols", FamilyWithoutList),
    planted("no_epsv_all", "epsv-all", **rewording("200 EPSV only from now on", "550 No")),
    planted("forgets_epsv_all", "epsv-all-forbids[pasv|port|eprt]", setup_refused=lambda self, verb: False),
    planted("port_wants_3yz", "port-accepted eprt-accepted port-does-not-connect", ActiveWants3yz),
    planted("port_connects", "port-does-not-connect", PortConnects),
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
        "no-data-connection[list|retr]",
        no_data_connection=saying("226 Done"),
    ),
    # transfers
    *ways("LIST", Way, also="textbook-session"),
    *ways("RETR", Way),
    *ways("STOR", Way),
    *ways("RETR", Cut, but="passive"),  # every content is read back that way
    *ways("STOR", Cut, but="passive"),
    planted(
        "transfer_200",
        f"list[{ALL_WAYS}] retr[{ALL_WAYS}] stor[{ALL_WAYS}] nlst textbook-session",
        transferred=saying("200 Done"),
    ),
    planted("hides_directories", "list-names-directory", HidesDirectories),
    planted("lists_no_file", "list-names-file", ListsNoFile),
    planted("lf_listings", "list-lines-end-in-crlf", LfListings),
    planted("lf_listings_in_image", "list-in-image-type", LfListingsInImage),
    planted("lists_on_control", "listing-not-on-control-connection", ListsOnControl),
    planted("lists_on_control_behind", "listing-not-on-control-connection", ListsOnControlBehind),
    planted("no_nlst", "nlst", **answering("NLST", "502 No")),
    planted("long_names", "nlst-names-only", LongNames),
    planted("retr_makes_empty", "retr-missing-file", RetrMakesEmpty),
    planted("retr_spoils", "retr-leaves-file", RetrSpoils),
    planted("seven_bits", "image-unchanged bytes-of-eight-bits", SevenBits),
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
    planted("rest_200", "rest-retr", **rewording("350 Go on with", "200 Go on with")),
    planted("rest_ignored", "rest-retr", RestIgnored),
    planted("rest_stays", "rest-once rest-holds-for-next", RestStays),
    planted("rest_zero_ignored", "rest-zero", RestZeroIgnored),
    planted("rest_not_for_stor", "rest-stor", RestNotForStor),
    planted("rest_anything", "rest-not-a-number", RestAnything),
    planted("feat_200", "feat", do_FEAT=saying("200 All of them")),
    planted("feat_two_spaces", "feat-form", features=(" SIZE",)),
    planted("feat_names_itself", "feat-not-among-features", features=("FEAT", "SIZE")),
    planted("feat_any_argument", "feat-argument", FeatAnyArgument),
    planted("opts_anything", "opts-unknown-command opts-feat", do_OPTS=saying("200 OK")),
]
