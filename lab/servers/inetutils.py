"""GNU inetutils ftpd, behind a small inetd; users by PAM. It has no TLS and no configuration file."""

import pwd
import sys
from pathlib import Path

from plumbline.lab import homes, inetd
from plumbline.lab.bench import Bench
from plumbline.lab.model import HOST, USERS, Launch, Product, Program, Source


def prepare(bench: Bench) -> Launch:
    homes.fill_all(bench.folder("ftp"))
    listen = (HOST, str(bench.ports["ftp"]))
    # -P: the child must not find this folder's modules under the names of others'.
    command = (sys.executable, "-P", str(Path(inetd.__file__)), *listen, str(bench.root / "usr/sbin/ftpd"))
    return Launch(
        programs=(Program(command, _environment(bench)),),
        facts=homes.facts(f"{bench.directory}/ftp/alice"),
    )


def _environment(bench: Bench) -> dict[str, str]:
    """ftpd goes to the home of passwd and knows no other: nss_wrapper shows it ours instead of the system's."""
    wrapper = next(bench.root.glob("usr/lib/*/libnss_wrapper.so"))
    return bench.environment(
        LD_PRELOAD=str(wrapper),
        NSS_WRAPPER_PASSWD=str(bench.put("passwd", _passwd(bench))),
        NSS_WRAPPER_GROUP="/etc/group",
    )


def _passwd(bench: Bench) -> str:
    """passwd(5) of the machine; alice and bob with another home and a shell, which PAM asks for.

    Their hashes stand here too, since nss_wrapper hides the shadow file.
    """
    hashes = bench.password_hashes()
    lines = [":".join(map(str, entry)) for entry in pwd.getpwall() if entry.pw_name not in USERS]
    for user in map(pwd.getpwnam, USERS):
        home = f"{bench.directory}/ftp/{user.pw_name}"
        lines.append(f"{user.pw_name}:{hashes[user.pw_name]}:{user.pw_uid}:{user.pw_gid}::{home}:/bin/sh")
    return "\n".join(lines) + "\n"


PRODUCT = Product(
    name="inetutils-ftpd",
    about="GNU FTP server, without TLS",
    protocols=("ftp",),
    source=Source("debian", ("inetutils-ftpd", "libnss-wrapper")),
    prepare=prepare,
    aliases=("inetutils",),
)
