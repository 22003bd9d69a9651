"""The layers of docs/architecture.md, read off the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IO_MODULES = {
    "socket",
    "ssl",
    "select",
    "selectors",
    "asyncio",
    "trio",
    "gevent",
    "subprocess",
    "http",
    "urllib",
}
PYTHON = [
    path
    for folder in ("probes", "reports", "loadtests", "lab")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def imports(path: Path) -> Iterator[str]:
    """Absolute names of all modules that a file imports, wherever in the file."""
    package = ("plumbline", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *([node.module] if node.module else [])))
            yield from (f"{name}.{alias.name}" for alias in node.names)


def offenders(folder: str, forbidden: tuple[str, ...], but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        wrong = [
            one
            for one in imports(path)
            if any(one == bad or one.startswith(f"{bad}.") for bad in forbidden)
            and not any(one.startswith(good) for good in but)
        ]
        if wrong:
            found[name] = wrong
    return found


def test_protocols_and_script_do_no_network():
    forbidden = tuple(sorted(IO_MODULES))

    assert offenders("probes/protocols", forbidden) == {}
    assert offenders("probes/script", forbidden) == {}


def test_protocols_know_nothing_above_them():
    above = tuple(f"plumbline.probes.{name}" for name in ("script", "drivers", "runner", "plugin", "session"))

    assert offenders("probes/protocols", (*above, "plumbline.reports", "yaml")) == {}


def test_drivers_know_nothing_of_yaml():
    assert (
        offenders("probes/drivers", ("plumbline.probes.script", "plumbline.probes.protocols", "yaml")) == {}
    )


def test_reports_read_records_only():
    assert (
        offenders("reports", ("plumbline.probes", "plumbline.loadtests", "plumbline.lab", "trio", "pytest"))
        == {}
    )


def test_probes_bring_in_the_rest_only_when_a_command_asks():
    lazily = {"probes/embedded.py", "probes/results.py"}  # inside functions: embedded servers, the page
    forbidden = ("plumbline.loadtests", "plumbline.lab", "plumbline.reports")
    shared = ("plumbline.reports.records", "plumbline.reports.standing")

    assert set(offenders("probes", forbidden, but=shared)) <= lazily


@pytest.mark.parametrize("folder", ["probes", "reports", "lab"])
def test_locust_is_imported_in_loadtests_alone(folder):
    assert offenders(folder, ("locust", "gevent", "plumbline.loadtests")) == {}


def test_no_file_is_too_long():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PYTHON
        if (lines := len(path.read_text().splitlines())) > 700
    }

    assert long == {}


def test_the_architecture_page_names_what_is_there():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

    for folder in ("probes", "suites", "loadtests", "reports", "lab", "tests", "docs"):
        assert f"    {folder}/" in page
        assert (ROOT / folder).is_dir()
    for name in ("ops.py", "protocols/", "script/", "drivers/"):
        assert name in page
        assert (ROOT / "probes" / name).exists()
