"""The thin front end: Locust's life cycle on one side, the engine on the other.

A Locust user is one session. All sessions of a process are driven by one engine greenlet. A worker sends
what it counted with Locust's own reports; at the end the master asks every worker for the rest and waits
for it, so that nothing is lost.
"""

from __future__ import annotations

import contextlib
import logging
import random
import signal
import sys
import time
from typing import Any

import gevent
import gevent.event
import locust.stats
import msgspec
from locust import User, events, task
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from plumbline.loadtests import locust_stats
from plumbline.loadtests.delivery.stores import StoreError
from plumbline.loadtests.delivery.verifying import Verifier
from plumbline.loadtests.engine.plan import Common
from plumbline.loadtests.engine.schedule import share
from plumbline.loadtests.engine.tally import Tally
from plumbline.loadtests.engine.texts import TextError
from plumbline.loadtests.generator import Generator
from plumbline.loadtests.options import EXIT_OK, EXIT_USAGE, Job, UsageError, add_options, job, resolve
from plumbline.loadtests.outcome import Outcome, progress
from plumbline.loadtests.scenarios.base import Preflight, Scenario
from plumbline.loadtests.stepping import STEP, STEPPED, Alone, Hunt, KneeShape, Stepper, Workers, answer
from plumbline.loadtests.writing import write

logger = logging.getLogger("plumbline")

INIT = 30.0  # seconds that Locust may take to become ready
DRAIN, FINAL, DONE = "plumbline-drain", "plumbline-final", "plumbline-done"


class Frame:
    """State of one process, whatever its part: alone, master or worker."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.job: Job | None = None
        self.generator: Generator | None = None
        self.outcome: Outcome | None = None
        self.verifier: Verifier | None = None
        self.hunt: Hunt | None = None
        self.workers: Workers | None = None
        self.web_ui: Any = None
        self.interrupted = False
        self.started = time.time()
        self.finals: dict[str, dict[str, Any]] = {}
        self.done: dict[str, str] = {}
        self.final_sent = False
        self.ready = False  # init was called
        self.users = 0

    # -- start -------------------------------------------------------------------------------------

    def init(self, environment: Environment, runner: Any, web_ui: Any) -> None:
        """Read the options, so that a mistake is told before anything is started."""
        locust.stats.bucket_response_time = locust_stats.bucket_response_time  # type: ignore[assignment]
        self.web_ui = web_ui
        self.ready = True
        gevent.signal_handler(signal.SIGINT, self.interrupt, environment)
        if isinstance(runner, WorkerRunner):
            runner.register_message(DRAIN, self.on_drain, concurrent=True)
            runner.register_message(STEP, self.on_step, concurrent=True)
            return
        if isinstance(runner, MasterRunner):
            runner.register_message(FINAL, self.on_final)
            runner.register_message(DONE, self.on_done, concurrent=True)
            runner.register_message(STEPPED, self.on_stepped)
        options = environment.parsed_options
        if options is not None and options.spawn_rate is None:
            options.spawn_rate = min(options.num_users or 1, 100)
        if environment.host or not web_ui:
            self.read_options(environment)
        if self.job and self.job.search and options is not None:
            shape = KneeShape(options.num_users or 1, lambda: self.hunt is not None and self.hunt.over)
            shape.runner, environment.shape_class = runner, shape

    def read_options(self, environment: Environment) -> None:
        """Make the job; ends the process with a sentence if that cannot be."""
        options = vars(environment.parsed_options)
        try:
            self.job = job(options, environment.host, self.scenario)
            resolve(self.job.plan)
        except UsageError as error:
            print(f"plumbline: {error}", file=sys.stderr)
            sys.exit(EXIT_USAGE)
        options["plumbline_plan"] = msgspec.to_builtins(self.job.plan)

    def test_start(self, environment: Environment) -> None:
        """Begin a run: a new engine where messages are sent, a new outcome where they are judged."""
        self.wait_for_init()
        runner = environment.runner
        self.started, self.finals, self.done, self.final_sent = time.time(), {}, {}, False
        if isinstance(runner, WorkerRunner):
            self.start_worker(environment, runner)
            return
        if self.web_ui or not self.job:
            self.read_options(environment)
        assert self.job is not None
        self.outcome = Outcome(self.job, self.scenario, Tally(), self.started)
        if not self.begin_to_verify(self.job):
            self.end_early(environment, "preflight: " + self.outcome.not_tested)
            return
        if isinstance(runner, MasterRunner):
            workers = [client.id for client in runner.clients.all]
            vars(environment.parsed_options)["plumbline_workers"] = workers
            self.outcome.processes = max(len(workers), 1)
            if self.job.search:
                self.workers = Workers(runner)
                self.seek(self.job, self.workers)
        else:
            self.generate(environment, self.job.plan)
        if self.job.progress and not self.web_ui and not self.job.search:
            gevent.spawn(self.tell_progress, environment, self.outcome, self.job.progress)

    def tell_progress(self, environment: Environment, outcome: Outcome, every: float) -> None:
        """A line now and then, until the run is over."""
        while outcome is self.outcome:
            gevent.sleep(every)
            if self.generator and isinstance(environment.runner, LocalRunner):
                outcome.tally.merge(self.generator.take())
            if outcome is self._told or not (environment.runner and environment.runner.state == "running"):
                return
            print(progress(outcome.tally, environment.runner.user_count, time.time()), flush=True)

    def seek(self, job: Job, stepper: Stepper) -> None:
        """Where a knee is sought, begin with it."""
        if job.search:
            self.hunt = Hunt(job.search, lambda text: print(text, flush=True))
            gevent.spawn(self.hunt.run, stepper)

    def begin_to_verify(self, job: Job) -> bool:
        """Where delivery is to be verified, see whether the store can be read; False if not."""
        self.verifier = Verifier(job.verification, job.plan.run_id) if job.verification else None
        try:
            if self.verifier:
                self.verifier.begin()
        except StoreError as error:
            assert self.outcome is not None
            self.outcome.not_tested = f"delivery cannot be verified: {error}"
        return not (self.outcome and self.outcome.not_tested)

    def wait_for_init(self) -> None:
        """A worker takes orders from the master before Locust has finished making it (seen with 2.47)."""
        with gevent.Timeout(INIT):
            while not self.ready:
                gevent.sleep(0.005)

    def start_worker(self, environment: Environment, runner: WorkerRunner) -> None:
        """A worker's plan comes from the master, with its share of the messages."""
        options = vars(environment.parsed_options)
        plan = msgspec.convert(options["plumbline_plan"], self.scenario.plan_type)
        named = options["plumbline_workers"]
        workers, index = len(named), named.index(runner.client_id) if runner.client_id in named else -1
        plan = msgspec.structs.replace(
            plan,
            stages=share(plan.stages, workers),
            trace=plan.trace[max(index, 0) :: workers],
            seed=plan.seed + index + 1,
            part=index + 1 or random.getrandbits(32),  # a worker that came late has no number
        )
        if plan.messages:
            part = plan.messages // workers + (index < plan.messages % workers) if index >= 0 else 0
            plan = msgspec.structs.replace(plan, messages=part)
            if not part:
                gevent.spawn(self.tell_done, environment, "")
                return
        self.generate(environment, plan)

    def generate(self, environment: Environment, plan: Common) -> None:
        """Preflight, then the engine."""
        try:
            self.generator = generator = Generator(environment, self.scenario, plan, resolve(plan))
        except (TextError, UsageError) as error:
            self.end_early(environment, f"preflight: {error}")
            return
        why = generator.preflight()
        if self.outcome:
            self.outcome.found = generator.found
        if why:
            self.end_early(environment, "preflight: " + why)
            return
        generator.run()
        if self.job and not isinstance(environment.runner, WorkerRunner):
            self.seek(self.job, Alone(generator))
        assert generator.greenlet is not None
        generator.greenlet.link(lambda _: self.engine_ended(environment, generator))

    def engine_ended(self, environment: Environment, generator: Generator) -> None:
        """The engine ended by itself: messages used up, or the target is gone."""
        if generator is self.generator and environment.runner and environment.runner.state != "stopped":
            self.end_early(environment, generator.engine.gone)

    def end_early(self, environment: Environment, why: str) -> None:
        """Stop the run from inside. Locust hangs if that is not done from a greenlet of its own."""
        if isinstance(environment.runner, WorkerRunner):
            gevent.spawn(self.tell_done, environment, why)
            return
        if self.outcome and why.startswith("preflight: "):
            self.outcome.not_tested = why.removeprefix("preflight: ")
        elif self.outcome and why:
            self.outcome.stopped_early = why
        gevent.spawn(self.end, environment)

    def end(self, environment: Environment) -> None:
        """End the run; without a web page, the process too."""
        runner = environment.runner
        if runner is not None:
            (runner.stop if self.web_ui and not self.interrupted else runner.quit)()

    # -- end ---------------------------------------------------------------------------------------

    def interrupt(self, environment: Environment) -> None:
        """Ctrl-C. Not as an exception: that would hit the engine in the middle of a message."""
        if self.interrupted:
            sys.exit(130)
        self.interrupted = True
        if isinstance(environment.runner, WorkerRunner):
            self.send_final(environment.runner)
        self.end(environment)
        if self.web_ui:
            self.web_ui.stop()

    def test_stopping(self, environment: Environment) -> None:
        """Let messages under way finish; on a master, wait until every worker has told all it knows."""
        self.users = environment.runner.user_count if environment.runner else 0
        if isinstance(environment.runner, MasterRunner):
            self.collect(environment.runner)
        elif self.generator and not isinstance(environment.runner, WorkerRunner):
            self.generator.stop()
        elif isinstance(environment.runner, WorkerRunner):
            self.send_final(environment.runner)

    def collect(self, runner: MasterRunner) -> None:
        """Ask all workers for their last report, and wait for it."""
        if self.job is None:
            return
        runner.send_message(DRAIN)
        deadline = time.monotonic() + self.job.plan.timeouts.drain + 5
        while time.monotonic() < deadline:
            if all(client.id in self.finals for client in runner.clients.all):
                return
            gevent.sleep(0.02)
        missing = [client.id for client in runner.clients.all if client.id not in self.finals]
        if self.outcome:
            self.outcome.facts["workers_without_last_report"] = missing
            self.outcome.stopped_early = f"{len(missing)} workers did not send their last report"

    def on_drain(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ARG002
        """The master wants the last report."""
        if isinstance(environment.runner, WorkerRunner):
            self.send_final(environment.runner)

    def on_step(self, environment: Environment, msg: Any, **_: Any) -> None:
        """The master wants a rate to be offered."""
        runner = environment.runner
        if self.generator and isinstance(runner, WorkerRunner):
            runner.send_message(STEPPED, answer(Alone(self.generator), msg.data))

    def on_stepped(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ARG002
        """A worker has offered its share of a rate."""
        if self.workers:
            self.workers.on_stepped(msg.node_id, msg.data)

    def send_final(self, runner: WorkerRunner) -> None:
        """Drain, report, and say that this was the last report. ZeroMQ keeps the order."""
        if self.final_sent:
            return
        self.final_sent = True
        facts: dict[str, Any] = {}
        if self.generator:
            self.generator.stop()
            facts = {
                "greeting": self.generator.found.greeting,
                "capabilities": self.generator.found.capabilities,
            }
        runner._send_stats()
        runner.send_message(FINAL, facts)

    def tell_done(self, environment: Environment, why: str) -> None:
        """This worker has nothing more to do."""
        runner = environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(DONE, {"why": why})

    def on_final(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ARG002
        """A worker has told all it knows."""
        self.finals[msg.node_id] = msg.data
        if self.outcome and msg.data.get("greeting"):
            self.outcome.found = Preflight("", msg.data["greeting"], list(msg.data["capabilities"]))

    def on_done(self, environment: Environment, msg: Any, **_: Any) -> None:
        """A worker has nothing more to do; when none has, the run is over."""
        self.done[msg.node_id] = msg.data["why"]
        runner = environment.runner
        if isinstance(runner, MasterRunner) and all(c.id in self.done for c in runner.clients.all):
            whys = sorted({why for why in self.done.values() if why})
            self.end_early(environment, "; ".join(whys))

    def report_to_master(self, data: dict[str, Any]) -> None:
        """Before Locust serialises its statistics: settle ours."""
        if self.generator:
            data["plumbline"] = self.generator.take().to_wire()
            data["plumbline_receipts"] = self.generator.take_receipts()

    def worker_report(self, data: dict[str, Any]) -> None:
        """What a worker counted since its last report."""
        if self.outcome and "plumbline" in data:
            self.outcome.tally.merge(Tally.from_wire(data["plumbline"]))
            if self.verifier:
                self.verifier.take(data["plumbline_receipts"])

    def test_stop(self, environment: Environment) -> None:
        """With a web page a run ends here; else the process ends with it, and `quitting` knows more."""
        if self.web_ui:
            self.tell(environment)

    def tell(self, environment: Environment) -> None:
        """The run is over and everything is counted: judge it, keep it, say it."""
        if not self.outcome or self.outcome is self._told:
            return
        outcome = self._told = self.outcome
        if self.generator and isinstance(environment.runner, LocalRunner):
            outcome.tally.merge(self.generator.take())
            if self.verifier:
                self.verifier.take(self.generator.take_receipts())
        outcome.users = self.users
        outcome.knee = self.hunt.knee if self.hunt else None
        outcome.interrupted = self.interrupted and _bounded(environment)
        self.verify(outcome)
        outcome.not_kept = write(outcome)
        for problem in outcome.not_kept:
            print(f"plumbline: {problem}", file=sys.stderr)
        print("\n".join(["", *outcome.lines(), ""]), flush=True)
        self.generator = None

    _told: Outcome | None = None

    def verify(self, outcome: Outcome) -> None:
        """Look for what was acknowledged; says so, for it may take a while."""
        if not self.verifier or outcome.why_not_tested:
            return
        print(f"Looking for {outcome.tally.acknowledged} acknowledged messages ...", flush=True)
        outcome.delivery = self.verifier.finish(outcome.tally.acknowledged, gevent.sleep)

    def quitting(self, environment: Environment) -> None:
        """The exit code, after the run has been ended in good order."""
        if isinstance(environment.runner, WorkerRunner):
            environment.process_exit_code = EXIT_OK
            return
        if environment.runner is not None:
            self.end_quietly(environment)
        self.tell(environment)
        if self.outcome:
            environment.process_exit_code = self.outcome.exit_code

    def end_quietly(self, environment: Environment) -> None:
        """SIGTERM comes here with the run still going."""
        runner = environment.runner
        if runner is not None and runner.state in ("spawning", "running"):
            self.interrupted = True
            with contextlib.suppress(gevent.GreenletExit):
                runner.quit()


def _bounded(environment: Environment) -> bool:
    """Whether the run had an end of its own, so that an interruption cut it short."""
    options = environment.parsed_options
    return bool(options and (options.run_time or options.messages))


def install(scenario: Scenario) -> Frame:
    """Hook a frame into Locust's events. Called by a locustfile, before Locust makes its runner:
    our listeners then come first, and statistics are settled before Locust serialises them.
    """
    hooks: Any = events
    frame = Frame(scenario)
    hooks.init_command_line_parser.add_listener(lambda parser, **_: add_options(parser, scenario))
    hooks.init.add_listener(lambda environment, runner, web_ui, **_: frame.init(environment, runner, web_ui))
    hooks.test_start.add_listener(lambda environment, **_: frame.test_start(environment))
    hooks.test_stopping.add_listener(lambda environment, **_: frame.test_stopping(environment))
    hooks.test_stop.add_listener(lambda environment, **_: frame.test_stop(environment))
    hooks.quitting.add_listener(lambda environment, **_: frame.quitting(environment))
    hooks.report_to_master.add_listener(lambda data, **_: frame.report_to_master(data))
    hooks.worker_report.add_listener(lambda data, **_: frame.worker_report(data))
    SessionUser.frame = frame
    return frame


class SessionUser(User):
    """A Locust user that stands for one session of the engine."""

    abstract = True
    frame: Frame

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.released = gevent.event.Event()

    def on_start(self) -> None:
        """The engine opens a session."""
        if self.frame.generator:
            self.frame.generator.engine.add_session()

    def on_stop(self) -> None:
        """The engine ends a session after its message."""
        if self.frame.generator:
            self.frame.generator.engine.drop_session()

    @task
    def attend(self) -> None:
        """Nothing to do: the engine does the work."""
        self.released.wait()

    def stop(self, force: bool = False) -> bool:
        """End the task, then the user."""
        self.released.set()
        return bool(super().stop(force))
