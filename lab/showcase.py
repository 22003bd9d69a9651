"""Real runs of every server of the lab, one after the other: `make showcase` makes the example report from them.

    python -m plumbline.lab.showcase FOLDER [--only NAME ...] [--load SECONDS] [--slow]

FOLDER gets a results file for each server and protocol, and one for each load run; FOLDER/also those of cases for which
there is another endpoint, or another hour: TLS from the first octet, and with --slow what takes minutes. A server that
cannot be started here is left out, and that is said. Exit codes: 0 every server ran, 2 some did not, 4 wrong use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import LabError, catalogue, lifecycle
from .model import Server

_CHECKED = (
    "smtp",
    "submission",
    "lmtp",
    "ftp",
    "ftps",
    "pop3",
    "imap",
)  # the protocols that have suites of their own
_MAIL = ("smtp", "submission", "lmtp")  # with the cases that could hurt a live service
# Endpoint -> the cases that it is for; the others are those of the endpoint without TLS.
_IMPLICIT = {
    "smtps": ("smtp/implicit-tls*", "smtp/starttls-within-implicit-tls"),
    "submissions": (
        "submission/implicit-tls*",
        "submission/starttls-within-implicit-tls",
        "submission/submissions-*",
    ),
}
_SLOW = ("smtp/idle[*", "smtp/idle-data")
_TWICE = {("embedded", "ftp")}  # pyftpdlib, which is a product of its own, with TLS
# One session's PORT can end another one's data connection there (docs/servers.md): verdicts would be of neighbours.
_ALONE = {"pyftpdlib"}
_LOADED = "smtp"
# Several messages a connection, but no more than servers take; nothing pipelined behind the end of data,
# which Haraka refuses.
_LOAD = ("-u", "10", "--per-session", "20", "--pipelining", "off")
_LONGEST = 1800.0  # seconds for one run


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    options = _parser().parse_args(argv)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    chosen = options.only or _ordered()
    failed = [name for name in chosen if not _shown(name, folder, options.load, slow=options.slow)]
    if failed:
        print(f"showcase: left out: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plumbline.lab.showcase", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=sorted(catalogue.products()), metavar="NAME")
    parser.add_argument("--load", type=int, default=10, metavar="SECONDS", help="0: no load (default 10)")
    parser.add_argument("--slow", action="store_true", help="time-outs as well: five minutes a server more")
    return parser


def _ordered() -> list[str]:
    """By main protocol, so that servers of a kind stand together."""
    products = catalogue.products().values()
    order = ("smtp", "ftp", "imap", "pop3")
    return [one.name for one in sorted(products, key=lambda one: (order.index(one.protocols[0]), one.name))]


def _shown(name: str, folder: Path, load: int, *, slow: bool = False) -> bool:
    try:
        server = lifecycle.start(name, instance=f"showcase-{name}")
    except LabError as error:
        print(f"showcase: {name} does not run here: {error}", file=sys.stderr)
        return False
    try:
        done = [
            _run(words) for words in (*_commands(server, folder, load), *_more(server, folder, slow=slow))
        ]
        _name_folder(server, folder)
        return all(done)
    finally:
        lifecycle.stop(server.name)


def _name_folder(server: Server, folder: Path) -> None:
    """In what is kept, the temporary folder has a name that says something: "/lab/exim"."""
    for path in folder.glob(f"**/{server.product}-*.jsonl"):
        octets = path.read_bytes()
        path.write_bytes(octets.replace(str(server.directory).encode(), f"/lab/{server.product}".encode()))


def _commands(server: Server, folder: Path, load: int) -> Iterator[list[str]]:
    variants = {name for name, product in catalogue.products().items() if product.variant_of}
    for protocol in _CHECKED:
        if protocol not in server.endpoints or (server.product, protocol) in _TWICE:
            continue
        if protocol == "ftps" and server.product in variants:
            continue  # that of the product itself is enough
        options = ["--intrusive"] if protocol in _MAIL else []
        options += ["--in-flight=1"] if server.product in _ALONE else []
        yield _check(server, protocol, folder / f"{server.product}-{protocol}.jsonl", options)
    if load and _LOADED in server.endpoints:
        words = [
            server.url(_LOADED),
            "--profile",
            str(server.profiles[_LOADED]),
            *_LOAD,
            "-t",
            f"{load}s",
        ]
        yield ["load", "smtp", *words, "--results", str(folder / f"{server.product}-load.jsonl")]


def _more(server: Server, folder: Path, *, slow: bool) -> Iterator[list[str]]:
    """The checks of FOLDER/also."""
    wanted: dict[str, tuple[Sequence[str], list[str]]] = {
        name: (cases, []) for name, cases in _IMPLICIT.items()
    }
    if slow:
        wanted["smtp"] = (_SLOW, ["--slow"])
    for protocol, (cases, options) in wanted.items():
        if protocol not in server.endpoints:
            continue
        (folder / "also").mkdir(exist_ok=True)
        chosen = [word for case in cases for word in ("--case", case)]
        yield _check(
            server, protocol, folder / "also" / f"{server.product}-{protocol}.jsonl", [*options, *chosen]
        )


def _check(server: Server, protocol: str, results: Path, options: Sequence[str]) -> list[str]:
    words = [server.url(protocol), "--profile", str(server.profiles[protocol]), "--results", str(results)]
    return ["check", *words, *options, "-q"]


def _run(words: Sequence[str]) -> bool:
    """One command; violations and cases that could not be tested are results, not failures of ours."""
    print(f"showcase: plumbline {' '.join(words)}", flush=True)
    command = [sys.executable, "-m", "plumbline.probes.cli", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired:
        print(f"showcase: not done within {_LONGEST:g} s", file=sys.stderr)
        return False
    if done.returncode not in (0, 1, 2):
        print(
            f"showcase: exit code {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}", file=sys.stderr
        )
    return done.returncode in (0, 1, 2)


if __name__ == "__main__":
    sys.exit(main())
