"""The model FTP server's side of data connections, passive and active (RFC 959 section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plumbline.probes.protocols.coding import Decoding, Malformed
from plumbline.probes.protocols.parameters import Parameters

from tests.models.world import HOST, Address, Line, World

PIECE, PAUSE = 65_536, 0.001  # octets sent at a time, seconds from one time to the next


@dataclass(frozen=True, slots=True)
class Transfer:
    """What goes over the data connection: `sending`, coded already, or what comes is given to `keep`."""

    coded: Parameters
    sending: bytes | None
    keep: Callable[[Decoding], None] | None
    done: Callable[[], None]
    failed: Callable[[], None]  # there was no data connection in the end
    broken: Callable[[Malformed | None], None]  # the client ended it, or what came is no data of the mode
    marked: Callable[[str, int], None]  # a restart marker came, behind so many octets

    @property
    def stays(self) -> bool:
        """Whether the end of the file leaves the connection open."""
        return self.coded.mode != "S"


class DataConnection:
    """At most one data connection: listened for, aimed at a port of the client, or open."""

    def __init__(
        self, world: World, allowed: Callable[[Address], bool], protected: Callable[[], bool]
    ) -> None:
        self.world = world
        self.allowed = allowed
        self.protected = protected
        self.listening = 0
        self.aimed: Address | None = None
        self.line: Line | None = None
        self.secured = False
        self.job: Transfer | None = None
        self.decoding: Decoding | None = None
        self.came, self.markers = b"", 0
        self.eof = False

    # -- what the control connection asks for

    def listen(self) -> int:
        """Listen on a new port, which replaces whatever was agreed before."""
        self.drop()
        self.listening = self.world.serve(lambda: Side(self))
        return self.listening

    def aim(self, where: Address) -> None:
        """Connect there when a transfer starts."""
        self.drop()
        self.aimed = where

    @property
    def busy(self) -> bool:
        return self.job is not None

    def connectable(self, default: Address, source: Address) -> bool:
        """Connect where the client listens; True if there is a connection or one may still come."""
        if self.line is None and not self.listening:
            self.world.connect((self.aimed or default).port, Side(self), source)
        return self.line is not None or self.listening != 0

    def start(self, job: Transfer, patience: float) -> None:
        self.job = job
        self.decoding, self.markers = (Decoding(job.coded), 0) if job.keep else (None, 0)
        if self.line is None:
            self.world.later(patience, lambda: self.give_up(job))
        elif self.came and self.protected() and not self.secured:
            self.break_off(job, None)
        else:
            self.go()

    def give_up(self, job: Transfer) -> None:
        if self.job is job and self.line is None:
            self.drop()
            job.failed()

    def go(self) -> None:
        """Do what can be done now: under TLS nothing before the handshake."""
        job = self.job
        if job is None or self.line is None or (self.protected() and not self.secured):
            return
        if job.sending is None:
            self.take(job)
        else:
            self.send(job, 0)

    # -- the server sends

    def send(self, job: Transfer, start: int) -> None:
        if self.job is not job or self.line is None or job.sending is None:
            return
        self.line.say(job.sending[start : start + PIECE]) if job.sending else None
        if start + PIECE < len(job.sending):
            self.world.later(PAUSE, lambda: self.send(job, start + PIECE))
        else:
            self.finish(job)

    # -- the server receives

    def take(self, job: Transfer) -> None:
        decoding, came, self.came = self.decoding, self.came, b""
        if decoding is None:
            return
        try:
            decoding.feed(came)
            if self.eof:
                decoding.close()
            self.mark(job, decoding)
        except Malformed as error:
            self.break_off(job, error)
            return
        if decoding.done:
            self.came = decoding.rest
            if job.keep is not None:
                try:
                    job.keep(decoding)
                except Malformed as error:
                    self.break_off(job, error)
                    return
            self.finish(job)

    def mark(self, job: Transfer, decoding: Decoding) -> None:
        places = decoding.places
        for marker, octets in places[self.markers :]:
            job.marked(marker, octets)
        self.markers = len(places)

    # -- how it ends

    def finish(self, job: Transfer) -> None:
        if job.stays and not self.eof:
            self.job = self.decoding = None
        else:
            self.drop()
        job.done()

    def break_off(self, job: Transfer, error: Malformed | None) -> None:
        self.drop()
        job.broken(error)

    def drop(self) -> None:
        """Close what is open, forget what was agreed."""
        line, self.line, self.job, self.decoding = self.line, None, None, None
        self.world.stop(self.listening)
        self.listening, self.aimed = 0, None
        self.came, self.eof, self.secured = b"", False, False
        if line is not None:
            line.fin()

    # -- what comes over the open one

    def connected(self, line: Line) -> None:
        self.line = line
        self.world.stop(self.listening)
        self.listening = 0
        self.go()

    def received(self, data: bytes) -> None:
        """In clear where a handshake has to come there is no file to come (RFC 4217 section 10.2)."""
        self.came += data
        if self.job is not None and self.protected() and not self.secured:
            self.break_off(self.job, None)
        else:
            self.go_on()

    def ended(self) -> None:
        self.eof = True
        job = self.job
        early = self.protected() and not self.secured  # before the handshake
        if job is not None and (job.sending is not None or early or self.truncated()):
            self.break_off(job, None)
        else:
            self.go_on()

    def truncated(self) -> bool:
        """Under TLS, TCP was closed and TLS was not: there may have been more (RFC 4217 section 12.7)."""
        return self.secured and self.line is not None and self.line.cut_off

    def go_on(self) -> None:
        if self.job is not None and self.job.sending is None:
            self.go()

    closes_tls = True  # before it closes TCP
    certificate = "c0ffee"

    def handshake(self) -> bool:
        if not self.protected():
            return False
        self.secured = True
        self.go()
        return True


class Side:
    """The service of one line. What still happens on a line that was dropped is nobody's business."""

    def __init__(self, owner: DataConnection) -> None:
        self.owner = owner
        self.line: Line | None = None

    @property
    def current(self) -> bool:
        return self.line is not None and self.owner.line is self.line

    def opened(self, line: Line) -> None:
        self.line = line
        if self.owner.line is None and self.owner.allowed(line.client):
            self.owner.connected(line)
        else:
            line.fin()

    def received(self, data: bytes, *, urgent: bool = False) -> None:
        if self.current:
            self.owner.received(data)

    def secured(self) -> bool:
        return self.current and self.owner.handshake()

    def closes_tls(self) -> bool:
        return self.owner.closes_tls

    @property
    def certificate(self) -> str:
        return self.owner.certificate

    def ended(self) -> None:
        if self.current:
            self.owner.ended()


__all__ = ["HOST", "DataConnection", "Transfer"]
