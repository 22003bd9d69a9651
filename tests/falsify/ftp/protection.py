"""FTP servers with one planted bug each: TLS on data connections."""

from __future__ import annotations

from tests.falsify.ftp.planting import planted
from tests.falsify.harness import Mutant
from tests.models.ftp import FtpModel as M


class ClearAlways(M):
    """Accepts PROT P and sends in clear."""

    def is_protected(self):
        return False


class TlsForPassive(M):
    """Speaks no TLS on connections that it opened itself."""

    went_out = False

    def active(self, host, port):
        self.went_out = True
        super().active(host, port)

    def do_PASV(self, argument):
        self.went_out = False
        super().do_PASV(argument)

    def do_EPSV(self, argument):
        self.went_out = False
        super().do_EPSV(argument)

    def is_protected(self):
        return super().is_protected() and not self.went_out


class ProtectsAlways(M):
    """After AUTH every data connection is under TLS."""

    def is_protected(self):
        return self.tls


class DecidesAtPasv(M):
    level = False

    def do_PASV(self, argument):
        super().do_PASV(argument)
        self.level = super().is_protected()

    def is_protected(self):
        return self.level


class ListsInClear(M):
    listing_now = False

    def list(self, path, form):
        self.listing_now = True
        super().list(path, form)

    def transferred(self):
        self.listing_now = False
        super().transferred()

    def is_protected(self):
        return super().is_protected() and not self.listing_now


class NamesInClear(M):
    """Does not think of PROT P from the first list of names or facts on."""

    in_clear = False

    def do_NLST(self, argument):
        self.in_clear = True
        super().do_NLST(argument)

    def do_MLSD(self, argument):
        self.in_clear = True
        super().do_MLSD(argument)

    def is_protected(self):
        return super().is_protected() and not self.in_clear


class HandshakeIsNothing(M):
    """Takes whatever comes for a handshake that went well."""

    def __init__(self, world):
        super().__init__(world)
        received = self.data.received

        def anything(data):
            if self.is_protected() and not self.data.secured:
                self.data.handshake()
            received(data)

        self.data.received = anything


class SilentWithoutSession(M):
    """Says nothing where the session was not resumed, as a transfer that never ends."""

    def transferred(self):
        if not self.is_protected():
            super().transferred()

    def broken(self, error):
        pass


class CutsTls(M):
    """Closes TCP and not TLS."""

    def __init__(self, world):
        super().__init__(world)
        self.data.closes_tls = False


class OtherCertificate(M):
    def __init__(self, world):
        super().__init__(world)
        self.data.certificate = "decaf"


class TakesWhatCame(M):
    """An upload that was cut off is as good as any."""

    def __init__(self, world):
        super().__init__(world)
        self.data.truncated = lambda: False


ALL = "private[retr-passive|retr-extended-passive|retr-active|retr-extended-active]"

MUTANTS: list[Mutant] = [
    planted("clear_always", f"{ALL} private-listing", ClearAlways),
    planted("tls_for_passive", "private[retr-active|retr-extended-active]", TlsForPassive),
    planted(
        "protects_always", "clear-at-first clear-again clear-without-prot[rfc2228|rfc4217]", ProtectsAlways
    ),
    planted("decides_at_pasv", "prot-between", DecidesAtPasv),
    planted("lists_in_clear", "private-listing", ListsInClear),
    planted("names_in_clear", "private-names private-facts", NamesInClear),
    planted("cuts_tls", "tls-ends-before-tcp", CutsTls),
    planted("other_certificate", "certificate-of-data-connections", OtherCertificate),
    planted("takes_what_came", "upload-cut-off", TakesWhatCame),
    planted("handshake_is_nothing", "data-handshake-fails", HandshakeIsNothing),
    planted("silent_without_session", "data-session-not-resumed", SilentWithoutSession),
]
