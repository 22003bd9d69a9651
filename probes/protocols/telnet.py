"""Telnet (RFC 854) as far as FTP's control connection has it: commands within the stream, 0xFF doubled.

CR NUL is not undone here: only who splits lines can tell CR NUL LF from CR LF.
"""

from __future__ import annotations

import re

from plumbline.probes.protocols.base import BOUNDS, Bounds, Endless

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
DATA_MARK = bytes([IAC, 242])
INTERRUPT_PROCESS = bytes([IAC, 244])

_LONE_CR = re.compile(rb"\r(?!\n)")
_REFUSALS = {DO: WONT, WILL: DONT}


class Telnet:
    """Takes commands out of what the peer sends and keeps them."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.commands: list[bytes] = []
        self._bounds = bounds
        self._command = bytearray()  # begun, not complete
        self._iac_within = False  # in a subnegotiation: the last octet was an IAC that begins something

    def feed(self, data: bytes) -> bytes:
        """The octets that are not Telnet's. Raises Endless."""
        if not self._command and IAC not in data:
            return data
        plain = bytearray()
        for octet in data:
            if self._command or octet == IAC:
                self._take(octet, plain)
            else:
                plain.append(octet)
        return bytes(plain)

    @property
    def unfinished(self) -> bytes:
        """The command that began and is not complete."""
        return bytes(self._command)

    def _take(self, octet: int, plain: bytearray) -> None:
        self._command.append(octet)
        if self._command == b"\xff\xff":
            plain.append(IAC)
            self._command.clear()
        elif self._is_complete(octet):
            self.commands.append(bytes(self._command))
            self._command.clear()
            self._iac_within = False
        if len(self._command) > self._bounds.line or len(self.commands) > self._bounds.lines:
            raise Endless("a run of Telnet commands", len(self._command) or len(self.commands))

    def _is_complete(self, octet: int) -> bool:
        length = len(self._command)
        if length == 1:
            return False
        if self._command[1] in (WILL, WONT, DO, DONT):
            return length == 3
        if self._command[1] != SB:
            return True
        ended = self._iac_within and octet == SE
        self._iac_within = length > 2 and octet == IAC and not self._iac_within
        return ended


def escaped(line: bytes) -> bytes:
    """Own text for the wire: 0xFF doubled, a CR that ends no line followed by NUL (RFC 854)."""
    return _LONE_CR.sub(b"\r\0", line).replace(b"\xff", b"\xff\xff")


def refusals(commands: list[bytes]) -> bytes:
    """What to answer: WONT to every DO, DONT to every WILL, nothing to the rest (RFC 1123, 4.1.2.12)."""
    return b"".join(
        bytes([IAC, _REFUSALS[command[1]], command[2]]) for command in commands if command[1] in _REFUSALS
    )
