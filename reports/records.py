"""The results format: JSON lines, one record a line, told apart by `kind`.

This is the one format that check, load and report exchange. `FORMAT` grows when a reader of an older
release could misread a file; new optional fields do not change it. Octets are written as text by
`escape`: printable ASCII as it is, everything else as a backslash escape, so that a record is both
readable and exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias, get_args

import msgspec

FORMAT = 1


class Verdict(StrEnum):
    """What became of a case. A case begins as inconclusive; only its last step can make it a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    TOLERATED = "tolerated"  # the RFC is met in spirit, or a SHOULD was missed for an admitted reason
    FAIL = "fail"
    INFO = "info"  # an observation where the RFC leaves the server free
    SKIPPED = "skipped"  # a capability or a profile fact is missing
    INCONCLUSIVE = "inconclusive"  # set-up, network or tool was in the way


class Record(msgspec.Struct, kw_only=True, tag_field="kind", omit_defaults=True):
    """Base of all records."""


class Run(Record, kw_only=True, tag="run"):
    """First line of a run: who asked what of whom. `started` is ISO 8601 with offset."""

    format: int
    run_id: str
    tool: str  # "check" or "load"
    version: str  # of Plumbline
    python: str
    started: str
    command: list[str]
    targets: list[str]  # as given on the command line
    options: dict[str, Any] = {}
    profile: dict[str, Any] = {}  # passwords masked


class Target(Record, kw_only=True, tag="target"):
    """What was found out about a target before any case ran."""

    name: str  # "smtp://127.0.0.1:2525"
    protocol: str
    host: str
    port: int
    greeting: str = ""
    capabilities: list[str] = []
    product: str = ""  # the lab's or the user's name for it, else ""


class Requirement(Record, kw_only=True, tag="requirement"):
    """One sentence of an RFC that concerns a target of this run, whether or not a case tests it.

    `cases` are the ids of all cases there are, asked for or not: what coverage is counted from.
    """

    id: str  # "RFC5321-4.1.1.11-a"
    rfc: int
    section: str
    level: str
    statement: str  # in our words
    protocols: list[str] = []  # the roles concerned
    title: str = ""  # of the RFC
    how: str = ""  # what it takes to find out; "untestable": nobody can
    note: str = ""  # why it is untestable
    cases: list[str] = []


class Event(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of a transcript. `at` counts seconds from the start of the case.

    who: "C" client, "S" server (control connection); "C data", "S data" on an FTP data connection;
    "*" something that is not octets: connect, TLS handshake, close, time-out, pause.
    """

    at: float
    who: str
    text: str  # escaped octets, or a sentence where who is "*"
    conn: str = "main"
    tls: bool = False
    size: int = 0  # octets on the wire, when `text` was cut short
    secret: bool = False  # `text` is ****


class Finding(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A grammar fault seen in passing, in a reply that the case may not have been about."""

    rule: str
    text: str
    octets: str = ""


class Case(Record, kw_only=True, tag="case"):
    """One case on one target. The fields without default are the contract for everybody's scripts."""

    id: str  # "smtp/rcpt-unknown-parameter": protocol, slash, the name given in the suite
    protocol: str
    requirement: str  # "RFC5321-4.1.1.11-a"
    level: str  # MUST, MUST NOT, SHOULD, SHOULD NOT, MAY
    verdict: Verdict
    reason: str  # one line
    duration_s: float
    target: str = ""  # name of the Target record
    title: str = ""
    why: str = ""
    suite: str = ""
    file: str = ""  # "suites/smtp/rcpt.yaml"
    line: int = 0
    rfc: int = 0
    section: str = ""
    statement: str = ""  # the requirement in our words
    tags: list[str] = []
    severity: dict[str, Any] = {}
    state: str = ""  # the fixture state in which it starts: "mail"
    command: str = ""  # the one command that is tried there, "RCPT"; "" where there are several
    script: str = ""  # YAML as written
    script_line: int = 0  # line of the file on which `script` begins
    step_line: int = 0  # line of the step that decided; 0: none
    sent: str = ""
    expected: str = ""
    got: str = ""
    observations: dict[str, str] = {}
    transcript: list[Event] = []
    findings: list[Finding] = []
    attempts: list[Verdict] = []  # verdict of every attempt, first to last
    replays: dict[str, Verdict] = {}  # with --segments: verdict by how our octets were cut
    deviation: dict[
        str, str
    ] = {}  # the accepted deviation that covers this failure: reason, link, expires, flaky
    rerun: str = ""  # command line that runs this one again
    reproducer: str = ""  # shell line that needs nothing of ours

    @property
    def flaky(self) -> bool:
        """True when attempts disagreed."""
        return len(set(self.attempts)) > 1


class Sanity(Record, kw_only=True, tag="sanity"):
    """Whether the target still behaved, at the start and at the end of a run."""

    when: str  # "start" or "end"
    ok: bool
    detail: str = ""
    last_good_case: str = ""
    target: str = ""


class Delivery(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of the acknowledged messages: acknowledged = delivered + queued + lost. All else counts messages too.

    unanswered: content was sent and no answer came, so each may have arrived. refused_delivered: arrived
    although it was refused. delay: seconds from acknowledgement to arrival, as in Load.latency, where known.
    """

    acknowledged: int
    delivered: int
    lost: int  # not found
    queued: int | None = None  # not delivered yet, but in the target's queue; None where nobody looked there
    duplicated: int = 0  # found more than once
    altered: int = 0  # differ in more than added header fields
    delayed: int = 0  # arrived more than `late_s` seconds after their acknowledgement
    late_s: float = 0.0
    unanswered: int = 0
    unanswered_delivered: int = 0
    refused_delivered: int = 0
    delay: dict[str, float] = {}
    markers: dict[str, list[str]] = {}  # which they are, by kind: "lost", "altered", ...; at most 100 of each
    incomplete: str = ""  # why the store could not be read to the end


class KneeStep(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One rate, offered for some seconds. Rates per second, lag in seconds."""

    offered: float
    achieved: float
    ok: bool = False  # the objective was met
    why: str = ""  # else: what was missed
    generator: str = ""  # why that says nothing about the target; "" where it does
    latency: dict[str, float] = {}  # as in Load.latency
    failures: int = 0
    queue: int = 0  # messages that were due and not begun, at worst
    lag_p99: float = 0.0  # how late the generator itself was
    busy: float = 0.0  # share of the time that the generator's busiest process ran, or waited for a processor


class Knee(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The highest rate that a target sustained under an objective, and the curve that led there.

    limited_by: "target": the rate is the target's. "generator" or "highest rate": the target sustains at
    least this rate, and more was not tried, or not possible. "": the search did not come to its end.
    """

    objective: str
    rate: float = 0.0
    limited_by: str = ""
    why: str = ""  # what was missed by the last step that was not met
    steps: list[KneeStep] = []


class Load(Record, kw_only=True, tag="load"):
    """One load run: what was asked, what was sustained. Rates per second, latencies in seconds."""

    scenario: str
    target: str
    duration_s: float
    messages: int
    failures: int
    rate: float
    latency: dict[str, float] = {}  # "p50", "p90", "p99", "p99.9", "max", "mean"
    phases: dict[str, dict[str, float]] = {}
    replies: dict[str, int] = {}  # reply code -> count
    errors: dict[str, int] = {}  # kind -> count
    thresholds: dict[str, dict[str, Any]] = {}  # name -> {"limit":, "value":, "ok":}
    delivery: Delivery | None = None  # None: nobody looked
    knee: Knee | None = None  # of --find-knee
    facts: dict[str, Any] = {}  # everything else about generator and target

    @property
    def sustained(self) -> float:
        """Messages per second: what a search for the knee found, else what was measured."""
        return self.knee.rate if self.knee else self.rate


class Sample(Record, kw_only=True, tag="sample"):
    """One second of a load run."""

    at: float  # seconds from the start
    messages: int
    failures: int
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    users: int = 0


class Summary(Record, kw_only=True, tag="summary"):
    """Last line of a run that came to its end; its absence means the run was cut off."""

    ended: str
    duration_s: float
    exit_code: int
    counts: dict[str, int] = {}
    interrupted: bool = False
    detail: str = ""


AnyRecord: TypeAlias = Run | Target | Requirement | Case | Sanity | Load | Sample | Summary

_decoder = msgspec.json.Decoder(AnyRecord)
_encoder = msgspec.json.Encoder()
_KINDS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyRecord))

_ESCAPES = {0x5C: "\\\\", 0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t"}
_TABLE = [_ESCAPES.get(n, chr(n) if 0x20 <= n < 0x7F else f"\\x{n:02x}") for n in range(256)]
_UNESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|(.))")
_NAMED = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


def escape(octets: bytes) -> str:
    r"""Octets as readable text: b"a\r\n\xff" becomes `a\r\n\xff` spelled with backslashes."""
    return "".join([_TABLE[octet] for octet in octets])


def unescape(text: str) -> bytes:
    """The octets that `escape` was given."""
    out, last = bytearray(), 0
    for match in _UNESCAPE.finditer(text):
        out += text[last : match.start()].encode("latin-1")
        out += bytes([int(match[1], 16)]) if match[1] else _NAMED[match[2]]
        last = match.end()
    return bytes(out + text[last:].encode("latin-1"))


class DamagedResults(Exception):
    """A results file that cannot be read, or only in part."""


def encode(record: AnyRecord) -> bytes:
    """One line, line feed included."""
    return _encoder.encode(record) + b"\n"


def decode(line: bytes) -> AnyRecord:
    """One record. Raises msgspec.DecodeError."""
    record: AnyRecord = _decoder.decode(line)
    return record


def write(path: Path, records: Iterable[AnyRecord]) -> None:
    """Write a results file, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(encode(record) for record in records))


def read(path: Path, damage: list[str] | None = None) -> Iterator[AnyRecord]:
    """Records of a file, in order.

    A line that is no record is skipped and described in `damage`; without such a list it raises
    DamagedResults. A last line without line feed (a run that was killed) counts as damage only if it
    does not parse. Kinds of record this release does not know are skipped.
    """
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        if not line.strip():
            continue
        try:
            yield decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            if _unknown_kind(line):
                continue
            text = f"{path}:{number}: {_wrong(line, error)}"
            if damage is None:
                raise DamagedResults(text) from None
            damage.append(text)


def _wrong(line: bytes, error: Exception) -> str:
    if not line.endswith(b"\n"):
        return "the line is not whole: the run or the copy was cut off there"
    return f"not a result record ({error})"


def _unknown_kind(line: bytes) -> bool:
    try:
        kind = msgspec.json.decode(line)["kind"]
    except (msgspec.DecodeError, RecursionError, TypeError, KeyError):
        return False
    return isinstance(kind, str) and kind not in _KINDS
