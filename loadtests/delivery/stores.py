"""Mail stores: maildir, folder of files, mbox, POP3, IMAP. Every look gives the mails that are new since the last.

The protocols are spoken by the standard library: here mail is only fetched, nothing is judged.
"""

from __future__ import annotations

import glob
import imaplib
import poplib
import re
import ssl
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

from plumbline.probes.drivers.common import tls_context
from plumbline.probes.profile import Profile
from plumbline.probes.script.outcome import Endpoint

TIMEOUT = 30.0  # seconds for each answer of a POP3 or IMAP server
BLOCK = 1 << 24  # octets of an mbox read at a time
AT_ONCE = 200  # mails fetched by one IMAP command
# With its date, wherever it stands: a delivery that was killed leaves a mail cut off in the middle of a line.
FROM_LINE = re.compile(
    rb"From \S* +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d [^\r\n]*\d{4}\r?\n"
)


class StoreError(Exception):
    """The store cannot be read: which, and why, in a sentence."""


class Mail(NamedTuple):
    """A mail in the store. `key` is its place, `arrived` seconds since 1970; 0.0 where the store does not tell."""

    key: str
    octets: bytes
    arrived: float


class Store(Protocol):
    """A way to see mail."""

    def look(self) -> Iterator[Mail]:
        """Mails that came since the last look. One that may have been incomplete comes again, under its key.

        Raises StoreError.
        """


class Files:
    """One mail a file: Maildir (new and cur), or all files of a folder. The file's time is that of arrival."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._seen: dict[str, int] = {}  # size by key

    def look(self) -> Iterator[Mail]:
        """Files that are new, or have grown. In a maildir the name up to the colon stays when a mail is read."""
        for pattern in self._patterns:
            for name in glob.iglob(pattern, recursive=True):
                key = name.rpartition("/")[2].partition(":2,")[0]
                if (mail := self._file(key, Path(name))) is not None:
                    self._seen[key] = len(mail.octets)
                    yield mail

    def _file(self, key: str, path: Path) -> Mail | None:
        try:
            status = path.stat()
            if status.st_size == self._seen.get(key) or not path.is_file():
                return None
            return Mail(key, path.read_bytes(), status.st_mtime)
        except FileNotFoundError:  # moved from new to cur under our eyes: the next look finds it
            return None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from None


class Mbox:
    """Many mails in one file; it grows at its end."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._at = 0  # where the last mail begins that was seen

    def look(self) -> Iterator[Mail]:
        """From the last mail on, which may have been incomplete."""
        try:
            yield from self._read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror or error}") from None

    def _read(self) -> Iterator[Mail]:
        with self._path.open("rb") as file:
            if self._path.stat().st_size < self._at:
                raise StoreError(f"{self._path} shrinks: somebody takes mails out while they are counted")
            file.seek(self._at)
            rest = b""
            while block := file.read(BLOCK):
                rest += block
                starts = [match.start() for match in FROM_LINE.finditer(rest)]
                if not starts or starts[0]:
                    raise StoreError(f"{self._path}: no mbox: {rest[:40]!r} is no From line")
                for start, end in pairwise(starts):
                    yield self._mail(start, rest[start:end])
                self._at += starts[-1]
                rest = rest[starts[-1] :]
            if rest:
                yield self._mail(0, rest)

    def _mail(self, start: int, octets: bytes) -> Mail:
        return Mail(str(self._at + start), octets.partition(b"\n")[2], 0.0)


class Access(NamedTuple):
    """Where a mailbox is served, and to whom."""

    endpoint: Endpoint
    user: str
    password: str
    context: ssl.SSLContext

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.endpoint.protocol}://{self.endpoint.host}:{self.endpoint.port} as {self.user}"


class Pop3:
    """By UIDL, which names a mail for ever (RFC 1939, 7)."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._seen: set[str] = set()

    def look(self) -> Iterator[Mail]:
        """A session of its own each time, for a session sees what was there when it began."""
        try:
            yield from self._session()
        except (OSError, poplib.error_proto) as error:
            raise StoreError(f"{self._access.name}: {error}") from None

    def _session(self) -> Iterator[Mail]:
        box = self._connected()
        try:
            box.user(self._access.user)
            box.pass_(self._access.password)
            for line in box.uidl()[1]:
                number, key = line.decode("latin-1").split()[:2]
                if key not in self._seen:
                    octets = b"\r\n".join(box.retr(int(number))[1]) + b"\r\n"
                    self._seen.add(key)
                    yield Mail(key, octets, 0.0)
            box.quit()
        finally:
            box.close()

    def _connected(self) -> poplib.POP3:
        where = self._access.endpoint
        if where.tls:
            return poplib.POP3_SSL(where.host, where.port, timeout=TIMEOUT, context=self._access.context)
        return poplib.POP3(where.host, where.port, timeout=TIMEOUT)


class Imap:
    """By UID, which only grows (RFC 3501, 2.3.1.1); nothing is marked as read."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._next = 1

    def look(self) -> Iterator[Mail]:
        """UIDs above the highest one seen."""
        try:
            yield from self._session()
        except (OSError, imaplib.IMAP4.error) as error:
            raise StoreError(f"{self._access.name}: {error}") from None

    def _session(self) -> Iterator[Mail]:
        box = self._connected()
        try:
            box.login(self._access.user, self._access.password)
            box.select("INBOX", readonly=True)
            listed = box.uid("SEARCH", f"UID {self._next}:*")[1][0] or b""
            uids = [int(word) for word in listed.split() if int(word) >= self._next]
            for first in range(0, len(uids), AT_ONCE):
                part = uids[first : first + AT_ONCE]
                yield from self._fetch(box, part)
                self._next = part[-1] + 1
        finally:
            box.logout()

    def _fetch(self, box: imaplib.IMAP4, uids: list[int]) -> Iterator[Mail]:
        names = ",".join(map(str, uids))
        for item in box.uid("FETCH", names, "(UID INTERNALDATE BODY.PEEK[])")[1]:
            if isinstance(item, tuple):
                said = item[0].decode("latin-1")
                uid = re.search(r"UID (\d+)", said)
                yield Mail(uid[1] if uid else said, item[1], _internal_date(said))

    def _connected(self) -> imaplib.IMAP4:
        where = self._access.endpoint
        if where.tls:
            context = self._access.context
            return imaplib.IMAP4_SSL(where.host, where.port, timeout=TIMEOUT, ssl_context=context)
        return imaplib.IMAP4(where.host, where.port, timeout=TIMEOUT)


def _internal_date(text: str) -> float:
    """The end of the second that the server tells."""
    found = re.search(r'INTERNALDATE " ?(\d+)-(\w+)-(\d+) ([^"]+)"', text)
    if not found:
        return 0.0
    day, month, year, rest = found.groups()
    return parsedate_to_datetime(f"{day} {month} {year} {rest}").timestamp() + 1


def store(known: Profile, verify_tls: bool) -> Store:
    """The store that the profile names. Raises StoreError."""
    box = known.mailbox
    path = box.get("path", "")
    match box.get("via", ""):
        case "":
            raise StoreError("the profile does not say how delivered mail can be seen; give it `delivered:`")
        case "maildir":
            return Files((f"{path}/new/*", f"{path}/cur/*"))
        case "files" | "sink" if path:
            return Files((f"{path}/**/*",))
        case "mbox":
            return Mbox(path)
        case "pop3":
            return Pop3(_access(known, box, "pop3", verify_tls))
        case "imap":
            return Imap(_access(known, box, "imap", verify_tls))
        case other:
            raise StoreError(f"delivered: via: {other} needs the path of the folder that it writes mails to")


def queue(known: Profile) -> Store | None:
    """Where the target keeps what it accepted and has not delivered yet; None where the profile does not say."""
    path = known.mailbox.get("queue")
    return Files((f"{path}/**/*",)) if path else None


def _access(known: Profile, box: Mapping[str, str], protocol: str, verify_tls: bool) -> Access:
    endpoint = known.companions.get(protocol)
    if endpoint is None:
        raise StoreError(f"delivered: via: {protocol} needs a target, such as {protocol}://127.0.0.1:2110")
    user = box.get("user") or known.facts.get("user", "")
    password = box.get("password") or known.facts.get("password", "")
    context = tls_context(verify_tls, known.facts.get("tls.ca", ""))
    return Access(endpoint, user, password, context)
