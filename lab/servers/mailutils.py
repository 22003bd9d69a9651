"""GNU Mailutils: imap4d and pop3d on one mbox spool; users by PAM."""

from plumbline.lab.bench import Bench
from plumbline.lab.model import DOMAIN, HOST, USERS, Launch, Product, Program, Source

# With the built-in list ("generic" before PAM) 3.15 lets every shadowed account in with the password "x",
# the placeholder in passwd. So only PAM here.
_CONFIGURATION = """mode daemon;
foreground yes;
pidfile {directory}/{name}.pid;
logging {{ syslog no; }};
auth {{ authentication clear; authentication pam; }};
mailbox {{ mail-spool {directory}/mail; }};
tls-file-checks {{ key-file none; cert-file none; }};
tls {{ ssl-certificate-file {certificate.certificate}; ssl-key-file {certificate.key}; }};
server {host}:{plain} {{ tls-mode ondemand; }};
server {host}:{implicit} {{ tls-mode connection; }};
"""
_FOLDERS = 'namespace personal {{ prefix "" {{ directory "{directory}/home/$user"; delimiter "/"; }}; }};\n'
_FIRST_MAIL = """From bob@{domain} Mon Nov 23 07:00:00 2026
From: bob@{domain}
To: {user}@{domain}
Subject: first message

hello

"""


def prepare(bench: Bench) -> Launch:
    bench.folder("mail", 0o1777)
    for user in USERS:
        owner = f"{user}:{user}"
        bench.folder(f"home/{user}", owner=owner)
        bench.put(f"mail/{user}", _FIRST_MAIL.format(user=user, domain=DOMAIN), 0o600, owner)
    return Launch(
        programs=(
            _daemon(bench, "imap4d", "imap", _FOLDERS.format(directory=bench.directory)),
            _daemon(bench, "pop3d", "pop3", ""),
        ),
        facts={"delivered": {"via": "mbox", "path": f"{bench.directory}/mail/alice"}},
        starttls=frozenset({"imap", "pop3"}),
    )


def _daemon(bench: Bench, name: str, protocol: str, more: str) -> Program:
    text = _CONFIGURATION.format(
        directory=bench.directory,
        name=name,
        certificate=bench.certificate,
        host=HOST,
        plain=bench.ports[protocol],
        implicit=bench.ports[f"{protocol}s"],
    )
    configuration = bench.put(f"{name}.conf", text + more)
    return bench.program(f"usr/sbin/{name}", f"--config-file={configuration}")


PRODUCT = Product(
    name="mailutils",
    about="GNU Mailutils: IMAP and POP3 on one mbox spool",
    protocols=("imap", "imaps", "pop3", "pop3s"),
    source=Source("debian", ("mailutils-imap4d", "mailutils-pop3d")),
    prepare=prepare,
)
