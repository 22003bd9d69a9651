"""The verdicts of the lab's servers: one committed file per server and version, every violation told in docs/servers.md.

python -m plumbline.lab.showcase results/one --load 0 --slow   the suites on all lab servers (--only NAME for some)
python -m tests.lab.expected results/one                   write the files from these results, tell counts and what is not documented
python -m tests.lab.expected results/one results/two ...   tell which cases disagree between runs; writes nothing
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from plumbline import lab
from plumbline.lab.profiles import plain

from tests.lab.documented import PAGE, documented

FOLDER = Path(__file__).parent / "expectations"
SERVERS = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
RED, MISSED = "violation", "missed SHOULD"  # what a fail is called, by the level of its requirement


def checked(server: lab.Server, protocol: str, folder: Path) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run `plumbline check`: exit code, case records by id, and what was printed."""
    results = folder.resolve() / f"{server.product}-{protocol}.jsonl"
    host, port = server.endpoints[protocol]
    command = [
        *(sys.executable, "-m", "plumbline.probes.cli", "check", f"{protocol}://{host}:{port}"),
        *("--profile", str(server.profiles[protocol]), "--results", str(results), "--intrusive"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    cases = {record["id"]: record for record in _records(results) if record["kind"] == "case"}
    return done.returncode, cases, done.stdout + done.stderr


def load(name: str) -> dict[str, Any]:
    """The file of a server: server, version, verdicts (case ids by verdict)."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def protocols(expected: Mapping[str, Any]) -> list[str]:
    """The protocols of the server that the file is about."""
    return sorted({name.partition("/")[0] for name in verdicts(expected)})


def verdicts(expected: Mapping[str, Any]) -> dict[str, str]:
    """Case id -> verdict; a fail is a violation or a missed SHOULD."""
    return {name: verdict for verdict, names in expected["verdicts"].items() for name in names}


def verdict_of(record: Mapping[str, Any]) -> str:
    """The verdict of a case record, told by level where it failed."""
    if record["verdict"] != "fail":
        return str(record["verdict"])
    return RED if record["level"].startswith("MUST") else MISSED


def undocumented(server: str, found: Mapping[str, str]) -> list[str]:
    """Violations of which docs/servers.md says nothing."""
    page = PAGE.read_text(encoding="utf-8")
    return sorted(
        name for name, verdict in found.items() if verdict == RED and not documented(server, name, page)
    )


def never_met(expectations: Iterable[Mapping[str, Any]], cases: Iterable[str]) -> set[str]:
    """Cases that no server of the lab meets: the rule was never seen to be kept by real software."""
    met = {
        name
        for expected in expectations
        for name, verdict in verdicts(expected).items()
        if verdict in ("pass", "tolerated", "info")
    }
    return set(cases) - met


def made(server: str, version: str, cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The file from case records."""
    by_verdict: dict[str, list[str]] = defaultdict(list)
    for name, record in sorted(cases.items()):
        by_verdict[verdict_of(record)].append(name)
    return {"server": server, "version": version, "verdicts": dict(sorted(by_verdict.items()))}


def write(expected: Mapping[str, Any]) -> None:
    """Write the file of a server."""
    text = yaml.safe_dump(dict(expected), sort_keys=False, width=110)
    (FOLDER / f"{expected['server']}.yaml").write_text(text, encoding="utf-8")


def _records(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def subject(path: Path) -> str:
    """Whose results these are: "exim-smtp" is exim, and "vsftpd-ftps" is vsftpd-ftps, its other endpoint.

    What lies in the folder `also` belongs to the server, for it has cases that were skipped on the first endpoint.
    """
    server, _, protocol = path.stem.rpartition("-")
    return server if plain(protocol) == protocol or path.parent.name == "also" else path.stem


def by_server(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Server -> version and case records, from the results of a showcase; what was skipped may be played elsewhere."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for path in sorted(folder.glob("**/*.jsonl")):
        records = _records(path)
        cases = {record["id"]: record for record in records if record["kind"] == "case"}
        product = next((one.get("product", "") for one in records if one["kind"] == "target"), "")
        server, version = subject(path), product.partition(" ")[2]
        if cases:
            known = found.setdefault(server, (version, {}))[1]
            known |= {name: one for name, one in cases.items() if name not in known or _played(one)}
    return found


def _played(record: Mapping[str, Any]) -> bool:
    return bool(record["verdict"] != "skipped")


def rows(server: str, version: str, found: Mapping[str, str]) -> Iterator[str]:
    """What the first table of docs/servers.md says of these verdicts, a line for each protocol."""
    for protocol in sorted({name.partition("/")[0] for name in found}):
        seen = Counter(verdict for name, verdict in found.items() if name.startswith(f"{protocol}/"))
        counts = (sum(seen.values()) - seen["skipped"], seen["skipped"], seen[RED], seen[MISSED])
        cells = (server, version, protocol, *counts, seen["inconclusive"])
        yield f"| {' | '.join(str(cell or 'none') for cell in cells)} |"


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
    """Files from one folder, or the differences between several: exit code 1 if there is something to read."""
    if len(folders) > 1:
        lines = list(disagreeing(folders))
        print("\n".join(lines) or "every verdict is the same in all runs")
        return int(bool(lines))
    lines = []
    for server, (version, cases) in by_server(folders[0]).items():
        write(made(server, version, cases))
        found = {name: verdict_of(record) for name, record in cases.items()}
        print("\n".join(rows(server, version, found)))
        lines += [f"{server} {name}: {cases[name]['reason'][:200]}" for name in undocumented(server, found)]
    print("\n".join(lines) or "every violation is documented")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in sys.argv[1:]]))
