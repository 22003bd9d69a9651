"""The compliance report: one HTML file that needs nothing but a browser."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from . import loadview, reference, text, view
from .casepage import Cases
from .coverage import Covered
from .gather import Source, Unreadable, read_files, split
from .heatmap import heat_maps
from .model import Report, build
from .records import AnyRecord
from .standing import Standing

_TEMPLATES = Path(__file__).parent / "templates"


def write(inputs: Sequence[Path], output: Path) -> Report:
    """Write the report on some results files, and give what it was made from.

    Raises Unreadable when none of the files can be used; a file that is damaged in part, or cannot be
    used beside others that can, is named in the report itself.
    """
    sources, problems = read_files(inputs)
    if not sources:
        raise Unreadable("\n".join(problems) or "no results file was given")
    report = build(sources, problems)
    save(report, output)
    return report


def save(report: Report, output: Path) -> None:
    """Write the report, folders included. Raises OSError."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(render_report(report), encoding="utf-8")


def render(records: Iterable[AnyRecord], name: str = "results") -> str:
    """The report on the records of one or more runs."""
    return render_report(build(split(name, records, []) or [Source(name)]))


def render_report(report: Report) -> str:
    """The report as HTML."""
    environment = _environment()
    loads = loadview.views(report)
    maps = list(heat_maps(report))
    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        report=report,
        headline=view.headline(report),
        subline=view.subline(report),
        notices=list(view.notices(report)),
        untested=list(view.untested(report)),
        choices=list(view.choices(report)),
        loads=loads,
        knees=list(loadview.knees(loads)),
        rates=loadview.rates(loads),
        maps=maps,
        shades={cell.standing for one in maps for cell in one.cells.values()},
        ids={row.case.id for row in report.rows},
        known=reference.shipped(),
        cases=Cases(report, environment.get_template("case.html")),
        style=Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=_hash(script),
    )


def _hash(script: str) -> str:
    """What the page's security policy allows to run: our script and nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=text.duration,
        number=text.number,
        cut=text.cut,
        one_line=text.one_line,
        attributes=view.attributes,
        figures=view.figures,
        severity_words=view.severity_words,
        names=reference.names,
        knee_sentence=loadview.knee_sentence,
        delivery_rows=loadview.delivery_rows,
        label_of=lambda index, subjects: subjects[index].label,
        day=view.day,
        shell=shlex.join,
        anchor=text.anchor,
    )
    environment.globals.update(Standing=Standing, Covered=Covered, plural=text.plural)
    return environment


def _finalize(value: Any) -> Any:
    """Everything a template prints goes through here, before it is escaped."""
    return text.safe(value) if type(value) is str else value
