"""What messages say: generated lines, attachments, or the mail of a folder. Read or made once, before the run.

A message comes in two parts, so that an identifier can be set between them: up to `Message-ID: <`, and from
`>` on. Line ends are CRLF; nothing is dot-stuffed yet.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from email import policy
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

from plumbline.loadtests.engine.plan import Plan

ORDER = 997  # messages after which the sequence of sizes begins again; prime, so that sessions do not fall in step
LARGEST = 1 << 26  # octets of one message
LARGEST_SUM = 1 << 28  # octets of all different messages together; they are kept in memory

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_IDENTIFIER = re.compile(rb"^message-id[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)


class TextError(Exception):
    """Messages cannot be made as asked for; a sentence for people."""


class Text(NamedTuple):
    """A message without its identifier."""

    before: bytes
    after: bytes

    @property
    def eight_bit(self) -> bool:
        """Whether it needs 8BITMIME (RFC 6152)."""
        return not (self.before.isascii() and self.after.isascii())


def texts(plan: Plan) -> tuple[list[Text], list[int]]:
    """The different messages of a plan, and in which order they are sent, again and again. Raises TextError."""
    if plan.corpus:
        made = corpus(Path(plan.corpus))
        return made, _shuffled(range(len(made)), plan.seed)
    sizes = plan.sizes or ((plan.size, 1.0),)
    made = [_generated(plan, size) for size, _ in sizes]
    if len(made) == 1:
        return made, [0]
    return made, _shuffled(_by_weight([weight for _, weight in sizes]), plan.seed)


def _shuffled(numbers: Sequence[int], seed: int) -> list[int]:
    order = list(numbers)
    random.Random(seed).shuffle(order)
    return order


def _by_weight(weights: Sequence[float]) -> list[int]:
    """ORDER places, shared out by weight as exactly as whole numbers can."""
    total, reached, out = math.fsum(weights), 0.0, list[int]()
    for index, weight in enumerate(weights):
        reached += weight
        out += [index] * (round(reached / total * ORDER) - len(out))
    return out


def lognormal(median: float, sigma: float, kinds: int = 97) -> tuple[tuple[int, float], ...]:
    """Sizes and weights of a log-normal distribution: one size from the middle of each of so many equal shares."""
    shares = [NormalDist().inv_cdf((index + 0.5) / kinds) for index in range(kinds)]
    return tuple((max(2, min(round(median * math.exp(sigma * x)), LARGEST)), 1.0) for x in shares)


def body(size: int) -> bytes:
    """Lines of 80 octets, line end included, `size` octets in all; the last line may be longer by two."""
    line = b"Plumbline load test: a line of text to fill the body, seventy-eight octets long.."
    line = line[:78] + b"\r\n"
    filled = (line * (size // len(line) + 1))[:size]
    return filled if filled.endswith(b"\r\n") else filled[: max(size - 2, 0)].rstrip(b"\r") + b"\r\n"


def _generated(plan: Plan, size: int) -> Text:
    sender, to = plan.sender.encode(), plan.recipients[0].encode()
    before = b"From: <%b>\r\nTo: <%b>\r\nDate: %b\r\nSubject: Plumbline load test\r\n" % (
        sender, to, formatdate().encode(),
    )  # fmt: skip
    if not plan.attachments:
        return Text(before, b"\r\n\r\n" + body(size))
    return Text(before, b"\r\n" + _attached(body(size), plan))


def _attached(text: bytes, plan: Plan) -> bytes:
    """MIME fields and parts: the text, then octets that no compression makes smaller."""
    source = random.Random(plan.seed)
    mail = EmailMessage(policy=policy.SMTP)
    mail.set_content(text.decode().replace("\r\n", "\n"))
    for number, size in enumerate(plan.attachments, 1):
        mail.add_attachment(
            source.randbytes(size), maintype="application", subtype="octet-stream", filename=f"{number}.bin"
        )
    return mail.as_bytes()


# -- a folder of mail ---------------------------------------------------------------------------------


def corpus(folder: Path) -> list[Text]:
    """Every file *.eml below the folder. Raises TextError."""
    found, total = list[Text](), 0
    for file in _files(folder):
        octets = _octets(file)
        total += len(octets)
        if total > LARGEST_SUM:
            raise TextError(f"--corpus {folder}: more than {LARGEST_SUM} octets of mail; take fewer files")
        found.append(_mail(octets, file))
    if not found:
        raise TextError(f"--corpus {folder}: no file *.eml in it or below")
    return found


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise TextError(f"--corpus {folder}: no such folder")
    yield from sorted(file for file in folder.rglob("*.eml") if file.is_file())


def _octets(file: Path) -> bytes:
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise TextError(f"{file}: {error.strerror or error}") from None
    if len(octets) > LARGEST:
        raise TextError(f"{file}: more than {LARGEST} octets")
    return octets


def _mail(octets: bytes, file: Path) -> Text:
    """A stored mail as it is sent: CRLF everywhere, and its Message-ID makes room for ours."""
    if octets.startswith(b"From "):  # an mbox keeps the envelope's sender so
        octets = octets.partition(b"\n")[2]
    mail = _LINE_END.sub(b"\r\n", octets)
    if not _FIELD.match(mail):
        raise TextError(f"{file}: no mail: expected a header field in its first line, got {mail[:40]!r}")
    head, gap, text = mail.partition(b"\r\n\r\n")
    fields = _IDENTIFIER.sub(b"", head.removesuffix(b"\r\n") + b"\r\n")
    return Text(b"", b"\r\n" + fields + (b"\r\n" + text if gap else b"\r\n"))
