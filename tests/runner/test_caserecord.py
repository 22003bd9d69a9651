"""Which requirements a run knows of, and which one command a case tries."""

from __future__ import annotations

import pytest
from plumbline.probes.caserecord import requirement_records, tried_command
from plumbline.probes.requirements import Requirement
from plumbline.probes.script.cases import Placed, ReadyCase, ReadyState
from plumbline.probes.script.types import Case, Step


def sentence(name, *roles, how="wire", notes=""):
    return Requirement(
        id=name,
        rfc=5321,
        title="SMTP",
        section="4.1",
        level="MUST",
        basis="keyword",
        protocols=roles,
        statement="It answers.",
        how=how,
        notes=notes,
    )


def case(name, requirement, *steps):
    return ReadyCase(
        id=name,
        protocol="smtp",
        suite="s",
        spec=Case(id=name, requirement=requirement.id, title="t"),
        requirement=requirement,
        state=ReadyState("mail", "smtp", ()),
        steps=tuple(Placed(step, "suites/smtp/x.yaml", 1, 1) for step in steps),
        cleanup=(),
        needs=frozenset(),
        unless=frozenset(),
        tags=frozenset(),
        serial=False,
        file="suites/smtp/x.yaml",
        line=1,
        source="",
        source_line=1,
    )


def test_requirements_of_the_roles_with_the_cases_that_cite_them():
    ours = sentence("RFC5321-1", "smtp", "lmtp", notes="a remark")
    alone = sentence("RFC5321-2", "smtp", how="untestable", notes="only the operator knows")
    others = sentence("RFC5321-3", "ftp")
    catalogue = {one.id: one for one in (ours, alone, others)}
    cases = [case("smtp/a", ours), case("smtp/b", ours)]

    found = list(requirement_records(catalogue, cases, {"smtp"}))

    assert [(one.id, one.cases) for one in found] == [("RFC5321-1", ["smtp/a", "smtp/b"]), ("RFC5321-2", [])]
    assert [(one.how, one.note) for one in found] == [("wire", ""), ("untestable", "only the operator knows")]


@pytest.mark.parametrize(
    ("steps", "command"),
    [
        ([Step(C="rcpt TO:<a@b>", S=250)], "RCPT"),
        ([Step(C="QUIT", S=221), Step(S="closed")], "QUIT"),
        ([Step(C="HELP", given=True), Step(S=250)], ""),
        ([Step(C="EXPN a", S=250), Step(C="DATA", S=354)], ""),
        ([Step(S=220), Step(C="NOOP", S=250)], ""),
        ([Step(C=["MAIL FROM:<>", "DATA"], S=250)], ""),
        ([Step(raw="NOOP\n", S=500)], ""),
        ([Step(C="NOOP", on="second", S=250)], ""),
        ([], ""),
    ],
)
def test_the_command_of_a_case_that_tries_just_one(steps, command):
    assert tried_command(case("smtp/a", sentence("RFC5321-1", "smtp"), *steps)) == command
