"""Which files cross FTP servers octet by octet: direction x TYPE x MODE x STRU x server, measured.

    python -m tests.lab.exactness                        all FTP servers of the lab, to docs/ftp-exactness.md
    python -m tests.lab.exactness vsftpd proftpd         these alone, to standard output

Each server is started, asked for every combination, and stopped. What is uploaded is looked at in the server's own
folder, and what is downloaded was put there before: no direction is judged by means of another one.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from plumbline import lab
from plumbline.lab.lifecycle import upstream
from plumbline.probes import profile as profiles
from plumbline.probes.drivers import blocking_driver
from plumbline.probes.script.content import content_octets
from plumbline.probes.script.interpreter import play
from plumbline.probes.script.loader import Library
from plumbline.probes.script.outcome import Endpoint, Outcome, Setting
from plumbline.probes.script.types import Content
from plumbline.reports.records import Verdict

PAGE = Path(__file__).parents[2] / "docs" / "ftp-exactness.md"
PRODUCTS = ("vsftpd", "proftpd", "pure-ftpd", "inetutils-ftpd", "pyftpdlib", "ftp-srv")
DIRECTIONS = ("RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD")
TYPES = ("A", "A N", "A T", "A C", "E N", "E T", "E C", "I", "L 8")
STRUCTURES, MODES = ("F", "R", "P"), ("S", "B", "C")
SIZE = 100_000  # octets of a file
HEAD = "suite: exactness\nprotocol: ftp\nrfc: 959\nstate: logged-in\ncases:\n"
NOT_OFFERED = "[500, 501, 502, 504]"


@dataclass(frozen=True, slots=True)
class Combination:
    """One cell of the table but for the server."""

    direction: str
    type: str
    mode: str
    structure: str

    @property
    def is_text(self) -> bool:
        return self.type[0] in "AE"

    @property
    def is_listing(self) -> bool:
        return self.direction in ("LIST", "NLST", "MLSD")

    @property
    def name(self) -> str:
        return "-".join((self.direction, self.type.replace(" ", ""), self.mode, self.structure)).lower()


def combinations() -> Iterator[Combination]:
    for direction, kind, mode, structure in itertools.product(DIRECTIONS, TYPES, MODES, STRUCTURES):
        yield Combination(direction, kind, mode, structure)


def content(one: Combination) -> Content:
    """Lines for text; all octet values otherwise."""
    return Content(size=SIZE, kind="text" if one.is_text else "binary")


def native(one: Combination) -> bytes:
    """The content as UNIX keeps it."""
    octets = content_octets(content(one), {})
    return octets.replace(b"\r\n", b"\n") if one.is_text else octets


def script(one: Combination, folder: str) -> str:
    """A case that transfers the file `NAME` in `folder`, or lists it."""
    kind = "text" if one.is_text else "binary"
    steps = [f"- {{C: CWD {folder}, S: 2yz, given: true}}"]
    steps += [
        f"- {{C: {verb} {value}, S: 200, skip: {NOT_OFFERED}}}"
        for verb, value in (("TYPE", one.type), ("MODE", one.mode), ("STRU", one.structure))
    ]
    steps.append("- data: passive")
    file = f"{{size: {SIZE}, kind: {kind}}}"
    match one.direction:
        case "RETR":
            transfer = ("RETR NAME", f"receive: {{equals: {file}}}")
        case "LIST" | "NLST" | "MLSD":
            seen = "receive: {text: '(?:^|[ /])NAME\\r\\n', each_line: '[^\\r\\n]*'}"
            transfer = (one.direction, seen)
        case "STOU":
            transfer = ("STOU", f"send: {file}")
        case _:
            transfer = (f"{one.direction} NAME", f"send: {file}")
    steps.append(f"- {{C: {transfer[0]}, S: [150, 125], skip: [4yz, 5yz]}}")
    steps.append(f"- data: {{{transfer[1]}}}")
    steps.append("- S: {reply: [226, 250], within: 60s}")
    case = f"  - id: {one.name}\n    requirement: X-exactness\n    title: x\n    script:\n"
    return HEAD + case + "".join(f"      {step}\n" for step in steps)


def played(one: Combination, server: lab.Server, protocol: str, library: Library, name: str) -> Outcome:
    """Play one combination; the file is called `name`."""
    profile = profiles.load(server.profiles[protocol])
    endpoint = Endpoint("ftp", *server.endpoints[protocol], tls=protocol == "ftps")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exactness.probe.yaml"
        path.write_text(script(one, profile.facts["writable"]).replace("NAME", name), encoding="utf-8")
        (case,) = library.cases(path)
    setting = Setting(endpoints={"ftp": endpoint}, facts=profile.facts)
    return blocking_driver.play(play(case, setting, {"marker": name}))


def measured(one: Combination, server: lab.Server, protocol: str, library: Library) -> str:
    """`exact`, `no` and the answer, or how it differs."""
    folder, name = upload_folder(server), f"plumb-{one.name}"
    before = {path.name for path in folder.iterdir()}
    if one.direction == "RETR" or one.is_listing:
        (folder / name).write_bytes(native(one))
        (folder / name).chmod(0o644)
    outcome = played(one, server, protocol, library, name)
    made = [path for path in folder.iterdir() if path.name not in before]
    try:
        return told(one, outcome, [path.read_bytes() for path in made])
    finally:
        for path in made:
            path.unlink()


def told(one: Combination, outcome: Outcome, files: list[bytes]) -> str:
    if outcome.verdict is Verdict.SKIPPED:
        answer = outcome.reason.partition(" was answered ")
        return f"no: {answer[0].rpartition(': ')[2]} {answer[2][:3]}"
    if outcome.verdict is not Verdict.PASS:
        return (
            f"differs: {outcome.got[:120]}"
            if one.is_listing
            else f"differs: {outcome.got.partition(':')[0]} came"
        )
    if one.direction in ("STOR", "APPE", "STOU") and files != [native(one)]:
        return f"differs: stored are {sum(map(len, files))} octets, not the {len(native(one))} of the system's own form"
    return "exact"


def in_clear(server: lab.Server) -> dict[Combination, str]:
    """Every combination, on the endpoint without TLS."""
    library = Library.open()
    return {one: measured(one, server, "ftp", library) for one in combinations()}


def within_tls(server: lab.Server, clear: Mapping[Combination, str]) -> dict[Combination, str]:
    """The same within implicit TLS; what is refused in clear is not asked for again."""
    library = Library.open()
    return {
        one: cell if cell.startswith("no: ") else measured(one, server, "ftps", library)
        for one, cell in clear.items()
    }


def upload_folder(server: lab.Server) -> Path:
    """alice's upload folder in the file system, whatever the server calls it."""
    return next(path for path in server.directory.rglob("alice/upload") if path.is_dir())


def table(found: Mapping[str, Mapping[Combination, str]]) -> str:
    """Markdown: what was transferred, by server; below it what the servers do not offer; below that what differs."""
    servers = list(found)
    lines = [
        f"| direction | type | mode | structure | {' | '.join(servers)} |",
        f"|---|---|---|---|{'---|' * len(servers)}",
    ]
    differing, refused = [], dict[tuple[str, str], None]()
    for one in combinations():
        cells = [found[server][one] for server in servers]
        for server, cell in zip(servers, cells, strict=True):
            if cell.startswith("no: "):
                refused[server, cell.removeprefix("no: ")] = None
            elif cell != "exact":
                differing.append(
                    f"- {server}, {one.direction}, TYPE {one.type}: {cell.removeprefix('differs: ')}"
                )
        if any(not cell.startswith("no: ") for cell in cells):
            words = " | ".join(cell.partition(":")[0] for cell in cells)
            lines.append(f"| {one.direction} | {one.type} | {one.mode} | {one.structure} | {words} |")
    offers = [
        f"| {server} | {', '.join(answer for who, answer in refused if who == server)} |"
        for server in servers
    ]
    return "\n".join(
        (
            *lines,
            "",
            "`exact`: every octet is right. `no`: the server does not offer it.",
            "",
            "## Refused",
            "",
            "What is not in the table is refused by every server. The answers:",
            "",
            "| server | refused, with the code of the answer |",
            "|---|---|",
            *offers,
            "",
            "## What differs",
            "",
            *(differing or ["Nothing."]),
            "",
        )
    )


def main(names: list[str]) -> None:
    found: dict[str, dict[Combination, str]] = {}
    for product in names or PRODUCTS:
        with lab.running(product) as server:
            called = f"{server.product} {upstream(server.version)}"
            print(f"{called} ...", file=sys.stderr)
            clear = found[called] = in_clear(server)
            if "ftps" in server.endpoints:
                found[f"{called} TLS"] = within_tls(server, clear)
    text = table(found)
    if names:
        print(text)
    else:
        start = PAGE.read_text(encoding="utf-8").partition("<!-- measured -->\n")[0]
        PAGE.write_text(f"{start}<!-- measured -->\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
