"""SMTP servers with one planted bug each in CHUNKING or BINARYMIME (RFC 3030)."""

from __future__ import annotations

from tests.falsify.harness import mutant, rows
from tests.models.smtp_chunking import Chunking

M = Chunking


class ObeysRefusedChunks(M):
    """Answers BDAT at once where it is out of place, and reads the chunk as commands. A subclass says where."""

    place = "greeting"
    where = ""

    def do_BDAT(self, argument):
        super().do_BDAT(argument)
        if self.refusal and self.where in ("", self.state()):
            self.say(self.refusal)
            self.awaited = None

    def state(self):
        return "mail" if self.sender is not None else self.place

    def do_EHLO(self, argument):
        super().do_EHLO(argument)
        self.place = "ehlo"

    def accept(self, text):
        super().accept(text)
        self.place = "sent"


class AnswersTooEarly(M):
    def step_chunk(self):
        if self.buffer and len(self.buffer) < self.awaited:
            self.say("250 OK: that will do")
            self.buffer, self.awaited = b"", None
            return False
        return super().step_chunk()


class OneSegmentOneChunk(M):
    """Takes what came in the segment of the command for the whole chunk."""

    def received(self, data, *, urgent=False):
        super().received(data, urgent=urgent)
        if self.awaited and len(data) == 1:
            self.line.rst()


class LosesGreetings(M):
    """Takes a mail that says hello, and loses it; other mail arrives."""

    def deliver(self, mail):
        if b"\r\nhello" not in mail:
            super().deliver(mail)


class NoEmptyLast(M):
    def do_BDAT(self, argument):
        if argument == "0 LAST" and self.chunks:
            self.say("501 no octets?")
        else:
            super().do_BDAT(argument)


class NoData(M):
    def data_accepted(self):
        self.say("502 BDAT, please")


class TakesChunksAfterLast(M):
    done = False

    def complete(self, text):
        super().complete(text)
        self.done = True

    def chunk_refused(self):
        return "" if self.done else super().chunk_refused()


class MixesDataAndChunks(M):
    def do_DATA(self, argument):
        self.chunked = False
        super().do_DATA(argument)


class SkipsRepliesInARow(M):
    """Answers a refused chunk once, and those behind it not at all."""

    def step_chunk(self):
        if self.refusal:
            self.refusals = getattr(self, "refusals", 0) + 1
            if self.refusals > 1:
                self.buffer, self.awaited = self.buffer[self.awaited :], None
                return True
        return super().step_chunk()


class RsetKeepsChunks(M):
    def do_RSET(self, argument):
        kept = self.chunks
        super().do_RSET(argument)
        self.chunks = kept


class RsetKeepsChunkedState(M):
    def do_RSET(self, argument):
        kept = self.chunked
        super().do_RSET(argument)
        self.chunked = kept


class StaysRefused(M):
    stuck = ""

    def chunk_refused(self):
        self.stuck = super().chunk_refused() or self.stuck
        return self.stuck


class NoDataAfterChunks(M):
    used = False

    def complete(self, text):
        super().complete(text)
        self.used = True

    def do_DATA(self, argument):
        if self.used:
            self.say("503 you began with BDAT")
        else:
            super().do_DATA(argument)


class Unstuffs(M):
    def complete(self, text):
        super().complete(self.unstuff(text))


class EndsAtPeriod(M):
    def complete(self, text):
        super().complete(text.partition(b"\r\n.\r\n")[0] + b"\r\n")


class EatsLineBehindChunk(M):
    """Reads on to the next CRLF behind a chunk."""

    def step_chunk(self):
        size = self.awaited
        done = super().step_chunk()
        if done and size and self.buffer:
            self.buffer = self.buffer.partition(b"\r\n")[2]
        return done


class EndsChunksWithCrlf(M):
    """Takes each chunk for lines."""

    def chunk(self, chunk):
        super().chunk(chunk if chunk.endswith(b"\r\n") or not chunk else chunk + b"\r\n")


class LosesLooseEnd(M):
    def complete(self, text):
        super().complete(text if text.endswith(b"\r\n") else text.rpartition(b"\r\n")[0] + b"\r\n")


class LooseSize(M):
    """Takes a size as C's strtol does. `size` is the one that it should refuse."""

    size = ""

    def do_BDAT(self, argument):
        if argument == self.size:
            self.say("250 OK: 0 octets")
        else:
            super().do_BDAT(argument)


class Overflows(M):
    bits = 32

    def do_BDAT(self, argument):
        super().do_BDAT(argument)
        if self.awaited and self.awaited >= 2**self.bits:
            self.awaited %= 2**self.bits


class DiesOfEmptyChunks(M):
    def do_BDAT(self, argument):
        super().do_BDAT(argument)
        self.dying = argument == "0"

    def do_RSET(self, argument):
        if getattr(self, "dying", False):
            self.line.rst()
        else:
            super().do_RSET(argument)


class ObeysOctets(M):
    def on_line(self, line):
        if line.startswith(b"\0"):
            self.say("250 if you say so")
        else:
            super().on_line(line)


class DeliversOnClose(M):
    def ended(self):
        if self.chunks:
            self.deliver(self.chunks + self.buffer)
        super().ended()


class DeliversOnShortChunk(M):
    def ended(self):
        if self.chunks and self.awaited and self.last:
            self.deliver(self.chunks + self.buffer)
        super().ended()


class NoBinary(M):
    def body_refused(self, argument):
        return "501 no" if "BINARYMIME" in argument.upper() else super().body_refused(argument)


class NoSmallBinary(M):
    def body_refused(self, argument):
        return "501 no" if "binarymime" in argument else super().body_refused(argument)


class BinaryWithData(M):
    def do_DATA(self, argument):
        self.binary = False
        super().do_DATA(argument)


class ReadsContent(M):
    def complete(self, text):
        if b"Transfer-Encoding: binary" in text and not self.binary:
            self.line.rst()
        else:
            super().complete(text)


class MendsLineEnds(M):
    def deliver(self, mail):
        super().deliver(mail.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n"))


def keywords(*words: str) -> dict[str, tuple[str, ...]]:
    return {"keywords": words}


SIZES = {
    "nothing": "",
    "letters": "zz",
    "letters-LAST": "zz LAST",
    "LAST": "LAST",
    "negative": "-1",
    "hexadecimal": "0x10",
    "fraction": "1.5",
}
PLAIN = ("PIPELINING", "SIZE 10000000", "8BITMIME")

MUTANTS = [
    mutant("chunking_parameter", M, "chunking-keyword", **keywords(*PLAIN, "CHUNKING yes")),
    mutant("binarymime_parameter", M, "binarymime-keyword", **keywords(*PLAIN, "CHUNKING", "BINARYMIME yes")),
    mutant("binarymime_alone", M, "binarymime-with-chunking", **keywords(*PLAIN, "BINARYMIME")),
    mutant("loses_chunks", LosesGreetings, "one-chunk"),
    mutant("chunk_251", M, "each-chunk", chunk=lambda self, _chunk: self.say("251 will do")),
    mutant("answers_chunks_too_early", AnswersTooEarly, "chunk-answered-when-whole"),
    mutant("one_segment_one_chunk", OneSegmentOneChunk, "chunk-in-pieces"),
    mutant("no_empty_last_chunk", NoEmptyLast, "empty-last-chunk"),
    mutant("no_data_beside_chunking", NoData, "data-beside-chunking"),
    mutant("takes_chunks_after_last", TakesChunksAfterLast, "chunk-behind-last"),
    mutant("mixes_data_and_chunks", MixesDataAndChunks, "data-behind-chunk"),
    *(
        mutant(
            f"obeys_chunks_in_{where}",
            ObeysRefusedChunks,
            f"refused-chunk-is-swallowed[{where}]",
            where=where,
        )
        for where in ("ehlo", "mail", "sent")
    ),
    mutant("skips_replies_to_chunks", SkipsRepliesInARow, "refused-chunks-in-a-row"),
    mutant("rset_keeps_chunks", RsetKeepsChunks, "rset-drops-chunks"),
    mutant("rset_keeps_chunked_state", RsetKeepsChunkedState, "rset-clears-chunks"),
    mutant("stays_refused", StaysRefused, "rset-behind-refused-chunk"),
    mutant("no_data_after_chunks", NoDataAfterChunks, "chunks-then-data"),
    mutant("unstuffs_chunks", Unstuffs, "periods-in-chunks"),
    mutant("ends_chunks_at_period", EndsAtPeriod, "periods-in-chunks"),
    mutant("eats_line_behind_chunk", EatsLineBehindChunk, "command-behind-chunk", "chunks-in-a-row"),
    mutant("ends_chunks_with_crlf", EndsChunksWithCrlf, "borders-of-chunks"),
    mutant("loses_loose_end", LosesLooseEnd, "no-line-end-at-the-end"),
    *(
        mutant(f"chunk_size_{name}", LooseSize, f"chunk-size-missing[{name}]", size=size)
        for name, size in SIZES.items()
    ),
    mutant(
        "chunk_words",
        M,
        *rows("chunk-words[FIRST|LAST-NOW]"),
        are_words=lambda _self, _words: True,
    ),
    mutant(
        "last_has_case", M, "last-in-small-letters", are_words=lambda _self, words: words in ([], ["LAST"])
    ),
    mutant("counts_to_32_bits", Overflows, "huge-chunk-size[32-bit]"),
    mutant("counts_to_64_bits", Overflows, "huge-chunk-size[64-bit]", bits=64),
    mutant("counts_to_100_bits", LooseSize, "huge-chunk-size[100-bit]", size="1" + "0" * 30),
    mutant("dies_of_empty_chunks", DiesOfEmptyChunks, "empty-chunk"),
    mutant("obeys_octets", ObeysOctets, "rest-of-a-chunk"),
    mutant("delivers_on_close", DeliversOnClose, "chunk-cut-off[last-chunk]"),
    mutant("delivers_on_short_chunk", DeliversOnShortChunk, "chunk-cut-off[end]"),
    mutant("no_binary", NoBinary, "body-binarymime[BINARYMIME]"),
    mutant("no_small_binary", NoSmallBinary, "body-binarymime[binarymime]"),
    mutant("binary_with_data", BinaryWithData, "binarymime-not-with-data"),
    mutant("reads_content", ReadsContent, "binary-without-body"),
    mutant("mends_line_ends", MendsLineEnds, "binary-octets"),
]
