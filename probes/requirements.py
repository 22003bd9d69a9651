"""The catalogue of requirements: one sentence of an RFC each, with level and section.

One YAML file per RFC, `rfc5321.yaml`, holds `rfc`, `title` and a list of `requirements`. The form is strict:
everything that is wrong in a folder is found in one go, each with file and line and what is allowed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import msgspec
import yaml

KeyPath: TypeAlias = tuple[str | int, ...]

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
BASES = ("keyword", "prose", "grammar", "table", "definition", "example", "derived")
ROLES = ("smtp", "submission", "lmtp", "ftp", "pop3", "imap")
WAYS = ("wire", "delivery", "timing", "passive", "relay", "concurrency", "config", "untestable")
CHOICES = {"level": LEVELS, "basis": BASES, "how": WAYS}

NEEDED = ("id", "section", "level", "basis", "protocols", "statement", "how")
KEYS = (*NEEDED, "notes")
FILE_KEYS = ("rfc", "title", "requirements")


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of an RFC that a server can be held to.

    section: as the RFC numbers it, "4.1.1.11", "F.1" or the heading where there are no numbers.
    basis: "keyword" only if the RFC says it with a capitalised MUST or SHOULD; else where we read it.
    protocols: the roles concerned, see ROLES. how: what it takes to find out, see WAYS.
    where: file and line of the entry, for messages.
    """

    id: str
    rfc: int
    title: str  # of the RFC
    section: str
    level: str
    basis: str
    protocols: tuple[str, ...]
    statement: str
    how: str
    notes: str = ""
    where: str = ""

    @property
    def binding(self) -> bool:
        """True for MUST and MUST NOT: a failure fails the run."""
        return self.level in ("MUST", "MUST NOT")


class CatalogueError(ValueError):
    """The catalogue is not in its form. `problems` has one line for each fault, with file and line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load(folder: Path) -> dict[str, Requirement]:
    """Read every rfcNNNN.yaml of `folder`, by id. Raises CatalogueError naming everything that is wrong."""
    found: dict[str, Requirement] = {}
    problems: list[str] = []
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        problems.append(f"{folder}: no requirements here; expected a folder of rfcNNNN.yaml files")
    for file in files:
        for entry in _entries(file, problems):
            earlier = found.setdefault(entry.id, entry)
            if earlier is not entry:
                problems.append(f"{entry.where}: id {entry.id} is used twice, first at {earlier.where}")
    if problems:
        raise CatalogueError(problems)
    return found


def _entries(file: Path, problems: list[str]) -> Iterator[Requirement]:
    """What is right in one file; what is wrong goes to `problems`."""
    name = f"{file.parent.name}/{file.name}"
    number = re.fullmatch(r"rfc([1-9]\d*)\.yaml", file.name)
    if number is None:
        problems.append(f"{name}: the file must be called rfcNNNN.yaml, after its RFC")
        return
    try:
        document = _parse(file.read_text(encoding="utf-8"), name)
    except _FormError as trouble:
        problems.append(str(trouble))
    except UnicodeDecodeError as trouble:
        problems.append(f"{name}: not UTF-8: {trouble.reason} at octet {trouble.start}")
    else:
        yield from _Reader(name, int(number[1]), document, problems).requirements()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Judges one file against the form."""

    name: str
    rfc: int
    document: _Document
    problems: list[str]

    def _complain(self, path: KeyPath, text: str) -> None:
        self.problems.append(f"{self.name}:{self.document.line(path)}: {text}")

    def requirements(self) -> Iterator[Requirement]:
        tree = self.document.tree
        if not self._mapping(tree, (), FILE_KEYS, FILE_KEYS):
            return
        if tree["rfc"] != self.rfc:
            self._complain(("rfc",), f"rfc is {tree['rfc']!r}, the file is of RFC {self.rfc}")
        if not self._is_text(tree["title"], ("title",)):
            return
        entries = tree["requirements"]
        if not isinstance(entries, list) or not entries:
            self._complain(("requirements",), "requirements must be a list with at least one entry")
            return
        for index, entry in enumerate(entries):
            if self._sound(entry, ("requirements", index)):
                yield self._made(entry, tree["title"], index)

    def _made(self, entry: dict[str, Any], title: str, index: int) -> Requirement:
        where = f"{self.name}:{self.document.line(('requirements', index))}"
        fields = {**entry, "protocols": tuple(entry["protocols"])}
        return Requirement(rfc=self.rfc, title=title, where=where, **fields)

    def _sound(self, entry: object, path: KeyPath) -> bool:
        if not self._mapping(entry, path, KEYS, NEEDED):
            return False
        checks = [self._is_text(entry[key], (*path, key)) for key in entry if key != "protocols"]
        checks += [self._is_choice(entry[key], allowed, (*path, key)) for key, allowed in CHOICES.items()]
        checks += [self._is_id(entry["id"], (*path, "id"))]
        checks += [self._are_roles(entry["protocols"], (*path, "protocols"))]
        return all(checks)

    def _mapping(
        self, tree: object, path: KeyPath, allowed: tuple[str, ...], needed: tuple[str, ...]
    ) -> TypeGuard[dict[str, Any]]:
        if not isinstance(tree, dict):
            self._complain(path, f"expected a mapping with the keys {', '.join(needed)}")
            return False
        for key in tree:
            if key not in allowed:
                self._complain((*path, key), f"unknown key {key!r}{_meant(key, allowed)}")
        missing = [key for key in needed if key not in tree]
        if missing:
            self._complain(path, f"missing: {', '.join(missing)}; needed are {', '.join(needed)}")
        return not missing and all(key in allowed for key in tree)

    def _is_text(self, value: object, path: KeyPath) -> bool:
        if isinstance(value, str) and value.strip():
            return True
        hint = f'; write it in quotes, "{value}"' if isinstance(value, int | float) else ""
        self._complain(path, f"{path[-1]} must be text, got {value!r}{hint}")
        return False

    def _is_choice(self, value: object, allowed: tuple[str, ...], path: KeyPath) -> bool:
        if value in allowed:
            return True
        if isinstance(value, str):  # anything else was complained about as no text
            self._complain(path, f"{path[-1]} {value!r}{_meant(value, allowed)}")
        return False

    def _is_id(self, value: object, path: KeyPath) -> bool:
        if not isinstance(value, str):
            return False
        if re.fullmatch(rf"RFC{self.rfc}-[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*", value):
            return True
        self._complain(
            path, f"id {value!r}: in this file an id is RFC{self.rfc}- and letters, digits, '.', '-'"
        )
        return False

    def _are_roles(self, value: object, path: KeyPath) -> bool:
        if not isinstance(value, list) or not value:
            self._complain(path, f"protocols must be a list of {', '.join(ROLES)}")
            return False
        good = [self._is_role(role, (*path, index)) for index, role in enumerate(value)]
        if len(set(map(str, value))) != len(value):
            self._complain(path, "protocols has an entry twice")
            return False
        return all(good)

    def _is_role(self, value: object, path: KeyPath) -> bool:
        if value in ROLES:
            return True
        self._complain(path, f"protocol {value!r}{_meant(str(value), ROLES)}")
        return False


def _meant(word: str, allowed: tuple[str, ...]) -> str:
    near = get_close_matches(str(word).lower(), [name.lower() for name in allowed], n=1)
    guess = [name for name in allowed if near and name.lower() == near[0]]
    return f"; allowed: {', '.join(allowed)}" + (f" (did you mean {guess[0]}?)" if guess else "")


class _FormError(ValueError):
    """The text is no YAML of the strict kind."""


@dataclass(frozen=True, slots=True)
class _Document:
    """Plain data, and the line on which each piece of it stands."""

    tree: object
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        return self.lines.get(path, 1)


def _parse(text: str, name: str) -> _Document:
    """Read YAML with JSON-like scalars and without duplicate keys."""
    lines: dict[KeyPath, int] = {}
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as trouble:
        line = trouble.problem_mark.line + 1 if trouble.problem_mark else 1
        raise _FormError(f"{name}:{line}: no YAML: {trouble.problem}") from None
    if root is None:
        raise _FormError(f"{name}:1: empty; expected the keys {', '.join(FILE_KEYS)}")
    return _Document(_plain(root, (), lines, name), lines)


def _plain(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> object:
    lines.setdefault(path, node.start_mark.line + 1)
    match node:
        case yaml.MappingNode():
            return _pairs(node, path, lines, name)
        case yaml.SequenceNode():
            return [_plain(item, (*path, index), lines, name) for index, item in enumerate(node.value)]
        case _:
            return _scalar(node)


def _pairs(node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int], name: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key_node, value in node.value:
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if key in tree:
            raise _FormError(f"{name}:{line}: key {key!r} is given twice in one mapping")
        lines[(*path, key)] = line
        tree[key] = _plain(value, (*path, key), lines, name)
    return tree


def _scalar(node: yaml.Node) -> object:
    """Plain scalars as in JSON: `no` and `12:30` stay text."""
    text = str(node.value)
    if getattr(node, "style", None):
        return text
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d+", text):
        return float(text)
    return {"true": True, "false": False, "null": None}.get(text, text)
