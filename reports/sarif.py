"""SARIF 2.1.0 for code-scanning viewers: a rule for each requirement, a result for each failing case."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

import msgspec

from .junit import details
from .model import Report
from .records import Case
from .standing import Standing, standing
from .subject import Subject
from .text import one_line, visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_REPORTED = {
    Standing.VIOLATION: "error",
    Standing.MISSED: "warning",
    Standing.ACCEPTED: "error",
}


def render(report: Report) -> bytes:
    """The file: one SARIF run for each server."""
    runs = [_run(subject) for subject in report.subjects]
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _run(subject: Subject) -> dict[str, Any]:
    failing = [case for case in subject.cases if standing(case) in _REPORTED]
    rules = {case.requirement: case for case in reversed(failing)}
    numbers = {requirement: number for number, requirement in enumerate(rules)}
    driver: dict[str, Any] = {"name": "Plumbline", "rules": [_rule(case) for case in rules.values()]}
    if run := subject.sources[0].run:
        driver["version"] = run.version
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"plumbline/{_slug(subject.label)}/"},
        "invocations": [{"executionSuccessful": not subject.cut_off}],
        "results": [_result(case, subject, numbers[case.requirement]) for case in failing],
    }


def _rule(case: Case) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": visible(case.requirement),
        "shortDescription": {"text": one_line(case.statement or case.requirement, 300)},
        "fullDescription": {"text": visible(f"{case.level}: {case.statement or case.requirement}")},
        "properties": {
            "tags": [visible(tag) for tag in dict.fromkeys([case.protocol, case.level, *case.tags])]
        },
    }
    if case.rfc:
        section = f"#section-{case.section}" if case.section[:1].isdigit() else ""
        rule["helpUri"] = f"https://www.rfc-editor.org/rfc/rfc{case.rfc}{section}"
    if case.severity.get("exploitable"):
        rule["properties"]["security-severity"] = "8.0"
        rule["properties"]["tags"].append("security")
    return rule


def _result(case: Case, subject: Subject, rule: int) -> dict[str, Any]:
    found, text = standing(case), one_line(case.reason, 400)
    result: dict[str, Any] = {
        "ruleId": visible(case.requirement),
        "ruleIndex": rule,
        "level": _REPORTED[found],
        "message": {"text": f"{one_line(case.title or case.id)}: {text}\n\n{details(case, subject.label)}"},
        "partialFingerprints": {"plumbline/v1": _fingerprint(case, subject)},
        "properties": {"case": visible(case.id), "server": visible(subject.label), "flaky": case.flaky},
    }
    if case.file:
        region = {"startLine": max(1, case.step_line or case.line)}
        where = {"artifactLocation": {"uri": quote(visible(case.file), safe="/")}, "region": region}
        result["locations"] = [{"physicalLocation": where}]
    if found is Standing.ACCEPTED:
        why = one_line(case.deviation.get("reason", "accepted deviation"), 400)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _fingerprint(case: Case, subject: Subject) -> str:
    return hashlib.sha256(f"{case.id}\0{subject.label}".encode(errors="replace")).hexdigest()[:32]


def _slug(label: str) -> str:
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in label).strip("-") or "target"
