"""System accounts that servers insist on, marked as ours; `plumbline lab cleanup` removes them."""

from __future__ import annotations

import ctypes
import grp
import pwd
from pathlib import Path

from . import places
from .commands import run
from .model import USERS, Account, LabError

MARK = "Plumbline lab"


def ensure(accounts: tuple[Account, ...], *, mail_users: bool, openssl: Path) -> None:
    """Create what is missing. Raises LabError when alice or bob is somebody else's account."""
    with places.lock("accounts"):
        for account in accounts:
            _service(account)
        for user, password in USERS.items() if mail_users else ():
            _mail_user(user, password, openssl)


def _service(account: Account) -> None:
    group = account.group or account.user
    for name in (group, *account.groups):
        _group(name)
    if _user(account.user) is None:
        _useradd(account.user, "--system", "--gid", group)


def _mail_user(user: str, password: str, openssl: Path) -> None:
    """A user with a password and without a shell, whose numbers own mailboxes and FTP homes."""
    found = _user(user)
    if found is None:
        _useradd(user, "--user-group", "--password", password_hash(password, openssl))
    elif found.pw_gecos != MARK and not _has_password(user, password):
        raise LabError(
            f"this machine has an account {user} that the lab did not make; the lab needs the names "
            f"{' and '.join(USERS)} for itself: run it in a container or on another machine"
        )


def _has_password(user: str, password: str) -> bool:
    """Whether the account has the lab's password already: then it is a test account like ours."""
    shadow = Path("/etc/shadow").read_text().splitlines()
    stored = next((line.split(":")[1] for line in shadow if line.startswith(f"{user}:")), "")
    library = ctypes.CDLL("libcrypt.so.1")  # Python's own crypt module is gone from 3.13 on
    library.crypt.restype = ctypes.c_char_p
    return bool(stored) and library.crypt(password.encode(), stored.encode()) == stored.encode()


def _useradd(user: str, *options: str) -> None:
    fixed = ("--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin", "--comment", MARK)
    run(["useradd", *fixed, *options, user])


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _group(name: str) -> None:
    try:
        grp.getgrnam(name)
    except KeyError:
        run(["groupadd", "--system", name])


def password_hash(password: str, openssl: Path) -> str:
    """SHA-512 in the form of crypt(5)."""
    return run([openssl, "passwd", "-6", "-stdin"], given=f"{password}\n").strip()


def remove_all() -> list[str]:
    """Delete every account that the lab made (their own groups go with them); the names."""
    with places.lock("accounts"):
        ours = [entry.pw_name for entry in pwd.getpwall() if entry.pw_gecos == MARK]
        for name in ours:
            run(["userdel", name])
    return ours
