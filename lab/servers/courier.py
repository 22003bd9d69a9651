"""Courier IMAP and POP3 on one store (maildirs): Debian's files, users in a userdb."""

import pwd
import re

from plumbline.lab.bench import Bench, give
from plumbline.lab.model import HOST, Account, Launch, Product, Program, Source

_OWNER = "courier:courier"
_MAKER = "usr/lib/courier/courier-authlib/makedatprog"
_SETTINGS = ("imapd", "imapd-ssl", "pop3d", "pop3d-ssl")
# Shipped: 40 processes, 20 (IMAP) or 4 (POP3) connections from one address. Both would hide what tests ask for.
_LIMIT = 300
# As the shipped start scripts run it: the settings are shell files.
_RUN = """set -a
. {etc}/{service}d
. {etc}/{service}d-ssl
{tls}
exec {root}/usr/sbin/couriertcpd -address={host} -maxprocs=$MAXDAEMONS -maxperip=$MAXPERIP $TCPDOPTS {port} {inner}
"""
_UPGRADE = "IMAP_STARTTLS=$IMAPDSTARTTLS; POP3_STARTTLS=$POP3_STARTTLS"
_IMPLICIT = "IMAP_TLS=1; POP3_TLS=1; POP3_STARTTLS=NO; POP3_TLS_REQUIRED=0"
_LOGIN = {
    "imap": "{root}/usr/lib/courier/courier/imaplogin {root}/usr/bin/imapd $MAILDIRPATH",
    "pop3": (
        "{root}/usr/lib/courier/courier/courierpop3login"
        " {root}/usr/lib/courier/courier/courierpop3d $MAILDIRPATH"
    ),
}


def prepare(bench: Bench) -> Launch:
    bench.copy("etc/courier", "etc")
    for name in ("run", "run/authdaemon"):
        bench.folder(name, owner=_OWNER)
    for path in (bench.certificate.key, bench.certificate.both):
        give(path, _OWNER)
    for name in _SETTINGS:
        bench.put(f"etc/{name}", _adapt(bench, (bench.directory / "etc" / name).read_text()))
    bench.link("/etc/courier", bench.directory / "etc")
    bench.link("/run/courier", bench.directory / "run")
    # Without this server each SELECT and NOOP waits 1.2 s for it.
    bench.link("/usr/libexec/gam_server", bench.root / "usr/libexec/gam_server")
    environment = bench.environment(bench.root / "usr/lib/courier-authlib")
    _write_users(bench, environment)
    return Launch(
        programs=(
            _authdaemon(bench, environment),
            *(_listener(bench, protocol, environment) for protocol in PRODUCT.protocols),
        ),
        facts={"delivered": {"via": "maildir", "path": f"{bench.directory}/home/alice/Maildir"}},
        starttls=frozenset({"imap", "pop3"}),
    )


def _adapt(bench: Bench, shipped: str) -> str:
    for name, value in (
        ("TLS_CERTFILE", bench.certificate.both),
        ("TLS_TRUSTCERTS", bench.certificate.certificate),
        ("(?:TLS_CACHEFILE|TLS_DHPARAMS)", ""),
        ("COURIERTLS", bench.root / "usr/bin/couriertls"),
        ("(?:MAXDAEMONS|MAXPERIP)", _LIMIT),
    ):
        shipped = re.sub(rf"^({name})=.*$", rf"\g<1>={value}", shipped, flags=re.MULTILINE)
    return shipped


def _write_users(bench: Bench, environment: dict[str, str]) -> None:
    """A userdb, with homes of ours."""
    lines = ""
    for user, password in bench.password_hashes().items():
        home = _home(bench, user)
        entry = pwd.getpwnam(user)
        fields = f"uid={entry.pw_uid}|gid={entry.pw_gid}|home={home}|shell=/bin/sh|systempw={password}"
        lines += f"{user}\t{fields}\n"
    bench.put("etc/userdb", lines, 0o600, _OWNER)
    maker = bench.shipped("usr/sbin/makeuserdb").replace(f'"/{_MAKER}"', f'"{bench.root}/{_MAKER}"')
    bench.run(bench.put("makeuserdb", maker, 0o755), environment=environment)
    for name in ("userdb.dat", "userdbshadow.dat"):
        give(bench.directory / "etc" / name, _OWNER)


def _home(bench: Bench, user: str) -> str:
    owner = f"{user}:{user}"
    home = bench.folder(f"home/{user}", owner=owner)
    for name in ("Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"):
        bench.folder(f"home/{user}/{name}", 0o700, owner)
    return str(home)


def _authdaemon(bench: Bench, environment: dict[str, str]) -> Program:
    path = bench.directory / "etc/authdaemonrc"
    text = re.sub(r"^authmodulelist=.*$", 'authmodulelist="authuserdb"', path.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    settings = dict(re.findall(r'^(\w+)="?(.*?)"?$', text, re.MULTILINE))
    return bench.program(
        "usr/lib/courier/courier-authlib/authdaemond", environment={**environment, **settings}
    )


def _listener(bench: Bench, protocol: str, environment: dict[str, str]) -> Program:
    service = protocol.removesuffix("s")
    inner = _LOGIN[service].format(root=bench.root)
    if protocol != service:
        inner = f"$COURIERTLS -server -tcpd -user=courier {inner}"
    script = _RUN.format(
        etc=bench.directory / "etc",
        service=service,
        tls=_UPGRADE if protocol == service else _IMPLICIT,
        root=bench.root,
        host=HOST,
        port=bench.ports[protocol],
        inner=inner,
    )
    return Program(("/bin/sh", "-c", script), environment)


PRODUCT = Product(
    name="courier",
    about="Courier IMAP and POP3 on one store (Maildir)",
    protocols=("imap", "imaps", "pop3", "pop3s"),
    source=Source("debian", ("courier-imap", "courier-pop")),
    prepare=prepare,
    aliases=("courier-imap",),
    accounts=(Account("courier"),),
    single="the paths /etc/courier and /run/courier are compiled in",
)
