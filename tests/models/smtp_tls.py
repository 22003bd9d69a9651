"""STARTTLS (RFC 3207), implicit TLS (RFC 8314) and REQUIRETLS (RFC 8689) for the model SMTP server."""

from __future__ import annotations

from tests.models.smtp_chunking import Chunking


class StartTls(Chunking):
    """`secure`: TLS is on. `upgrading`: 220 was said, and the handshake has to come."""

    keywords = (*Chunking.keywords, "STARTTLS")
    secured_keywords = Chunking.keywords
    implicit = False
    versions = ("1.2", "1.3")
    secure = upgrading = False

    def opened(self, line):
        if self.implicit:
            self.line = line
        else:
            super().opened(line)

    def offers(self):
        return self.secured_keywords if self.secure and not self.implicit else self.keywords

    def received(self, data, *, urgent=False):
        if self.upgrading or (self.implicit and not self.secure):
            self.in_place_of_handshake(data)
        else:
            super().received(data, urgent=urgent)

    def in_place_of_handshake(self, _data):
        """Octets in clear where a handshake has to come."""
        self.line.fin()

    def step(self):
        return not self.upgrading and super().step()

    def do_STARTTLS(self, argument):
        if argument:
            return self.say("501 STARTTLS takes no argument")
        if self.secure:
            return self.say("503 TLS is on already")
        return self.upgrade()

    def upgrade(self):
        self.discard()
        self.upgrading = True
        self.say("220 go ahead")

    def discard(self):
        """What was sent in clear behind STARTTLS."""
        self.buffer = b""

    def secured(self):
        if self.implicit and not self.secure:
            self.secure = True
            self.greet()
            return True
        if not self.upgrading:
            return False
        self.secure, self.upgrading = True, False
        self.begin_anew()
        super().received(b"")
        return True

    def begin_anew(self):
        """Forget what was said in clear."""
        self.helo = ""
        self.reset()

    def transmission(self):
        return super().transmission() + ("S" if self.secure and self.extended else "")

    def trace(self):
        clause = b" tls TLS_AES_256_GCM_SHA384;" if self.secure else b";"
        return super().trace().replace(b";", clause, 1)


class ImplicitTls(StartTls):
    """TLS from the first octet on."""

    keywords = StartTls.secured_keywords
    implicit = True


class RequireTls(StartTls):
    """REQUIRETLS at MAIL, under TLS."""

    secured_keywords = (*StartTls.secured_keywords, "REQUIRETLS")

    def bad_parameter(self, argument):
        head, _, words = argument.partition(">")
        kept = [word for word in words.split() if not (self.secure and self.requires_tls(word))]
        return super().bad_parameter(f"{head}> {' '.join(kept)}")

    def requires_tls(self, word):
        return word.upper() == "REQUIRETLS"
