"""Ways to feed a reader: whole, cut in two at every place, octet by octet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from plumbline.probes.protocols.base import ONE_LINE, Reader, Reply, Shape


def segmentations(octets: bytes) -> Iterator[list[bytes]]:
    """Every way to cut in two, and octet by octet."""
    yield [octets]
    yield [octets[i : i + 1] for i in range(len(octets))]
    for cut in range(1, len(octets)):
        yield [octets[:cut], octets[cut:]]


def replies(reader: Reader, segments: Iterable[bytes], shapes: Sequence[Shape] = ()) -> list[Reply]:
    """All replies, asked for after every segment as a session does; shapes beyond the last are ONE_LINE."""
    found: list[Reply] = []
    for segment in segments:
        reader.feed(segment)
        while (
            reply := reader.next_reply(shapes[len(found)] if len(found) < len(shapes) else ONE_LINE)
        ) is not None:
            found.append(reply)
    return found


def the_reply(reader: Reader, octets: bytes, shape: Shape = ONE_LINE) -> Reply:
    """The one reply that these octets are."""
    (reply,) = replies(reader, [octets], [shape])
    assert reader.unread == b""
    return reply


def assert_any_split(make: Callable[[], Reader], octets: bytes, shapes: Sequence[Shape] = ()) -> list[Reply]:
    """All segmentations give what the whole gives; every octet is in a reply or unread."""
    whole = replies(make(), [octets], shapes)
    for segments in segmentations(octets):
        reader = make()
        assert replies(reader, segments, shapes) == whole
        assert b"".join(reply.octets for reply in whole) + reader.unread == octets
    return whole


def rules(reply: Reply) -> list[str]:
    """Names of the rules that a reply breaks, sorted."""
    return sorted(fault.rule for fault in reply.faults)
