"""One open connection: what can be done to it, in clear and under TLS.

Linux hands out what arrived before an RST first, then ECONNRESET once, and b"" ever after. Whoever gets the
one ECONNRESET, be it a write, it must be remembered: the end of that connection is a reset, no FIN.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
import ssl
import struct
from dataclasses import dataclass

from ..ops import Lost, StartTLS, Trouble
from .common import lost_by, reason, ssl_reason, tls_context
from .tls import Tls
from .waits import Limit, Receive, Steps, Transmit

_RECV_SIZE = 65_536
_TLS_PIECE = 262_144  # octets encrypted at a time, to bound the memory that a large Send takes


@dataclass(slots=True)
class Channel:
    """`where` names the peer for people: "192.0.2.1 port 25". Methods that take a Limit raise Lost."""

    sock: socket.socket
    where: str
    reset_seen: bool = False
    _tls: Tls | None = None
    _unsent: bytes = b""  # the rest of a TLS record that a deadline cut: it has to go first
    _fin_sent: bool = False
    _clear: bytes = b""  # came in clear, behind the end of TLS

    def send(self, data: bytes, limit: Limit, *, urgent: bool = False) -> Steps[None]:
        """Write all octets."""
        if self._fin_sent:
            raise Lost(Trouble.UNREACHABLE, f"we have sent FIN to {self.where} already")
        tls = self._tls
        if tls is None or not tls.writing:
            yield from self._write(data, limit, flags=socket.MSG_OOB if urgent else 0)
            return
        for start in range(0, len(data), _TLS_PIECE):
            yield from self._write(self._encrypt(tls, data[start : start + _TLS_PIECE]), limit, whole=True)

    def recv(self, limit: Limit, *, alert: bool = False) -> Steps[bytes]:
        """What the peer said, b"" once it has ended; with `alert`, Lost(CUT) where TLS did not end first."""
        if self._clear:
            clear, self._clear = self._clear, b""
            return clear
        if self._tls is None:
            return (yield from self._read(limit))
        while (data := self._decrypt(self._tls)) is None:
            self._tls.feed((yield from self._read(limit)))
        if alert and not data and not self._tls.ended:
            raise Lost(Trouble.CUT, f"{self.where} closed the connection without a TLS close alert")
        return data

    @property
    def tls(self) -> Tls | None:
        """Its TLS, whose session another connection to the same server may resume."""
        return self._tls

    def start_tls(self, op: StartTLS, limit: Limit, beside: Tls | None = None) -> Steps[str]:
        """Name of protocol and cipher; the session of `beside` is resumed if the server likes."""
        if self._tls is not None:
            raise Lost(Trouble.UNREACHABLE, f"TLS with {self.where} is on already")
        tls = self._new_tls(op, beside)
        try:
            yield from self._handshake(tls, limit)
        except ssl.SSLError as error:
            self._write_at_once(tls.outgoing())  # the alert that tells the peer why
            detail = f"TLS handshake with {self.where} failed: {ssl_reason(error)}"
            raise Lost(Trouble.TLS, detail) from error
        except Lost as lost:
            raise Lost(lost.trouble, f"{lost.detail}, in the TLS handshake") from lost
        self._tls = tls
        return tls.name

    def end_tls(self, limit: Limit) -> Steps[None]:
        """Both sides close TLS, and the connection goes on in clear."""
        tls = self._tls
        if tls is None:
            raise Lost(Trouble.UNREACHABLE, f"there is no TLS with {self.where}")
        if tls.writing:
            yield from self.shutdown(limit)
        while not tls.ended:
            data = self._decrypt(tls)
            if data is None:
                tls.feed((yield from self._read(limit)))
            elif not data and not tls.ended:
                raise Lost(Trouble.CLOSED, f"{self.where} closed the connection without closing TLS before")
        self._tls, self._clear = None, tls.rest()

    def certificate(self) -> str:
        """The SHA-256 of what the peer showed."""
        if self._tls is None:
            raise Lost(Trouble.UNREACHABLE, f"there is no TLS with {self.where}")
        return hashlib.sha256(self._tls.certificate).hexdigest()

    def shutdown(self, limit: Limit, *, bare: bool = False) -> Steps[None]:
        """End our direction: of TLS the first time, of TCP the second time, `bare`, or where there is no TLS."""
        if self._tls is not None and self._tls.writing and not bare:
            with contextlib.suppress(Lost):
                yield from self._write(self._tls.close_notify(), limit, whole=True)
            return
        self._fin_sent = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Drop the connection with RST."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """Close; a close_notify goes out if it can do so at once."""
        if self._tls is not None and self._tls.writing and not self._fin_sent:
            self._write_at_once(self._unsent + self._tls.close_notify())
        self.sock.close()

    def _new_tls(self, op: StartTLS, beside: Tls | None) -> Tls:
        try:
            context = beside.context if beside else tls_context(op.verify, op.ca, op.version)
            return Tls(context, op.server_name, beside.session if beside else None)
        except (OSError, ValueError) as error:
            detail = f"cannot set up TLS for {op.server_name!r} {op.ca}".rstrip()
            raise Lost(Trouble.UNREACHABLE, f"{detail}: {reason(error)}") from error

    def _handshake(self, tls: Tls, limit: Limit) -> Steps[None]:
        while not tls.handshake():
            yield from self._write(tls.outgoing(), limit)
            data = yield from self._read(limit)
            if not data:
                raise Lost(Trouble.CLOSED, f"{self.where} closed the connection")
            tls.feed(data)
        yield from self._write(tls.outgoing(), limit)

    def _encrypt(self, tls: Tls, data: bytes) -> bytes:
        try:
            return tls.encrypt(data)
        except ssl.SSLError as error:
            raise lost_by(error, self.where) from error

    def _decrypt(self, tls: Tls) -> bytes | None:
        """Reading can make TLS speak: alerts, answers to key updates (RFC 8446 section 4.6.3)."""
        try:
            return tls.decrypt()
        except ssl.SSLError as error:
            raise lost_by(error, self.where) from error
        finally:
            if answer := tls.outgoing():
                self._unsent += answer
                self._unsent = self._unsent[self._write_at_once(self._unsent) :]

    def _read(self, limit: Limit) -> Steps[bytes]:
        data: bytes | OSError | None = yield Receive(self.sock, _RECV_SIZE, limit.at)
        if data is None:
            raise Lost(Trouble.SILENT, f"no octet from {self.where} within {limit}")
        if isinstance(data, OSError):
            raise self._lost(data) from data
        if not data and self.reset_seen:
            raise Lost(Trouble.RESET, f"connection reset by {self.where}")
        return data

    def _write(self, data: bytes, limit: Limit, *, flags: int = 0, whole: bool = False) -> Steps[None]:
        """Write; of a `whole` (a TLS record) the rest is kept when the deadline comes in between."""
        left = memoryview(self._unsent + data)
        size = len(left)
        try:
            while left:
                taken: int | OSError | None = yield Transmit(self.sock, left, flags, limit.at)
                if taken is None:
                    count = f"{size - len(left):,} of {size:,} octets"
                    raise Lost(Trouble.SILENT, f"{self.where} took only {count} within {limit}")
                if isinstance(taken, OSError):
                    raise self._lost(taken) from taken
                left = left[taken:]
        finally:
            self._unsent = bytes(left) if whole else b""

    def _write_at_once(self, data: bytes) -> int:
        """Write what can be written without waiting, and ask for nothing: how many octets went."""
        try:
            self.sock.setblocking(False)
            return self.sock.send(data) if data else 0
        except OSError:
            return 0

    def _lost(self, error: OSError) -> Lost:
        self.reset_seen |= error.errno == errno.ECONNRESET
        return lost_by(error, self.where)
