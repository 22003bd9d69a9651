"""The model FTP server's side of data connections, passive and active, in stream mode (RFC 959 section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.models.world import Line, World


@dataclass(slots=True)
class Transfer:
    """What goes over the data connection: `sending`, or what comes is given to `keep`."""

    sending: bytes | None
    keep: Callable[[bytes], None] | None
    done: Callable[[], None]
    failed: Callable[[], None]  # there was no data connection in the end


class DataConnection:
    """At most one data connection: listened for, aimed at a port of the client, or open."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.listening = 0
        self.aimed = 0
        self.line: Line | None = None
        self.job: Transfer | None = None
        self.came = b""
        self.eof = False

    # -- what the control connection asks for

    def listen(self) -> int:
        """Listen on a new port, which replaces whatever was agreed before."""
        self.drop()
        self.listening = self.world.serve(lambda: Side(self))
        return self.listening

    def aim(self, port: int) -> None:
        """Connect to this port when a transfer starts."""
        self.drop()
        self.aimed = port

    @property
    def busy(self) -> bool:
        return self.job is not None

    def connectable(self) -> bool:
        """Connect where the client listens; True if there is a connection or one may still come."""
        if self.aimed and self.line is None:
            self.world.connect(self.aimed, Side(self))
        return self.line is not None or self.listening != 0

    def start(self, job: Transfer, patience: float) -> None:
        self.job = job
        if self.line is None:
            self.world.later(patience, lambda: self.give_up(job))
        else:
            self.go()

    def give_up(self, job: Transfer) -> None:
        if self.job is job and self.line is None:
            self.drop()
            job.failed()

    def go(self) -> None:
        """Send and close; or take what has come if the client has closed already."""
        if self.job is not None and self.job.sending is not None and self.line is not None:
            if self.job.sending:
                self.line.say(self.job.sending)
            self.finish()
        elif self.job is not None and self.eof:
            self.finish()

    def finish(self) -> None:
        job, came = self.job, self.came
        self.drop()
        if job is not None:
            if job.keep is not None:
                job.keep(came)
            job.done()

    def drop(self) -> None:
        """Close what is open, forget what was agreed."""
        line, self.line, self.job = self.line, None, None
        self.world.stop(self.listening)
        self.listening = self.aimed = 0
        self.came, self.eof = b"", False
        if line is not None:
            line.fin()

    # -- what comes over the open one

    def connected(self, line: Line) -> None:
        self.line = line
        self.go()

    def ended(self) -> None:
        self.eof = True
        self.go()


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
        self.owner.connected(line)

    def received(self, data: bytes, *, urgent: bool = False) -> None:
        if self.current:
            self.owner.came += data

    def secured(self) -> bool:
        return False

    def ended(self) -> None:
        if self.current:
            self.owner.ended()
