"""What an FTP load is to do; read by those who must not import gevent, too."""

from __future__ import annotations

from plumbline.loadtests.engine.plan import Common

WORK = ("session", "list", "upload", "download")


class FtpPlan(Common, frozen=True, kw_only=True):
    """An FTP load. `work`: what is done in turn, each one of session, list, upload, download."""

    protocol: str = "ftp"
    user: str = "anonymous"
    password: str = "load@client.example"  # noqa: S105 - what RFC 1635 wants of guests
    work: tuple[str, ...] = ("session",)
    size: int = 1_048_576  # octets of a file
    folder: str = ""  # where files are stored, and what LIST lists; "": where the login leads
    file: str = ""  # to download; "": one of `size` octets that is stored before
    verify: bool = False  # read back what was stored, compare what was fetched, by CRC-32
    passive: str = "epsv"  # or pasv
