"""`plumbline list` and `plumbline explain`: look at the cases without running them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from .requirements import CatalogueError
from .script.cases import ReadyCase
from .script.loader import PROTOCOLS, Library, SuiteErrors
from .script.shape import unknown


def _cases(protocol: str | None) -> Iterator[ReadyCase]:
    library = Library.open()
    wanted = [protocol] if protocol else PROTOCOLS
    for path in library.suite_files(wanted):
        yield from library.cases(path, wanted)


def list_cases(argv: Sequence[str]) -> int:
    """One line a case: id, level, requirement, title."""
    parser = argparse.ArgumentParser(prog="plumbline list", description="The cases there are.")
    parser.add_argument("--protocol", choices=PROTOCOLS)
    parser.add_argument("--tag", help="only cases with this tag")
    parser.add_argument("--level", help="only this level: MUST, 'MUST NOT', SHOULD, MAY...")
    try:
        options = parser.parse_args(list(argv))
    except SystemExit as stop:
        return 4 if stop.code else 0
    try:
        for case in _cases(options.protocol):
            if options.tag and options.tag not in case.tags:
                continue
            if options.level and options.level.upper() != case.requirement.level:
                continue
            print(f"{case.id:44} {case.requirement.level:11} {case.requirement.id:24} {case.spec.title}")
    except (SuiteErrors, CatalogueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def explain_case(argv: Sequence[str]) -> int:
    """Everything about one case."""
    if len(argv) != 1 or argv[0].startswith("-"):
        print("usage: plumbline explain CASE   (an id from `plumbline list`)", file=sys.stderr)
        return 0 if list(argv) in (["-h"], ["--help"]) else 4
    try:
        found = {case.id: case for case in _cases(None)}
    except (SuiteErrors, CatalogueError) as error:
        print(error, file=sys.stderr)
        return 2
    matching = [case for name, case in found.items() if argv[0] in (name, name.partition("/")[2])]
    if not matching:
        print(f"plumbline explain: {unknown('case', argv[0], found)}", file=sys.stderr)
        return 4
    for case in matching:
        print("\n".join(_told(case)))
    return 0


def _told(case: ReadyCase) -> Iterator[str]:
    requirement = case.requirement
    yield f"{case.id}: {case.spec.title}"
    yield f"  {requirement.id} ({requirement.level}, RFC {requirement.rfc} section {requirement.section})"
    yield f"  {requirement.statement}"
    if requirement.notes:
        yield f"  note: {requirement.notes}"
    if case.spec.why:
        yield f"  why: {case.spec.why}"
    if case.needs:
        yield f"  needs: {', '.join(sorted(case.needs))}"
    if case.state.name:
        yield f"  starts in the state: {case.state.name}"
    yield f"  stands in: {case.file}:{case.line}"
    yield f"  run it: plumbline check TARGET --case '{case.id}'"
    yield ""
    yield from (f"    {line}" for line in case.source.splitlines())
    yield ""
