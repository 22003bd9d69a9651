"""SMTP servers that go wrong where one of their buffers ends, or where what was in it should be gone."""

from __future__ import annotations

import re

from tests.falsify.harness import Mutant, mutant, rows
from tests.models.smtp import SmtpModel
from tests.models.smtp_chunking import Chunking
from tests.models.smtp_relay import Relay

M = SmtpModel
_LINE = re.compile(rb"(?s).*?\r\n|.+$")


def pieces(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


class KeepsPeriods(M):
    """Sees no start of a line where a buffer starts."""

    size = 4096

    def unstuff(self, text):
        lines = [(found.start(), found[0]) for found in _LINE.finditer(text)]
        return b"".join(
            line[1:] if line.startswith(b".") and (not at or at % self.size) else line for at, line in lines
        )


class SplitsLineEnds(M):
    """Takes a CR at the end of a buffer and the LF behind it for two line ends."""

    size = 4096

    def unstuff(self, text):
        split = b"".join(part + b"\n" if part.endswith(b"\r") else part for part in pieces(text, self.size))
        return super().unstuff(split)


class DecodesPieces(M):
    """Decodes each buffer by itself."""

    size = 4096

    def unstuff(self, text):
        decoded = [part.decode("utf-8", "replace") for part in pieces(text, self.size)]
        return super().unstuff("".join(decoded).encode())


class ReadsLongLinesInPieces(M):
    """Takes each piece of a long line for a line, as fgets() does."""

    size = 512

    def unstuff(self, text):
        parts = (part for line in _LINE.findall(text) for part in pieces(line, self.size))
        return b"".join(part.removeprefix(b".") for part in parts)


class EndsWithinLines(M):
    """The same where it looks for the end of data."""

    size = 512

    def step_data(self):
        at = 0
        for line in _LINE.findall(self.buffer):
            for part in pieces(line, self.size):
                if part == b".\r\n":
                    text, self.buffer = self.buffer[:at], self.buffer[at + 3 :]
                    self.in_data = False
                    self.accept(text)
                    return True
                at += len(part)
        return False


class LosesOctetsOfChunks(Chunking):
    """Loses the last octet of a chunk that fills a buffer."""

    size = 4096

    def chunk(self, chunk):
        super().chunk(chunk[:-1] if chunk and len(chunk) % self.size == 0 else chunk)


class StuffsByBuffers(Relay):
    """Inserts no period where a buffer starts."""

    def stuffed(self, octets):
        lines = [(found.start(), found[0]) for found in _LINE.finditer(octets)]
        return b"".join(
            b"." + line if line.startswith(b".") and (not at or at % 4096) else line for at, line in lines
        )


class SplitsVeryLongCommands(M):
    """Reads commands into 64 KiB; what does not fit is the next command."""

    def on_line(self, line):
        for part in pieces(line, 60_000) or [b""]:
            super().on_line(part)


class WritesOverTheLastMessage(M):
    """Reads every message into the same buffer, and takes all that is in it."""

    last = b""

    def accept(self, text):
        text += self.last[len(text) :]
        self.last = text
        super().accept(text)


class ForgetsNoRecipients(M):
    """RSET forgets the sender only."""

    def do_RSET(self, argument):
        recipients = self.recipients
        super().do_RSET(argument)
        self.recipients = recipients


class RemembersBinary(Chunking):
    """RSET does not forget BODY=BINARYMIME, which holds until another BODY is said."""

    def body_refused(self, argument):
        binary = self.binary
        refusal = super().body_refused(argument)
        self.binary = self.binary or binary
        return refusal

    def do_RSET(self, argument):
        binary = self.binary
        super().do_RSET(argument)
        self.binary = binary


class TakesAlmostTheEnd(M):
    """Takes what is there of the end of data for all of it when the client leaves."""

    def ended(self):
        if self.in_data and (found := re.search(rb"\r\n(\.\r?)$", self.buffer)):
            self.in_data = False
            self.accept(self.buffer[: found.start(1)])
        super().ended()


class QuitIsLast(Chunking):
    """Takes QUIT for the end of a message in chunks."""

    def do_QUIT(self, argument):
        if self.chunks:
            self.complete(self.chunks)
        super().do_QUIT(argument)


def wrapped(value: str | None, name: str, bits: int) -> str | None:
    """A number as it looks in so many bits."""
    return str(int(value) % 2**bits) if name == "SIZE" and value and value.isdigit() else value


def at_borders(name: str, service: type[M], size: int, *ids: str) -> Mutant:
    broken = frozenset(ids)
    return Mutant(
        f"{name}_{size}", type(f"{service.__name__}{size}", (service,), {"size": size}), broken, broken
    )


MUTANTS = [
    *(
        at_borders("keeps_periods_at", KeepsPeriods, size, "periods-over-buffers")
        for size in (1000, 4096, 65_536)
    ),
    *(
        at_borders("splits_line_ends_at", SplitsLineEnds, size, "periods-over-buffers")
        for size in (1024, 8192, 16_384)
    ),
    *(
        at_borders("decodes_pieces_of", DecodesPieces, size, "8bit-over-buffers")
        for size in (4096, 8192, 32_768)
    ),
    mutant(
        "knows_utf8_only",
        M,
        "8bit-octets",
        unstuff=lambda self, text: M.unstuff(self, text).decode("utf-8", "replace").encode(),
    ),
    *(
        at_borders("reads_pieces_of", ReadsLongLinesInPieces, size, "periods-far-in-a-line")
        for size in (80, 128, 256, 511, 980)
    ),
    *(
        at_borders("ends_within_lines_at", EndsWithinLines, size, "periods-far-in-a-line")
        for size in (80, 255, 512)
    ),
    *(
        at_borders("loses_octets_of_chunks_of", LosesOctetsOfChunks, size, "chunks-of-the-size-of-buffers")
        for size in (1024, 8192, 65_536)
    ),
    mutant("stuffs_by_buffers", StuffsByBuffers, "relay-changes-nothing[text-over-buffers]"),
    *(
        mutant(
            f"size_wraps_at_{bits}",
            M,
            f"size-does-not-wrap[{bits}-bits]",
            value=lambda self, argument, name, bits=bits: wrapped(M.value(self, argument, name), name, bits),
        )
        for bits in (32, 64)
    ),
    mutant("splits_very_long_commands", SplitsVeryLongCommands, "long-line-is-one-command[65536-65526]"),
    mutant("writes_over_the_last_message", WritesOverTheLastMessage, "message-behind-a-longer-one"),
    mutant(
        "empty_lines_at_the_end_lost",
        M,
        "empty-lines-at-the-end",
        unstuff=lambda self, text: M.unstuff(self, text).rstrip() + b"\r\n",
    ),
    mutant(
        "first_line_is_no_line",
        M,
        "period-in-the-first-line",
        unstuff=lambda self, text: text[:1] + M.unstuff(self, b"x" + text[1:])[1:],
    ),
    mutant("forgets_no_recipients", ForgetsNoRecipients, "rset-forgets-recipients"),
    mutant("remembers_binary", RemembersBinary, "binarymime-forgotten-by-rset"),
    mutant(
        "takes_almost_the_end",
        TakesAlmostTheEnd,
        *rows("broken-off[close-behind-the-period|close-between-CR-and-LF]"),
    ),
    mutant("quit_is_last", QuitIsLast, "chunk-cut-off[last-chunk-before-QUIT]"),
    mutant(
        "return_path_without_quotes",
        M,
        "return-path-quoted",
        return_path=lambda self: f"Return-Path: <{self.sender or ''}>\r\n".encode(),
    ),
]
