"""A shell line that says the same to the server with nothing of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from .script.outcome import Endpoint
from .transcript import Transcript, Uttered

_MOST = 2000  # octets; a longer talk is no line for the shell any more
_PAUSE = "sleep 1"  # in place of waiting for the reply
_VERB = re.compile(rb"(?:[A-Za-z0-9]{1,8} )?(?:PASS|LOGIN|AUTH) ", re.IGNORECASE)
_STARTTLS = {"submission": "smtp"}  # as openssl calls it, where its name is another


def reproducer(transcript: Transcript, endpoint: Endpoint) -> str:
    """`{ printf ...; } | nc host port`, or openssl where TLS is spoken; "" where a shell line does not do.

    A secret is left for the reader to fill in (****). With STARTTLS, openssl itself greets and upgrades,
    so what we said before is left out.
    """
    said = transcript.uttered
    upgrade = next((at for at, one in enumerate(said) if one.tls), None)
    implicit = endpoint.tls
    if implicit:
        said = [one for one in said if not one.tls]
    elif upgrade is not None:
        said = said[upgrade + 1 :]
    if not said or sum(len(one.octets) for one in said) > _MOST or any(one.tls for one in said):
        return ""
    starttls = upgrade is not None and not implicit
    return f"{{ {_PAUSE}; {_parts(said)}; }} | {_program(endpoint, starttls=starttls)}"


def _parts(said: Sequence[Uttered]) -> str:
    return "; ".join(f"printf {shlex.quote(_printf(one))}; {_PAUSE}" for one in said)


def _program(endpoint: Endpoint, *, starttls: bool) -> str:
    if not (starttls or endpoint.tls):
        return f"nc {shlex.quote(endpoint.host)} {endpoint.port}"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    upgrade = f" -starttls {_STARTTLS.get(endpoint.protocol, endpoint.protocol)}" if starttls else ""
    return f"openssl s_client -quiet -connect {shlex.quote(f'{host}:{endpoint.port}')}{upgrade}"


def _printf(one: Uttered) -> str:
    r"""A format for printf(1) as POSIX has it: octal escapes, since not every printf knows \x."""
    if one.secret:
        verb = _VERB.match(one.octets)
        return f"{verb[0].decode() if verb else ''}****\\r\\n"
    return "".join(_octet(octet) for octet in one.octets)


_NAMED = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t", 0x5C: "\\\\", 0x25: "%%"}


def _octet(octet: int) -> str:
    return _NAMED.get(octet) or (chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03o}")
