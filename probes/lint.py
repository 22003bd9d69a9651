"""`plumbline lint`: is a suite file right? Everything that is wrong, with its place."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .requirements import CatalogueError
from .script.loader import Library, SuiteErrors


def main(argv: Sequence[str]) -> int:
    """Exit code 0: all right; 1: something is wrong; 4: no such file."""
    parser = argparse.ArgumentParser(prog="plumbline lint", description="Check suite files.")
    parser.add_argument(
        "paths", nargs="*", type=Path, help="files or folders (the shipped suites by default)"
    )
    try:
        options = parser.parse_args(list(argv))
    except SystemExit as stop:
        return 4 if stop.code else 0
    for path in options.paths:
        if not path.exists():
            print(f"plumbline lint: no such file: {path}", file=sys.stderr)
            return 4
    library = Library.open()
    files = list(_files(options.paths)) or library.suite_files()
    return _report(library, files)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in sorted(path.rglob("*.yaml")) if _is_suite(file))
        else:
            yield path


def _is_suite(path: Path) -> bool:
    return path.name != "states.yaml" and "requirements" not in path.parts


def _report(library: Library, files: Sequence[Path]) -> int:
    cases, wrong, seen = 0, 0, dict[str, str]()
    for path in files:
        try:
            found = library.cases(path)
        except SuiteErrors as errors:
            wrong += len(errors.errors)
            print("\n".join(error.pretty() for error in errors.errors))
            continue
        except CatalogueError as error:
            print(error)
            return 1
        cases += len(found)
        for case in found:
            first = seen.setdefault(case.id, f"{case.file}:{case.line}")
            if first != f"{case.file}:{case.line}" and "[" not in case.id:
                wrong += 1
                print(f"{case.file}:{case.line}: the id {case.id} is taken by the case at {first}")
    print(f"{len(files)} files, {cases} cases, {wrong} errors")
    return 1 if wrong else 0
