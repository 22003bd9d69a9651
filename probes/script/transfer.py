"""What goes over a data connection: files received and judged, files sent (RFC 959 section 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...reports.records import escape
from ..ops import Accept, Close, EndTLS, Lost, Recv, Send, Shutdown, Talk, Trouble, now, received
from ..protocols.coding import Decoding, Malformed, encode
from ..protocols.parameters import Parameters
from .channel import Channel, channel_of, parameters, ready
from .content import content_octets, decode
from .expand import octets as octets_of
from .expand import seconds
from .expect import count_wrong, found
from .types import Data, Duration, Receive

if TYPE_CHECKING:
    from .connection import Connection
    from .interpreter import Player

_MOST = 67_108_864  # octets kept of one transfer
_LONGEST = 5.0  # times the patience for one octet is that for a whole file
_FAREWELL = 5.0  # seconds for the peer to close after us
_CHUNK = 1_048_576
_SHOWN = 200  # octets of a file that a message repeats
_AS_IT_IS = Parameters("I")


def receive(player: Player, data: Data, want: Receive, control: Connection, *, given: bool) -> Talk[None]:
    """Read a file to its end and judge it. Raises Ended."""
    channel = yield from ready(player, control, raw=data.raw, given=given)
    coded = _AS_IT_IS if data.raw else parameters(control)
    try:
        if want.first is not None:
            content = yield from _first(player, channel, octets_of(want.first))
        else:
            decoding = yield from _whole(player, channel, coded, keep=data.keep, hold=want.tls_ended)
            if want.tls_ended:
                yield from _tls_ended(channel)
            content = decoding.content()
            _save_marker(player, want, decoding)
    except Lost as lost:
        player.fail(given, "the data, ended by a close of the data connection", lost.detail)
    except Malformed as error:
        player.fail(given, f"a file as {coded} has it", str(error))
    if want.first is None and want.records is not None:
        number = len(decoding.records)
        if wrong := count_wrong(want.records, number):
            player.fail(given, f"{wrong} records", f"{number}")
    if told := _wrong(want, content, player.variables):
        player.fail(given, *told)
    player.received = decode(content)
    if want.save:
        player.variables[want.save] = player.received


def _tls_ended(channel: Channel) -> Talk[None]:
    """The file is over: by the end of TLS, or only by that of TCP? Raises Lost."""
    try:
        yield EndTLS(channel.conn, _FAREWELL)
    except Lost as lost:
        raise Lost(lost.trouble, f"no end of TLS: {lost}") from None
    yield Close(channel.conn)


def _save_marker(player: Player, want: Receive, decoding: Decoding) -> None:
    if want.save_marker:
        if not decoding.markers:
            player.fail(True, "a restart marker among the data", "none")
        player.variables[want.save_marker] = decoding.markers[-1]


def _whole(player: Player, channel: Channel, coded: Parameters, *, keep: bool, hold: bool) -> Talk[Decoding]:
    """Read to the end of the file, then close unless it is to be kept, or held to look at how it ended.

    Raises Lost with what came in its detail, Malformed, and Ended.
    """
    decoding, ended = Decoding(coded), False
    decoding.feed(channel.unread)
    channel.unread = b""
    deadline = (yield from now()) + player.setting.patience.data * _LONGEST
    while not (decoding.done or decoding.size > _MOST):
        chunk = yield from _chunk(player, channel, deadline, decoding.size)
        if chunk:
            decoding.feed(chunk)
        else:
            ended = True
            decoding.close()
    if keep and not ended:
        channel.unread = decoding.rest
    elif not hold:
        yield Close(channel.conn)
    return decoding


def _first(player: Player, channel: Channel, size: int) -> Talk[bytes]:
    """So many octets; what came with them waits for the next step. Raises Lost and Ended."""
    octets, channel.unread = bytearray(channel.unread), b""
    deadline = (yield from now()) + player.setting.patience.data * _LONGEST
    while len(octets) < size:
        if not (chunk := (yield from _chunk(player, channel, deadline, len(octets)))):
            raise Lost(Trouble.CLOSED, f"a close after {len(octets)} octets")
        octets += chunk
    channel.unread = bytes(octets[size:])
    return bytes(octets[:size])


def _chunk(player: Player, channel: Channel, deadline: float, so_far: int) -> Talk[bytes]:
    """What comes next. To be slow is no violation: only silence is Lost, a file without end raises Ended."""
    if (yield from now()) > deadline:
        within = player.setting.patience.data * _LONGEST
        player.fail(True, f"a file that has come within {within:g} s", f"more after {so_far} octets")
    try:
        return (yield from received(Recv(channel.conn, player.setting.patience.data)))
    except Lost as lost:
        what = "silence" if lost.trouble is Trouble.SILENT else str(lost)
        raise Lost(lost.trouble, f"{what} after {so_far} octets") from None


def _wrong(want: Receive, octets: bytes, variables: Mapping[str, str]) -> tuple[str, str] | None:
    """What the data should have been and what they are, where they differ."""
    got = f"{len(octets)} octets: {escape(octets[:_SHOWN])}"
    if want.equals is not None and octets != (exact := content_octets(want.equals, variables)):
        return _different(exact, octets)
    if want.size is not None and (number := count_wrong(want.size, len(octets))):
        return f"{number} octets", got
    text = decode(octets)
    if want.text and not found(want.text, text, variables):
        return f"data in which /{want.text}/ is found", got
    if want.each_line:
        for line in re.split(r"(?<=\n)", text):
            if line and not found(rf"\A(?:{want.each_line})\Z", line.removesuffix("\r\n"), variables):
                return f"every line to match /{want.each_line}/; this one does not: {line!r}", got
    for pattern in want.never:
        if found(pattern, text, variables):
            return f"no data that matches /{pattern}/", got
    return None


def _different(wanted: bytes, got: bytes) -> tuple[str, str]:
    """Both in short; of what is long, from where it differs."""
    place = next((at for at, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), None)
    place = min(len(wanted), len(got)) if place is None else place
    start = 0 if place < _SHOWN // 2 else place - 20
    where = f", from octet {start}" if start else ""
    expected = f"these {len(wanted)} octets{where}: {escape(wanted[start : start + _SHOWN])}"
    return expected, f"{len(got)} octets{where}: {escape(got[start : start + _SHOWN])}"


def send(player: Player, data: Data, control: Connection, *, given: bool) -> Talk[None]:
    """Send a file and, unless it is to be kept, close. Raises Ended."""
    channel = yield from ready(player, control, raw=data.raw, given=given, may_fail=data.may_fail)
    content = content_octets(data.send or "", player.variables)
    coded = _AS_IT_IS if data.raw else parameters(control)
    try:
        octets = encode(content, coded, mark_every=octets_of(data.mark or 0))
    except ValueError as error:
        player.fail(True, f"a file that can be sent as {coded}", str(error))
    try:
        for start in range(0, len(octets), _CHUNK):
            yield Send(channel.conn, octets[start : start + _CHUNK], player.setting.patience.data)
    except Lost as lost:
        if not data.may_fail:
            player.fail(given, f"{len(octets)} octets to be taken", str(lost))
    if data.cut:
        yield Shutdown(channel.conn, bare=True)
        yield from _drained(channel)
    if not data.keep:
        if (
            channel.secured and not data.cut
        ):  # or a full buffer would keep close_notify back, and the file might pass for cut off
            yield Shutdown(channel.conn)
            yield from _drained(channel)
        yield Close(channel.conn)


def _drained(channel: Channel) -> Talk[None]:
    """Read until the peer closes, for a while. To close over unread TLS session tickets would be a reset, which
    takes away from the peer what it has not read yet.
    """
    deadline = (yield from now()) + _FAREWELL
    try:
        while (yield from received(Recv(channel.conn, max(0.0, deadline - (yield from now()))))):
            pass
    except Lost:
        return


def silence(player: Player, within: Duration, control: Connection, *, given: bool) -> Talk[None]:
    """No octet may come for so long. A close is as good, and so is a server that does not even connect."""
    channel = channel_of(player, control)
    if channel.listening:
        try:
            yield Accept(channel.conn, seconds(within))
        except Lost:
            return
        channel.listening = False
    try:
        octets = yield from received(Recv(channel.conn, seconds(within)))
    except Lost:
        return
    if octets:
        player.fail(given, f"no octet over the data connection within {within}", escape(octets[:_SHOWN]))


def closed(player: Player, within: Duration, control: Connection, *, given: bool) -> Talk[None]:
    """The server must end the connection without sending an octet; FIN and RST are as good."""
    channel = channel_of(player, control)
    try:
        octets = yield from received(Recv(channel.conn, seconds(within)))
    except Lost as lost:
        if lost.trouble is Trouble.SILENT:
            player.fail(given, f"the end of the data connection within {within}", "silence")
        return
    if octets:
        player.fail(given, "the end of the data connection without an octet", escape(octets[:_SHOWN]))
