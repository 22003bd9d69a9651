"""Result records as a real run writes them, made to measure for the tests of reports."""

from __future__ import annotations

import random
from collections.abc import Iterator

from plumbline.reports.records import (
    FORMAT,
    AnyRecord,
    Case,
    Event,
    Finding,
    Knee,
    KneeStep,
    Load,
    Requirement,
    Run,
    Sample,
    Sanity,
    Summary,
    Target,
    Verdict,
    escape,
)

HOSTILE = "<script>document.title='owned'</script>\"'><img src=x onerror=document.title='owned'>&amp;"
TRICKS = "plain \u202egnp.exe\u202c zero\u200bwidth bell\x07 null\x00 end"

_TOPICS = {
    "smtp": (
        5321,
        [
            ("3.2", "Session"),
            ("4.1.1.2", "MAIL"),
            ("4.1.1.3", "RCPT"),
            ("4.1.1.4", "DATA"),
            ("4.1.4", "Order of commands"),
            ("4.1.1.11", "Parameters"),
            ("4.2.4", "Replies"),
        ],
        ["RCPT TO:<{recipient}> XYZZY=1", "MAIL FROM:<{sender}>", "DATA", "VRFY {user}", "NOOP x", "HELP"],
    ),
    "ftp": (
        959,
        [
            ("4.1.1", "Access control"),
            ("4.1.2", "Transfer parameters"),
            ("4.1.3", "Service commands"),
            ("5.4", "Sequences"),
        ],
        ["USER {user}", "PASV", "LIST", "TYPE I", "RETR {file}", "REST 100"],
    ),
}
_STATES = {"smtp": ["greeting", "ehlo", "mail", "rcpt", "data"], "ftp": ["greeting", "user", "logged-in"]}
_LEVELS = ["MUST", "MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"]


def run(name: str = "postfix", port: int = 2525, **changes: object) -> Run:
    """The first line of a run."""
    fields: dict[str, object] = {
        "format": FORMAT,
        "run_id": f"run-{name}",
        "tool": "check",
        "version": "0.1.0",
        "python": "3.11.7",
        "started": "2026-11-24T13:29:47+00:00",
        "command": ["plumbline", "check", f"smtp://127.0.0.1:{port}"],
        "targets": [f"smtp://127.0.0.1:{port}"],
        "options": {"strict": False, "in_flight": 32},
        "profile": {"recipient": "alice@example.test", "accounts": [{"user": "alice", "password": "****"}]},
    }
    return Run(**(fields | changes))  # type: ignore[arg-type]


def target(name: str = "postfix", protocol: str = "smtp", port: int = 2525) -> Target:
    """What was found out about a server."""
    return Target(
        name=f"{protocol}://127.0.0.1:{port}",
        protocol=protocol,
        host="127.0.0.1",
        port=port,
        greeting=escape(b"220 mail.example.test ESMTP " + name.encode() + b"\r\n"),
        capabilities=["PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "CHUNKING"],
        product=name,
    )


def smtp_talk(sent: bytes, reply: bytes) -> list[Event]:
    """A session that ends with one command and its reply."""
    lines: list[tuple[str, bytes | str]] = [
        ("*", "connected from 127.4.0.9 to 127.0.0.1:2525"),
        ("S", b"220 mail.example.test ESMTP ready\r\n"),
        ("C", b"EHLO client.example.test\r\n"),
        ("S", b"250-mail.example.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n"),
        ("C", b"MAIL FROM:<sender@example.test>\r\n"),
        ("S", b"250 2.1.0 Ok\r\n"),
        ("*", "1 s of silence, as the script asks"),
        ("C", sent),
        ("S", reply),
        ("*", "closed by the server (FIN)"),
    ]
    return [
        Event(
            at=0.004 * n + (1.2 if n > 6 else 0),
            who=who,
            text=text if isinstance(text, str) else escape(text),
        )
        for n, (who, text) in enumerate(lines)
    ]


def ftp_talk(sent: bytes, reply: bytes) -> list[Event]:
    """An FTP session with a data connection, TLS and a secret."""
    return [
        Event(at=0.0, who="*", text="connected to 127.0.0.1:2121"),
        Event(at=0.003, who="S", text=escape(b"220 ready\r\n")),
        Event(at=0.004, who="C", text=escape(b"USER alice\r\n")),
        Event(at=0.006, who="S", text=escape(b"331 password, please\r\n")),
        Event(at=0.007, who="C", text="****", secret=True, size=14),
        Event(at=0.02, who="S", text=escape(b"230 logged in\r\n"), tls=True),
        Event(at=0.03, who="S data", text=escape(b"-rw-r--r-- 1 ftp ftp 11 report.txt\r\n"), conn="data"),
        Event(at=0.04, who="C", text=escape(sent), tls=True),
        Event(at=0.05, who="S", text=escape(reply), tls=True),
    ]


def case(number: int = 0, protocol: str = "smtp", verdict: Verdict = Verdict.PASS, **changes: object) -> Case:
    """One case with all that a real one carries. Changes replace fields."""
    rfc, sections, commands = _TOPICS[protocol]
    section, suite = sections[number % len(sections)]
    command = commands[number % len(commands)]
    sent, reply = (
        command.encode() + b"\r\n",
        b"250 2.1.5 Ok\r\n" if verdict is Verdict.PASS else b"550 5.1.1 no\r\n",
    )
    script = (
        f"- id: case-{number}\n  requirement: RFC{rfc}-{section}-a\n  script:\n"
        f"    - C: {command}\n      S: 555\n      tolerate: [501, 504]\n"
    )
    talk = smtp_talk if protocol == "smtp" else ftp_talk
    fields: dict[str, object] = {
        "id": f"{protocol}/case-{number}",
        "protocol": protocol,
        "requirement": f"RFC{rfc}-{section}-{chr(97 + number % 26)}",
        "level": _LEVELS[number % len(_LEVELS)],
        "verdict": verdict,
        "reason": "the reply is 555 as asked"
        if verdict is Verdict.PASS
        else "the reply is 550, 555 was expected",
        "duration_s": 0.012 + number % 7 * 0.1,
        "target": "",
        "title": f"{suite}: variant {number} of {command.split()[0]} is answered as the RFC asks",
        "why": "Clients decide by the first digit whether to try again.",
        "suite": suite,
        "file": f"suites/{protocol}/{section}-commands.yaml",
        "line": 10 + number,
        "rfc": rfc,
        "section": section,
        "statement": "The server answers a parameter that it does not know with 555, and stays as it was.",
        "tags": ["syntax"] if number % 3 else ["order", "syntax"],
        "state": _STATES[protocol][number % len(_STATES[protocol])],
        "command": command.split()[0],
        "script": script,
        "script_line": 10 + number,
        "step_line": 13 + number,
        "sent": escape(sent),
        "expected": "555, or in spirit 501, 504",
        "got": escape(reply),
        "transcript": talk(sent, reply),
        "rerun": f"plumbline check smtp://127.0.0.1:2525 -k case-{number}",
        "reproducer": "printf 'EHLO x\\r\\nRCPT TO:<a@example.test> XYZZY=1\\r\\n' | nc -q 5 127.0.0.1 2525",
    }
    return Case(**(fields | changes))  # type: ignore[arg-type]


def requirements(cases: int, protocols: tuple[str, ...]) -> Iterator[Requirement]:
    """Those that the cases of `results` cite, one that no case tests, and one that nobody can test."""
    citing: dict[str, list[str]] = {}
    sample: dict[str, Case] = {}
    for number in range(cases):
        one = case(number, protocols[number % len(protocols)])
        citing.setdefault(one.requirement, []).append(one.id)
        sample[one.requirement] = one
    for name, one in sample.items():
        yield requirement(one.protocol, name, level=one.level, section=one.section, cases=citing[name])
    for protocol in protocols:
        yield requirement(protocol, f"RFC{_TOPICS[protocol][0]}-9-none")
        yield requirement(
            protocol, f"RFC{_TOPICS[protocol][0]}-9-never", how="untestable", note="only inside"
        )


def requirement(protocol: str, name: str, **changes: object) -> Requirement:
    """One requirement of the catalogue."""
    fields: dict[str, object] = {
        "id": name,
        "rfc": _TOPICS[protocol][0],
        "section": "9",
        "level": "MUST",
        "statement": "The server does as it should.",
        "protocols": [protocol],
        "title": "A protocol",
        "how": "wire",
    }
    return Requirement(**(fields | changes))  # type: ignore[arg-type]


def varied(chance: random.Random, number: int, protocol: str, where: str) -> Case:
    """A case whose verdict is drawn: mostly pass, some of everything else."""
    draw = chance.random()
    if draw < 0.80:
        return case(number, protocol, target=where)
    if draw < 0.86:
        return case(number, protocol, Verdict.FAIL, target=where, attempts=[Verdict.FAIL] * 3)
    if draw < 0.89:
        return case(number, protocol, Verdict.TOLERATED, target=where, reason="501 is tolerated for 555")
    if draw < 0.93:
        return case(
            number,
            protocol,
            Verdict.SKIPPED,
            target=where,
            reason="the server does not offer CHUNKING",
            transcript=[],
            got="",
        )
    if draw < 0.95:
        return case(number, protocol, Verdict.INFO, target=where, observations={"answer": "252 2.0.0 alice"})
    if draw < 0.97:
        return case(
            number, protocol, Verdict.INCONCLUSIVE, target=where, reason="421 in set-up: too many connections"
        )
    return special(number, protocol, where, chance)


def special(number: int, protocol: str, where: str, chance: random.Random) -> Case:
    """An accepted deviation, a flaky case, an exploitable one, or one with findings."""
    pick = chance.randrange(4)
    if pick == 0:
        accepted = {"reason": "policy of the site", "link": "https://example.test/1", "expires": "2027-01-01"}
        return case(number, protocol, Verdict.FAIL, target=where, deviation=accepted)
    if pick == 1:
        flaky = [Verdict.FAIL, Verdict.PASS, Verdict.FAIL]
        return case(
            number, protocol, Verdict.FAIL, target=where, attempts=flaky, reason="flaky 2/3: 550 for 555"
        )
    if pick == 2:
        severity = {"cve": ["CVE-2023-51764", "CVE-2023-51766"], "exploitable": "smuggling"}
        return case(number, protocol, Verdict.FAIL, target=where, severity=severity, level="MUST NOT")
    finding = Finding(rule="reply-line-end", text="a reply ended in a bare LF", octets=escape(b"250 ok\n"))
    return case(number, protocol, target=where, findings=[finding])


def results(
    name: str = "postfix",
    cases: int = 60,
    seed: int = 1,
    protocols: tuple[str, ...] = ("smtp",),
    ended: bool = True,
) -> Iterator[AnyRecord]:
    """A whole run. `ended=False`: killed before the summary."""
    chance = random.Random(seed)
    yield run(name)
    targets = [target(name, protocol, 2525 + seed * 10 + n) for n, protocol in enumerate(protocols)]
    yield from targets
    yield from requirements(cases, protocols)
    yield Sanity(when="start", ok=True, target=targets[0].name)
    for number in range(cases):
        where = targets[number % len(targets)]
        yield varied(chance, number, where.protocol, where.name)
    if ended:
        yield Sanity(when="end", ok=True, target=targets[0].name)
        yield Summary(ended="2026-11-24T13:31:00+00:00", duration_s=73.2, exit_code=1)


def load_results(
    name: str = "postfix", rate: float = 1000.0, seconds: int = 30, seed: int = 1
) -> Iterator[AnyRecord]:
    """A load run with a sample for each second."""
    chance = random.Random(seed)
    where = target(name)
    yield run(name, tool="load", run_id=f"load-{name}")
    yield where
    total = 0
    for second in range(seconds):
        done = round(rate * (0.96 + 0.06 * chance.random()))
        total += done
        slow = 6 if second == seconds // 2 else 1
        yield Sample(
            at=float(second),
            messages=done,
            failures=int(second % 11 == 0),
            p50=0.0021,
            p99=0.0094 * slow,
            users=20,
        )
    yield Load(
        scenario="smtp_transfer",
        target=where.name,
        duration_s=float(seconds),
        messages=total,
        failures=seconds // 11,
        rate=total / seconds,
        latency={"p50": 0.0021, "p90": 0.0048, "p99": 0.0094, "p99.9": 0.031, "max": 0.21, "mean": 0.0027},
        phases={
            phase: {"p50": 0.0002 * n, "p99": 0.0011 * n}
            for n, phase in enumerate(
                ["connect", "banner", "EHLO", "MAIL", "RCPT", "DATA", "acknowledgement"], 1
            )
        },
        replies={"250": total * 3, "354": total, "451": seconds // 11},
        errors={"451 greylisted": seconds // 11},
        thresholds={
            "p99": {"limit": 0.05, "value": 0.0094, "ok": True},
            "failures": {"limit": 0, "value": 2, "ok": False},
        },
        facts={"offered_rate": rate, "connections": 20, "delivered": total, "lost": 0, "duplicated": 0},
    )
    yield Summary(ended="2026-11-24T13:40:00+00:00", duration_s=float(seconds), exit_code=1)


def knee_results(name: str = "postfix") -> Iterator[AnyRecord]:
    """A search for the rate that a server sustains."""
    steps = [
        KneeStep(offered=rate, achieved=rate, ok=ok, why=why, latency={"p50": p99 / 2, "p99": p99})
        for rate, p99, ok, why in [
            (100.0, 0.01, True, ""),
            (200.0, 0.03, True, ""),
            (400.0, 2.0, False, "p99 2 s"),
        ]
    ]
    for record in load_results(name, 200.0, 12):
        if isinstance(record, Load):
            record.knee = Knee(
                objective="p99<200ms", rate=200.0, limited_by="target", why="p99 2 s", steps=steps
            )
            record.scenario = "transfer, knee"
        yield record
