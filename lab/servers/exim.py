"""Exim (Debian's daemon-heavy): Debian's split configuration, joined by Debian's own update-exim4.conf."""

import re
from pathlib import Path

from plumbline.lab import hops
from plumbline.lab.bench import Bench, give
from plumbline.lab.model import DOMAIN, HOST, HOSTNAME, NAMES, USERS, Account, Launch, Product, Source

_DEBCONF = f"""dc_eximconfig_configtype='internet'
dc_other_hostnames='{DOMAIN};{HOSTNAME}'
dc_local_interfaces=''
dc_readhost=''
dc_relay_domains='{";".join(hops.DOMAINS.values())}'
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='true'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
"""
# Loopback is no relay client (MAIN_RELAY_NETS names an address that never connects), and DNS is not asked.
# Shipped: 20 connections at a time (smtp_accept_max); from the 11th mail of a connection on only queueing,
# for up to 30 min (smtp_accept_queue_per_connection). Both would hide what the tests ask for.
_MAIN = """
CONFDIR = {directory}/etc
SPOOLDIR = {directory}/spool
MAIN_RELAY_NETS = 192.0.2.255
MAIN_HARDCODE_PRIMARY_HOSTNAME = {hostname}
MAIN_TLS_ENABLE = 1
MAIN_TLS_CERTIFICATE = {certificate.certificate}
MAIN_TLS_PRIVATEKEY = {certificate.key}
MAIN_HOST_LOOKUP =
MAIN_KEEP_ENVIRONMENT = LD_LIBRARY_PATH : PLUMBLINE_LAB_INSTANCE
daemon_smtp_ports = {smtp} : {submission} : {smtps}
tls_on_connect_ports = {smtps}
local_interfaces = 127.0.0.1
disable_ipv6 = true
rfc1413_query_timeout = 0s
log_file_path = {directory}/logs/%slog
pid_file_path = {directory}/exim.pid
deliver_drop_privilege = true
smtp_accept_max = 300
smtp_accept_queue_per_connection = 0
delay_warning = 5s
"""
_ALIASES = """postmaster: bob
mailer-daemon: postmaster
root: bob
office: alice
owner-staff: bob
moved: :fail: 551 5.1.6 has moved, please try <carol@elsewhere.example>
"""
# A list as Exim's manual has it (chapter "Mailing lists"): its errors go to its owner.
_LIST = """lab_list:
  driver = redirect
  domains = +local_domains
  local_parts = staff
  data = alice@{domain}, bob@{domain}
  errors_to = owner-staff@{domain}

"""
_DISCARD = "lab_discard:\n  driver = redirect\n  domains = ! +local_domains\n  data = :blackhole:\n\n"
_HOPS = """lab_hops:
  driver = manualroute
  domains = {domains}
  transport = remote_smtp
  self = send
  route_list = {routes}

"""
_RETRY = re.compile(r"^\*  +\*  +F,.*$", re.MULTILINE)
_AUTH_EXAMPLES = re.compile(r"^# (?:plain_server|login_server|cram_md5_server):\n(?:#   .*\n)+", re.MULTILINE)
_UNUSED_ROUTERS = ("real_local", "userforward", "procmail", "maildrop", "lowuid")  # they look at homes


def prepare(bench: Bench) -> Launch:
    for name in ("spool", "mail", "logs"):
        bench.folder(name, owner="Debian-exim:Debian-exim")
    bench.copy("etc/exim4", "etc")
    _write_users(bench)
    _adapt(bench.directory / "etc/conf.d", bench)
    configuration = _generate(bench)
    # Without set-uid LD_LIBRARY_PATH survives Exim's re-exec; after bind() nothing needs root.
    (bench.root / "usr/sbin/exim4").chmod(0o755)
    return Launch(
        programs=(bench.program("usr/sbin/exim4", "-C", configuration, "-bdf", "-q5s"),),
        facts={
            "delivered": {
                "via": "mbox",
                "path": f"{bench.directory}/mail/alice",
                "queue": f"{bench.directory}/spool/input",
            },
            **NAMES,
            **hops.facts(bench.ports),
        },
        logs=tuple(bench.directory / f"logs/{name}log" for name in ("panic", "main")),
        starttls=frozenset({"smtp", "submission"}),
    )


def _write_users(bench: Bench) -> None:
    """user:crypted:clear, as exim4_passwd(5) describes it."""
    hashes = bench.password_hashes()
    lines = (f"{user}:{hashes[user]}:{password}\n" for user, password in USERS.items())
    bench.put("etc/passwd", "".join(lines), 0o640, "root:Debian-exim")
    bench.put("etc/aliases", f"{_ALIASES}{hops.ALIAS}: {hops.TARGET}\n")
    give(bench.certificate.key, "Debian-exim")


def _adapt(parts: Path, bench: Bench) -> None:
    directory = bench.directory
    main = _MAIN.format(
        directory=directory, hostname=HOSTNAME, certificate=bench.certificate, **dict(bench.ports)
    )
    bench.put(parts / "main/00_lab", main)
    bench.put(parts / "router/010_lab", _hops(bench) + _DISCARD + _LIST.format(domain=DOMAIN))
    # Shipped: 15 minutes and more. A next hop may be down between two runs.
    retry = parts / "retry/30_exim4-config"
    _replace(retry, _RETRY.findall(retry.read_text())[0], "*  *  F,4d,5s")
    for router in (parts / "router").iterdir():
        if router.name.endswith(_UNUSED_ROUTERS) or router.name == "mmm_mail4root":
            router.unlink()
    # passwd has a nobody, who must not get mail: only these users exist
    _replace(
        parts / "router/900_exim4-config_local_user", "  check_local_user\n  local_parts = ! root\n", _LOCAL
    )
    _replace(parts / "router/400_exim4-config_system_aliases", "/etc/aliases", f"{directory}/etc/aliases")
    spool = parts / "transport/30_exim4-config_mail_spool"
    _replace(spool, "/var/mail/$local_part_data", f"{directory}/mail/$local_part_data")
    _replace(spool, "  group = mail\n", "")
    examples = parts / "auth/30_exim4-config_examples"
    examples.write_text(_AUTH_EXAMPLES.sub(_uncomment, examples.read_text()))


def _hops(bench: Bench) -> str:
    ports = hops.ports(bench.ports)
    routes = " ; ".join(f"{name} {HOST}::{port}" for name, port in ports.items())
    return _HOPS.format(domains=" : ".join(ports), routes=routes)


_LOCAL = f"  local_parts = {' : '.join(USERS)}\n"


def _replace(path: Path, shipped: str, ours: str) -> None:
    text = path.read_text()
    assert shipped in text, f"{path.name} has no {shipped!r}"
    path.write_text(text.replace(shipped, ours))


def _uncomment(block: re.Match[str]) -> str:
    return re.sub(r"^# ?", "", block[0], flags=re.MULTILINE)


def _generate(bench: Bench) -> Path:
    directory = bench.directory
    bench.put("etc/update-exim4.conf.conf", _DEBCONF)
    bench.put("mailname", f"{DOMAIN}\n")
    generator = bench.shipped("usr/sbin/update-exim4.conf").replace("/etc/mailname", f"{directory}/mailname")
    script = bench.put("update-exim4.conf", generator, 0o755)
    made = directory / "etc/exim4.conf"
    bench.run(script, "-d", directory / "etc", "-o", made)
    _replace(made, "exim_path = /usr/sbin/exim4", f"exim_path = {bench.root}/usr/sbin/exim4")
    return made


PRODUCT = Product(
    name="exim",
    about="mail transfer agent, local delivery to mbox",
    protocols=("smtp", "smtps", "submission", *hops.PORTS),
    source=Source("debian", ("exim4-daemon-heavy", "exim4-config", "exim4-base")),
    prepare=prepare,
    aliases=("exim4",),
    accounts=(Account("Debian-exim"),),
    mail_users=False,
)
