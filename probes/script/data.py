"""FTP's data connection as a script uses it: opened, read to its end, written, closed (RFC 959 section 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...reports.records import escape
from ..ops import (
    Accept,
    Close,
    Listen,
    Lost,
    Open,
    Recv,
    Reset,
    Send,
    Talk,
    Trouble,
    listening,
    now,
    received,
)
from ..protocols import dataport
from ..protocols.base import Reply, Shape
from .content import content_octets, decode
from .expect import count_wrong, found, show
from .types import Content, Data, Receive

if TYPE_CHECKING:
    from .connection import Connection
    from .interpreter import Player

_MOST = 67_108_864  # octets kept of one transfer
_CHUNK = 65_536


@dataclass(slots=True)
class Channel:
    """The data connection that belongs to a control connection."""

    conn: str
    listening: bool = False


def perform(player: Player, data: str | Data, control: Connection, *, given: bool) -> Talk[None]:
    """Do what a `data:` step says. Raises Ended. All ways of opening but `reply` are preconditions."""
    if isinstance(data, str):
        data = Data(open=data)
    if data.open:
        yield from _open(player, data.open, control, given=given)
    elif data.refused:
        yield from _refused(player, control, given=given)
    elif data.receive is not None:
        yield from _receive(player, data.receive, control, given=given)
    elif data.send is not None:
        yield from _send(player, data.send, control, given=given)
    elif data.reset:
        yield Reset(_channel(player, control).conn)
    elif data.close:
        yield Close(_channel(player, control).conn)


def _channel(player: Player, control: Connection) -> Channel:
    name = f"{control.name} data"
    return player.channels.setdefault(control.name, Channel(name))


def _open(player: Player, how: str, control: Connection, *, given: bool) -> Talk[None]:
    player.channels[control.name] = Channel(f"{control.name} data")
    match how:
        case "passive":
            yield from _ask(player, control, b"PASV", "227")
            yield from _connect(player, control, given=True)
        case "extended-passive":
            yield from _ask(player, control, b"EPSV", "229")
            yield from _connect(player, control, given=True)
        case "reply":
            yield from _connect(player, control, given=given)
        case "active" | "extended-active":
            yield from _listen(player, how, control)
        case _:
            raise ValueError(f"data: {how!r}")


def _ask(player: Player, control: Connection, command: bytes, wanted: str) -> Talk[None]:
    """A set-up command and the one reply that lets us go on."""
    control.await_reply_to(command, Shape())
    yield from control.write(control.dialect.command(command))
    answer = yield from control.read(player.setting.patience.reply)
    if not (isinstance(answer, Reply) and answer.status == wanted):
        player.fail(True, f"{wanted} to {decode(command)}", show(answer, control.reader.unread))


def _address(player: Player, control: Connection) -> tuple[str, int]:
    """Where the last 227 or 229 reply points; 229 names a port of the control connection's host.

    The form of these replies is the business of cases of its own: here it is a precondition.
    """
    reply = control.last
    try:
        if reply is not None and reply.status == "227":
            place = dataport.read_227(reply.text)
            return place.host, place.port
        if reply is not None and reply.status == "229":
            host = control.ends.peer.host if control.ends else control.endpoint.host
            return host, dataport.read_229(reply.text)
    except ValueError as error:
        player.fail(True, "an address that can be read", str(error))
    player.fail(True, "a 227 or 229 reply with an address", show(reply) if reply else "no reply at all")


def _connect(player: Player, control: Connection, *, given: bool) -> Talk[None]:
    """Connect to where the server said. Only a refusal is the server's doing; silence may be a firewall's."""
    host, port = _address(player, control)
    try:
        yield Open(_channel(player, control).conn, host, port, player.setting.patience.connect)
    except Lost as lost:
        doubt = given or lost.trouble is not Trouble.REFUSED
        player.fail(doubt, f"a data connection to {host} port {port}", str(lost))


def _refused(player: Player, control: Connection, *, given: bool) -> Talk[None]:
    host, port = _address(player, control)
    try:
        yield Open(_channel(player, control).conn, host, port, player.setting.patience.connect)
    except Lost:
        return
    player.fail(given, f"no data connection to {host} port {port}", "a connection")


def _listen(player: Player, how: str, control: Connection) -> Talk[None]:
    channel = _channel(player, control)
    ours = yield from listening(Listen(channel.conn, control.name))
    channel.listening = True
    if how == "active":
        command = f"PORT {dataport.port_argument(ours)}".encode()
    else:
        command = f"EPRT {dataport.eprt_argument(ours)}".encode()
    yield from _ask(player, control, command, "200")


def _connected(player: Player, control: Connection, *, given: bool) -> Talk[Channel]:
    """The channel, with the server's connection accepted where we listen."""
    channel = _channel(player, control)
    if channel.listening:
        try:
            yield Accept(channel.conn, player.setting.patience.data)
        except Lost as lost:
            player.fail(given, "the server's data connection", str(lost))
        channel.listening = False
    return channel


def _receive(player: Player, want: Receive, control: Connection, *, given: bool) -> Talk[None]:
    channel = yield from _connected(player, control, given=given)
    deadline = (yield from now()) + player.setting.patience.data
    octets = bytearray()
    while len(octets) <= _MOST:
        try:
            chunk = yield from received(Recv(channel.conn, max(0.0, deadline - (yield from now()))))
        except Lost as lost:
            player.fail(given, "the data, ended by a close of the data connection", _ended(lost, octets))
        if not chunk:
            break
        octets += chunk
    yield Close(channel.conn)
    if wrong := _wrong(want, bytes(octets), player.variables):
        player.fail(given, wrong, f"{len(octets)} octets: {escape(bytes(octets[:200]))}")
    if want.save:
        player.variables[want.save] = decode(bytes(octets))


def _ended(lost: Lost, octets: bytearray) -> str:
    what = "silence" if lost.trouble is Trouble.SILENT else str(lost)
    return f"{what} after {len(octets)} octets"


def _wrong(want: Receive, octets: bytes, variables: Mapping[str, str]) -> str:
    """What the data should have been, if it is not; else ""."""
    if want.equals is not None and octets != (exact := content_octets(want.equals, variables)):
        return f"these {len(exact)} octets: {escape(exact[:200])}"
    if want.size is not None and (number := count_wrong(want.size, len(octets))):
        return f"{number} octets"
    text = decode(octets)
    if want.text and not found(want.text, text, variables):
        return f"data in which /{want.text}/ is found"
    if want.each_line:
        for line in re.split(r"(?<=\n)", text):
            if line and not found(rf"\A(?:{want.each_line})\Z", line.removesuffix("\r\n"), variables):
                return f"every line to match /{want.each_line}/; this one does not: {line!r}"
    for pattern in want.never:
        if found(pattern, text, variables):
            return f"no data that matches /{pattern}/"
    return ""


def _send(player: Player, content: str | Content, control: Connection, *, given: bool) -> Talk[None]:
    """Send a file and close: in stream mode the close is the end of file (RFC 959 section 3.4.1)."""
    channel = yield from _connected(player, control, given=given)
    octets = content_octets(content, player.variables)
    try:
        for start in range(0, len(octets), _CHUNK):
            yield Send(channel.conn, octets[start : start + _CHUNK], player.setting.patience.data)
    except Lost as lost:
        player.fail(given, f"{len(octets)} octets to be taken", str(lost))
    yield Close(channel.conn)
