"""qpsmtpd (Perl, forkserver): Debian's plugins without those that ask DNS; with TLS, AUTH and one maildir."""

import shutil

from plumbline.lab.bench import Bench, give
from plumbline.lab.model import (
    DOMAIN,
    HOST,
    HOSTNAME,
    USERS,
    Account,
    LabError,
    Launch,
    Product,
    Program,
    Source,
)

_OWNER = "qpsmtpd:qpsmtpd"
# check_loop, as shipped, refuses every mail ("Too many hops"): loop does the same work.
# Shipped and kept: earlytalker waits 1 s before the greeting.
_PLUGINS = """tls {certificate.certificate} {certificate.key} {certificate.certificate}
auth/auth_flat_file
check_earlytalker action log
check_relay
check_spamhelo
check_badmailfrom
check_badrcptto
loop
rcpt_map domain {domain} file {directory}/config/map default DENY=No_such_user.
rcpt_ok
queue/maildir {directory}/mail
"""


def prepare(bench: Bench) -> Launch:
    bench.copy("etc/qpsmtpd", "config")
    for name in ("mail", "spool"):
        bench.folder(name, 0o700, _OWNER)
    give(bench.certificate.key, _OWNER)
    for name, text in _configuration(bench).items():
        bench.put(f"config/{name}", text)
    (bench.directory / "config/flat_auth_pw").chmod(0o640)
    give(bench.directory / "config/flat_auth_pw", "root:qpsmtpd")
    return Launch(
        programs=(_program(bench),),
        facts={
            "delivered": {"via": "maildir", "path": f"{bench.directory}/mail"},
            "reads_postmaster": True,
            "one_mailbox": True,
            "accounts": [{"user": f"{user}@{DOMAIN}", "password": word} for user, word in USERS.items()],
        },
        starttls=frozenset({"smtp"}),
    )


def _configuration(bench: Bench) -> dict[str, str]:
    return {
        "me": f"{HOSTNAME}\n",
        "spool_dir": f"{bench.directory}/spool\n",
        "logging": "logging/warn LOGINFO\n",
        "plugin_dirs": f"{bench.root}/usr/share/qpsmtpd/plugins\n",
        "rcpthosts": f"{DOMAIN}\n",
        "relayclients": "192.0.2.255\n",  # loopback is no relay client
        "tls_before_auth": "0\n",
        "tls_ciphers": "HIGH\n",
        "smtpauth-checkpassword": "",
        "flat_auth_pw": "".join(f"{user}@{DOMAIN}:{password}\n" for user, password in USERS.items()),
        "map": "".join(f"{user}@{DOMAIN} OK known\n" for user in (*USERS, "postmaster")),
        "plugins": _PLUGINS.format(directory=bench.directory, domain=DOMAIN, certificate=bench.certificate),
    }


def _program(bench: Bench) -> Program:
    perl = shutil.which("perl")
    if not perl:
        raise LabError("perl is missing on this machine: apt-get install perl")
    folders = [bench.root / "usr/share/perl5", *bench.root.glob("usr/lib/*/perl5/*")]
    modules = (word for folder in folders for word in ("-I", str(folder)))
    listen = ("-l", HOST, "-p", str(bench.ports["smtp"]), "-u", "qpsmtpd", "-H")
    # Shipped: 15 connections, 5 from one address. Both would hide what tests ask for.
    limits = ("-c", "300", "-m", "300")
    server = str(bench.root / "usr/bin/qpsmtpd-forkserver")
    environment = bench.environment(QPSMTPD_CONFIG=f"{bench.directory}/config")
    return Program((perl, *modules, "-Tw", server, *listen, *limits), environment)


PRODUCT = Product(
    name="qpsmtpd",
    about="SMTP server in Perl, one maildir for all; greets after 1 s",
    protocols=("smtp",),
    source=Source("debian", ("qpsmtpd", "libnet-ip-perl")),
    prepare=prepare,
    accounts=(Account("qpsmtpd"),),
    mail_users=False,
)
