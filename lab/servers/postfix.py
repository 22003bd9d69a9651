"""Postfix: Debian's own main.cf and master.cf, with private paths."""

from plumbline.lab import hops
from plumbline.lab.bench import Bench, give
from plumbline.lab.model import (
    DOMAIN,
    HOST,
    HOSTNAME,
    NAMES,
    USERS,
    UTF8_RECIPIENT,
    Account,
    Launch,
    Product,
    Source,
)

_MAIN_CF = """
# What Debian writes for an "Internet site"
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = {hostname}
mydomain = {domain}
myorigin = {domain}
alias_maps = inline:{{ {{staff = alice, bob}}, {{owner-staff = bob}} }}
alias_database =
mydestination = $myhostname, {domain}, localhost.{domain}, localhost
relayhost =
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
# Private paths
queue_directory = {directory}/queue
data_directory = {directory}/data
mail_spool_directory = {directory}/mail
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {directory}/etc
sendmail_path = {root}/usr/sbin/sendmail
maillog_file_prefixes = {directory}
maillog_file = {directory}/maillog
import_environment = MAIL_CONFIG TZ PLUMBLINE_LAB_INSTANCE LANG=C LD_LIBRARY_PATH={library_path} SASL_PATH={sasl_path}
# Only these users exist (passwd has a nobody), loopback is no relay client, nothing leaves the machine
local_recipient_maps = inline:{{alice=alice,bob=bob,postmaster=bob}} $alias_maps
virtual_alias_maps = inline:{{
  {{postmaster = bob@{domain}}}, {{postmaster@{domain} = bob@{domain}}}, {{office@{domain} = alice@{domain}}},
  {{{utf8} = alice@{domain}}}, {{{forwarded}}} }}
relocated_maps = inline:{{ {{moved@{domain} = carol@elsewhere.example}} }}
mynetworks =
default_transport = discard:
relay_transport = discard:
# But for the next hops of whoever tests, which may be down between two runs: shipped are 5 minutes and more
relay_domains = {hops}
transport_maps = inline:{{ {transport} }}
queue_run_delay = 5s
minimal_backoff_time = 5s
maximal_backoff_time = 60s
delay_warning_time = 5s
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = inline:{{ {{[{host}]:{full} = relay:relaypw}} }}
# There is no DNS: without this every connection from 127.x.y.z waits for the resolver
smtpd_peername_lookup = no
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {domain}
cyrus_sasl_config_path = {directory}/etc/sasl
"""
_SASL = """pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
sasldb_path: {}
"""
# As Debian's master.cf proposes for submission; smtps follows the rules of port 25.
_LISTENERS = """
127.0.0.1:{smtps} inet n - n - - smtpd
  -o syslog_name=postfix/smtps
  -o smtpd_tls_wrappermode=yes
127.0.0.1:{submission} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=
127.0.0.1:{submissions} inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=
"""


def prepare(bench: Bench) -> Launch:
    for name, owner in (("queue", ""), ("data", "postfix:postfix")):
        bench.folder(name, owner=owner)
    mail = bench.folder("mail", mode=0o1777)
    etc = bench.folder("etc")
    sasl_path = next(bench.root.glob("usr/lib/*/sasl2"))
    environment = bench.environment(
        bench.root / "usr/lib/postfix", SASL_PATH=str(sasl_path), MAIL_CONFIG=str(etc)
    )
    _copy_shipped(bench)
    bench.put("etc/main.cf", _main_cf(bench, environment))
    bench.put("etc/master.cf", _master_cf(bench))
    _add_sasl_users(bench, environment)
    # Without postlogd programs write the log themselves: postsuper, as postfix, about files that a crash has left.
    bench.put("maillog", "", owner="postfix")
    return Launch(
        programs=(bench.program("usr/sbin/postfix", "-c", etc, "start-fg", environment=environment),),
        facts={
            "delivered": {"via": "mbox", "path": f"{mail}/alice", "queue": f"{bench.directory}/queue"},
            **NAMES,
            "utf8_recipient": UTF8_RECIPIENT,
            **hops.facts(bench.ports, login=True),
        },
        logs=(bench.directory / "maillog",),
        starttls=frozenset({"smtp", "submission"}),
    )


def _copy_shipped(bench: Bench) -> None:
    for name in (
        "etc/postfix/post-install",
        "etc/postfix/postfix-script",
        "usr/share/postfix/dynamicmaps.cf",
    ):
        bench.copy(name, f"etc/{name.rpartition('/')[2]}")
    lines = bench.shipped("etc/postfix/postfix-files").splitlines(keepends=True)
    # The other lines name system paths, which Postfix would want to check.
    bench.put("etc/postfix-files", "".join(line for line in lines if line.startswith("$queue_directory")))


def _main_cf(bench: Bench, environment: dict[str, str]) -> str:
    shipped = bench.shipped("usr/share/postfix/main.cf.debian") + bench.shipped(
        "usr/share/postfix/main.cf.tls"
    )
    certificate = bench.certificate
    shipped = shipped.replace("/etc/ssl/certs/ssl-cert-snakeoil.pem", str(certificate.certificate))
    shipped = shipped.replace("/etc/ssl/private/ssl-cert-snakeoil.key", str(certificate.key))
    return shipped + _MAIN_CF.format(
        hostname=HOSTNAME,
        domain=DOMAIN,
        utf8=UTF8_RECIPIENT,
        directory=bench.directory,
        root=bench.root,
        forwarded=f"{hops.ALIAS}@{DOMAIN} = {hops.TARGET}",
        host=HOST,
        full=bench.ports["full-hop"],
        hops=" ".join(hops.DOMAINS.values()),
        transport=", ".join(
            f"{{{name} = smtp:[{HOST}]:{port}}}" for name, port in hops.ports(bench.ports).items()
        ),
        library_path=environment["LD_LIBRARY_PATH"],
        sasl_path=environment["SASL_PATH"],
    )


def _master_cf(bench: Bench) -> str:
    """The shipped services without chroot, port 25 replaced, two listeners more."""
    lines = bench.shipped("usr/share/postfix/master.cf.dist").splitlines()
    services = [_service(line, bench.ports["smtp"]) for line in lines]
    return "\n".join(services) + _LISTENERS.format_map(bench.ports)


def _service(line: str, port: int) -> str:
    fields = line.split()
    if not line[:1].strip("# \t") or len(fields) < 8:
        return line  # a comment, or an option of the service above
    fields[4] = "n"
    if fields[:2] == ["smtp", "inet"]:
        fields[0] = f"127.0.0.1:{port}"
    return " ".join(fields)


def _add_sasl_users(bench: Bench, environment: dict[str, str]) -> None:
    users = bench.directory / "etc/sasldb2"
    bench.put("etc/sasl/smtpd.conf", _SASL.format(users))
    for user, password in USERS.items():
        options = ("-p", "-c", "-f", users, "-u", DOMAIN, user)
        bench.run("usr/sbin/saslpasswd2", *options, environment=environment, given=password)
    give(users, "postfix")


PRODUCT = Product(
    name="postfix",
    about="mail transfer agent, local delivery to mbox",
    protocols=("smtp", "smtps", "submission", "submissions", *hops.PORTS),
    source=Source("debian", ("postfix", "sasl2-bin", "libsasl2-modules")),
    prepare=prepare,
    accounts=(Account("postfix", groups=("postdrop",)),),
)
