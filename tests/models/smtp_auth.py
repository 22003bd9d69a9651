"""AUTH for the model SMTP server (RFC 4954): PLAIN, LOGIN, CRAM-MD5, SCRAM.

An exchange is a generator: it yields challenges, is sent responses, and returns who has logged in, or "".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from types import MappingProxyType

from tests.models.smtp_enhanced import Enhanced
from tests.models.smtp_tls import StartTls
from tests.models.store import PASSWORD, USER

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
LIST = f"AUTH {' '.join(MECHANISMS)}"
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")


def b64(data):
    return base64.b64encode(data).decode()


class Auth(StartTls):
    """AUTH in clear and under TLS."""

    keywords = (*StartTls.keywords, LIST)
    secured_keywords = (*StartTls.secured_keywords, LIST)
    users = MappingProxyType({USER: PASSWORD, "bob": "bobsecret"})
    longest = 12_288
    welcome = "235 2.7.0 welcome"
    wrong = "535 5.7.8 credentials invalid"

    def greet(self):
        self.user = ""
        self.exchange = None
        super().greet()

    def begin_anew(self):
        self.user = ""
        super().begin_anew()

    def on_line(self, line):
        if self.exchange is None:
            super().on_line(line)
        elif len(line) > self.longest:
            self.failed("500 5.5.6 too long")
        else:
            self.respond(line.decode("ascii", "replace"))

    # -- the command

    def do_AUTH(self, argument):
        name, *words = argument.split() or [""]
        if refusal := self.auth_refused(self.spelled(name), words):
            return self.say(refusal)
        self.exchange = self.exchange_of(self.spelled(name))
        challenge = next(self.exchange)
        if words and not challenge:
            return self.respond("" if words[0] == "=" else words[0])
        return self.challenge(challenge)

    def spelled(self, name):
        return name.upper()

    def auth_refused(self, name, words):
        """Why there is no exchange, or ""."""
        if not self.helo:
            return "503 5.5.1 EHLO first"
        if self.user:
            return "503 5.5.1 logged in already"
        if self.sender is not None:
            return "503 5.5.1 not within a transaction"
        if not any(word.startswith("AUTH") for word in self.offers()):
            return "538 5.7.11 TLS first"
        if not name or len(words) > 1:
            return "501 5.5.4 AUTH mechanism [response]"
        if name not in MECHANISMS:
            return "504 5.5.4 no such mechanism"
        return "501 5.7.0 the server begins" if words and name == "CRAM-MD5" else ""

    def exchange_of(self, name):
        match name:
            case "PLAIN":
                return self.plain()
            case "LOGIN":
                return self.login()
            case "CRAM-MD5":
                return self.cram_md5()
            case _:
                return self.scram("sha1" if name == "SCRAM-SHA-1" else "sha256")

    def challenge(self, data):
        self.say(f"334 {b64(data)}")

    def respond(self, line):
        if line == "*":
            return self.failed("501 5.7.0 cancelled")
        data = self.decoded(line)
        if data is None:
            return self.failed("501 5.5.2 no base64")
        try:
            self.challenge(self.exchange.send(data))
        except StopIteration as end:
            self.ended_with(end.value)

    def decoded(self, line):
        try:
            return base64.b64decode(line, validate=True) if len(line) % 4 == 0 else None
        except (binascii.Error, ValueError):
            return None

    def ended_with(self, user):
        if not user:
            return self.failed(self.wrong)
        self.exchange, self.user = None, user
        return self.say(self.welcome)

    def failed(self, reply):
        self.exchange = None
        self.say(reply)

    # -- mechanisms

    def plain(self):
        parts = (yield b"").split(b"\0")
        if len(parts) != 3:
            return ""
        other, user, password = (part.decode() for part in parts)
        return self.knows(user, password) if other in ("", user) else ""

    def knows(self, user, password):
        return user if self.users.get(user) == password else ""

    def login(self):
        user = (yield b"Username:").decode()
        return self.knows(user, (yield b"Password:").decode())

    def cram_md5(self):
        challenge = b"<1@mx.example.test>"
        user, _, digest = (yield challenge).decode().partition(" ")
        right = hmac.new(self.users.get(user, "").encode(), challenge, "md5").hexdigest()
        return user if user in self.users and digest == right else ""

    def scram(self, name):
        bare = (yield b"").decode().removeprefix("n,,")
        user, _, nonce = bare.removeprefix("n=").partition(",r=")
        first = f"r={nonce}server,s={b64(b'salt')},i=4096"
        without, _, proof = (yield first.encode()).decode().rpartition(",p=")
        salted = hashlib.pbkdf2_hmac(name, self.users.get(user, "").encode(), b"salt", 4096)
        key = hmac.digest(salted, b"Client Key", name)
        signed = f"{bare},{first},{without}".encode()
        signature = hmac.digest(hashlib.new(name, key).digest(), signed, name)
        right = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        if user not in self.users or proof != b64(right):
            return ""
        yield b"v=" + b64(hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name)).encode()
        return user

    # -- what a login changes

    def bad_parameter(self, argument):
        head, _, words = argument.partition(">")
        kept = [word for word in words.split() if not self.auth_parameter(head, word)]
        return super().bad_parameter(f"{head}> {' '.join(kept)}")

    def auth_parameter(self, head, word):
        return head.upper().startswith("FROM:") and word.upper().startswith("AUTH=")

    def body_refused(self, argument):
        value = self.value(argument, "AUTH")
        refused = value is not None and not _XTEXT.fullmatch(value)
        return "501 5.5.4 AUTH is xtext" if refused else super().body_refused(argument)

    def transmission(self):
        return super().transmission() + ("A" if self.user and self.extended else "")


class AuthUnderTls(Auth):
    """AUTH under TLS only."""

    keywords = StartTls.keywords


class AuthInClear(Auth):
    """Without STARTTLS."""

    keywords = Auth.secured_keywords
    do_STARTTLS = None  # no such command


class Coded(Enhanced, Auth):
    """With enhanced status codes (RFC 2034)."""

    keywords = (*Auth.keywords, "ENHANCEDSTATUSCODES")
    secured_keywords = (*Auth.secured_keywords, "ENHANCEDSTATUSCODES")
