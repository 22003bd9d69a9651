"""Pure-FTPd: the options of Debian's /etc/pure-ftpd/conf, users in a PureDB. There is no implicit TLS."""

import pwd

from plumbline.lab import homes
from plumbline.lab.bench import Bench
from plumbline.lab.model import USERS, Launch, Product, Source

# -4 IPv4 only, -H no reverse lookup (there is no DNS), -E no anonymous users, -A all users are confined to
# their homes, -u lowest user number, -Y 1 TLS is optional. Without -p the system picks data ports.
_QUOTA_USER, _QUOTA = "carol", 1_000_000  # carol has alice's password and number; octets
_OPTIONS = ("-4", "-H", "-E", "-A", "-u", "100", "-Y", "1", "-J", "HIGH")


def prepare(bench: Bench) -> Launch:
    folder = bench.folder("ftp")
    homes.fill_all(folder)
    homes.fill_for("alice", folder / _QUOTA_USER)
    users = bench.put("passwd", _users(bench), 0o600)
    database = bench.directory / "users.pdb"
    bench.run("usr/bin/pure-pw", "mkdb", database, "-f", users)
    listen = ("-S", f"127.0.0.1,{bench.ports['ftp']}")
    files = ("-l", f"puredb:{database}", "-2", bench.certificate.both, "-g", bench.directory / "pid")
    log = ("-O", f"clf:{bench.directory}/transfer.log")
    return Launch(
        programs=(bench.program("usr/sbin/pure-ftpd", *listen, *_OPTIONS, *files, *log),),
        facts={**homes.facts("/"), "quota_user": _QUOTA_USER, "quota_password": USERS["alice"]},
        logs=(bench.directory / "transfer.log",),
        starttls=frozenset({"ftp"}),
    )


def _users(bench: Bench) -> str:
    """The file that pure-pw useradd would write; its own hash takes seconds per user."""
    hashes = bench.password_hashes()
    lines = []
    for user in USERS:
        entry = pwd.getpwnam(user)
        lines.append(_entry(bench, user, hashes[user], f"{entry.pw_uid}:{entry.pw_gid}", ""))
    alice = pwd.getpwnam("alice")
    numbers = f"{alice.pw_uid}:{alice.pw_gid}"
    return "".join([*lines, _entry(bench, _QUOTA_USER, hashes["alice"], numbers, str(_QUOTA))])


def _entry(bench: Bench, user: str, password: str, numbers: str, quota: str) -> str:
    """One line; the quota is the twelfth field, behind bandwidths, ratios, connections and the number of files."""
    return f"{user}:{password}:{numbers}::{bench.directory}/ftp/{user}/./:::::::{quota}::::::\n"


PRODUCT = Product(
    name="pure-ftpd",
    about="FTP server, AUTH TLS; in a container it needs the capabilities SYS_NICE and DAC_READ_SEARCH",
    protocols=("ftp",),
    source=Source("debian", ("pure-ftpd", "pure-ftpd-common")),
    prepare=prepare,
)
