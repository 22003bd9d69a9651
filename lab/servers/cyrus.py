"""Cyrus IMAP: IMAP, POP3 and LMTP on one store. Debian's imapd.conf with private paths, users in a sasldb."""

import re

from plumbline.lab.bench import Bench, give
from plumbline.lab.model import DOMAIN, HOST, HOSTNAME, USERS, Account, Launch, Product, Source

_OWNER = "cyrus:mail"
_FOLDERS = ("lib", "spool", "run", "run/socket", "run/proc", "run/lock", "sieve", "news")
_MOVED = {
    "/var/lib/cyrus": "lib",
    "/var/spool/cyrus/mail": "spool",
    "/var/spool/cyrus/news": "news",
    "/var/spool/news": "news",
    "/var/spool/sieve": "sieve",
    "/run/cyrus": "run",
}
# Mailboxes are made by the first login or the first mail, but only for the users that exist.
_OURS = """
servername: {hostname}
defaultdomain: {domain}
admins: cyrus
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb2
tls_server_cert: {certificate.certificate}
tls_server_key: {certificate.key}
tls_client_ca_file: {certificate.certificate}
allowapop: no
autocreate_post: yes
autocreate_users: {users}
"""
_SERVICE = ' {name} cmd="{program} -C {configuration}" listen="{listen}" proto="{kind}" prefork={prefork}\n'
_SERVICES = {
    "imap": "imapd -U 30",
    "imaps": "imapd -s -U 30",
    "pop3": "pop3d -U 30",
    "pop3s": "pop3d -s -U 30",
    "lmtp": "lmtpd -a",  # any client is trusted: there is no other way to deliver by TCP
}


def prepare(bench: Bench) -> Launch:
    for name in _FOLDERS:
        bench.folder(name, 0o750, _OWNER)
    environment = bench.environment(
        bench.root / "usr/lib/cyrus", SASL_PATH=str(next(bench.root.glob("usr/lib/*/sasl2")))
    )
    for path in (bench.certificate.key, bench.certificate.both):
        give(path, _OWNER)
    _add_sasl_users(bench, environment)
    configuration = bench.put("imapd.conf", _imapd_conf(bench))
    services = bench.put("cyrus.conf", _cyrus_conf(bench))
    master = ("usr/lib/cyrus/bin/master", "-C", configuration, "-M", services)
    pid_file = ("-p", bench.directory / "run/master.pid")
    return Launch(
        programs=(bench.program(*master, *pid_file, environment=environment),),
        facts={},
        starttls=frozenset({"imap", "pop3"}),
    )


def _imapd_conf(bench: Bench) -> str:
    text = bench.shipped("etc/imapd.conf")
    for shipped, private in _MOVED.items():
        moved = rf"\g<1>{bench.directory}/{private}"
        text = re.sub(rf"^([a-z_-]+:\s*){shipped}\b", moved, text, flags=re.MULTILINE)
    # Debian puts all mailboxes below INBOX; Cyrus' own default since 3.0 is that they stand beside it.
    text = re.sub(r"^altnamespace: no$", "altnamespace: yes", text, flags=re.MULTILINE)
    # Shipped: one POP3 login per user and minute.
    text = re.sub(r"^popminpoll: 1$", "popminpoll: 0", text, flags=re.MULTILINE)
    return text + _OURS.format(
        directory=bench.directory,
        hostname=HOSTNAME,
        domain=DOMAIN,
        certificate=bench.certificate,
        users=" ".join(USERS),
    )


def _cyrus_conf(bench: Bench) -> str:
    """The shipped services on our ports. Each command needs its own -C: they do not inherit it."""
    programs, configuration = bench.root / "usr/lib/cyrus/bin", bench.directory / "imapd.conf"
    services = "".join(
        _service(bench, name, command, f"{HOST}:{bench.ports[name]}", "tcp4")
        for name, command in _SERVICES.items()
    )
    services += _service(bench, "notify", "notifyd", f"{bench.directory}/run/socket/notify", "udp")
    recover = f'START {{\n recover cmd="{programs}/ctl_cyrusdb -C {configuration} -r"\n}}\n'
    events = f'EVENTS {{\n checkpoint cmd="{programs}/ctl_cyrusdb -C {configuration} -c" period=30\n}}\n'
    return f"{recover}SERVICES {{\n{services}}}\n{events}"


def _service(bench: Bench, name: str, command: str, listen: str, kind: str) -> str:
    return _SERVICE.format(
        name=name,
        program=bench.root / "usr/lib/cyrus/bin" / command,
        configuration=bench.directory / "imapd.conf",
        listen=listen,
        kind=kind,
        prefork=1 if kind == "udp" else 0,
    )


def _add_sasl_users(bench: Bench, environment: dict[str, str]) -> None:
    users = bench.directory / "sasldb2"
    for user, password in USERS.items():
        options = ("-p", "-c", "-f", users, "-u", HOSTNAME, user)
        bench.run("usr/sbin/saslpasswd2", *options, environment=environment, given=password)
    give(users, _OWNER)


PRODUCT = Product(
    name="cyrus",
    about="IMAP, POP3 and LMTP on one store",
    protocols=("imap", "imaps", "pop3", "pop3s", "lmtp"),
    source=Source("debian", ("cyrus-imapd", "cyrus-pop3d", "sasl2-bin", "libsasl2-modules")),
    prepare=prepare,
    accounts=(Account("cyrus", group="mail"),),
    mail_users=False,
)
