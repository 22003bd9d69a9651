"""Find out by looking which protocol a target speaks: its greeting, then commands that hurt nowhere.

SMTP, LMTP and FTP all greet with 220. EHLO and LHLO tell the first two; SYST, which FTP knows and SMTP
does not, the third. A server that hangs up on a foreign command is asked again on a fresh connection.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .ops import Close, Lost, Open, Recv, Send, StartTLS, Talk, Trouble, handshake, now, opened, received
from .target import CannotTest, Target

_PATIENCE = 10.0  # seconds for a reply
_BEFORE_TLS = 3.0  # seconds of silence after which implicit TLS is tried
_MOST = 65_536
_LOOK = "look"
_BYE = {"imap": b"a LOGOUT\r\n"}
_KNOWN_ELSEWHERE = {b"SSH-": "SSH", b"HTTP/": "HTTP", b"RFB ": "VNC", b"@RSYNCD": "rsync"}


def recognised(target: Target) -> Talk[Target]:
    """The target with its protocol, found by looking where the user did not name it. Raises CannotTest."""
    if target.protocol:
        return target
    found = yield from spoken(target)
    if found is None:
        raise CannotTest(f"{target.text}: no greeting, neither in clear nor under TLS. {_FIRST}")
    return found


_FIRST = (
    "A protocol in which the client speaks first, such as HTTP, cannot be tested here; is the port right?"
)


def spoken(target: Target) -> Talk[Target | None]:
    """The target as it turns out to be; None where nothing at all is said. Raises CannotTest."""
    try:
        banner, tls = yield from _banner(target)
        protocol = yield from _protocol(replace(target, tls=tls), banner) if banner else _nothing()
        if protocol:
            yield Send(_LOOK, _BYE.get(protocol, b"QUIT\r\n"), _PATIENCE)
    except Lost as lost:
        raise CannotTest(f"{target.text}: {advice(lost)}") from None
    yield Close(_LOOK)
    if not banner:
        return None
    if not protocol:
        raise CannotTest(f"{target.text}: {_foreign(banner)}")
    return replace(target, protocol=protocol, tls=tls)


def _nothing() -> Talk[str]:
    yield from now()
    return ""


def advice(lost: Lost) -> str:
    """What to say of a target that cannot even be greeted."""
    match lost.trouble:
        case Trouble.REFUSED:
            return "nobody listens there (connection refused). Is the server running, is the port right?"
        case Trouble.SILENT:
            return f"no answer within {_PATIENCE:g} s"
        case Trouble.CLOSED:
            return "the server closed the connection without a greeting"
        case Trouble.RESET:
            return "the server reset the connection without a greeting"
        case _:
            return str(lost)


def _foreign(banner: bytes) -> str:
    shown = banner[:80].splitlines()[0].decode("ascii", "backslashreplace")
    if re.match(rb"[45]\d\d[ -]|\* BYE|-ERR", banner):
        return f"the server refuses to serve: it greets with {shown!r}"
    name = next((name for start, name in _KNOWN_ELSEWHERE.items() if banner.startswith(start)), "")
    return (
        f"this is {name or 'no protocol that is known here'}: the server says {shown!r}. "
        "Expected is the greeting of SMTP, LMTP or FTP (220), POP3 (+OK) or IMAP (* OK)."
    )


def _banner(target: Target) -> Talk[tuple[bytes, bool]]:
    """The greeting, and whether TLS had to come first; no octets where there is none."""
    yield from _connect(target, tls=target.tls)
    try:
        return (yield from _reply(_PATIENCE if target.tls else _BEFORE_TLS)), target.tls
    except Lost as lost:
        if lost.trouble is not Trouble.SILENT or target.tls:
            raise
    try:
        yield from handshake(StartTLS(_LOOK, target.host, _BEFORE_TLS))
        return (yield from _reply(_PATIENCE)), True
    except Lost:
        # A handshake spoils the connection for a server that is merely slow to greet: ask it again.
        yield from _connect(target, tls=False)
    try:
        return (yield from _reply(_PATIENCE)), False
    except Lost:
        return b"", False


def _connect(target: Target, *, tls: bool) -> Talk[None]:
    yield from opened(Open(_LOOK, target.host, target.port, _PATIENCE))
    if tls:
        yield from handshake(StartTLS(_LOOK, target.host, _PATIENCE))


def _reply(within: float) -> Talk[bytes]:
    """Octets up to the last line of a reply; `220-` announces more. Raises Lost, also when the peer leaves."""
    deadline, got = (yield from now()) + within, b""
    while not got.endswith(b"\n") or re.match(rb"\d{3}-", got.splitlines()[-1]):
        data = yield from received(Recv(_LOOK, max(0.0, deadline - (yield from now()))))
        got += data
        if len(got) > _MOST or (not data and got):
            break
        if not data:
            raise Lost(Trouble.CLOSED, "the server closed the connection")
    return got


def _protocol(target: Target, banner: bytes) -> Talk[str]:
    if banner.startswith(b"+OK"):
        return "pop3"
    if re.match(rb"\* (OK|PREAUTH)", banner, re.IGNORECASE):
        return "imap"
    if not re.match(rb"[123]\d\d[ -]", banner):
        return ""
    for command, answer, protocol in _QUESTIONS:
        said = yield from _asked(target, command)
        if re.match(answer, said):
            return protocol
    return _named(banner)


_QUESTIONS = (
    (b"EHLO probe.invalid", rb"250", "smtp"),
    (b"SYST", rb"215|530", "ftp"),
    (b"LHLO probe.invalid", rb"250", "lmtp"),
    (b"HELO probe.invalid", rb"250", "smtp"),
)


def _named(banner: bytes) -> str:
    """What the greeting calls itself, where the answers do not tell."""
    for word, protocol in ((rb"LMTP", "lmtp"), (rb"E?SMTP", "smtp"), (rb"\w*FTPd?", "ftp")):
        if re.search(rb"\b" + word + rb"\b", banner, re.IGNORECASE):
            return protocol
    return ""


def _asked(target: Target, command: bytes) -> Talk[bytes]:
    """The answer to a command, or none where the server hangs up on it."""
    try:
        yield Send(_LOOK, command + b"\r\n", _PATIENCE)
        return (yield from _reply(_PATIENCE))
    except Lost as lost:
        if lost.trouble is Trouble.SILENT:
            return b""
    yield from _connect(target, tls=target.tls)
    yield from _reply(_PATIENCE)
    return b""
