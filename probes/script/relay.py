"""What the target has passed on: look at the next hops of this run (`next_hops` in the profile).

A mail that is late is no violation, so a case about what a mail looks like, or about what it was sent for, is
inconclusive where there is none; only a step that asks for the number alone can fail by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ..ops import Talk
from ..protocols.nexthop import Arrival, Postbox
from .content import content_octets, decode, encode
from .expand import expand
from .expect import count_wrong
from .oracle import enough, gathered, search
from .types import Relayed

if TYPE_CHECKING:
    from .interpreter import Player

Found: TypeAlias = list[Arrival]


def relayed(player: Player, want: Relayed, *, given: bool) -> Talk[None]:
    """Wait until as many mails as wanted have come to a next hop, and no more. Raises Ended."""
    postbox = player.setting.postbox
    if postbox is None or postbox.trouble:
        player.fail(True, "a next hop that listens", str(postbox) if postbox else "a run without next hops")
    found, spent = yield from gathered(lambda: _look(player, want, postbox), want.count, want.within)
    if wrong := count_wrong(want.count, len(found)):
        few = len(found) < enough(want.count)
        late = few and _looks(want)
        told = f" ({postbox})" if few else f": {_shown(found[-1])}"
        player.fail(
            given or late, f"{wrong} mails {_wanted(player, want)}", f"{len(found)} after {spent:.1f} s{told}"
        )
    for arrival in found:
        _check(player, want, arrival, given=given)


def _looks(want: Relayed) -> bool:
    """Whether the step asks for more than the number."""
    return bool(want.commands or want.never_commands or want.text or want.never or want.ends_with is not None)


def _look(player: Player, want: Relayed, postbox: Postbox) -> Talk[Found]:
    """The mails that are meant, oldest first."""
    yield from ()
    recipients = {one.lower() for one in _recipients(player, want)}
    marker = encode(expand(want.marker or ("" if recipients else "{marker}"), player.variables))
    return [
        one
        for one in list(postbox.arrivals)
        if one.answer == want.answered
        and want.hop in ("", one.hop)
        and (not recipients or one.mailbox.lower() in recipients)
        and marker in one.octets
    ]


def _recipients(player: Player, want: Relayed) -> list[str]:
    named = [want.to] if isinstance(want.to, str) else want.to
    return [expand(one, player.variables) for one in named]


def _check(player: Player, want: Relayed, arrival: Arrival, *, given: bool) -> None:
    commands = "\n".join(arrival.commands)
    search(player, "a transaction", commands, want.commands, want.never_commands, given=given)
    text = decode(arrival.octets.replace(b"\r\n", b"\n"))
    search(player, "a mail", text, want.text, want.never, given=given)
    if want.ends_with is not None:
        octets = content_octets(want.ends_with, player.variables)
        if not arrival.octets.endswith(octets):
            player.fail(given, f"a mail that ends in {octets[-400:]!r}", repr(arrival.octets[-400:]))


def _wanted(player: Player, want: Relayed) -> str:
    """Which mails are meant, in words."""
    named = " or ".join(_recipients(player, want))
    whose = f"for {named}" if named else f"with {expand(want.marker or '{marker}', player.variables)}"
    where = f" at the next hop {want.hop}" if want.hop else " at the next hops"
    return f"{whose}{where}, answered {want.answered}"


def _shown(arrival: Arrival) -> str:
    return f"{arrival.commands!r}, {arrival.octets[:200]!r}"
