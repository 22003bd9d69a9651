"""Submission servers with one planted bug each. The bugs of SMTP servers are borrowed, see `borrowed`."""

from __future__ import annotations

from collections.abc import Iterable

from tests.falsify.harness import Mutant
from tests.models.lines import LineService
from tests.models.smtp_submission import SubmissionModel
from tests.models.smtp_tls import StartTls


def borrowed(mutants: Iterable[Mutant]) -> tuple[Mutant, ...]:
    """The same bugs in a submission server, but those of TLS and AUTH, which it has of its own.

    They are played against the cases that they were made for, where that is known.
    """
    others = [one for one in mutants if not issubclass(one.service, StartTls)]
    return tuple(Mutant(f"smtp_{one.name}", _submitting(one.service), only=one.breaks) for one in others)


def _submitting(service: type[LineService]) -> type[LineService]:
    """The bug in front of a submission server; where the bug is what is offered, that is offered under TLS."""
    offered = {}
    if "keywords" in vars(service):
        words = {word.split()[0]: word for word in (*_LOGIN, *service.keywords)}
        offered = {"secured_keywords": tuple(words.values())}
    return type(
        service.__name__, (service, SubmissionModel), {"keywords": SubmissionModel.keywords, **offered}
    )


_LOGIN = tuple(word for word in SubmissionModel.secured_keywords if word.startswith(("AUTH", "ENHANCED")))
