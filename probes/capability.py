"""What a target offers, and which cases therefore make sense."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .script.cases import ReadyCase

_TOLD_BY = {
    "smtp": "EHLO",
    "submission": "EHLO",
    "lmtp": "LHLO",
    "ftp": "FEAT",
    "pop3": "CAPA",
    "imap": "CAPABILITY",
}

REFUSES = "refuses_service"  # the fact of a host that serves nobody: only cases about that make sense
LOGIN_ONLY_WITH_TLS = "LOGIN ONLY WITH TLS"  # a word of our own among the capabilities: preflight found it so
_IN_CLEAR = frozenset({"user", "logged-in"})  # states of a login without TLS
_NO_TLS = {
    "TLS": "needs TLS, which the target does not offer",
    "IMPLICIT TLS": "needs a target that begins with TLS (smtps://, submissions://, ...)",
}


def _list_of(case: ReadyCase) -> str:
    return _TOLD_BY.get(case.protocol, "any list")


def _logs_in_in_clear(case: ReadyCase) -> bool:
    way = {*case.state.lineage}
    return case.protocol == "ftp" and "tls" not in way and bool(_IN_CLEAR & way or "user" in case.needs)


def skip_reason(case: ReadyCase, offered: Collection[str], facts: Mapping[str, str]) -> str:
    """Why a case makes no sense on this target, or ""."""
    if facts.get(REFUSES) and REFUSES not in case.needs:
        return "the target refuses all service (profile)"
    if LOGIN_ONLY_WITH_TLS in offered and _logs_in_in_clear(case):
        return "the target lets nobody log in before AUTH TLS; where it has an endpoint for ftps://, test that as well"
    for need in sorted(case.needs):
        if need == need.lower() and not facts.get(need):
            return f"needs the profile fact {need!r}"
        if need != need.lower() and need.upper() not in offered:
            return _NO_TLS.get(need) or f"needs {need}, which the target does not offer in {_list_of(case)}"
    for hindrance in sorted(case.unless):
        if hindrance.upper() in offered or facts.get(hindrance):
            return f"does not apply where there is {hindrance}"
    return ""
