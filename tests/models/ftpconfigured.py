"""Model FTP servers set up otherwise than most: one that insists on protected data, one with a short time for idle sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tests.models.ftp import FtpModel


class Insisting(FtpModel):
    """Within TLS no transfer goes on in clear (RFC 4217 section 10.2)."""

    def transfer(
        self, sending: bytes | None, keep: Callable[[bytes], None] | None = None, **how: str
    ) -> None:
        if self.tls and not self.is_protected():
            self.data.drop()
            self.too_low()
        else:
            super().transfer(sending, keep, **how)  # type: ignore[arg-type]

    def too_low(self) -> None:
        self.say("521 Only with PROT P")


class ShortIdle(FtpModel):
    """Ends a session behind eight seconds in which nothing happened."""

    profile: ClassVar[dict[str, str]] = {"idle_timeout": "8"}
    idle = 8.0
    last = 0.0

    def received(self, data: bytes, *, urgent: bool = False) -> None:
        self.last = self.world.now
        super().received(data, urgent=urgent)
        self.world.later(self.idle, self.look)

    def look(self) -> None:
        if self.is_active():
            self.last = self.world.now
            self.world.later(self.idle, self.look)
        elif self.world.now - self.last > self.idle - 0.001:  # sums of times are not exact
            self.say("421 Nothing happened")
            self.line.fin()

    def is_active(self) -> bool:
        """A transfer in progress is activity (RFC 1123 section 4.1.3.2)."""
        return self.data.busy
