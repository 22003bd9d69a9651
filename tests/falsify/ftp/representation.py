"""FTP servers with one planted bug each: types, structures, modes, and what a listing makes of them."""

from __future__ import annotations

from dataclasses import replace

from plumbline.probes.protocols import modes
from plumbline.probes.protocols.parameters import Parameters

from tests.falsify.ftp.planting import planted, rewording
from tests.falsify.harness import Mutant, saying
from tests.models.ftp import FtpModel as M

FRP, SBC = "FRP", "SBC"
TEXT = ("A-N", "A-T", "A-C", "E-N", "E-T", "E-C")
OCTETS = ("I", "L-8")


def rows(types: tuple[str, ...], structures: str = FRP, kinds: str = SBC) -> str:
    return "|".join(
        f"{one}-{structure}-{mode}" for one in types for structure in structures for mode in kinds
    )


class Coded(M):
    """Codes what it sends in a way of its own."""

    def coding(self, coded: Parameters) -> Parameters:
        return coded

    def encoded(self, content, coded):
        return super().encoded(content, self.coding(coded))


class EndsCut(M):
    """Loses the last two octets of every upload."""

    def store(self, path, octets, restart):
        super().store(path, octets[:-2], restart)


class PagesAsFiles(Coded):
    def coding(self, coded):
        return replace(coded, structure="F") if coded.structure == "P" else coded


class NoRecordMarks(Coded):
    def coding(self, coded):
        return replace(coded, structure="F") if coded.structure == "R" else coded


class StreamAlways(Coded):
    """Accepts MODE and sends a stream all the same."""

    def coding(self, coded):
        return replace(coded, mode="S")


class NoBlockEnd(M):
    """Never sets bit 64."""

    def encoded(self, content, coded):
        octets = super().encoded(content, coded)
        return octets.replace(b"\x40", b"\x00", 1) if coded.mode == "B" else octets


class Taking(M):
    """Understands uploads in a way of its own."""

    def reading(self, units: list[modes.Unit]) -> list[modes.Unit]:
        return units

    def incoming(self, decoding):
        decoder = decoding._decoder
        decoder.units = self.reading(decoder.units)
        return super().incoming(decoding)


class DropsSuspects(Taking):
    def reading(self, units):
        return [one for one in units if not one.suspect]


class OneRecord(Taking):
    def reading(self, units):
        return [replace(one, eor=False) for one in units]


class DropsLastBlock(Taking):
    def reading(self, units):
        return [replace(one, data=b"") if one.eof and self.coded.mode != "S" else one for one in units]


class FirstBlockOnly(Taking):
    def reading(self, units):
        return units[:1] if self.coded.mode == "B" else units


class ZeroFillers(M):
    """Fills text with zeros."""

    def incoming(self, decoding):
        octets = super().incoming(decoding)
        return octets.replace(b"   ", b"\0\0\0") if self.coded.mode == "C" and self.coded.is_text else octets


class SpaceFillers(M):
    def incoming(self, decoding):
        octets = super().incoming(decoding)
        return (
            octets.replace(b"\0\0\0", b"   ") if self.coded.mode == "C" and not self.coded.is_text else octets
        )


class KeepsDoubled(M):
    def incoming(self, decoding):
        octets = super().incoming(decoding)
        return octets.replace(b"\xff", b"\xff\xff") if self.coded.structure == "R" else octets


class FillsNothing(M):
    def incoming(self, decoding):
        return super().incoming(decoding) or b"\n"


class SwallowsPages(M):
    def broken(self, error):
        self.transferred()


class WaitsForClose(M):
    """Ends an upload in block mode only when the client closes."""

    def transferred(self):
        if self.data.eof or self.coded.mode == "S" or self.data.line is None:
            super().transferred()


class ForgetsConnection(M):
    """Says 250 and has closed."""

    def transferred(self):
        line = self.data.line
        super().transferred()
        if line is not None:
            self.data.drop()


class MarksBadly(M):
    def marked(self, marker, octets):
        self.say(f"110 MARK {octets} = {marker}x")


class MarksOff(M):
    def marked(self, marker, octets):
        self.say(f"110 MARK {marker} = {octets + 1}")


class RestInFile(M):
    """Takes a restart in block mode for the beginning."""

    def do_STOR(self, argument):
        self.restart = 0 if self.coded.mode == "B" else self.restart
        super().do_STOR(argument)


class ImageAtFirst(M):
    def greet(self):
        self.coded = replace(self.coded, type="I")
        super().greet()


class ForgetsType(M):
    """A transfer ends the TYPE."""

    def transferred(self):
        super().transferred()
        self.coded = replace(self.coded, type="A")


class NoopForgetsType(M):
    def do_NOOP(self, argument):
        self.coded = replace(self.coded, type="A")
        super().do_NOOP(argument)


class ListingForgetsType(M):
    def list(self, path, form):
        super().list(path, form)
        self.coded = replace(self.coded, type="A")


class MlsdForgetsType(M):
    def do_MLSD(self, argument):
        super().do_MLSD(argument)
        self.coded = replace(self.coded, type="I")


class KeepsCrLf(M):
    """Stores text as it comes, and sends it so."""

    def incoming(self, decoding):
        return decoding.content()

    def outgoing(self, octets):
        return self.encoded(octets, self.coded)


class SevenBitText(M):
    def incoming(self, decoding):
        octets = super().incoming(decoding)
        return bytes(octet & 127 for octet in octets) if self.coded.type == "A" else octets


class LocalIsText(M):
    def set_type(self, kind, form="N"):
        super().set_type("A" if kind == "L" else kind, form)


class AppeInImage(M):
    """Appends in a way that depends on nothing but the last upload."""

    def append(self, path, octets):
        super().append(path, octets[:-1])


class LfListings(M):
    """Ends lines with LF under some TYPE."""

    kind = ""

    def listing(self, lines):
        octets = super().listing(lines)
        return octets.replace(b"\r\n", b"\n") if self.type == self.kind else octets


class LfEbcdicListings(M):
    def listed_as(self):
        return replace(super().listed_as(), type="A")


class PlainListings(M):
    def listed_as(self):
        return replace(super().listed_as(), mode="S")


EVERY = f"round-trip-text[{rows(TEXT)}] round-trip-octets[{rows(OCTETS)}]"

MUTANTS: list[Mutant] = [
    planted("ends_cut", f"{EVERY} local-8-is-image", EndsCut),
    planted(
        "pages_as_files",
        f"round-trip-text[{rows(TEXT, 'P')}] round-trip-octets[{rows(OCTETS, 'P')}] upload[pages]",
        PagesAsFiles,
    ),
    planted("no_record_marks", f"round-trip-text[{rows(TEXT, 'R', 'S')}] download[records]", NoRecordMarks),
    planted("stream_always", "download[blocks|compressed|records-in-blocks] upload[blocks]", StreamAlways),
    planted("no_block_end", "download[blocks]", NoBlockEnd),
    planted("drops_suspects", "upload[suspect-block]", DropsSuspects),
    planted(
        "one_record",
        "upload[records-in-stream|records-end-apart|records-in-blocks] records-become-lines[lines|useful]",
        OneRecord,
    ),
    planted("drops_last_block", "upload[end-with-data]", DropsLastBlock),
    planted("first_block_only", "upload[blocks|end-with-data]", FirstBlockOnly),
    planted("zero_fillers", "upload[filler-of-text]", ZeroFillers),
    planted("space_fillers", "upload[filler-of-image]", SpaceFillers),
    planted("keeps_doubled", "upload[doubled-255]", KeepsDoubled),
    planted("fills_nothing", "upload[no-records] large-text[empty]", FillsNothing),
    planted("swallows_pages", "page-of-unknown-type", SwallowsPages),
    planted("compressed_cut", "upload[compressed]", DropsLastBlock),
    planted("waits_for_close", "block-end-without-close", WaitsForClose),
    planted("forgets_connection", "block-connection-stays", ForgetsConnection),
    planted("marks_badly", "markers-are-answered[block|compressed]", MarksBadly),
    planted("marks_off", "restart-at-marker", MarksOff),
    planted("rest_in_file", "restart-at-marker", RestInFile),
    planted("image_at_first", "defaults default-parameters", ImageAtFirst),
    planted("forgets_type", "type-holds[transfers]", ForgetsType),
    planted("noop_forgets_type", "type-holds[transfers]", NoopForgetsType),
    planted("listing_forgets_type", "type-holds[listing|names]", ListingForgetsType),
    planted("mlsd_forgets_type", "mlsd-leaves-parameters", MlsdForgetsType),
    planted("keeps_crlf", "ascii-stored-as-native", KeepsCrLf),
    planted("seven_bit_text", "ascii-octets-above-127", SevenBitText),
    planted("local_is_text", "local-8-is-image", LocalIsText),
    planted("appends_less", "append-octets[A-S|A-B|A-C|I-S|I-B|I-C|L-8-S|L-8-B|L-8-C]", AppeInImage),
    planted(
        "no_print_files",
        "type-print-format type-optional[telnet|carriage-control|ebcdic|local-36] stru-page-optional stru-record",
        unsupported=saying("550 No"),
        do_TYPE=lambda self, argument: M.do_TYPE(
            self, argument if argument[:2] in ("A", "I", "L 8") else "Q"
        ),
        do_STRU=lambda self, argument: M.do_STRU(self, argument if argument == "F" else "Q"),
    ),
    planted("lf_ascii", "listing[list-ascii-stream|nlst-ascii-stream]", LfListings, kind="A"),
    planted("lf_image", "listing[nlst-image-stream]", LfListings, kind="I"),
    planted("lf_local", "listing[list-local-stream|nlst-local-stream]", LfListings, kind="L"),
    planted("ascii_listing_in_ebcdic", "listing[list-ebcdic-stream]", LfEbcdicListings),
    planted(
        "plain_listings",
        "listing[list-image-block|list-image-compressed|nlst-image-block|nlst-image-compressed]",
        PlainListings,
    ),
    planted("mode_refused_late", "markers-are-answered[block]", **rewording("110 MARK", "111 MARK")),
]
