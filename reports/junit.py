"""JUnit XML: a testsuite for each server and suite, a testcase for each record.

Violations and out-of-date deviations, which fail the run, are failures, and nothing else. What a viewer would
show as green but was not tested (inconclusive, skipped) is `skipped` with its reason; a missed recommendation
or an accepted failure says so in its output.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from .model import Report
from .records import Case
from .standing import Standing, standing
from .subject import Subject
from .text import cut, one_line, visible


def render(report: Report, strict: bool = False) -> bytes:
    """The file. `strict`: missed recommendations are failures, too."""
    root = Element("testsuites", name="plumbline")
    for subject in report.subjects:
        for suite, cases in _suites(subject):
            root.append(_suite(subject, suite, cases, strict))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(one.get(name, 0)) for one in root)))
    root.set("time", f"{sum(case.duration_s for case in report.cases):.3f}")
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _suites(subject: Subject) -> Iterator[tuple[str, list[Case]]]:
    found: dict[str, list[Case]] = {}
    for case in subject.cases:
        found.setdefault(f"{case.protocol}: {case.suite or case.file}", []).append(case)
    yield from found.items()


def _suite(subject: Subject, name: str, cases: list[Case], strict: bool) -> Element:
    element = Element("testsuite", name=visible(f"{subject.label}: {name}"))
    for case in cases:
        element.append(_case(subject, case, strict))
    element.set("tests", str(len(cases)))
    element.set("failures", str(len(element.findall("testcase/failure"))))
    element.set("errors", "0")
    element.set("skipped", str(len(element.findall("testcase/skipped"))))
    element.set("time", f"{sum(case.duration_s for case in cases):.3f}")
    if run := subject.sources[0].run:
        element.set("timestamp", visible(run.started))
    return element


def _case(subject: Subject, case: Case, strict: bool) -> Element:
    element = Element(
        "testcase",
        name=visible(f"{case.id}: {case.title}" if case.title else case.id),
        classname=visible(f"{case.protocol}.{case.requirement}"),
        time=f"{case.duration_s:.3f}",
    )
    if case.file:
        element.set("file", visible(case.file))
        element.set("line", str(case.line))
    found = standing(case)
    if found in (Standing.VIOLATION, Standing.STALE) or (strict and found is Standing.MISSED):
        stale = "accepted as a known failure, but fails no more: remove it from the deviations"
        reason = stale if found is Standing.STALE else one_line(case.reason, 400)
        failure = SubElement(element, "failure", message=reason, type=visible(case.level))
        failure.text = details(case, subject.label)
    elif found in (Standing.SKIPPED, Standing.INCONCLUSIVE):
        SubElement(element, "skipped", message=one_line(f"{found}: {case.reason}", 400))
    elif found is not Standing.PASS:
        SubElement(element, "system-out").text = f"{found}: {visible(cut(case.reason))}"
    return element


def details(case: Case, server: str) -> str:
    """What a person needs to understand a failure, as plain text."""
    parts = [
        f"{case.level} {case.statement} ({case.requirement})",
        f"at       {case.file}:{case.step_line or case.line}" if case.file else "",
        f"server   {server}",
        f"sent     {cut(case.sent)}" if case.sent else "",
        f"expected {cut(case.expected)}" if case.expected else "",
        f"got      {cut(case.got)}" if case.got else "",
        f"again    {case.rerun}" if case.rerun else "",
        *(f"{event.at:8.3f} {event.who:<6} {cut(event.text, 400)}" for event in case.transcript[:100]),
    ]
    return visible("\n".join(part for part in parts if part))
