"""Requirements: sentences of RFCs that cases cite."""

from __future__ import annotations

import msgspec


class Requirement(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One sentence of an RFC, in our words. `level` is an RFC 2119 keyword."""

    id: str
    section: str
    level: str
    statement: str
    basis: str = "keyword"
    protocols: list[str] = []
    how: str = "wire"
    notes: str = ""
    rfc: int = 0
