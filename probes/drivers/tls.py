"""TLS without sockets: octets of the wire in and out, octets of the protocol in and out.

One state machine for every driver. A TLS stream over a socket would hide what a probe is after: it can
neither half close nor go on in clear, and it may wait for a peer while it closes.
"""

from __future__ import annotations

import contextlib
import ssl


class Tls:
    """The client's side of one TLS connection. Raises ssl.SSLError."""

    def __init__(
        self, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None = None
    ) -> None:
        self.context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name or None, session=session
        )
        self._failure: ssl.SSLError | None = None  # OpenSSL reports it once, then an ordinary end
        self.writing = True  # until our close_notify
        self.ended = False  # the peer's close_notify has come

    def feed(self, data: bytes) -> None:
        """Take what came from the wire; b"" for FIN."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def outgoing(self) -> bytes:
        """What has to go to the wire now."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    @property
    def name(self) -> str:
        """Protocol and cipher, and whether a session was resumed."""
        cipher = self._tls.cipher()
        resumed = ", session resumed" if self._tls.session_reused else ""
        return f"{self._tls.version()} {cipher[0] if cipher else 'no cipher'}{resumed}"

    @property
    def session(self) -> ssl.SSLSession | None:
        """In TLS 1.3 good for something only once the server has sent a ticket, behind the handshake."""
        return self._tls.session

    def encrypt(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self.outgoing()

    def decrypt(self) -> bytes | None:
        """What the peer said, b"" at its close_notify or FIN, None while the wire has to bring more.

        FIN without close_notify is common (RFC 9112 section 9.8 for HTTP) and counts as an end.
        """
        if self._failure is not None:
            raise self._failure
        try:
            data = self._tls.read(65_536)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError) as error:
            self.ended = self.ended or isinstance(error, ssl.SSLZeroReturnError)
            return b""
        except ssl.SSLError as error:
            self._failure = error
            raise
        self.ended = self.ended or not data  # Python makes an empty answer of close_notify
        return data

    @property
    def certificate(self) -> bytes:
        """What the peer showed, in DER; nothing where it showed none."""
        return self._tls.getpeercert(binary_form=True) or b""

    def rest(self) -> bytes:
        """What came behind the peer's close_notify: in clear, if it goes on in clear."""
        return self._incoming.read()

    def close_notify(self) -> bytes:
        """End our direction only.

        OpenSSL's second attempt to shut down, which Python makes at once, fails over data that the peer still
        sends; so it must not see any.
        """
        self.writing = False
        unread = self._incoming.read()
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        if unread:
            self._incoming.write(unread)
        return self.outgoing()
