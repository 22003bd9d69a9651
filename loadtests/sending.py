"""What the options say about messages and where they come from, as a plan wants it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plumbline.loadtests.engine.texts import LARGEST, LARGEST_SUM, TextError, corpus, lognormal

MOST_SOURCES = 65_536
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}
_EXCLUSIVE = {"sizes": "--sizes", "size_lognormal": "--size-lognormal", "corpus": "--corpus"}


def sending(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plan that say what is sent, and from where. Raises TextError."""
    given = [flag for name, flag in _EXCLUSIVE.items() if options[name]]
    if len(given) > 1:
        raise TextError(f"{' and '.join(given)}: give one of them")
    attachments = tuple(octets(text, "--attachment") for text in options["attachment"] or ())
    if options["corpus"]:
        if attachments:
            raise TextError("--attachment goes with generated messages, not with --corpus")
        corpus(Path(options["corpus"]))
    sizes = _sizes(options)
    if sum(size for size, _ in sizes) + len(sizes) * sum(attachments) > LARGEST_SUM:
        raise TextError(
            f"the messages have more than {LARGEST_SUM} octets together; ask for fewer or smaller ones"
        )
    return {
        "size": options["size"],
        "sizes": sizes,
        "attachments": attachments,
        "corpus": options["corpus"] or "",
        "sources": tuple(sources(options["bind"] or ())),
    }


def _sizes(options: Mapping[str, Any]) -> tuple[tuple[int, float], ...]:
    if options["size_lognormal"]:
        return _lognormal(options["size_lognormal"])
    return histogram(Path(options["sizes"])) if options["sizes"] else ()


def octets(text: str, where: str) -> int:
    """`20000`, `20k` or `1.5m`. Raises TextError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([km]?)", text.strip().lower())
    size = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if not 2 <= size <= LARGEST:
        raise TextError(
            f"{where}: {text!r} is no size from 2 to {LARGEST} octets, such as 20000, 20k or 1.5m"
        )
    return size


def _lognormal(text: str) -> tuple[tuple[int, float], ...]:
    median, _, sigma = text.partition(":")
    if not re.fullmatch(r"\d+(\.\d+)?", sigma) or not 0 < float(sigma) <= 4:
        raise TextError(f"--size-lognormal: {text!r} is not MEDIAN:SIGMA, such as 8k:1.5 (SIGMA at most 4)")
    return lognormal(octets(median, "--size-lognormal"), float(sigma))


def histogram(file: Path) -> tuple[tuple[int, float], ...]:
    """Lines of SIZE and how often it occurs; # begins a comment. Raises TextError."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"--sizes {file}: {getattr(error, 'strerror', None) or 'no text'}") from None
    found = [
        _bar(words, f"{file}:{number}")
        for number, line in enumerate(lines, 1)
        if (words := line.partition("#")[0].split())
    ]
    if not found:
        raise TextError(f"--sizes {file}: no line with a size")
    return tuple(found)


def _bar(words: list[str], where: str) -> tuple[int, float]:
    if len(words) != 2 or not re.fullmatch(r"\d+(\.\d+)?", words[1]) or not float(words[1]):
        raise TextError(f"{where}: {' '.join(words)!r} is not SIZE and how often, such as 4096 20")
    return octets(words[0], where), float(words[1])


def sources(words: Iterable[str]) -> list[str]:
    """Addresses to connect from; a network stands for all of its hosts. Raises TextError."""
    found = list[str]()
    for word in words:
        try:
            network = ipaddress.ip_network(word, strict=False)
        except ValueError as error:
            raise TextError(f"--bind: {error}") from None
        if len(found) + network.num_addresses > MOST_SOURCES:
            raise TextError(f"--bind {word}: more than {MOST_SOURCES} addresses")
        found += [str(address) for address in network.hosts()]
    if len({ipaddress.ip_address(address).version for address in found}) > 1:
        raise TextError("--bind: all addresses must be of one kind, IPv4 or IPv6")
    return found
