"""What a `data:` step does on FTP's data connection (RFC 959 section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ops import Close, Reset, Talk
from . import channel, transfer
from .types import Data, DataTls

if TYPE_CHECKING:
    from .connection import Connection
    from .interpreter import Player


def perform(player: Player, data: str | Data, control: Connection, *, given: bool) -> Talk[None]:  # noqa: C901 - one branch an action
    """Do it. Raises Ended. All ways of opening but `reply` are preconditions."""
    if isinstance(data, str):
        data = Data(open=data)
    if control.name in player.channels:
        player.channels[control.name].open = False  # from now on the script says what happens there
    if data.open:
        yield from channel.open_(player, data, control, given=given)
    elif data.refused:
        yield from channel.refused(player, data, control, given=given)
    elif data.receive is not None:
        yield from transfer.receive(player, data, data.receive, control, given=given)
    elif data.send is not None:
        yield from transfer.send(player, data, control, given=given)
    elif data.tls:
        wanted = data.tls if isinstance(data.tls, DataTls) else DataTls()
        yield from channel.secure(player, wanted, control, given=given)
    elif data.peer is not None:
        yield from channel.came_from(player, data.peer, control, given=given)
    elif data.silence is not None:
        yield from transfer.silence(player, data.silence, control, given=given)
    elif data.closed is not None:
        yield from transfer.closed(player, data.closed, control, given=given)
    elif data.unconnected is not None:
        yield from channel.unconnected(player, data.unconnected, control, given=given)
    elif data.reset:
        yield Reset(channel.channel_of(player, control).conn)
    elif data.close:
        yield Close(channel.channel_of(player, control).conn)
