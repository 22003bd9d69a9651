"""The verdicts expected of a lab server: one committed file per server, each verdict that is no pass with its reason.

    python -m tests.lab.expected postfix ...     run the suites on lab servers and write drafts

A draft carries the server's answer behind `seen`; somebody reads it, with RFC and transcript, and writes the reason.
The test refuses a file in which a reason is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from plumbline import lab

FOLDER = Path(__file__).parent / "expectations"
# Lab server -> the protocols that are checked on it, each in a run of its own.
SERVERS: Mapping[str, tuple[str, ...]] = {
    "postfix": ("smtp",),
    "exim": ("smtp",),
    "vsftpd": ("ftp",),
    "proftpd": ("ftp",),
    "pure-ftpd": ("ftp",),
    "dovecot": ("pop3", "imap"),
}


def checked(server: lab.Server, protocol: str, folder: Path) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run `plumbline check`: exit code, case records by id, and what was printed."""
    results = folder.resolve() / f"{server.product}-{protocol}.jsonl"
    host, port = server.endpoints[protocol]
    command = [
        *(sys.executable, "-m", "plumbline.probes.cli", "check", f"{protocol}://{host}:{port}"),
        *("--profile", str(server.profiles[protocol]), "--results", str(results)),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    lines = results.read_text().splitlines() if results.exists() else []
    records = [json.loads(line) for line in lines]
    cases = {record["id"]: record for record in records if record["kind"] == "case"}
    return done.returncode, cases, done.stdout + done.stderr


def load(name: str) -> dict[str, Any]:
    """The expectation file of a server."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def verdicts(expected: Mapping[str, Any]) -> dict[str, str]:
    """Case id -> verdict."""
    return {
        name: entry if isinstance(entry, str) else entry["verdict"]
        for name, entry in expected["cases"].items()
    }


def unexplained(expected: Mapping[str, Any]) -> list[str]:
    """Entries that are no pass and say no reason."""
    return [
        name
        for name, entry in expected["cases"].items()
        if entry != "pass" and not (isinstance(entry, dict) and entry.get("reason"))
    ]


def draft(name: str, folder: Path) -> None:
    """Run a server's suites and write its file, reasons of the old one kept where the verdict is the same."""
    path = FOLDER / f"{name}.yaml"
    old = load(name)["cases"] if path.exists() else {}
    cases: dict[str, Any] = {}
    with lab.running(name) as server:
        version = server.version
        for protocol in SERVERS[name]:
            _, found, printed = checked(server, protocol, folder)
            print(printed[-1500:])
            for case, record in sorted(found.items()):
                cases[case] = _entry(record, old.get(case))
    text = yaml.safe_dump({"server": name, "version": version, "cases": cases}, sort_keys=False, width=110)
    path.write_text(text, encoding="utf-8")


def _entry(record: Mapping[str, Any], old: Any) -> Any:
    verdict = record["verdict"]
    if verdict == "pass":
        return "pass"
    reason = old.get("reason", "") if isinstance(old, dict) and old["verdict"] == verdict else ""
    return {"verdict": verdict, "seen": record["reason"][:240], "reason": reason}


if __name__ == "__main__":
    target = Path("results")
    target.mkdir(exist_ok=True)
    for one in sys.argv[1:] or SERVERS:
        draft(one, target)
