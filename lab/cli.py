"""`plumbline lab`: start, stop and list real servers.

Exit codes: 0 done, 2 could not be done, 4 wrong use.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from . import accounts, catalogue, lifecycle, packages, profiles, state
from .catalogue import UnknownServerError
from .model import PORT_OFFSETS, LabError, Server

_FAILED, _USAGE = 2, 4


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_USAGE, f"{self.prog}: {message}\n")


def main(argv: list[str]) -> int:
    """Run one command of `plumbline lab`; the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else _USAGE
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        with _interrupted_by_sigterm():
            return command(options)
    except UnknownServerError as error:
        return _complain(error, _USAGE)
    except LabError as error:
        return _complain(error, _FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted; nothing was left behind", 130)


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM cleans up as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _complain(error: LabError | str, code: int) -> int:
    print(f"plumbline lab: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="plumbline lab", description="Real servers on loopback ports, from a temporary folder."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = _command(
        commands, "start", _start, "start servers; one JSON line each, with endpoints and profile"
    )
    start.add_argument("names", nargs="+", metavar="NAME")
    start.add_argument(
        "--port-base", type=_port_base, metavar="N", help="fixed ports from N on (default: free ports)"
    )
    start.add_argument(
        "--as", dest="instance", metavar="INSTANCE", help="a name for it, to run one product twice"
    )
    stop = _command(commands, "stop", _stop, "stop servers and remove their folders")
    stop.add_argument("names", nargs="*", metavar="NAME")
    stop.add_argument("--all", action="store_true", help="every server that runs")
    crash = _command(commands, "crash", _crash, "SIGKILL a server and start it again, queues and all")
    crash.add_argument("name", metavar="NAME")
    crash.add_argument("--down", type=_seconds, default=0.0, metavar="SECONDS", help="how long it stays dead")
    status = _command(commands, "status", _status, "what runs; one JSON line each")
    status.add_argument("names", nargs="*", metavar="NAME")
    _command(commands, "list", _list, "the servers that can be started")
    install = _command(commands, "install", _install, "bring servers into the cache without starting them")
    install.add_argument("names", nargs="+", metavar="NAME")
    _command(commands, "cleanup", _cleanup, "remove the system accounts that the lab made")
    return parser


def _port_base(text: str) -> int:
    highest = 65535 - max(PORT_OFFSETS.values())
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {highest}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 3600")
    return seconds


def _command(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(command=run)
    return parser


def _start(options: argparse.Namespace) -> int:
    if len(options.names) > 1 and (options.instance or options.port_base is not None):
        return _complain("--as and --port-base go with one server", _USAGE)
    wanted = [
        catalogue.find(name) for name in options.names
    ]  # a wrong name must not leave half of them running
    for product in wanted:
        server = lifecycle.start(
            product.name, instance=options.instance or product.name, port_base=options.port_base
        )
        print(json.dumps(_described(server)), flush=True)
    return 0


def _described(server: Server) -> dict[str, object]:
    return {
        "name": server.name,
        "product": server.product,
        "version": server.version,
        "pid": server.pid,
        "endpoints": {protocol: server.url(protocol) for protocol in server.endpoints},
        "profile": str(server.profile_path),
        "profiles": {protocol: str(path) for protocol, path in server.profiles.items()},
        "directory": str(server.directory),
    }


def _stop(options: argparse.Namespace) -> int:
    names = [record.name for record in state.load_all()] if options.all else options.names
    if not names and not options.all:
        return _complain("which server? name it, or say --all", _USAGE)
    return max([_stop_one(name) for name in names], default=0)


def _stop_one(name: str) -> int:
    try:
        lifecycle.stop(name if state.load(name) else catalogue.find(name).name)
    except UnknownServerError as error:
        return _complain(error, _USAGE)
    except LabError as error:
        return _complain(error, _FAILED)
    print(json.dumps({"name": name, "stopped": True}))
    return 0


def _crash(options: argparse.Namespace) -> int:
    lifecycle.crash(options.name, options.down)
    return _status(argparse.Namespace(names=[options.name]))


def _status(options: argparse.Namespace) -> int:
    running = {server.name: server for server in lifecycle.status()}
    for name in options.names or running:
        if name in running:
            print(json.dumps(_described(running[name])))
        else:
            _complain(f"{name} is not running", _FAILED)
    return _FAILED if set(options.names) - set(running) else 0


def _list(_options: argparse.Namespace) -> int:
    rows: Sequence[tuple[str, str, str]] = [
        (product.name, " ".join(profiles.public(product.protocols)), product.about)
        for product in catalogue.products().values()
    ]
    for name, protocols, about in rows:
        print(f"{name:16} {about}\n{'':16} {protocols}")
    return 0


def _install(options: argparse.Namespace) -> int:
    for product in [catalogue.find(name) for name in options.names]:
        installed = packages.install(product)
        versions = [installed.versions[package] for package in product.source.packages[:1]]
        print(json.dumps({"name": product.name, "version": "".join(versions), "path": str(installed.root)}))
    return 0


def _cleanup(_options: argparse.Namespace) -> int:
    if running := [record.name for record in state.load_all() if record.alive()]:
        return _complain(f"still running: {', '.join(running)}; stop them first", _FAILED)
    print(json.dumps({"removed": accounts.remove_all()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
