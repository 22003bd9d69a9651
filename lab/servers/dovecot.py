"""Dovecot: IMAP, POP3, LMTP and submission on one store. Debian's conf.d tree, users from a file, Maildir."""

import pwd
import re

from plumbline.lab import embedded
from plumbline.lab.bench import Bench
from plumbline.lab.model import DOMAIN, HOSTNAME, USERS, Account, Launch, Product, Program, Source
from plumbline.lab.packages import interpreter

_MAIN = """
base_dir = {directory}/run
state_dir = {directory}/state
libexec_dir = {root}/usr/lib/dovecot
mail_plugin_dir = {root}/usr/lib/dovecot/modules
import_environment = TZ CORE_OUTOFMEM CORE_ERROR LD_LIBRARY_PATH PLUMBLINE_LAB_INSTANCE
listen = 127.0.0.1
log_path = {directory}/dovecot.log
hostname = {hostname}
auth_username_format = %Ln
mail_location = maildir:~/Maildir
ssl_cert = <{certificate.certificate}
ssl_key = <{certificate.key}
ssl_dh = <{directory}/etc/dh.pem
# Shipped: passwords in clear only from the server's own address. Cases come from other 127.x.y.z addresses.
disable_plaintext_auth = no
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {backend}
submission_relay_trusted = no
"""
_USERS = """{kind} {{
  driver = passwd-file
  args = {scheme}username_format=%Ln {directory}/etc/users
}}
"""
_LISTENER = "service {service} {{\n  inet_listener {name} {{\n    port = {port}\n    ssl = {ssl}\n  }}\n}}\n"
_SERVICES = {
    "imap": ("imap-login", "no"),
    "imaps": ("imap-login", "yes"),
    "pop3": ("pop3-login", "no"),
    "pop3s": ("pop3-login", "yes"),
    "submission": ("submission-login", "no"),
    "submissions": ("submission-login", "yes"),
    "lmtp": ("lmtp", "no"),
}


def prepare(bench: Bench) -> Launch:
    for name in ("run", "state", "home"):
        bench.folder(name)
    bench.copy("usr/share/dovecot", "etc")
    _write_users(bench)
    configuration = _write_configuration(bench)
    bench.link("/usr/lib/dovecot", bench.root / "usr/lib/dovecot")
    environment = bench.environment(bench.root / "usr/lib/dovecot")
    # Run by doveconf, Dovecot needs no doveconf at the path compiled into it.
    server = (bench.root / "usr/sbin/dovecot", "-F", "-c", configuration)
    options = ("-c", configuration, "-m", "master", "-e")
    return Launch(
        programs=(
            bench.program("usr/bin/doveconf", *options, *server, environment=environment),
            _backend(bench),
        ),
        facts={
            "delivered": {"via": "maildir", "path": f"{bench.directory}/home/alice/Maildir"},
            "failing_recipient": f"full@{DOMAIN}",
        },
        logs=(bench.directory / "dovecot.log",),
        starttls=frozenset({"imap", "pop3", "submission"}),
    )


def _write_users(bench: Bench) -> None:
    lines = ""
    for user, password in USERS.items():
        entry = pwd.getpwnam(user)
        home = bench.folder(f"home/{user}", owner=f"{user}:{user}")
        line = f"{{PLAIN}}{password}:{entry.pw_uid}:{entry.pw_gid}::{home}::"
        lines += f"{user}:{line}\n"
        if user == "alice":  # one more, whose mail cannot be stored
            lines += f"full:{line}userdb_mail=maildir:/dev/null/x\n"
    bench.put("etc/users", lines, 0o640, "root:dovecot")
    passdb = _USERS.format(kind="passdb", scheme="scheme=PLAIN ", directory=bench.directory)
    userdb = _USERS.format(kind="userdb", scheme="", directory=bench.directory)
    bench.put("etc/conf.d/auth-system.conf.ext", passdb + userdb)


def _write_configuration(bench: Bench) -> str:
    shipped = (bench.directory / "etc/dovecot.conf").read_text()
    shipped = re.sub(
        r"^!include_try .*\.protocol$", "protocols = imap pop3 lmtp submission", shipped, flags=re.MULTILINE
    )
    ours = _MAIN.format(
        directory=bench.directory,
        root=bench.root,
        hostname=HOSTNAME,
        certificate=bench.certificate,
        backend=bench.ports["backend"],
    )
    for name, (service, ssl) in _SERVICES.items():
        ours += _LISTENER.format(service=service, name=name, port=bench.ports[name], ssl=ssl)
    # The shipped certificate is the machine's, which may not be there.
    tls = bench.directory / "etc/conf.d/10-ssl.conf"
    tls.write_text(re.sub(r"^(ssl_cert|ssl_key|ssl_dh)\b", r"#\1", tls.read_text(), flags=re.MULTILINE))
    return str(bench.put("etc/dovecot.conf", shipped + ours))


def _backend(bench: Bench) -> Program:
    """Submission hands mail on by SMTP: to an aiosmtpd, which delivers by LMTP to this very Dovecot."""
    python = interpreter("aiosmtpd", "aiosmtpd")
    setting = embedded.settings(
        bench.folder("backend"), {"smtp": bench.ports["backend"]}, None, watch=False, lmtp=bench.ports["lmtp"]
    )
    return Program(embedded.command(python, setting))


PRODUCT = Product(
    name="dovecot",
    about="IMAP, POP3, LMTP and submission on one store (Maildir)",
    protocols=("imap", "imaps", "pop3", "pop3s", "lmtp", "submission", "submissions", "backend"),
    source=Source(
        "debian", ("dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-submissiond")
    ),
    prepare=prepare,
    accounts=(Account("dovecot"), Account("dovenull")),
)
