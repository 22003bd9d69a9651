"""Sendmail: sendmail.cf made by m4 from Debian's own sendmail.mc, with private paths. One mbox per user."""

import re
from pathlib import Path

from plumbline.lab import hops
from plumbline.lab.bench import Bench
from plumbline.lab.model import DOMAIN, HOST, HOSTNAME, NAMES, USERS, Account, Launch, Product, Source

# There is no DNS, loopback is no relay client, and the mail of clients that have logged in goes to /dev/null.
# Shipped and kept: a pause of 1 s before the greeting, and 15 connections a second from one address.
_OURS = """
DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port={smtp}, Addr=127.0.0.1')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSP-v4, Port={submission}, M=Ea, Addr=127.0.0.1')dnl
DAEMON_OPTIONS(`Family=inet, Name=TLS-v4, Port={smtps}, M=s, Addr=127.0.0.1')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`confSERVICE_SWITCH_FILE', `{etc}/service.switch-nodns')dnl
define(`confSERVER_CERT', `{certificate.certificate}')dnl
define(`confSERVER_KEY', `{certificate.key}')dnl
define(`confCACERT', `{certificate.certificate}')dnl
define(`confCACERT_PATH', `{etc}')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN CRAM-MD5')dnl
define(`confTRUSTED_USER', `smmta')dnl
define(`confTO_IDENT', `0')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableKeyFile,GroupWritableDirPathSafe,TrustStickyBit')dnl
define(`QUEUE_DIR', `{directory}/mqueue')dnl
FEATURE(`virtusertable', `hash {etc}/virtusertable')dnl
FEATURE(`mailertable', `hash {etc}/mailertable')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {full-hop}')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {plain-hop}')dnl
define(`SMTP8_MAILER_ARGS', `TCP $h {dead-hop}')dnl
define(`SMTP_MAILER_ARGS', `TCP $h {smtp}')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confTO_HOSTSTATUS', `2s')dnl
define(`confTO_QUEUEWARN', `5s')dnl
define(`confDELIVER_BY_MIN', `2')dnl
FEATURE(`nocanonify')dnl
FEATURE(`redirect')dnl
FEATURE(`accept_unresolvable_domains')dnl
define(`SMART_HOST', `void:nowhere')dnl
MAILER_DEFINITIONS
"""
_VOID = 'Mvoid, P=/bin/sh, F=lsDFMeu, S=EnvFromL, R=EnvToL, T=DNS/RFC822/X-Unix, A=sh -c "cat >/dev/null"\n'
_DELIVER = """#!/bin/sh
# Append the mail to the mbox of $1; one writer at a time.
exec >>"{mail}/$1"
flock 1
echo "From sendmail $(LC_ALL=C date)"
cat
echo
"""
_ALIASES = """postmaster: bob
MAILER-DAEMON: postmaster
root: bob
office: alice
staff: alice, bob
owner-staff: bob
moved: carol@elsewhere.example.REDIRECT
"""
_SASL = """pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {}
mech_list: PLAIN LOGIN CRAM-MD5
"""
# A mailer has one port, so each next hop has a mailer; their arguments stand above. Shipped: a host is left alone for
# a while after a failure. Here all next hops are one host. (relay sends 8 bits to everybody, and full takes them.)
_MAILERS = {"full": "relay", "plain": "esmtp", "dead": "smtp8", "loop": "smtp"}
_CF = "usr/share/sendmail/cf"


def prepare(bench: Bench) -> Launch:
    etc = bench.copy("etc/mail", "etc")
    for name in ("mqueue", "var", "run", "var/host_status"):
        bench.folder(name, 0o700)
    mail = bench.folder("mail", 0o1777)
    environment = _environment(bench)
    _write_tables(bench)
    _add_sasl_users(bench, environment)
    configuration = bench.put(etc / "sendmail.cf", _adapt(_generate(bench), bench, environment))
    for name in ("access", "virtusertable", "mailertable"):
        text = (etc / name).read_text()
        bench.run(
            *("usr/libexec/sendmail/makemap", "-C", configuration, "hash", etc / name),
            environment=environment,
            given=text,
        )
    sendmail = (bench.root / "usr/libexec/sendmail/sendmail", f"-C{configuration}")
    sendmail[0].chmod(0o755)  # not set-gid: LD_LIBRARY_PATH must reach it
    bench.run(*sendmail, "-bi", environment=environment)
    return Launch(
        programs=(
            bench.program(*sendmail, "-bD", "-q5s", f"-D{bench.directory}/debug", environment=environment),
        ),
        facts={
            "delivered": {"via": "mbox", "path": f"{mail}/alice", "queue": f"{bench.directory}/mqueue"},
            **NAMES,
            **hops.facts(bench.ports, unknown=True),
        },
        logs=(bench.directory / "debug",),
        starttls=frozenset({"smtp", "submission"}),
    )


def _environment(bench: Bench) -> dict[str, str]:
    """An unqualified host name costs each process 60 s without DNS: nss_wrapper shows a qualified one."""
    return bench.environment(
        SASL_PATH=str(next(bench.root.glob("usr/lib/*/sasl2"))),
        SASL_CONF_PATH=f"{bench.directory}/etc/sasl",
        LD_PRELOAD=str(next(bench.root.glob("usr/lib/*/libnss_wrapper.so"))),
        NSS_WRAPPER_HOSTNAME=HOSTNAME,
        NSS_WRAPPER_HOSTS=str(bench.put("hosts", f"{HOST} {HOSTNAME} localhost\n")),
    )


def _write_tables(bench: Bench) -> None:
    for name, text in {
        "local-host-names": f"localhost\n{DOMAIN}\n{HOSTNAME}\n",
        "trusted-users": "root\n",
        "relay-domains": "".join(f"{domain}\n" for domain in (*hops.DOMAINS.values(), hops.UNKNOWN)),
        "mailertable": "".join(
            f"{hops.DOMAINS[name]}\t{mailer}:[{HOST}]\n" for name, mailer in _MAILERS.items()
        )
        + f"{hops.UNKNOWN}\tesmtp:{hops.UNKNOWN}\n",  # only the file of hosts is asked, which is sure of it
        "aliases": f"{_ALIASES}{hops.ALIAS}: {hops.TARGET}\n",
        "access": "",
        # passwd has a nobody, who must not get mail
        "virtusertable": f"nobody@{DOMAIN}\terror:5.1.1:550 User unknown\n",
    }.items():
        bench.put(f"etc/{name}", text)


def _add_sasl_users(bench: Bench, environment: dict[str, str]) -> None:
    users = bench.directory / "etc/sasldb2"
    bench.put("etc/sasl/Sendmail.conf", _SASL.format(users))
    for user, password in USERS.items():
        options = ("-p", "-c", "-f", users, "-u", HOSTNAME, user)
        bench.run("usr/sbin/saslpasswd2", *options, environment=environment, given=password)
    users.chmod(0o600)


def _generate(bench: Bench) -> str:
    """sendmail.cf as m4 makes it from Debian's sendmail.mc and our lines."""
    parts = bench.copy(_CF, "cf")
    _move(parts)
    text = (parts / "debian/sendmail.mc").read_text()
    text = re.sub(r"^include\(`/etc/mail/m4/.*$", "dnl", text, flags=re.MULTILINE)
    text = re.sub(r"^DAEMON_OPTIONS.*$", "dnl", text, flags=re.MULTILINE)
    ours = _OURS.format(
        directory=bench.directory,
        etc=bench.directory / "etc",
        hostname=HOSTNAME,
        certificate=bench.certificate,
        **dict(bench.ports),
    )
    source = bench.put("sendmail.mc", text.replace("MAILER_DEFINITIONS\n", ours, 1))
    return bench.run("usr/bin/m4", f"-D_CF_DIR_={parts}/", source)


def _move(parts: Path) -> None:
    """Let the m4 files name each other where they are now."""
    for file in parts.rglob("*.m*"):
        text = file.read_text(errors="surrogateescape")
        file.write_text(text.replace(f"/{_CF}", str(parts)), errors="surrogateescape")


def _adapt(made: str, bench: Bench, environment: dict[str, str]) -> str:
    directory = bench.directory
    for shipped, private in (
        ("/etc/mail/", f"{directory}/etc/"),
        ("/var/lib/sendmail", f"{directory}/var"),
        ("/var/run/sendmail/mta", f"{directory}/run"),
        ("P=/usr/sbin/sensible-mda", f"P={bench.put('deliver', _deliver(directory), 0o755)}"),
        ("A=sensible-mda $g $u $h ${client_addr}", "A=deliver $u"),
    ):
        assert shipped in made, f"sendmail.cf has no {shipped!r}"
        made = made.replace(shipped, private)
    # Relay_ok would let 127.0.0.1 relay: a first rule ends it.
    made = re.sub(r"^SRelay_ok\n", "SRelay_ok\nR$*\t\t\t$@ lab-no-relay\n", made, flags=re.MULTILINE)
    return made + "\n" + _VOID + "".join(f"E{name}={value}\n" for name, value in environment.items())


def _deliver(directory: Path) -> str:
    return _DELIVER.format(mail=directory / "mail")


PRODUCT = Product(
    name="sendmail",
    about="mail transfer agent, local delivery to mbox; greets after 1 s",
    protocols=("smtp", "smtps", "submission", *hops.PORTS),
    source=Source(
        "debian",
        (
            *("sendmail-bin", "sendmail-base", "sendmail-cf", "sensible-mda", "m4"),
            *("sasl2-bin", "libsasl2-modules", "libnss-wrapper"),
        ),
    ),
    prepare=prepare,
    accounts=(Account("smmta"), Account("smmsp")),
)
