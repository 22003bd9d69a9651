"""Variables and functions in the text of a step: `{recipient}`, `{recipient.local}`, `{repeat a 500}`.

A brace that does not begin such an expression stands for itself, so IMAP literals (`{5}`, `{5+}`) and
JSON need no escaping; `{{` is a literal `{` where it would otherwise begin one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping

from . import clock, sasl
from .types import Duration

_EXPRESSION = re.compile(r"\{\{|\{([a-z_][a-z0-9_.]*)((?: [^{}]*)?)\}")

_MOST_REPEATED = 16_000_000

# Variables that are always there, besides the facts of the profile.
BUILTINS = clock.NAMES | frozenset(
    {
        "client",  # domain name we greet with
        "hello",  # the command we greet with: EHLO, in LMTP LHLO
        "sender",  # reverse-path of our mails
        "marker",  # unique text of this attempt
        "host",  # address of the target as we connect to it
        "port",
        "host_commas",  # the same as the first four numbers of PORT
        "local_host",  # our own end of the main connection
        "local_port",
        "local_host_commas",  # the same as the first four numbers of PORT
        "default_data_port",  # FTP: the port before the target's (RFC 959, 3.2)
    }
)
# Set where a step has opened a data connection: the address that was listened on, by us or by the server.
OF_DATA = frozenset({"data_host", "data_port", "data_port_argument", "data_eprt_argument"})


class UnknownVariable(Exception):
    """A template names a variable that nothing has set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"nothing has set the variable {{{name}}}")
        self.name = name


def _repeat(argument: str) -> str:
    text, _, times = argument.rpartition(" ")
    if not text or not times.isdecimal() or len(text) * int(times) > _MOST_REPEATED:
        raise ValueError(f"not {{repeat TEXT TIMES}} of at most {_MOST_REPEATED} characters: {argument!r}")
    return text * int(times)


def _base64(argument: str) -> str:
    octets = argument.replace("\\0", "\0").encode("utf-8", "surrogateescape")
    return base64.b64encode(octets).decode("ascii")


def _words(argument: str, usage: str) -> list[str]:
    """The words of an argument; the last one, a password, may have blanks in it."""
    words = argument.split(" ", usage.count(" "))
    if len(words) != usage.count(" ") + 1 or not all(words):
        raise ValueError(f"this function takes {usage}; found {argument!r}")
    return words


def _cram_md5(argument: str) -> str:
    challenge, user, password = _words(argument, "CHALLENGE USER PASSWORD")
    return sasl.cram_md5(challenge, user, password)


def _scram_first(argument: str) -> str:
    nonce, user = _words(argument, "NONCE USER")
    return sasl.scram_first(user, nonce)


def _scram_final(argument: str) -> str:
    name, challenge, nonce, user, password = _words(argument, "HASH CHALLENGE NONCE USER PASSWORD")
    if name not in ("sha1", "sha256"):
        raise ValueError(f"SCRAM's hash is sha1 or sha256, not {name!r}")
    return sasl.scram_final(name, challenge, nonce, user, password)


_FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "repeat": _repeat,  # {repeat a 500}
    "base64": _base64,  # {base64 \0alice\0secret}; $name inside stands for a variable
    "upper": str.upper,
    "lower": str.lower,
    "cram_md5": _cram_md5,  # {cram_md5 $challenge $user $password}
    "scram_first": _scram_first,  # {scram_first $marker $user}
    "scram_final": _scram_final,  # {scram_final sha256 $challenge $marker $user $password}
}
FUNCTIONS = frozenset(_FUNCTIONS)
_INNER = re.compile(r"\$([a-z_][a-z0-9_.]*)")


def names(text: str) -> set[str]:
    """The variables that a template uses."""
    found: set[str] = set()
    for match in _EXPRESSION.finditer(text):
        if match[1] is None:
            continue
        if match[2]:
            found |= set(_INNER.findall(match[2]))
        else:
            found.add(match[1])
    return found


def functions(text: str) -> set[str]:
    """The functions that a template uses."""
    return {match[1] for match in _EXPRESSION.finditer(text) if match[1] is not None and match[2]}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """The text with every expression replaced. Raises UnknownVariable, ValueError, sasl.BadChallenge."""

    def value(name: str) -> str:
        try:
            return variables[name]
        except KeyError:
            raise UnknownVariable(name) from None

    def replace(match: re.Match[str]) -> str:
        name, argument = match[1], match[2]
        if name is None:
            return "{"
        if not argument:
            return value(name)
        if name not in _FUNCTIONS:
            raise UnknownVariable(name)
        inner = _INNER.sub(lambda m: value(m[1]), argument[1:])
        return _FUNCTIONS[name](inner)

    return _EXPRESSION.sub(replace, text)


def expand_regex(pattern: str, variables: Mapping[str, str]) -> str:
    """A regular expression with variables put in literally. `{3}`, `{2,}` stay quantifiers."""
    return expand(pattern, {name: re.escape(value) for name, value in variables.items()})


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)?")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def seconds(duration: Duration) -> float:
    """A duration in seconds. Raises ValueError."""
    match = _DURATION.fullmatch(str(duration))
    if match is None:
        raise ValueError(f"not a duration: {duration!r} (write 200ms, 1.5s, 2m or a number of seconds)")
    return float(match[1]) * _UNIT[match[2]]


_SIZE = re.compile(r"(\d+)\s*([kM]?)")


def octets(size: int | str) -> int:
    """A size in octets; k is 1024, M is 1024 k. Raises ValueError."""
    match = _SIZE.fullmatch(str(size))
    if match is None:
        raise ValueError(f"not a size: {size!r} (write 1000, 64k or 10M)")
    return int(match[1]) * {"": 1, "k": 1024, "M": 1_048_576}[match[2]]
