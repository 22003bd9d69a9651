"""`plumbline check`: pytest on the shipped suites, in a process of its own.

Neither configuration nor conftest.py of the folder we are in has a say, other plugins stay out, and no
module that lies there can stand in for one of ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from .options import add_options, suites_folder

USAGE = 4
COMMAND = "PLUMBLINE_COMMAND"  # environment variable that tells the run what the user typed
OWN = ".probe.yaml"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (try {self.prog} --help)\n")


def main(argv: Sequence[str], *, replace: bool = False) -> int:
    """Run a check; the exit code is its answer.

    replace: become that process rather than wait for it, so that signals and exit code are its own.
    """
    parser = _parser()
    try:
        options, others = parser.parse_known_intermixed_args(list(argv))
        if not options.words and not options.target:
            parser.error("which server? Write host:port or smtp://host:port")
    except SystemExit as stop:
        return int(stop.code or 0)
    command = [*_pytest(options), *_ours(options), *others]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    environment[COMMAND] = shlex.join(["plumbline", "check", *argv])
    if replace:
        sys.stdout.flush()
        os.execve(command[0], command, environment)  # noqa: S606 - no shell is wanted
    return subprocess.run(command, env=environment, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="plumbline check",
        description="Put servers to the suites.",
        epilog="exit codes: 0 conforming, 1 violations, 2 could not test, 4 usage. "
        "Other options are handed on to pytest (write --option=value).",
        allow_abbrev=False,
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="TARGET",
        help="host:port or smtp://host:port; also submission, lmtp, ftp, pop3, imap, and with s at the end TLS. "
        f"A file of your own that ends in {OWN} is run instead of the shipped suites.",
    )
    parser.add_argument("--target", action="append", default=[], help=argparse.SUPPRESS)
    add_options(parser.add_argument)
    parser.add_argument("--strict", action="store_true", help="A missed SHOULD fails the run as well.")
    for option, metavar, about in _PYTEST:
        parser.add_argument(option, metavar=metavar, dest=f"pytest {option}", help=f"{about} (pytest).")
    return parser


_PYTEST = (
    ("-k", "EXPRESSION", "Only cases whose names match"),
    ("-m", "MARKERS", "Only cases of these levels and tags, such as 'must and not security'"),
    ("-n", "N", "Spread over N processes"),
)


def _pytest(options: argparse.Namespace) -> Iterator[str]:
    """How to start pytest so that nothing around us matters."""
    own = [str(Path(word).resolve()) for word in options.words if word.endswith(OWN)]
    yield from (sys.executable, "-P", "-m", "pytest", "-c", os.devnull, "--noconftest")
    yield from (f"--rootdir={suites_folder().parent}", "--import-mode=importlib", "-q")
    yield from ("-p", "plumbline.probes.plugin", "-o", f"cache_dir={_cache()}")
    if importlib.util.find_spec("xdist") is not None:
        yield from ("-p", "xdist")
    yield from own or [str(suites_folder())]


def _cache() -> Path:
    """Where pytest remembers what failed last, for --lf."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "plumbline" / "check"


def _ours(options: argparse.Namespace) -> Iterator[str]:
    """Our options once more, each as one word."""
    targets = [*options.target, *(word for word in options.words if not word.endswith(OWN))]
    yield from (f"--target={target}" for target in targets)
    for name, value in vars(options).items():
        option = name.removeprefix("pytest ") if name.startswith("pytest ") else f"--{name.replace('_', '-')}"
        if name in ("words", "target"):
            continue
        match value:
            case None | False | "":
                continue
            case str() if name.startswith("pytest "):
                yield from (option, value)
            case True:
                yield option
            case list():
                yield from (f"{option}={one}" for one in value)
            case _:
                yield f"{option}={value}"
