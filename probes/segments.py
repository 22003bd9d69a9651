"""The ways in which `--segments` cuts what we send. Read by every pytest run: imports next to nothing."""

from __future__ import annotations

import argparse

WAYS = ("octets", "lines", "cr-lf", "whole")
ABOUT = {
    "octets": "one octet per segment",
    "lines": "one line per segment",
    "cr-lf": "cut between CR and LF",
    "whole": "each step in one segment",
}


def asked(text: str) -> str:
    """The option's value, if it is one; for argparse. Raises ArgumentTypeError."""
    wrong = [way for way in text.split(",") if way not in (*WAYS, "all")] if text else []
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(WAYS)}, all")
    return text


def ways(text: str) -> tuple[str, ...]:
    """The cuts that `--segments` asks for: names joined by commas, or all."""
    named = text.split(",") if text else []
    return WAYS if "all" in named else tuple(dict.fromkeys(named))
