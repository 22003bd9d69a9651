"""LMTP servers with one planted bug each. The bugs of SMTP servers are borrowed, see `borrowed`."""

from __future__ import annotations

from collections.abc import Iterable

from tests.falsify.harness import Mutant
from tests.models.lines import LineService
from tests.models.lmtp import Lmtp


def borrowed(mutants: Iterable[Mutant]) -> tuple[Mutant, ...]:
    """The same bugs in a server that speaks LMTP, but those of relays. Which cases they break is pinned, not named."""
    others = (one for one in mutants if not getattr(one.service, "relays", False))
    return tuple(Mutant(one.name, _speaking_lmtp(one.service)) for one in others)


def _speaking_lmtp(service: type[LineService]) -> type[LineService]:
    """The bug in front of a server that speaks LMTP; where the bug is what is offered, no more is offered."""
    offered = tuple(getattr(service, "keywords", ()))
    more = ("ENHANCEDSTATUSCODES",) if "keywords" in vars(service) else Lmtp.keywords
    words = {word.split()[0]: word for word in (*more, *offered)}
    return type(service.__name__, (service, Lmtp), {"keywords": tuple(words.values())})
