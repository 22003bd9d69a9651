"""What docs/servers.md says of a server: the tables of violations, read so that a test can hold results against them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "servers.md"
# Product of the lab -> how the page calls it.
CALLED = {
    "postfix": ("Postfix",),
    "exim": ("Exim",),
    "sendmail": ("Sendmail",),
    "opensmtpd": ("OpenSMTPD",),
    "haraka": ("Haraka",),
    "nodemailer-smtp-server": ("smtp-server",),
    "qpsmtpd": ("qpsmtpd",),
    "embedded": ("aiosmtpd", "pyftpdlib"),
    "pyftpdlib": ("pyftpdlib",),
    "dovecot": ("Dovecot",),
    "cyrus": ("Cyrus",),
    "courier": ("Courier",),
    "mailutils": ("Mailutils",),
    "pymap": ("pymap",),
    "vsftpd": ("vsftpd",),
    "proftpd": ("ProFTPD",),
    "pure-ftpd": ("Pure-FTPd",),
    "inetutils-ftpd": ("inetutils-ftpd",),
    "ftp-srv": ("ftp-srv",),
}
_ALL = {
    "postfix",
    "exim",
    "sendmail",
    "opensmtpd",
    "haraka",
    "nodemailer-smtp-server",
}  # as the page defines "all"
_CODE = re.compile(r"`([^`]+)`")


def rows(page: str) -> Iterator[tuple[str, str]]:
    """The cells server and case of every table of violations."""
    inside = False
    for line in page.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[:2] == ["server", "case"]:
            inside = True
        elif len(cells) != 4:
            inside = False
        elif inside and not cells[0].startswith("---"):
            yield cells[0], cells[1]


def called(server: str) -> tuple[str, ...]:
    """What the page calls this product; a variant ("vsftpd-ipv6") or other endpoint ("vsftpd-ftps") of it is the same."""
    return next(CALLED[name] for name in sorted(CALLED, reverse=True) if f"{server}-".startswith(f"{name}-"))


def concerns(server: str, cell: str) -> bool:
    """Whether a row is about this product of the lab."""
    if cell.startswith("all"):
        every, _, besides = cell.partition(", and ")
        left_out = any(name in every.partition("but")[2] for name in called(server))
        return (server in _ALL and not left_out) or any(name in besides for name in called(server))
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", cell) for name in called(server))


def patterns(cell: str) -> Iterator[str]:
    """The cases of a row. `a[x]`, `[y]`: a[x] and a[y]. `a-x`, `-y`: a-x and a-y. `a`: every row of a. *: anything."""
    stem = ""
    for word in _CODE.findall(cell):
        if word.startswith("["):
            yield stem + word
        elif word.startswith("-"):
            yield stem.rpartition("-")[0] + word
        else:
            stem = word.partition("[")[0]
            yield word


def documented(server: str, case: str, page: str) -> bool:
    """Whether a row of the page is about this server and this case (without its protocol)."""
    name = case.partition("/")[2]
    stem = name.partition("[")[0]
    return any(
        fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) or fnmatch.fnmatchcase(stem, pattern)
        for who, what in rows(page)
        if concerns(server, who)
        for pattern in patterns(what)
    )
