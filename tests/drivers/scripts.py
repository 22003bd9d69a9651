"""Pieces of scripts that the tests of the drivers share."""

from __future__ import annotations

from plumbline.probes.ops import Endpoints, Lost, Op, Open, Recv, Send, Talk, Trouble, opened, received

from tests.drivers.peers import PATIENCE, Peer


def connect(peer: Peer, conn: str = "main", host: str = "") -> Talk[Endpoints]:
    return (yield from opened(Open(conn, host or peer.host, peer.port, PATIENCE)))


def send(data: bytes, conn: str = "main", *, urgent: bool = False) -> Talk[None]:
    yield Send(conn, data, PATIENCE, urgent=urgent)


def recv(conn: str = "main", timeout: float = PATIENCE) -> Talk[bytes]:
    return (yield from received(Recv(conn, timeout)))


def recv_exactly(size: int, conn: str = "main") -> Talk[bytes]:
    data = b""
    while len(data) < size:
        piece = yield from recv(conn)
        assert piece, f"the peer ended after {data!r}"
        data += piece
    return data


def recv_to_end(conn: str = "main") -> Talk[tuple[bytes, Trouble]]:
    """All octets, and how it ended: FIN counts as CLOSED."""
    data = b""
    try:
        while piece := (yield from recv(conn)):
            data += piece
    except Lost as lost:
        return data, lost.trouble
    return data, Trouble.CLOSED


def losing(op: Op) -> Talk[Lost]:
    """The trouble that an operation must end in."""
    try:
        answer = yield op
    except Lost as lost:
        return lost
    raise AssertionError(f"{op} was answered with {answer!r}")
