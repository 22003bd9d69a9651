"""ProFTPD: Debian's template configuration, users from a file, mod_tls; implicit TLS as a virtual host."""

import pwd
import re

from plumbline.lab import homes
from plumbline.lab.bench import Bench
from plumbline.lab.certificate import Certificate
from plumbline.lab.model import HOST, USERS, Account, Launch, Product, Source

_TEMPLATES = "usr/share/proftpd/templates"
_SERVER = """
DefaultAddress {host}
SocketBindTight on
PidFile {directory}/run/pid
ScoreboardFile {directory}/run/scoreboard
DelayTable {directory}/run/delay
AuthOrder mod_auth_file.c
# Shipped: data connections must resume the TLS session of the control connection, which few test clients can
# (NoSessionReuseRequired below).
# There is no DNS: without this every connection from 127.x.y.z waits for the resolver
UseReverseDNS off
{users}{tls}
{implicit}{more}"""
_VIRTUAL = """<VirtualHost {host}>
  Port {port}
  # As the shipped file says for the main server, whose settings a virtual host does not inherit
  Umask 022 022
  AllowOverwrite on
  ListOptions "-l"
  {users}{tls}
{more}</VirtualHost>
"""
_USERS = """AuthUserFile {directory}/passwd
AuthGroupFile {directory}/group
RequireValidShell off
"""
_TLS = """TLSEngine on
TLSLog {directory}/log/tls.log
TLSRSACertificateFile {certificate.certificate}
TLSRSACertificateKeyFile {certificate.key}
TLSRequired off
TLSVerifyClient off
TLSRenegotiate none
{options}
"""


def prepare(bench: Bench, host: str = HOST, more: str = "") -> Launch:
    """`more`: directives for both servers, with and without implicit TLS."""
    for name in ("log", "run", "conf.d"):
        bench.folder(name)
    homes.fill_all(bench.folder("ftp"))
    _write_users(bench)
    modules = bench.shipped(f"{_TEMPLATES}/modules.conf").replace(
        "/usr/lib/proftpd", f"{bench.root}/usr/lib/proftpd"
    )
    bench.put("modules.conf", re.sub(r"^#\s*(LoadModule mod_tls\.c)", r"\1", modules, flags=re.MULTILINE))
    configuration = bench.put("proftpd.conf", _configuration(bench, host, more))
    # It announces the language of its locale (FEAT: LANG), and "C.UTF-8" is none.
    environment = bench.environment(LANG="en_US.UTF-8")
    return Launch(
        programs=(bench.program("usr/sbin/proftpd", "-n", "-c", configuration, environment=environment),),
        facts=homes.facts(f"{bench.directory}/ftp/alice"),
        logs=(bench.directory / "log/proftpd.log",),
        starttls=frozenset({"ftp"}),
    )


def _write_users(bench: Bench) -> None:
    hashes = bench.password_hashes()
    users = groups = ""
    for user in USERS:
        entry = pwd.getpwnam(user)
        numbers = f"{entry.pw_uid}:{entry.pw_gid}"
        users += f"{user}:{hashes[user]}:{numbers}::{bench.directory}/ftp/{user}:/bin/bash\n"
        groups += f"{user}:x:{entry.pw_gid}:\n"
    nobody = pwd.getpwnam("nobody")
    users += f"nobody:*:{nobody.pw_uid}:{nobody.pw_gid}::/nonexistent:/bin/false\n"
    groups += f"nogroup:x:{nobody.pw_gid}:\n"
    bench.put("passwd", users, 0o600)
    bench.put("group", groups, 0o600)


def _configuration(bench: Bench, host: str, more: str) -> str:
    directory = str(bench.directory)
    text = bench.shipped(f"{_TEMPLATES}/proftpd.conf")
    for shipped, private in (
        ("/etc/proftpd/", f"{directory}/"),
        ("/var/log/proftpd", f"{directory}/log"),
        ("/var/run/proftpd", f"{directory}/run"),
    ):
        text = text.replace(shipped, private)
    if ":" not in host:
        text = re.sub(r"^(UseIPv6\s+)on", r"\1off", text, flags=re.MULTILINE)
    text = re.sub(r"^Port\s+21$", f"Port {bench.ports['ftp']}", text, flags=re.MULTILINE)
    return text + _SERVER.format(
        directory=directory,
        host=host,
        more=more,
        users=_USERS.format(directory=directory),
        tls=_tls(bench, bench.certificate, ""),
        implicit=_virtual(
            bench, host, bench.ports["ftps"], _tls(bench, bench.certificate, " UseImplicitSSL"), more
        ),
    )


def named_host(bench: Bench, name: str, own: Certificate) -> str:
    """A virtual host on the address and port of the main server, found by its name only."""
    return _virtual(bench, HOST, bench.ports["ftp"], _tls(bench, own, ""), f"  ServerAlias {name}\n")


def _virtual(bench: Bench, host: str, port: int, tls: str, more: str) -> str:
    users = _USERS.format(directory=bench.directory)
    return _VIRTUAL.format(host=host, port=port, users=users, tls=tls, more=more)


def _tls(bench: Bench, own: Certificate, more: str) -> str:
    options = f"TLSOptions NoSessionReuseRequired{more}"
    return _TLS.format(directory=bench.directory, certificate=own, options=options)


PRODUCT = Product(
    name="proftpd",
    about="FTP server, AUTH TLS and implicit TLS",
    protocols=("ftp", "ftps"),
    source=Source("debian", ("proftpd-core", "proftpd-mod-crypto")),
    prepare=prepare,
    accounts=(Account("proftpd", group="nogroup"),),
)
