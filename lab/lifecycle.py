"""Start a server, stop it, tell what runs."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import accounts, catalogue, packages, places, ports, processes, profiles, state
from .bench import Bench
from .model import OTHERS_PORTS, LabError, Launch, Product, Server
from .state import Record

_OUTPUT = "output.log"
_READY = 60.0  # seconds for a server to open its ports
_LOG_TAIL = 2500  # characters


class NotRunningError(LabError):
    """There is no instance of this name."""


class AlreadyRunningError(LabError):
    """The name of the instance is taken, or the product runs once only."""


def start(name: str, *, instance: str | None = None, port_base: int | None = None) -> Server:
    """Start the product `name`; ready when this returns.

    `instance` names the instance (default: the product's name, with a number added when that is taken);
    `port_base` gives fixed ports instead of free ones. Raises LabError, and then leaves nothing behind.
    """
    product = catalogue.find(name)
    _check_machine(product)
    installed = packages.install(product)
    if product.accounts or product.mail_users:
        accounts.ensure(product.accounts, mail_users=product.mail_users, openssl=packages.openssl())
    record = _claim(product, instance)
    mask = os.umask(0o022)
    try:
        return _start(product, installed, record, port_base)
    except BaseException as error:
        _remove(record)
        if isinstance(error, OSError):
            raise LabError(f"{product.name} cannot be set up: {error}") from error
        raise
    finally:
        os.umask(mask)


def _check_machine(product: Product) -> None:
    if product.needs_root and os.geteuid() != 0:
        raise LabError(f"{product.name} must be started by root; 'embedded' needs no root")
    if product.needs_root:
        places.require_reachable(places.cache(), "PLUMBLINE_LAB_CACHE")


def _claim(product: Product, instance: str | None) -> Record:
    _sweep()
    others = [record for record in state.load_all() if record.product == product.name]
    if product.single and others:
        raise AlreadyRunningError(
            f"{product.name} runs already, as {others[0].name}, and only one may run: {product.single}"
        )
    numbered = (f"{product.name}-{number}" for number in itertools.count(2))
    for name in [instance] if instance else itertools.chain([product.name], numbered):
        if record := state.claim(name, product.name):
            return record
    raise AlreadyRunningError(
        f"{instance} is running already; stop it with: plumbline lab stop {instance}\n"
        f"or start one more with: plumbline lab start {product.name} --as ANOTHER-NAME"
    )


def _sweep() -> None:
    """Clear away what died without being stopped."""
    for record in state.load_all():
        if not record.alive():
            _remove(record)


def _start(product: Product, installed: packages.Installed, record: Record, port_base: int | None) -> Server:
    directory = places.temporary(product.name)
    record.directory = str(directory)
    state.save(record)
    if product.needs_root:
        places.require_reachable(directory, "TMPDIR")
    taken = [port for other in state.load_all() for port in other.ports]
    chosen = ports.choose(product.protocols, port_base, taken, product.host)
    bench = Bench(directory, installed, chosen)
    record.ports = list(bench.ports.values())
    try:
        launch = product.prepare(bench)
    finally:
        record.links = bench.links
        state.save(record)
    _launch(product, launch, bench, record)
    record.server = _describe(product, launch, bench, record)
    state.save(record)
    return record.server


def _launch(product: Product, launch: Launch, bench: Bench, record: Record) -> None:
    record.programs = list(launch.programs)
    try:
        own = {name: port for name, port in bench.ports.items() if name not in OTHERS_PORTS}
        _run(record, own, product.host)
    except LabError as error:
        tail = _log_tail([bench.directory / _OUTPUT, *launch.logs])
        raise LabError(f"{product.name} does not start: {error}\n{tail}") from error


def _run(record: Record, open_ports: Mapping[str, int], host: str) -> None:
    """Start the programs of an instance and wait for its ports. Raises LabError."""
    for program in record.programs:
        output = Path(record.directory) / _OUTPUT
        started = processes.spawn(program.argv, program.environment, output, record.directory)
        record.processes.append(started)
        state.save(record)
    ports.await_open(open_ports, lambda: _check_alive(record), _READY, host)


def crash(server: Server | str, down: float = 0.0) -> None:
    """SIGKILL an instance and all of its processes, and start it again `down` seconds later.

    Folder, ports and everything in its queues stay: what a power cut leaves, but for what the kernel kept.
    Raises NotRunningError, and LabError if it does not come up again.
    """
    name = server if isinstance(server, str) else server.name
    record = state.load(name)
    if record is None or record.server is None or not record.alive():
        raise NotRunningError(f"{name} is not running")
    processes.kill(record.processes, record.directory)
    time.sleep(down)
    record.processes = []
    public = {protocol: port for protocol, (_, port) in record.server.endpoints.items()}
    try:
        _run(record, public, catalogue.find(record.product).host)
    except LabError as error:
        tail = _log_tail([Path(record.directory) / _OUTPUT])
        raise LabError(f"{name} does not come up again: {error}\n{tail}") from error


def _check_alive(record: Record) -> None:
    if not all(processes.alive(process) for process in record.processes):
        raise LabError("the program ended at once")


def _log_tail(logs: Sequence[Path]) -> str:
    texts = [path.read_text(errors="replace").strip() for path in logs if path.is_file()]
    said = "\n".join(text for text in texts if text)
    return f"its log ends:\n{said[-_LOG_TAIL:]}" if said else "it wrote no log"


def upstream(version: str) -> str:
    """A package's version without what Debian adds to it: "1:2.3.19.1+dfsg1-2.1" is 2.3.19.1."""
    return re.split(r"[+~-]", version.partition(":")[2] or version)[0]


def _describe(product: Product, launch: Launch, bench: Bench, record: Record) -> Server:
    public = profiles.public(product.protocols)
    main = public[0]
    made = bench.directory / "cert.pem"
    written = {}
    version = launch.version or bench.installed.versions[product.source.packages[0]]
    for protocol in public:
        called = launch.called.get(protocol, f"{product.software} {upstream(version)}")
        profile = {"product": called} | profiles.build(
            protocol,
            bench.ports,
            launch.facts,
            starttls=protocol in launch.starttls,
            certificate=made if made.exists() else None,
            host=product.host,
        )
        path = bench.directory / f"profile-{protocol}.yaml"
        profiles.write(path, profile, f"{product.name}, {protocol}; written by plumbline lab start")
        written[protocol] = (path, profile)
    return Server(
        name=record.name,
        product=product.name,
        version=version,
        pid=record.processes[0].pid,
        endpoints={protocol: (product.host, bench.ports[protocol]) for protocol in public},
        directory=bench.directory,
        profile=written[main][1],
        profiles={protocol: path for protocol, (path, _) in written.items()},
        main=main,
    )


def stop(server: Server | str) -> None:
    """Stop an instance and remove its folder. Raises NotRunningError; LabError if a process lives on."""
    name = server if isinstance(server, str) else server.name
    record = state.load(name)
    if record is None or (isinstance(server, Server) and record.directory != str(server.directory)):
        raise NotRunningError(f"{name} is not running")
    was_alive = record.alive()
    _remove(record)
    if not was_alive:
        raise NotRunningError(f"{name} is not running (it had ended by itself; its folder was removed)")


def _remove(record: Record) -> None:
    """End its processes, then remove its links, its folder and its record."""
    if record.directory:
        processes.stop(record.processes, record.directory)
        _remove_links(record)
        if Path(record.directory).name.startswith(places.PREFIX):
            shutil.rmtree(record.directory, ignore_errors=True)
    state.drop(record)


def _remove_links(record: Record) -> None:
    others = (other for other in state.load_all() if other.name != record.name)
    in_use = {link for other in others for link in other.links}
    for link in set(record.links) - in_use:
        if Path(link).is_symlink():
            Path(link).unlink()


def status() -> list[Server]:
    """The servers that run, by name."""
    return [record.server for record in state.load_all() if record.server and record.alive()]


@contextlib.contextmanager
def running(name: str, *, port_base: int | None = None) -> Iterator[Server]:
    """A server for the time of a with block."""
    server = start(name, port_base=port_base)
    try:
        yield server
    finally:
        with contextlib.suppress(NotRunningError):
            stop(server)
