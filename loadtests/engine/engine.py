"""The loop: one epoll, many sessions, closed by a plan. Every wait has a deadline."""

from __future__ import annotations

import errno
import heapq
import itertools
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter, time
from typing import TypeAlias

from plumbline.loadtests.engine.arrivals import Arrivals
from plumbline.loadtests.engine.connection import EDGES, IN, OUT, Address, Connection
from plumbline.loadtests.engine.ledger import Ledger, Receipts
from plumbline.loadtests.engine.payload import FIRST, Output, Payload
from plumbline.loadtests.engine.plan import HARD_SESSIONS, Plan
from plumbline.loadtests.engine.pool import Pool
from plumbline.loadtests.engine.schedule import times
from plumbline.loadtests.engine.session import Session
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.engine.system import Platform, Timer

SWEEP = 0.1  # seconds between two looks at deadlines
CONNECTING = 64  # connections being opened at the same time; a listen queue is often 100 long
SPIN = 5e-5  # seconds to look for events again and again before sleeping
MOST_IN_VAIN = 255  # waits without that, after it was in vain
TURNS = 64  # rounds without a wait, after which other greenlets get their turn
SLOWEST = 2.0  # seconds between two attempts of a session to connect
READ = 16_384
Ready: TypeAlias = "list[tuple[int, int]]"
_NON_BLOCKING = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_BIND_ADDRESS_NO_PORT = 24  # of Linux: the port is chosen at connect, so each may be used towards each target
_BY_NUMBER = {
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ETIMEDOUT: "silent",
    errno.EADDRNOTAVAIL: "no local address or port",
}


class Engine:
    """Runs `plan` against `address`. `add_session` and `stop` may be called while `run` runs."""

    def __init__(self, plan: Plan, address: Address, ledger: Ledger, platform: Platform) -> None:
        self.plan, self.address, self.ledger, self.platform = plan, address, ledger, platform
        self.payload = Payload(plan)
        ledger.serve(self.payload)
        ledger.receipts = Receipts() if plan.verify else None
        self.left = plan.messages or 2**62
        self.number = FIRST  # of the message claimed last
        self.check = False  # only try the envelope
        self.stopping = False
        self.gone = ""  # why the run was given up
        self.last_session: Session | None = None
        self._wanted = 0  # sessions that shall exist
        self._connections: dict[int, Connection] = {}
        again = not plan.tls and not plan.sources  # a socket keeps its address
        self._pool = Pool(self._make, again, plan.reset)
        self._connecting = 0
        self._waiting = 0  # sessions that wait for their next attempt to connect
        self._failures = 0  # attempts in a row without a message or a successful check
        self._failing_since = 0.0
        self._resting: dict[Session, None] = {}
        self._paced: dict[Session, float] = {}  # when each was to begin its last message
        times_ = iter(plan.trace) if plan.trace else times(plan.stages, plan.poisson, plan.seed)
        limited = itertools.islice(times_, plan.messages or None)
        self.arrivals = Arrivals(limited, ledger) if plan.open_loop else None
        self._pump_at = float("inf")  # when `_pump` is called next
        self._unopened: deque[None] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._epoll = platform.epoll()
        self._timer = Timer()
        self._epoll.register(self._timer.fd, IN)
        self._stop_at = float("inf")
        self._sleeps = self._in_vain = 0  # waits to go without spinning
        self._tls = _context(plan) if plan.tls else None
        self._sources = itertools.cycle(plan.sources) if plan.sources else None

    # -- from outside ------------------------------------------------------------------------------

    def add_session(self) -> None:
        """One session more."""
        if self._wanted >= HARD_SESSIONS:
            return
        self._wanted += 1
        self._unopened.append(None)
        self._wake()

    def drop_session(self) -> None:
        """One session less; it ends after its message."""
        self._wanted = max(self._wanted - 1, 0)
        self._wake()

    def stop(self) -> None:
        """Begin no more messages; finish what is under way, for the time the plan grants."""
        if not self.stopping:
            self.stopping = True
            self._stop_at = perf_counter() + self.plan.timeouts.drain
            if self.arrivals is not None:
                self.arrivals.open = False
        self._wake()

    def plain(self, number: int) -> bytes:
        """The message of this number as its reader sees it."""
        return self.payload.plain(number)

    @property
    def busy(self) -> bool:
        """Whether messages are due, or under way."""
        due = self.arrivals is not None and bool(self.arrivals.due)
        return due or len(self._resting) < self.sessions

    @property
    def sessions(self) -> int:
        """Sessions connected now."""
        return len(self._connections) - self._connecting

    # -- the supply of messages (see session.Supply) -------------------------------------------------

    def claim(self) -> int:
        """The number of a message to send now, or 0."""
        if (
            self.left <= 0
            or (self.stopping if self.arrivals is None else not self.arrivals.due)
            or self.check
        ):
            return 0
        self.left -= 1
        self.number += 1
        return self.number

    def intended(self, now: float) -> float:
        """When the message just claimed was meant to be sent."""
        return now if self.arrivals is None or self.check else self.arrivals.take(now).intended

    def unclaim(self, intended: float) -> None:
        """The message claimed last was not begun after all; somebody else may send it."""
        self.left += 1
        if self.arrivals is not None:
            self.arrivals.put_back(intended)

    @property
    def finished(self) -> bool:
        """Whether no message will ever be claimed again."""
        if self.arrivals is not None and self.arrivals.due and self.left > 0:
            return False
        return self.stopping or self.left <= 0 or len(self._connections) > self._wanted

    def idle(self, session: Session) -> None:
        """The session thinks for a while, or waits for the clock."""
        self._resting[session] = None
        if self.arrivals is None:
            self._later(self._pause(session), lambda: self._resume(session))
        elif not self.arrivals.open and not self.stopping:
            self.arrivals.start(perf_counter())
            self._pump()

    def _pause(self, session: Session) -> float:
        """Seconds until the session shall begin its next message."""
        if not self.plan.pace_s:
            return self.plan.think_s
        now = perf_counter()
        due = self._paced.get(session, session.turn_at) + self.plan.pace_s
        self._paced[session] = max(due, now)
        return max(due - now, 0.0)

    def offer(self, offsets: Iterator[float]) -> None:
        """Send by another schedule from now on, in seconds from now. What was due and not begun has failed."""
        if self.arrivals is not None:
            self._later(0.0, lambda: self._restart(offsets))
            self._wake()

    def _restart(self, offsets: Iterator[float]) -> None:
        if self.arrivals is not None:
            self.arrivals.restart(offsets, perf_counter())
            self._pump()

    def _pump(self) -> None:
        """Hand messages that are due to sessions that rest."""
        arrivals, now = self.arrivals, perf_counter()
        if arrivals is None:
            return
        if now >= self._pump_at:
            self._pump_at = float("inf")
        again = arrivals.collect(now)
        while arrivals.due and self._resting:
            self._resume(next(iter(self._resting)))
        if again < self._pump_at:
            self._pump_at = again
            heapq.heappush(self._timers, (again, next(self._order), self._pump))

    def _resume(self, session: Session) -> None:
        if session not in self._resting:
            return
        del self._resting[session]
        connection = self._connections.get(session.fd)
        if connection is not None and connection.session is session:
            self._drive(connection, lambda: session.begin(perf_counter()))

    # -- the loop ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Until stopped, or until the messages are used up. Never raises for what the target does."""
        self._sweep()
        poll, turns = self._epoll.poll, 0
        while not self._done():
            ready = poll(0) or self._look_again(poll)
            self._round(ready)
            turns += 1
            if not ready or turns > TURNS:
                turns = 0
                self._timer.arm(self._timers[0][0])
                self.platform.wait(self._epoll)
        self._close()

    def _look_again(self, poll: Callable[[float], Ready]) -> Ready:
        """Spin for a moment before sleeping: to fall asleep and be woken costs more (measured), if the wait is short.

        Where it was in vain, the next waits go without it, twice as many each time.
        """
        if self._sleeps:
            self._sleeps -= 1
            return []
        until = perf_counter() + SPIN
        while perf_counter() < until:
            if ready := poll(0):
                self._in_vain = 0
                return ready
        self._in_vain = min(2 * self._in_vain + 1, MOST_IN_VAIN)
        self._sleeps = self._in_vain
        return []

    def _round(self, ready: Ready) -> None:
        connections = self._connections
        for fd, events in ready:
            connection = connections.get(fd)
            if connection is None:
                self._stray(fd, events)
            elif events == IN | OUT and connection.ready and not connection.out:
                self._readable(connection)
            else:
                self._special(connection, events)

    def _stray(self, fd: int, events: int) -> None:
        if fd == self._timer.fd:
            self._ring()
        else:
            self._pool.event(fd, events)

    def _readable(self, connection: Connection, ended: bool = False) -> None:
        """`ended`: the peer's end is there, too, and nothing more will tell of it."""
        try:
            session, more = connection.session, True
            while more:
                data = connection.recv(READ)
                if not data:
                    self._lose(connection, "closed", "the target closed the connection")
                    return
                if connection.out:
                    _refuse_early(connection, data)
                output = session.feed(data, perf_counter())
                if output is not None:
                    connection.write(output)
                if session.over or session.wants_tls:
                    self._turn(connection)
                    return
                more = ended or len(data) >= READ
        except BlockingIOError:
            return
        except EndedError as error:
            self._lose(connection, error.kind, str(error))
        except OSError as error:
            self._broken(connection, error)

    def _drive(self, connection: Connection, move: Callable[[], Output]) -> None:
        """Let a session move that nobody spoke to."""
        try:
            output = move()
            if output is not None:
                connection.write(output)
            if connection.session.over or connection.session.wants_tls:
                self._turn(connection)
        except EndedError as error:
            self._lose(connection, error.kind, str(error))
        except OSError as error:
            self._broken(connection, error)

    def _special(self, connection: Connection, events: int) -> None:
        try:
            if not connection.connected:
                self._opened(connection, events)
            if not connection.ready:
                self._handshake(connection, bool(events & IN))
            elif events & OUT:
                connection.flush()
            if connection.ready and events & ~OUT and not connection.session.over:
                self._readable(connection, ended=bool(events & ~(IN | OUT)))
        except BlockingIOError:
            return
        except EndedError as error:
            self._lose(connection, error.kind, str(error))
        except OSError as error:
            self._broken(connection, error)

    def _broken(self, connection: Connection, error: OSError) -> None:
        """Nothing can be sent any more; but what the target said before, a 421 perhaps, is still there to be read."""
        try:
            while connection.ready and (data := connection.recv(READ)):
                _refuse_early(connection, data)
                connection.session.feed(data, perf_counter())
        except EndedError as said:
            self._lose(connection, said.kind, str(said))
            return
        except OSError:
            pass
        if connection.session.over:
            self._turn(connection)
        else:
            self._lose(connection, *_named(error))

    def _turn(self, connection: Connection) -> None:
        """The session is over, or goes on under TLS."""
        if connection.session.over:
            self._failures = 0
            self._forget(connection)
            self._pool.leave(connection)
            self._again(0.0)
        else:
            self._secure(connection)

    # -- connections -------------------------------------------------------------------------------

    def _open_some(self) -> None:
        while self._unopened and self._connecting < CONNECTING and not self._enough():
            self._unopened.popleft()
            self._open()

    def _enough(self) -> bool:
        return self.stopping or self.left <= 0 or len(self._connections) >= self._wanted

    def _open(self) -> None:
        connection = self._pool.take()
        connection.begin(perf_counter())
        self.last_session = connection.session
        self._connections[connection.fd] = connection
        self._connecting += 1
        try:
            if self._sources:
                connection.sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
                connection.sock.bind((next(self._sources), 0))
            connection.connect(self.address[1])
        except OSError as error:
            self._lose(connection, *_named(error))

    def _make(self) -> Connection:
        session = Session(self.plan, self.payload, self.ledger, self, 0.0, self.check)
        connection = Connection(self.platform.socket(self.address[0], _NON_BLOCKING), session)
        self._epoll.register(connection.fd, EDGES)
        return connection

    def _opened(self, connection: Connection, events: int) -> None:
        connection.check_connected(events)
        self._connecting -= 1
        now = perf_counter()
        self.ledger.phase("connect", now - connection.opened_at)
        self.ledger.delta.connections += 1
        self.ledger.begun()
        connection.session.sent_at = now
        if self.plan.tls == "implicit":
            self._secure(connection)
        else:
            connection.ready = True
        self._open_some()

    def _secure(self, connection: Connection) -> None:
        assert self._tls is not None
        connection.start_tls(self._tls, self.plan.host)
        connection.session.sent_at = perf_counter()
        self._handshake(connection, readable=False)

    def _handshake(self, connection: Connection, readable: bool) -> None:
        assert connection.tls is not None
        connection.flush()
        done, octets = connection.tls.handshake(readable)
        connection.put(octets)
        if not done:
            return
        session, now = connection.session, perf_counter()
        self.ledger.phase("TLS", now - session.sent_at)
        session.sent_at = now
        connection.ready = True
        if session.wants_tls:
            self._drive(connection, lambda: session.secured(now))

    def _lose(self, connection: Connection, kind: str, text: str) -> None:
        """The conversation ended although it should not have."""
        session = connection.session
        phase = connection.phase
        self._forget(connection)
        connection.close()
        if session.over:
            return
        quiet = phase == "QUIT" or (self.check and session.count)
        if not quiet:
            named = kind if " " in kind or not phase else f"{kind} at {phase}"
            session.lost(named, text, perf_counter())
            self._note_failure(f"{named}: {text}", session.worked)
        session.over = True
        self._again(min(0.05 * 2 ** min(self._failures, 10), SLOWEST) if self._failures > 1 else 0.0)

    def _forget(self, connection: Connection) -> None:
        self._connecting -= not connection.connected
        self._connections.pop(connection.fd, None)
        self._resting.pop(connection.session, None)
        self._paced.pop(connection.session, None)

    def _note_failure(self, why: str, worked: bool) -> None:
        now = perf_counter()
        self._failures = 1 if worked else self._failures + 1
        if self._failures == 1:
            self._failing_since = now
        self.why = why

    why = ""

    def _again(self, after: float) -> None:
        if self.check or self.stopping:
            return
        if not after:
            self._unopened.append(None)
            self._open_some()
            return
        self._waiting += 1
        self._later(after, self._retry)

    def _retry(self) -> None:
        self._waiting -= 1
        self._unopened.append(None)
        self._open_some()

    # -- time --------------------------------------------------------------------------------------

    def _later(self, after: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (perf_counter() + after, next(self._order), call))

    def _wake(self) -> None:
        self._timer.arm(1e-9)

    def _ring(self) -> None:
        self._timer.ring()
        self._open_some()
        now = perf_counter()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        self._timer.arm(self._timers[0][0])

    def _sweep(self) -> None:
        """Deadlines, ten times a second."""
        now = perf_counter()
        self.ledger.sessions = self.sessions
        limits = self.plan.timeouts
        for connection in list(self._connections.values()):
            self._check_deadline(connection, now)
        if self._failures > 1 and not self.stopping and now - self._failing_since > limits.give_up:
            self._consider_giving_up()
        if self.arrivals is not None:
            self._look_at_arrivals(self.arrivals)
        if self.stopping:
            self._wind_up(now)
        self._pool.sweep()
        self._open_some()
        self._later(SWEEP, self._sweep)

    def _look_at_arrivals(self, arrivals: Arrivals) -> None:
        delta = self.ledger.delta
        delta.longest_queue = max(delta.longest_queue, arrivals.longest)
        if arrivals.ended and not arrivals.due and not self.stopping and not self.plan.search:
            self.stop()

    def _check_deadline(self, connection: Connection, now: float) -> None:
        session, limits = connection.session, self.plan.timeouts
        if not connection.connected:
            if now - connection.opened_at > limits.connect:
                self._lose(connection, "silent", f"no answer to connect within {limits.connect:g} s")
        elif connection.phase and now - session.sent_at > limits.reply:
            self._lose(connection, "silent", f"no reply within {limits.reply:g} s")

    def _consider_giving_up(self) -> None:
        if any(c.session.number or not c.session.pending for c in self._connections.values()):
            self._failures = 0
            return
        self.gone = self.why
        self.stop()

    def _wind_up(self, now: float) -> None:
        if self.arrivals is not None and now > self._stop_at:
            self.arrivals.give_up(now)
        for session in list(self._resting):
            self._resume(session)
        for connection in list(self._connections.values()):
            if not connection.connected:
                connection.session.over = True
                self._forget(connection)
                connection.close()
            elif now > self._stop_at:
                self._lose(connection, "unanswered at the end", "no reply before the run's end")

    def _done(self) -> bool:
        if self._connections or (self._unopened and not self._enough()):
            return False
        if self.stopping or self.left <= 0:
            return True
        return self.check and not self._unopened

    def _close(self) -> None:
        self.stopping = True
        self.ledger.closed_at = time()
        if self.arrivals is not None:
            self.arrivals.give_up(perf_counter())
        self._pool.close()
        self._epoll.close()
        self._timer.close()


def _context(plan: Plan) -> ssl.SSLContext:
    """One context for all sessions: making one costs 20 ms (measured)."""
    context = ssl.create_default_context(cafile=plan.ca or None)
    if not plan.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _named(error: OSError) -> tuple[str, str]:
    """Peer trouble in our words: refused, reset, silent, tls; else the operating system's."""
    match error:
        case ssl.SSLError():
            return "tls", f"TLS failed: {error.reason or error}"
        case ConnectionRefusedError():
            return "refused", "connection refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset", "the target reset the connection"
        case _:
            text = error.strerror or str(error)
            return _BY_NUMBER.get(error.errno or 0, "error"), text


def _refuse_early(connection: Connection, data: bytes) -> None:
    """Where octets wait to be sent nothing can be answered yet, unless several messages are in flight."""
    if connection.out and connection.session.stream is None:
        raise EndedError("reply before the end of data", repr(data[:80]))
