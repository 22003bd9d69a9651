"""FTP servers that go wrong where one of their buffers ends, or that keep what they should forget."""

from __future__ import annotations

from dataclasses import replace

from tests.falsify.ftp.planting import planted
from tests.falsify.harness import Mutant
from tests.models.ftp import FtpModel as M


def pieces(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


class BareAtBorders(M):
    """Looks for the octet before a line feed in the same buffer only, and finds that it is the first."""

    size = 4096

    def outgoing(self, octets):
        if not self.coded.is_text:
            return super().outgoing(octets)
        parts = (part[:1] + part[1:].replace(b"\n", b"\r\n") for part in pieces(octets, self.size))
        return self.encoded(b"".join(parts), self.coded)


class KeepsReturns(M):
    """Takes CRLF for a line end only where both are in the same buffer."""

    size = 4096

    def incoming(self, decoding):
        octets = decoding.content()
        if not self.coded.is_text:
            return octets
        return b"".join(part.replace(b"\r\n", b"\n") for part in pieces(octets, self.size))


class SplitsLongCommands(M):
    """Takes what does not fit into its buffer for the next command."""

    size = 4096

    def on_line(self, line):
        for part in pieces(line, self.size) or [b""]:
            super().on_line(part)


class WholePages(M):
    """Takes a file that fills its last buffer for one octet less."""

    size = 4096

    def store(self, path, octets, restart):
        super().store(path, octets[:-1] if octets and len(octets) == self.size else octets, restart)


class SaysItTwice(M):
    def broken(self, error):
        super().broken(error)
        self.say("226 Transfer complete")


class TakesRefusedParameters(M):
    """A parameter that is refused makes TYPE what it is at first."""

    def unsupported(self, verb):
        self.coded = replace(self.coded, type="A")
        super().unsupported(verb)

    def missing(self, verb):
        if verb == "TYPE":
            self.coded = replace(self.coded, type="A")
        super().missing(verb)


class KeepsParameters(M):
    """REIN ends the login and nothing else."""

    def reset(self):
        coded = self.coded
        super().reset()
        self.coded = coded


class KeepsLogin(M):
    """USER and a wrong PASS leave who was logged in as he was."""

    def do_USER(self, argument):
        logged_in = self.logged_in
        super().do_USER(argument)
        self.logged_in = logged_in


class KeepsOldName(M):
    """An RNFR that fails leaves the one before it."""

    old = ""

    def do_RNFR(self, argument):
        self.old = self.renaming
        super().do_RNFR(argument)

    def do_RNTO(self, argument):
        self.renaming = self.renaming or self.old
        super().do_RNTO(argument)


class WrapsAtFourGigabytes(M):
    def do_REST(self, argument):
        super().do_REST(str(int(argument) % 2**32) if argument.isdigit() else argument)


class Decodes(M):
    """Takes some names for others."""

    old = new = ""

    def path(self, argument):
        return super().path(argument.replace(self.old, self.new))


def at_borders(name: str, service: type[M], size: int, *ids: str) -> Mutant:
    broken = frozenset(ids)
    return Mutant(
        f"{name}_{size}", type(f"{service.__name__}{size}", (service,), {"size": size}), broken, broken
    )


MUTANTS = [
    *(
        at_borders("bare_at_borders", BareAtBorders, size, "text-over-buffers")
        for size in (1024, 4096, 8192, 65_536)
    ),
    *(
        at_borders("keeps_returns", KeepsReturns, size, "text-over-buffers")
        for size in (4096, 16_384, 65_536)
    ),
    at_borders("whole_pages", WholePages, 4096, "large-file[page]"),
    at_borders("whole_pages", WholePages, 8192, "large-file[two-pages]"),
    at_borders("splits_long_commands", SplitsLongCommands, 512, "very-long-command-is-one"),
    at_borders("splits_long_commands", SplitsLongCommands, 4096, "very-long-command-is-one"),
    planted("says_it_twice", "broken-download-is-told-once", SaysItTwice),
    planted(
        "takes_refused_parameters",
        "refused-parameter-changes-nothing[type|type-without-argument|type-local|stru|mode]",
        TakesRefusedParameters,
    ),
    planted("rein_keeps_parameters", "rein-resets-parameters", KeepsParameters),
    planted("user_keeps_login", "user-ends-login", KeepsLogin),
    planted("keeps_old_name", "rnto-after-second-rnfr-failed", KeepsOldName),
    planted("wraps_at_four_gigabytes", "rest-does-not-wrap", WrapsAtFourGigabytes),
    planted("brackets_are_patterns", "name[brackets]", Decodes, old="[x]", new="x"),
    planted("decodes_percent_signs", "name[percent-sign]", Decodes, old="%41", new="A"),
]
