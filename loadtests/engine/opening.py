"""From the greeting to the first MAIL: EHLO, STARTTLS, AUTH (RFC 5321, 3.1 and 3.2; RFC 3207; RFC 4954)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from functools import lru_cache

from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.replies import Reply
from plumbline.loadtests.engine.steps import EndedError, Step, refused


@lru_cache(maxsize=64)
def _capabilities(octets: bytes) -> Mapping[str, str]:
    """Of a reply to EHLO: keywords and their parameters. Sessions share it, for they get the same answer."""
    words = [line[4:].strip().partition(" ") for line in octets.decode("latin-1").splitlines()[1:]]
    return {word.upper(): rest for word, _, rest in words if word}


class Opening:
    """Answers each reply with the next command, until `ready` or `wants_tls`."""

    __slots__ = ("_login", "_plan", "capabilities", "greeting", "helo", "ready", "secure", "wants_tls")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._login: Iterator[bytes] | None = None
        self.capabilities: Mapping[str, str] = {}
        self.greeting = ""
        self.helo = False
        self.secure = plan.tls == "implicit"
        self.ready = self.wants_tls = False

    def take(self, step: Step, reply: Reply) -> tuple[Step, bytes] | None:
        """The next command and what its reply will answer; None when ready, or when TLS has to begin."""
        match step:
            case Step.BANNER:
                return self._banner(reply)
            case Step.EHLO:
                return self._ehlo(reply)
            case Step.STARTTLS:
                self._starttls(reply)
                return None
            case _:
                return self._auth(reply)

    def secured(self) -> tuple[Step, bytes]:
        """TLS stands: everything learned before is void (RFC 3207, 4.2)."""
        self.secure, self.wants_tls = True, False
        return self.hello()

    def hello(self) -> tuple[Step, bytes]:
        verb = b"LHLO" if self._plan.lmtp else b"HELO" if self.helo else b"EHLO"
        return Step.EHLO, b"%b %b\r\n" % (verb, self._plan.client_name.encode())

    def _banner(self, reply: Reply) -> tuple[Step, bytes]:
        if reply.code != 220:
            raise refused(Step.BANNER, reply)
        self.greeting = reply.text
        return self.hello()

    def _ehlo(self, reply: Reply) -> tuple[Step, bytes] | None:
        if not reply.good:
            if self.helo or self._plan.lmtp or reply.code < 500:
                raise refused(Step.EHLO, reply)
            self.helo = True
            return self.hello()
        self.capabilities = {} if self.helo else _capabilities(reply.octets)
        if self._plan.tls == "starttls" and not self.secure:
            if "STARTTLS" not in self.capabilities:
                raise EndedError("no STARTTLS", "the target does not offer STARTTLS")
            return Step.STARTTLS, b"STARTTLS\r\n"
        return self._authenticate()

    def _starttls(self, reply: Reply) -> None:
        if reply.code != 220:
            raise refused(Step.STARTTLS, reply)
        self.wants_tls = True

    def _authenticate(self) -> tuple[Step, bytes] | None:
        if not self._plan.user:
            self.ready = True
            return None
        offered = self.capabilities.get("AUTH", "").upper().split()
        user, password = self._plan.user.encode(), self._plan.password.encode()
        if "PLAIN" in offered:
            return Step.AUTH, b"AUTH PLAIN %b\r\n" % base64.b64encode(b"\0%b\0%b" % (user, password))
        if "LOGIN" in offered:
            self._login = iter([user, password])
            return Step.AUTH, b"AUTH LOGIN\r\n"
        raise EndedError("no AUTH", f"the target offers neither AUTH PLAIN nor LOGIN, but: {offered}")

    def _auth(self, reply: Reply) -> tuple[Step, bytes] | None:
        answer = next(self._login, None) if self._login and reply.code == 334 else None
        if answer is not None:
            return Step.AUTH, base64.b64encode(answer) + b"\r\n"
        if reply.code != 235:
            raise refused(Step.AUTH, reply)
        self.ready = True
        return None
