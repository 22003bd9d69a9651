"""What really arrived: look for delivered mails through the way that the profile names.

`via: maildir` and `via: files` read the files below `path`, `via: mbox` splits one file, `via: pop3`
asks a POP3 server. A mail counts when it contains the marker.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..ops import ReadFiles, Sleep, T, Talk, files, now
from ..protocols.base import Reply, Shape
from .content import content_octets, decode, encode
from .expand import expand, seconds
from .expect import count_wrong, found
from .types import Count, Delivered, Duration

if TYPE_CHECKING:
    from .connection import Connection
    from .interpreter import Player

_EVERY = 0.25  # seconds between looks
_SETTLE = 2.0  # seconds to wait for a copy too many
_SHOWN = 400  # characters of a mail in a message
_ENCODING = re.compile(rb"(?im)^Content-Transfer-Encoding:[ \t]*([a-z0-9-]+)")
_FROM_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\r\n]*\r?\n")


def delivered(player: Player, want: Delivered, *, given: bool) -> Talk[None]:
    """Wait until as many mails as wanted are there, and no more. Raises Ended.

    Where mails must not come (none at all, or at most so many), the whole of `within` is waited for; where
    a number is wanted, a copy too many has two seconds to show itself.
    """
    marker = encode(expand(want.marker, player.variables))
    mails, spent = yield from gathered(lambda: _look(player, marker), want.count, want.within)
    if wrong := count_wrong(want.count, len(mails)):
        # A case about what a mail looks like says nothing about one that is late or lost.
        only_looks = bool(want.text or want.never or want.contains is not None)
        late = len(mails) < enough(want.count) and only_looks
        player.fail(
            given or late, f"{wrong} mails with {decode(marker)}", f"{len(mails)} after {spent:.1f} s"
        )
    for mail in mails:
        _check(player, want, mail, given=given)


def gathered(
    look: Callable[[], Talk[list[T]]], wanted: int | Count, within: Duration
) -> Talk[tuple[list[T], float]]:
    """Look again and again until nothing can change any more or the time is over: what is there, after how long."""
    count = Count(exactly=wanted) if isinstance(wanted, int) else wanted
    start = yield from now()
    while True:
        found = yield from look()
        spent = (yield from now()) - start
        if spent >= seconds(within) or _settled(count, len(found), spent):
            return found, spent
        yield Sleep(_EVERY)


def enough(count: int | Count) -> int:
    """How many are wanted at least."""
    if isinstance(count, int):
        return count
    return count.exactly if count.exactly is not None else count.at_least or 0


def _settled(count: Count, seen: int, spent: float) -> bool:
    """Whether nothing that may still come could change the answer."""
    most = count.exactly if count.exactly is not None else count.at_most
    if most is not None and seen > most:
        return True
    if count.exactly:
        return seen == count.exactly and spent >= _SETTLE
    return most is None and seen >= (count.at_least or 0)


def search(
    player: Player, what: str, text: str, patterns: list[str], never: list[str], *, given: bool
) -> None:
    """Each of the patterns must be found in the text of a mail (or what it is), none of the others. Raises Ended."""
    for pattern in patterns:
        if not found(pattern, text, player.variables):
            player.fail(given, f"{what} in which /{pattern}/ is found", repr(text[:_SHOWN]))
    for pattern in never:
        if match := found(pattern, text, player.variables):
            around = text[max(0, match.start() - _SHOWN // 2) :][:_SHOWN]
            player.fail(given, f"{what} in which /{pattern}/ is not found", repr(around))


def _check(player: Player, want: Delivered, mail: bytes, *, given: bool) -> None:
    mail = mail.replace(b"\r\n", b"\n")
    text, whole = decode(mail), mail + _decoded(mail)
    search(player, "a mail", text, [], want.never, given=given)
    search(player, "a mail", decode(whole) if whole != mail else text, want.text, [], given=given)
    if want.contains is not None:
        octets = content_octets(want.contains, player.variables)
        if octets.replace(b"\r\n", b"\n") not in whole:
            player.fail(given, f"a mail that contains {octets[:200]!r}", repr(text[:400]))


def _decoded(mail: bytes) -> bytes:
    """The body without its transfer encoding, if it has one: gateways may encode what they pass on (RFC 6152, 3)."""
    head, _, body = mail.partition(b"\n\n")
    encoding = _ENCODING.search(head)
    try:
        match encoding and encoding[1].lower():
            case b"quoted-printable":
                return b"\n\n" + quopri.decodestring(body)
            case b"base64":
                return b"\n\n" + base64.b64decode(body).replace(b"\r\n", b"\n")
    except ValueError:
        return b""
    return b""


def _look(player: Player, marker: bytes) -> Talk[list[bytes]]:
    mailbox = player.setting.mailbox
    path = mailbox.get("path", "")
    match mailbox.get("via", ""):
        case "maildir":
            patterns = (f"{path}/new/*", f"{path}/cur/*")
            return (yield from files(ReadFiles(patterns, marker)))
        case "files":
            return (yield from files(ReadFiles((f"{path}/**/*",), marker)))
        case "mbox":
            return (yield from _mbox(path, marker))
        case "pop3":
            return (yield from _pop3(player, marker))
        case other:
            player.fail(True, "a profile that says how to see delivered mail (delivered:)", repr(other))


def _mbox(path: str, marker: bytes) -> Talk[list[bytes]]:
    whole = yield from files(ReadFiles((path,), marker))
    mails = [mail for content in whole for mail in _FROM_LINE.split(content)]
    return [mail for mail in mails if marker in mail]


def _pop3(player: Player, marker: bytes) -> Talk[list[bytes]]:
    """Log in as the recipient, read the newest mails that carry the marker, leave them there."""
    name, mailbox = "mailbox", player.setting.mailbox
    yield from player.open_connection(name, "pop3")
    box = player.connection(name)
    yield from _said(player, box, None)
    yield from _said(player, box, f"USER {mailbox.get('user', '')}")
    yield from _said(player, box, f"PASS {mailbox.get('password', '')}", secret=True)
    stat = yield from _said(player, box, "STAT")
    newest = int(stat.text.split()[0])
    mails = []
    for number in range(newest, max(newest - 50, 0), -1):
        mail = (yield from _said(player, box, f"RETR {number}", multiline=True)).body or b""
        if marker in mail:
            mails.append(mail)
    yield from _said(player, box, "QUIT")
    yield from box.close()
    return mails


def _said(
    player: Player, box: Connection, command: str | None, *, secret: bool = False, multiline: bool = False
) -> Talk[Reply]:
    if command is not None:
        box.await_reply_to(encode(command), Shape(multiline=multiline))
        yield from box.write(box.dialect.command(encode(command)), secret=secret)
    answer = yield from box.read(player.setting.patience.reply)
    if isinstance(answer, Reply) and answer.status == "+OK":
        return answer
    said = answer.text if isinstance(answer, Reply) else answer.value
    player.fail(True, "+OK from the mailbox", f"{said!r} to {(command or 'connect').split()[0]}")
