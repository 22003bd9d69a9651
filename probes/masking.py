"""Keep passwords out of records, also where a script forgot to mark a step as secret."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from ..reports.records import escape

MASK = "****"
_SECRET_NAME = re.compile(r"passw|secret|token|passphrase|private", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether the name of a profile key says that its value is nobody's business."""
    return _SECRET_NAME.search(name) is not None


def masked(node: Any, name: str = "") -> Any:
    """A profile as a report may show it."""
    match node:
        case dict():
            return {key: masked(value, str(key)) for key, value in node.items()}
        case list():
            return [masked(value, name) for value in node]
        case _:
            return MASK if is_secret(name) and node not in (None, "") else node


class Masker:
    """Replaces the secrets among some facts, wherever they stand as a word of their own.

    Also found are their Base64 forms as AUTH LOGIN and AUTH PLAIN send them. A password that is also a
    fact which is no secret (a user "alice" with the password "alice") is left: hiding it would hide the user.
    """

    def __init__(self, facts: Mapping[str, str] | None = None) -> None:
        known = facts or {}
        public = {value for name, value in known.items() if not is_secret(name)}
        hidden = {value for name, value in known.items() if is_secret(name) and value} - public
        users = {value for name, value in known.items() if name.endswith("user")}
        forms = hidden | {_base64(word) for word in hidden}
        forms |= {_base64(f"\0{user}\0{word}") for user in users for word in hidden}
        texts = sorted({escape(form.encode("utf-8", "surrogateescape")) for form in forms}, key=len)
        pattern = "|".join(re.escape(text) for text in reversed(texts))
        self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])") if texts else None

    def text(self, escaped: str) -> str:
        """Escaped octets, or a sentence that contains some, without the secrets."""
        return self._pattern.sub(MASK, escaped) if self._pattern else escaped


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")
