"""OpenSMTPD of bookworm-backports: bookworm's own 6.8.0p2 fails every TLS handshake (OpenSSL 3). Maildirs."""

import pwd
from collections.abc import Iterator, Mapping

from plumbline.lab import hops
from plumbline.lab.bench import Bench
from plumbline.lab.model import DOMAIN, HOST, HOSTNAME, USERS, Account, Launch, Product, Source

# As packaged, with AUTH and TLS added, and without the relay action: loopback is no relay client.
_CONFIGURATION = """table aliases file:{directory}/aliases
table credentials file:{directory}/credentials
table users file:{directory}/users
table everyone {{ "@" = "bob" }}
pki lab cert "{certificate.certificate}"
pki lab key "{certificate.key}"
bounce warn-interval 5s
listen on {host} port {smtp} tls pki lab hostname {hostname} auth-optional <credentials>
listen on {host} port {smtps} smtps pki lab hostname {hostname} auth-optional <credentials>
listen on {host} port {submission} tls-require pki lab hostname {hostname} auth <credentials>
action "local" maildir "{directory}/mail/%{{user.username}}" userbase <users> alias <aliases>
action "void" mda "cat >/dev/null" userbase <users> virtual <everyone>
{hops}match from any for domain {{ "{domain}", "{hostname}" }} action "local"
match for local action "local"
match auth from any for any action "void"
"""


def prepare(bench: Bench) -> Launch:
    bench.folder("spool", 0o711)
    bench.folder("mail", 0o1777)
    bench.folder("empty")
    bench.link("/usr/libexec/opensmtpd", bench.root / "usr/libexec/opensmtpd")
    bench.link("/var/spool/smtpd", bench.directory / "spool")
    bench.link("/var/lib/opensmtpd", bench.directory)
    _write_users(bench)
    text = _CONFIGURATION.format(
        directory=bench.directory,
        certificate=bench.certificate,
        host=HOST,
        domain=DOMAIN,
        hostname=HOSTNAME,
        hops="".join(_relays(hops.ports(bench.ports))),
        **dict(bench.ports),
    )
    return Launch(
        programs=(bench.program("usr/sbin/smtpd", "-d", "-f", bench.put("smtpd.conf", text)),),
        facts={
            "delivered": {"via": "maildir", "path": f"{bench.directory}/mail/alice"},
            **hops.facts(bench.ports),
        },
        starttls=frozenset({"smtp", "submission"}),
    )


def _relays(ports: Mapping[str, int]) -> Iterator[str]:
    """An action and a match for each next hop of whoever tests."""
    for domain, port in ports.items():
        yield f'action "{domain}" relay host smtp://{HOST}:{port} helo {HOSTNAME}\n'
        yield f'match from any for domain "{domain}" action "{domain}"\n'


def _write_users(bench: Bench) -> None:
    """The tables of table(5)."""
    hashes = bench.password_hashes()
    credentials = "".join(f"{user}\t{hash_}\n" for user, hash_ in hashes.items())
    bench.put("credentials", credentials, 0o640, "root:opensmtpd")
    bench.put("users", "".join(_user(bench, user) for user in USERS))
    bench.put("aliases", f"postmaster: bob\nroot: bob\n{hops.ALIAS}: {hops.TARGET}\n")


def _user(bench: Bench, user: str) -> str:
    entry = pwd.getpwnam(user)
    home = bench.folder(f"home/{user}", owner=f"{user}:{user}")
    return f"{user}\t{entry.pw_uid}:{entry.pw_gid}:{home}\n"


PRODUCT = Product(
    name="opensmtpd",
    about="mail transfer agent, local delivery to maildirs",
    protocols=("smtp", "smtps", "submission", *hops.PORTS),
    source=Source("debian", ("opensmtpd",), suite="bookworm-backports"),
    prepare=prepare,
    accounts=(Account("opensmtpd"), Account("opensmtpq")),
    single="the paths of its spool and of its helpers are compiled in",
)
