"""Sessions as greenlets: when each begins its next piece of work, what becomes of it, and when all is over.

A conversation does the talking (see `Conversation`); the crew claims work, closed loop or by the clock, keeps
the account, replaces conversations that ended, and gives up on a target that takes none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from time import perf_counter, time
from typing import NamedTuple, Protocol

import gevent
import gevent.event
from plumbline.loadtests.crew import ports
from plumbline.loadtests.crew.wire import SWEEP, Net
from plumbline.loadtests.engine.arrivals import Arrivals
from plumbline.loadtests.engine.engine import _named as named
from plumbline.loadtests.engine.ledger import Ledger
from plumbline.loadtests.engine.plan import Common
from plumbline.loadtests.engine.schedule import times
from plumbline.loadtests.engine.steps import EndedError
from plumbline.loadtests.engine.system import Timer

SLOWEST = 2.0  # seconds between two attempts of a session to connect


class RefusedError(Exception):
    """A piece of work failed; the conversation goes on. `kind` is for counting, the text for people."""

    def __init__(self, kind: str, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.kind, self.code = kind, code


class Conversation(Protocol):
    """With the target. Everything raises EndedError or OSError where it cannot go on."""

    def open(self) -> None:
        """From connecting to the first piece of work."""

    def perform(self, number: int) -> int:
        """One piece of work; octets carried. Raises RefusedError."""

    def close(self) -> None:
        """Take leave."""

    def abandon(self) -> None:
        """Drop everything; never fails."""


class Scene(Protocol):
    """Makes conversations, and knows under which name each piece of work is counted."""

    def conversation(self, lane: int) -> Conversation:
        """A new one; `lane` tells sessions that exist at the same time apart."""

    def book(self, number: int) -> str:
        """The name of the ledger."""

    def finish(self) -> None:
        """Clean up behind the last conversation; never fails."""


class Work(NamedTuple):
    """A piece of work, and when it was to begin."""

    number: int
    intended: float


class Crew:
    """Runs a plan. The first ledger also takes what belongs to no piece of work."""

    def __init__(self, plan: Common, net: Net, scene: Scene, books: Mapping[str, Ledger]) -> None:
        self.plan, self.net, self.scene, self.books = plan, net, scene, books
        self.ledger = next(iter(books.values()))
        self.gone = ""
        self.stopping = False
        self.left = plan.messages or 2**62
        self._number = 0
        self._wanted = 0
        self._lanes: dict[int, gevent.Greenlet] = {}
        self._next_lane = 0
        self._working = 0
        self._talking = 0
        self._failures = 0
        self._failing_since = 0.0
        self._idle: deque[gevent.event.AsyncResult] = deque()
        offsets: Iterator[float] = (
            iter(plan.trace) if plan.trace else times(plan.stages, plan.poisson, plan.seed)
        )
        offsets = islice(offsets, plan.messages) if plan.messages else offsets
        self.arrivals = Arrivals(offsets, self.ledger) if plan.open_loop else None
        self._begun = gevent.event.Event()  # sessions wait for it
        self._over = gevent.event.Event()
        self._timer = Timer()

    # -- from outside ------------------------------------------------------------------------------

    @property
    def sessions(self) -> int:
        """Conversations open now."""
        return self._talking

    @property
    def busy(self) -> bool:
        """Whether work is due, or under way."""
        return bool(self._working or (self.arrivals and self.arrivals.due))

    def add_session(self) -> None:
        """One session more."""
        self._wanted += 1
        self._spawn()

    def drop_session(self) -> None:
        """One session less; it ends after its work."""
        self._wanted = max(self._wanted - 1, 0)
        if self._idle and not self.stopping:
            self._idle.popleft().set(None)

    def stop(self) -> None:
        """Begin nothing more."""
        self.stopping = True
        if self.arrivals is not None:
            self.arrivals.open = False
        while self._idle:
            self._idle.popleft().set(None)
        self._over.set()

    def offer(self, offsets: Iterator[float]) -> None:
        """Another schedule from now on, in seconds from now. What was due and not begun has failed."""
        if self.arrivals is not None:
            self.arrivals.restart(offsets, perf_counter())
            self._timer.arm(1e-9)

    def plain(self, number: int) -> bytes:
        """Nothing is looked for afterwards."""
        raise NotImplementedError(number)

    def run(self) -> None:
        """Until stopped, or until all is done. Never raises for what the target does."""
        helpers = [gevent.spawn(self._sweep_often), gevent.spawn(self.net.sweep_often)]
        if self.arrivals is not None:
            helpers.append(gevent.spawn(self._pump, self.arrivals))
        self._begun.set()
        self._over.wait()
        self.stop()
        gevent.joinall(list(self._lanes.values()), timeout=self.plan.timeouts.drain)
        self.net.end_all("unanswered at the end", "no answer before the run's end")
        gevent.joinall(list(self._lanes.values()), timeout=1.0)
        gevent.killall([*helpers, *self._lanes.values()])
        for ledger in self.books.values():
            ledger.closed_at = time()
        if self.arrivals is not None:
            self.arrivals.give_up(perf_counter())
        self.scene.finish()
        self.net.close()
        self._timer.close()

    # -- one session -------------------------------------------------------------------------------

    def _spawn(self) -> None:
        lane, self._next_lane = self._next_lane, self._next_lane + 1
        greenlet = self._lanes[lane] = gevent.spawn(self._live, lane)
        greenlet.link(lambda _: self._left(lane))

    def _left(self, lane: int) -> None:
        self._lanes.pop(lane, None)
        if not self._lanes and self.left <= 0:
            self._over.set()

    def _leaving(self) -> bool:
        return self.stopping or self.left <= 0 or len(self._lanes) > max(self._wanted, 1)

    def _live(self, lane: int) -> None:
        self._begun.wait()
        due: float | None = perf_counter()
        while due is not None and not self._leaving():
            talk = self.scene.conversation(lane)
            try:
                talk.open()
                self._talking += 1
                try:
                    due = self._converse(talk, due)
                    talk.close()
                finally:
                    self._talking -= 1
            except _Counted as error:
                self._count_failure(str(error))
            except EndedError as error:
                self._failed_to_talk(error.kind, str(error))
            except OSError as error:
                self._failed_to_talk(*named(error))
            finally:
                talk.abandon()
            if self._failures > 1:
                gevent.sleep(min(0.05 * 2 ** min(self._failures, 10), SLOWEST))

    def _converse(self, talk: Conversation, due: float) -> float | None:
        """Work after work; gives back when the next is due, None if there is no more.

        Raises EndedError, OSError; the account is in order then.
        """
        limit = self.plan.per_session or 2**62
        for _ in range(limit):
            work = self._claim(due)
            if work is None:
                return None
            due += self.plan.pace_s
            self._work(talk, work)
            due = max(due, perf_counter())
            if self.plan.think_s:
                gevent.sleep(self.plan.think_s)
        return due

    def _claim(self, due: float) -> Work | None:
        """The next piece of work, when it is time for it; None when there is none."""
        if self.arrivals is not None:
            return self._await_arrival(self.arrivals)
        if self.plan.pace_s and not self._leaving():
            gevent.sleep(max(due - perf_counter(), 0))
        if self._leaving():
            return None
        self.left -= 1
        self._number += 1
        return Work(self._number, perf_counter())

    def _await_arrival(self, arrivals: Arrivals) -> Work | None:
        if not arrivals.open and not self.stopping and not arrivals.ended:
            arrivals.start(perf_counter())
            self._timer.arm(1e-9)
        while not arrivals.due:
            if self._leaving() or (arrivals.ended and not self.plan.search):
                return None
            waiting = gevent.event.AsyncResult()
            self._idle.append(waiting)
            if waiting.get() is None:
                return None
        self._number += 1
        return Work(self._number, arrivals.take(perf_counter()).intended)

    def _work(self, talk: Conversation, work: Work) -> None:
        ledger = self.books[self.scene.book(work.number)]
        self._working += 1
        try:
            octets = talk.perform(work.number)
        except RefusedError as error:
            ledger.failure(perf_counter() - work.intended, error.kind, str(error))
            if error.code:
                ledger.reply(error.code)
        except EndedError as error:
            ledger.failure(perf_counter() - work.intended, error.kind, str(error))
            raise _Counted(error.kind, str(error)) from error
        except gevent.GreenletExit:
            waited = perf_counter() - work.intended
            ledger.failure(waited, "unanswered at the end", "no answer before the run's end")
            raise
        except OSError as error:
            kind, text = named(error)
            ledger.failure(perf_counter() - work.intended, kind, text)
            raise _Counted(kind, text) from error
        else:
            ledger.acknowledged.append(perf_counter() - work.intended)
            ledger.octets += octets
            self._failures = 0
        finally:
            self._working -= 1

    def _failed_to_talk(self, kind: str, text: str) -> None:
        if self.stopping:
            return
        self.ledger.delta.error(kind, text)
        self._count_failure(f"{kind}: {text}")

    def _count_failure(self, why: str) -> None:
        now = perf_counter()
        self._failures += 1
        if self._failures == 1:
            self._failing_since = now
        if (
            self._failures > 1
            and now - self._failing_since > self.plan.timeouts.give_up
            and not self._talking
        ):
            self.gone = why
            self._over.set()

    # -- time --------------------------------------------------------------------------------------

    def _pump(self, arrivals: Arrivals) -> None:
        """Hand what is due to sessions that wait."""
        ring = self.net.watcher(self._timer.fd, 1)
        while True:
            again = arrivals.collect(perf_counter())
            for _ in range(min(len(arrivals.due), len(self._idle))):
                self._idle.popleft().set(True)
            self._timer.arm(min(again, perf_counter() + SWEEP))
            self.net.wait(ring)
            self._timer.ring()

    def _sweep_often(self) -> None:
        second, before = 0.0, ports.time_wait()
        while True:
            now = perf_counter()
            self.ledger.sessions = self._talking
            if now - second > 1:
                second, delta = now, self.ledger.delta
                delta.time_wait = max(delta.time_wait, ports.time_wait() - before)
            if self.arrivals is not None:
                self._look_at_arrivals(self.arrivals)
            gevent.sleep(SWEEP)

    def _look_at_arrivals(self, arrivals: Arrivals) -> None:
        delta = self.ledger.delta
        delta.longest_queue = max(delta.longest_queue, arrivals.longest)
        if arrivals.ended and not self.busy and not self.plan.search:
            self._over.set()


class _Counted(EndedError):
    """The conversation is over, and the account has it already."""


def timed(ledger: Ledger, clock: Callable[[], float] = perf_counter) -> Callable[[str], None]:
    """A function that notes, at the end of each phase, how long it took."""
    since = [clock()]

    def note(phase: str) -> None:
        now = clock()
        ledger.phase(phase, now - since[0])
        since[0] = now

    return note
