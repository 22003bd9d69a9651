"""Enhanced status codes and internationalized mail for the model SMTP server (RFC 2034, RFC 6531)."""

from __future__ import annotations

import re
from typing import ClassVar

from tests.models import smtp_paths
from tests.models.smtp import SmtpModel
from tests.models.smtp_dsn import Parameters

_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3} ")


class Enhanced(SmtpModel):
    """Puts an enhanced status code into every reply that needs one and has none yet."""

    keywords = (*SmtpModel.keywords, "ENHANCEDSTATUSCODES")
    bare = False  # while the greeting is said, or EHLO is answered

    def greet(self) -> None:
        self.bare = True
        super().greet()
        self.bare = False

    def do_EHLO(self, argument: str) -> None:
        self.bare = True
        super().do_EHLO(argument)
        self.bare = False

    def do_HELO(self, argument: str) -> None:
        self.bare = True
        super().do_HELO(argument)
        self.bare = False

    def say(self, text: str) -> None:
        super().say(self.with_code(text[:3], text[3:4], text[4:]))

    def with_code(self, code: str, mark: str, rest: str) -> str:
        if self.bare or code[:1] not in ("2", "4", "5") or _CODE.match(rest):
            return code + mark + rest
        return f"{code}{mark or ' '}{self.usual(code)} {rest}"

    def usual(self, code: str) -> str:
        return f"{code[0]}.0.0"


class International(Enhanced):
    """SMTPUTF8. Octets that are no UTF-8 are lone surrogates in the text of a command."""

    keywords = (*Enhanced.keywords, "SMTPUTF8")
    own_facts: ClassVar[dict[str, str]] = {
        "utf8_recipient": "jürgen@example.test",
        "moved_to_utf8": "wandered@example.test",
    }

    def greet(self) -> None:
        self.international = False
        super().greet()

    def reset(self) -> None:
        super().reset()
        self.international = False

    def bad_octets(self, line: bytes) -> bool:
        return re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line) is not None

    def path(self, argument: str, keyword: str) -> str | None:
        if argument[: len(keyword)].upper() != keyword:
            return None
        return smtp_paths.path(argument[len(keyword) :], wide=True)

    def is_utf8(self, path: str) -> bool:
        return not any("\ud800" <= sign <= "\udfff" for sign in path)

    def do_MAIL(self, argument: str) -> None:
        path = self.path(argument, "FROM:") or ""
        wanted = "SMTPUTF8" in argument.partition(">")[2].upper().split()
        if refusal := self.path_refused(path, "550", wanted=wanted):
            return self.say(refusal)
        before = self.sender
        super().do_MAIL(argument)
        if before is None and self.sender is not None:
            self.international = wanted
        return None

    def do_RCPT(self, argument: str) -> None:
        path = self.path(argument, "TO:") or ""
        if self.sender is not None and (refusal := self.path_refused(path, "553", wanted=self.international)):
            return self.say(refusal)
        return super().do_RCPT(argument)

    def path_refused(self, path: str, code: str, *, wanted: bool) -> str:
        """The refusal of a path that is no UTF-8, or is UTF-8 where SMTPUTF8 was not said; or nothing."""
        if not self.is_utf8(path):
            return "501 5.5.2 no UTF-8"
        return f"{code} 5.6.7 SMTPUTF8, please" if not path.isascii() and not wanted else ""

    def recipient(self, path: str) -> None:
        if path == "wandered@example.test":
            self.say("551 5.1.6 has moved to a name that this session cannot show")
        elif path.isascii():
            super().recipient(path)
        else:
            self.say("550 5.1.1 no such user")

    def bad_parameter(self, argument: str) -> bool:
        words = argument.partition(">")[2].upper().split()
        if argument.upper().startswith("FROM:"):
            return any(
                word != "SMTPUTF8" and word.partition("=")[0] not in ("SIZE", "BODY") for word in words
            )
        return super().bad_parameter(argument)

    def transmission(self) -> str:
        return "UTF8SMTP" if self.international else super().transmission()


class InternationalDsn(Parameters, International):
    """With DSN as well: ORCPT takes addresses in UTF-8 (RFC 6533 section 3)."""

    keywords = (*International.keywords, "DSN")

    def known(self, argument: str) -> tuple[str, ...]:
        return (*super().known(argument), *(("SMTPUTF8",) if argument.upper().startswith("FROM:") else ()))

    def bad_parameter(self, argument: str) -> bool:
        valued = any(name == "SMTPUTF8" and value for name, value in self.words(argument))
        return valued or Parameters.bad_parameter(self, argument)

    def is_ORCPT(self, value: str) -> bool:
        kind, _, address = value.partition(";")
        return bool(address) if self.knows_utf8(kind) else super().is_ORCPT(value)

    def knows_utf8(self, kind: str) -> bool:
        return kind.upper() == "UTF-8"
