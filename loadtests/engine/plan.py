"""What a load run is to do: one frozen value, made from the command line, shipped to every worker."""

from __future__ import annotations

import msgspec
from plumbline.loadtests.engine.schedule import Stage

HARD_SESSIONS = 20_000
HARD_MESSAGES = 1_000_000_000


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds that each wait may take at most."""

    connect: float = 10.0
    reply: float = 30.0
    drain: float = 5.0  # after the end of the run, for messages that are under way
    give_up: float = 5.0  # with no session able to hold a conversation


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """What every load has: whom it is for, how often, until when. What is counted is called a message here."""

    host: str
    port: int
    protocol: str = ""
    tls: str = ""  # "", "starttls", "implicit"
    verify_tls: bool = True
    ca: str = ""
    user: str = ""
    password: str = ""
    messages: int = 0  # of the whole run; 0: no limit
    per_session: int = 0  # messages before QUIT and a new connection; 0: no limit
    think_s: float = 0.0  # pause between the messages of a session
    pace_s: float = 0.0  # from the begin of one message of a session to that of the next; 0: at once
    stages: tuple[Stage, ...] = ()  # of an open loop; empty: closed loop, each session as fast as it can
    trace: tuple[float, ...] = ()  # of an open loop, in place of stages: seconds from the start, rising
    poisson: bool = False
    seed: int = 0
    run_id: str = "run"
    part: int = 0  # which of several processes this is
    search: bool = False  # the schedule is replaced again and again until somebody stops the run
    timeouts: Timeouts = Timeouts()

    @property
    def open_loop(self) -> bool:
        """Whether messages are sent by the clock and not when a session is ready."""
        return bool(self.stages or self.trace or self.search)


class Plan(Common, frozen=True, kw_only=True):
    """A transfer load. Addresses are without angle brackets."""

    protocol: str = "smtp"  # smtp, lmtp, submission
    client_name: str = "client.example"
    sender: str = "load@client.example"
    recipients: tuple[str, ...] = ("sink@server.example",)
    size: int = 1024  # octets of the body, as smtp-source counts them: without headers
    sizes: tuple[tuple[int, float], ...] = ()  # in place of one size: octets and weight of each
    attachments: tuple[int, ...] = ()  # octets of each, before base64
    corpus: str = ""  # folder of mail to send in place of generated messages; every process reads it
    sources: tuple[str, ...] = ()  # addresses to connect from, in turn
    reset: bool = False  # connections end by a reset, once QUIT is answered
    pipelining: str = "auto"  # auto, on, off
    in_flight: int = 1  # messages of a session at a time; more than 1 where BDAT and PIPELINING are offered
    phase_sample: int = 1000  # every n-th message of a session goes in lockstep, to time its phases; 0: none
    verify: bool = False  # keep receipts, so that delivery can be verified

    @property
    def lmtp(self) -> bool:
        """Whether the end of data is answered once for each recipient (RFC 2033, 4.2)."""
        return self.protocol == "lmtp"
