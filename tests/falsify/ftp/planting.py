"""How the mutants of the FTP model are made."""

from __future__ import annotations

from tests.falsify.harness import Mutant, mutant, rows
from tests.models.ftp import FtpModel as M

FACTS = {
    "user": "alice",
    "password": "alicepw",
    "directory": "reports",
    "writable": "/upload",
    "ipv4": "yes",
    "ipv6": "yes",
    "second_address": "127.0.0.3",
    "anonymous": "yes",
    "sender": "probe@client.test",
    "large_file": "large.bin",
    "large_file_size": "5368709120",
    "quota_user": "carol",
    "quota_password": "carolpw",
    "account_user": "dave",
    "account_password": "davepw",
    "account": "blue",
    "virtual_host": "ftp.example.test",
    "second_virtual_host": "second.example.test",
    "unavailable_host": "down.example.test",
}


def planted(name: str, breaks: str, base: type[M] = M, **broken: object) -> Mutant:
    """A mutant; `breaks` names cases without the protocol, rows of a matrix as `stem[a|b]`."""
    return mutant(name, base, *(one for word in breaks.split() for one in rows(word)), **broken)


def rewording(old: str, new: str) -> dict[str, object]:
    """Members of a server that says something else in one place."""
    return {"say": lambda self, text: M.say(self, text.replace(old, new))}


def answering(verb: str, text: str, *, logged_in: bool = True) -> dict[str, object]:
    """Members of a server that answers this verb so, before or after login, whatever it should say."""

    def on_line(self, line):
        if self.logged_in == logged_in and line.split(b" ")[0] == verb.encode():
            self.say(text)
        else:
            M.on_line(self, line)

    return {"on_line": on_line}
