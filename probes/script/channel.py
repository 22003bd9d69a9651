"""FTP's data connection as it comes about: by connecting, by listening, under TLS (RFC 959 section 3.2)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from ..ops import (
    Accept,
    Address,
    Listen,
    Lost,
    Open,
    PeerCertificate,
    StartTLS,
    Talk,
    Trouble,
    accepted,
    certificate,
    handshake,
    listening,
)
from ..protocols import dataport
from ..protocols.base import Reply, Shape
from ..protocols.parameters import Parameters
from .content import decode
from .expand import expand, seconds
from .expect import show
from .types import Data, DataTls, Duration, Peer

if TYPE_CHECKING:
    from .connection import Connection
    from .interpreter import Player


@dataclass(slots=True)
class Channel:
    """The data connection that belongs to a control connection.

    unread: octets that came and belong to the next file. peer: where the server's connection came from.
    open: connected, and nothing was sent or received yet.
    """

    conn: str
    listening: bool = False
    open: bool = False
    secured: bool = False
    peer: Address | None = None
    unread: bytes = b""


def channel_of(player: Player, control: Connection) -> Channel:
    return player.channels.setdefault(control.name, Channel(f"{control.name} data"))


def parameters(control: Connection) -> Parameters:
    """TYPE, STRU, MODE and PROT as the server has accepted them."""
    return reduce(
        lambda found, seen: found.after(seen.command, seen.reply.status), control.seen, Parameters()
    )


def open_(player: Player, data: Data, control: Connection, *, given: bool) -> Talk[None]:
    """Open one, or make ready for the server to do it. All but `reply` is a precondition. Raises Ended."""
    player.channels[control.name] = Channel(f"{control.name} data")
    match _way(data.open, control):
        case "passive":
            yield from _ask(player, control, b"PASV", "227")
            yield from connect(player, data, control, given=True)
        case "extended-passive":
            yield from _ask(player, control, b"EPSV", "229")
            yield from connect(player, data, control, given=True)
        case "reply":
            yield from connect(player, data, control, given=given)
        case "active":
            argument = _argument(player, (yield from listen(player, data, control)))
            yield from _ask(player, control, f"PORT {argument}".encode(), "200")
        case "extended-active":
            ours = yield from listen(player, data, control)
            yield from _ask(player, control, f"EPRT {dataport.eprt_argument(ours)}".encode(), "200")
        case "listen" | "default":
            yield from listen(player, data, control)
        case _:
            raise ValueError(f"data: {data.open!r}")


def _is_six(control: Connection) -> bool:
    return control.ends is not None and ":" in control.ends.peer.host


def _is_required(command: bytes, control: Connection) -> bool:
    return command == (b"EPSV" if _is_six(control) else b"PASV")


def _way(how: str, control: Connection) -> str:
    """PASV and PORT can name IPv4 addresses only: on an IPv6 control connection EPSV and EPRT take their place."""
    six = _is_six(control)
    return {"passive": "extended-passive", "active": "extended-active"}.get(how, how) if six else how


def _ask(player: Player, control: Connection, command: bytes, wanted: str) -> Talk[None]:
    """A set-up command and the one reply that lets us go on.

    All but the passive way of the control connection's own family may be switched off (RFC 2577 section 3, RFC 2428).
    """
    control.await_reply_to(command, Shape())
    yield from control.write(control.dialect.command(command))
    answer = yield from control.read(player.setting.patience.reply)
    if isinstance(answer, Reply) and answer.status.startswith("5") and not _is_required(command, control):
        player.skip(decode(command), answer)
    if not (isinstance(answer, Reply) and answer.status == wanted):
        player.fail(True, f"{wanted} to {decode(command)}", show(answer, control.reader.unread))


def _argument(player: Player, ours: Address) -> str:
    try:
        return dataport.port_argument(ours)
    except ValueError:
        player.fail(True, "an IPv4 address of ours, which PORT can name", ours.host)


def _address(player: Player, control: Connection) -> Address:
    """Where the last 227 or 229 reply points; 229 names a port of the control connection's host.

    The form of these replies is the business of cases of its own: here it is a precondition.
    """
    replies = [seen.reply for seen in control.seen if seen.reply.status in ("227", "229")]
    if not replies:
        player.fail(
            True, "a 227 or 229 reply with an address", show(control.last) if control.last else "none"
        )
    try:
        if replies[-1].status == "227":
            return dataport.read_227(replies[-1].text)
        host = control.ends.peer.host if control.ends else control.endpoint.host
        return Address(host, dataport.read_229(replies[-1].text))
    except ValueError as error:
        player.fail(True, "an address that can be read", str(error))


def _note(player: Player, place: Address) -> None:
    """Where a data connection leads to, as variables."""
    player.variables |= {"data_host": place.host, "data_port": str(place.port)}
    player.variables["data_eprt_argument"] = dataport.eprt_argument(place)
    if ":" not in place.host:
        player.variables["data_port_argument"] = dataport.port_argument(place)


def is_far(control: Connection) -> bool:
    """Whether a network may lie between: firewalls and translation of addresses are not the server's doing."""
    host = control.ends.peer.host if control.ends else ""
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return True


def may_be_blocked(player: Player, control: Connection) -> bool:
    """Whether the server was to connect to us and has not, where a firewall may be what keeps it from it."""
    channel = player.channels.get(control.name)
    return channel is not None and channel.listening and is_far(control)


def connect(player: Player, data: Data, control: Connection, *, given: bool) -> Talk[None]:
    """Connect to where the server said. Only a refusal is the server's doing; silence may be a firewall's.

    A refusal of another host than that of the control connection may be translation of addresses.
    """
    place, source = _address(player, control), expand(data.from_, player.variables)
    _note(player, place)
    name = channel_of(player, control).conn
    try:
        yield Open(name, place.host, place.port, player.setting.patience.connect, source)
        channel_of(player, control).open = True
    except Lost as lost:
        elsewhere = control.ends is not None and place.host != control.ends.peer.host
        doubt = given or elsewhere or lost.trouble is not Trouble.REFUSED
        player.fail(doubt, f"a data connection to {place.host} port {place.port}", str(lost))


def refused(player: Player, data: Data, control: Connection, *, given: bool) -> Talk[None]:
    """Connecting to where the last reply points must fail."""
    place, source = _address(player, control), expand(data.from_, player.variables)
    name = channel_of(player, control).conn
    try:
        yield Open(name, place.host, place.port, player.setting.patience.connect, source)
    except Lost:
        return
    player.fail(given, f"no data connection to {place.host} port {place.port}", "a connection")


def listen(player: Player, data: Data, control: Connection) -> Talk[Address]:
    """Listen on the address of the control connection, or another one of ours."""
    channel = channel_of(player, control)
    port = control.ends.local.port if data.open == "default" and control.ends else 0
    try:
        ours = yield from listening(
            Listen(channel.conn, control.name, expand(data.at, player.variables), port)
        )
    except Lost as lost:
        player.fail(True, "a port of ours to listen on", str(lost))
    channel.listening = True
    _note(player, ours)
    return ours


def connected(player: Player, control: Connection, *, given: bool) -> Talk[Channel]:
    """The channel, with the server's connection accepted where we listen."""
    channel = channel_of(player, control)
    if channel.listening:
        try:
            channel.peer = (yield from accepted(Accept(channel.conn, player.setting.patience.data))).peer
        except Lost as lost:
            player.fail(given or is_far(control), "the server's data connection", str(lost))
        channel.listening = False
    return channel


def ready(
    player: Player, control: Connection, *, raw: bool, given: bool, may_fail: bool = False
) -> Talk[Channel]:
    """The channel, ready for octets: after PROT P under TLS, unless `raw`."""
    channel = yield from connected(player, control, given=given)
    if parameters(control).protection == "P" and not channel.secured and not raw:
        yield from secure(player, DataTls(may_fail=may_fail), control, given=given)
    return channel


def awaits_handshake(player: Player, control: Connection) -> bool:
    """Whether a connection is open on which TLS has not begun.

    RFC 4217 section 10.1 has the server announce a transfer first, and some announce it behind the handshake.
    """
    channel = player.channels.get(control.name)
    idle = channel is not None and channel.open and not channel.secured
    return idle and parameters(control).protection == "P"


def secure(player: Player, wanted: DataTls, control: Connection, *, given: bool) -> Talk[None]:
    """A handshake on the data connection, in which we are the client also where the server connected (RFC 4217, 7)."""
    channel = yield from connected(player, control, given=given)
    resume = control.name if wanted.resume else ""
    try:
        name = yield from handshake(
            StartTLS(channel.conn, control.endpoint.host, player.setting.patience.tls, resume=resume)
        )
    except Lost as lost:
        if not (wanted.fails or wanted.may_fail):
            player.fail(given, "a TLS handshake on the data connection", str(lost))
        return
    if wanted.fails:
        player.fail(given, "no TLS handshake on the data connection", f"a TLS session ({name})")
    channel.secured = True
    if wanted.same_certificate:
        ours = yield from certificate(PeerCertificate(channel.conn))
        theirs = yield from certificate(PeerCertificate(control.name))
        if ours != theirs:
            player.fail(given, f"the certificate of the control connection ({theirs[:16]})", ours[:16])


def came_from(player: Player, wanted: str | Peer, control: Connection, *, given: bool) -> Talk[None]:
    """The server's connection must come from there."""
    channel = yield from connected(player, control, given=given)
    want = Peer(host=wanted) if isinstance(wanted, str) else wanted
    host, port = (expand(str(text), player.variables) for text in (want.host, want.port))
    if channel.peer is None:
        player.fail(True, "a connection that the server has opened", "one that we have opened")
    if host not in ("", channel.peer.host) or port not in ("", str(channel.peer.port)):
        expected = f"a data connection from {host or 'any address'} port {port or 'any'}"
        got = f"one from {channel.peer.host} port {channel.peer.port}"
        player.fail(given or is_far(control), expected, got)


def unconnected(player: Player, within: Duration, control: Connection, *, given: bool) -> Talk[None]:
    """Nobody may connect to where we listen."""
    channel = channel_of(player, control)
    try:
        ends = yield from accepted(Accept(channel.conn, seconds(within)))
    except Lost as lost:
        if lost.trouble is not Trouble.SILENT:
            player.fail(True, "a port of ours on which we listen", str(lost))
        return
    ours, peer = ends.local, ends.peer
    player.fail(
        given,
        f"no connection to {ours.host} port {ours.port} within {within}",
        f"one from {peer.host} port {peer.port}",
    )
