"""The verdicts expected of a lab server: one committed file per server, every red explained.

    python -m plumbline.lab.showcase results/one --load 0      the suites on all lab servers (--only NAME for some)
    python -m tests.lab.expected results/one                   write drafts of the files from these results
    python -m tests.lab.expected results/one results/two ...   tell which cases disagree between runs; writes nothing

A case that fails or is inconclusive stands under `explained` with the server's answer behind `seen`; somebody reads it, with
RFC and transcript, and writes the reason. The test refuses a file in which a reason is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from plumbline import lab

FOLDER = Path(__file__).parent / "expectations"
TO_EXPLAIN = ("fail", "inconclusive")
SERVERS = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def checked(server: lab.Server, protocol: str, folder: Path) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run `plumbline check`: exit code, case records by id, and what was printed."""
    results = folder.resolve() / f"{server.product}-{protocol}.jsonl"
    host, port = server.endpoints[protocol]
    command = [
        *(sys.executable, "-m", "plumbline.probes.cli", "check", f"{protocol}://{host}:{port}"),
        *("--profile", str(server.profiles[protocol]), "--results", str(results)),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    cases = {record["id"]: record for record in _records(results) if record["kind"] == "case"}
    return done.returncode, cases, done.stdout + done.stderr


def load(name: str) -> dict[str, Any]:
    """The expectation file of a server: server, version, verdicts (ids by verdict), explained."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def protocols(expected: Mapping[str, Any]) -> list[str]:
    """The protocols of the server that the file is about."""
    return sorted({name.partition("/")[0] for name in verdicts(expected)})


def verdicts(expected: Mapping[str, Any]) -> dict[str, str]:
    """Case id -> verdict."""
    plain = {name: verdict for verdict, names in expected["verdicts"].items() for name in names}
    return plain | {name: entry["verdict"] for name, entry in expected["explained"].items()}


def unexplained(expected: Mapping[str, Any]) -> list[str]:
    """Cases that are red or inconclusive, for which no reason is given."""
    silent = [name for name, entry in expected["explained"].items() if not entry.get("reason")]
    return silent + [name for verdict in TO_EXPLAIN for name in expected["verdicts"].get(verdict, ())]


def drafted(server: str, version: str, cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The file made from case records; reasons of the one before are kept where the verdict is the same."""
    before = load(server)["explained"] if (FOLDER / f"{server}.yaml").exists() else {}
    plain: dict[str, list[str]] = defaultdict(list)
    explained: dict[str, Any] = {}
    for name, record in sorted(cases.items()):
        verdict = record["verdict"]
        if verdict in TO_EXPLAIN:
            old = before.get(name, {})
            reason = old.get("reason", "") if old.get("verdict") == verdict else ""
            explained[name] = {"verdict": verdict, "seen": record["reason"][:240], "reason": reason}
        else:
            plain[verdict].append(name)
    return {"server": server, "version": version, "explained": explained, "verdicts": dict(plain)}


def write(expected: Mapping[str, Any]) -> None:
    """Write the file of a server."""
    text = yaml.safe_dump(dict(expected), sort_keys=False, width=110)
    (FOLDER / f"{expected['server']}.yaml").write_text(text, encoding="utf-8")


def _records(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def by_server(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Server -> version and case records, from the results of a showcase."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        records = _records(path)
        cases = {record["id"]: record for record in records if record["kind"] == "case"}
        product = next((one.get("product", "") for one in records if one["kind"] == "target"), "")
        server, version = path.stem.rpartition("-")[0], product.partition(" ")[2]
        if cases:
            found.setdefault(server, (version, {}))[1].update(cases)
    return found


def disagreeing(folders: Iterable[Path]) -> Iterator[str]:
    """One line for each case whose verdict is not the same in all results."""
    runs = [by_server(folder) for folder in folders]
    for server in sorted({server for run in runs for server in run}):
        cases = [run.get(server, ("", {}))[1] for run in runs]
        for name in sorted({name for one in cases for name in one}):
            seen = [one.get(name, {}).get("verdict", "not run") for one in cases]
            if len(set(seen)) > 1:
                yield f"{server} {name}: {', '.join(seen)}"


def main(folders: list[Path]) -> int:
    """Drafts from one folder, or the differences between several: exit code 1 if there are any."""
    if len(folders) > 1:
        lines = list(disagreeing(folders))
        print("\n".join(lines) or "every verdict is the same in all runs")
        return int(bool(lines))
    for server, (version, cases) in by_server(folders[0]).items():
        made = drafted(server, version, cases)
        write(made)
        print(f"{server}: {len(cases)} cases, {len(unexplained(made))} to explain")
    return 0


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in sys.argv[1:]]))
