"""A short JSON summary, and a badge: for scripts and for front pages."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from markupsafe import escape

from . import view
from .coverage import Covered
from .model import Report
from .standing import Standing, standing
from .subject import Subject
from .text import visible

SUMMARY_FORMAT = 1
_COLOURS = {"good": "#0d6b5c", "bad": "#a4230b", "unsure": "#7d2a63", "none": "#586473"}


def render_json(report: Report) -> bytes:
    """Totals by server, protocol and level, ids of what is broken, and load figures."""
    document = {
        "format": SUMMARY_FORMAT,
        "headline": str(view.headline(report)),
        "notices": list(view.notices(report)),
        "results": report.counts.total(),
        "counts": _counts(report.counts),
        "servers": [_server(report, subject) for subject in report.subjects],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _counts(counts: Counter[Standing]) -> dict[str, int]:
    return {kind.value: counts[kind] for kind in Standing}


def _server(report: Report, subject: Subject) -> dict[str, Any]:
    kind, answer = subject.answer
    known = report.coverage.of(subject.index)
    return {
        "server": subject.label,
        "targets": [target.name for target in subject.targets],
        "answer": kind,
        "sentence": answer,
        "complete": not subject.cut_off,
        "results": len(subject.cases),
        "counts": _counts(subject.counts),
        "by_protocol": {
            name: {level: _counts(counts) for level, counts in levels} for name, levels in subject.table
        },
        "violations": [case.id for case in subject.cases if standing(case) is Standing.VIOLATION],
        "exploitable": [case.id for case in subject.exploitable],
        "flaky": [case.id for case in subject.cases if case.flaky],
        "requirements": {covered.value: known[covered] for covered in Covered} if known else {},
        "load": [
            {
                "scenario": one.load.scenario,
                "rate": one.load.rate,
                "sustained": one.load.sustained,
                "messages": one.load.messages,
                "failures": one.load.failures,
                "latency": one.load.latency,
                "missed_thresholds": one.missed,
                "delivery": msgspec.to_builtins(one.load.delivery),
            }
            for one in subject.loads
            if one.load
        ],
    }


def render_badge(report: Report) -> str:
    """An SVG badge: "plumbline", and the answer in words and colour."""
    kinds = {subject.answer[0] for subject in report.judged or report.subjects}
    kind = next((one for one in ("bad", "unsure", "none") if one in kinds), "good")
    words = _badge_words(report)
    left, right = 66, 12 + round(6.6 * len(words))
    label = escape(visible(f"Plumbline: {words}"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<rect width="{left}" height="20" fill="#2b3440"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[kind]}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">plumbline</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(visible(words))}</text></g></svg>\n'
    )


def _badge_words(report: Report) -> str:
    judged = report.judged
    if len(judged) < 2:
        return judged[0].answer[1] if judged else "no case was run"
    broken = sum(subject.answer[0] == "bad" for subject in judged)
    return f"{broken} of {len(judged)} with violations"
