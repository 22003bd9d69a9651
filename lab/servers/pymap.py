"""pymap (PyPI): an IMAP server with maildirs; users from files in the form of passwd(5)."""

from plumbline.lab.bench import Bench
from plumbline.lab.model import HOST, USERS, Launch, Product, Source

# pysasl's hash of a password, as pymap's own admin tool writes it.
_HASH = "import sys; from pysasl.hashing import BuiltinHash; print(BuiltinHash().hash(sys.stdin.read()))"


def prepare(bench: Bench) -> Launch:
    mail = bench.folder("mail")
    bench.put("mail/pymap-etc-passwd", "".join(f"{user}:x::::{mail}/{user}:\r\n" for user in USERS))
    shadow = (f"{user}:{_hash(bench, password)}:::::::\r\n" for user, password in USERS.items())
    bench.put("mail/pymap-etc-shadow", "".join(shadow), 0o600)
    bench.put("mail/pymap-etc-group", "")
    listen = ("--host", HOST, "--port", str(bench.ports["imap"]))
    tls = ("--cert", bench.certificate.certificate, "--key", bench.certificate.key)
    return Launch(
        programs=(bench.program("bin/pymap", *listen, *tls, "maildir", mail, environment={}),),
        facts={"delivered": {"via": "maildir", "path": f"{mail}/alice"}},
        starttls=frozenset({"imap"}),
    )


def _hash(bench: Bench, password: str) -> str:
    hashed = bench.run("bin/python", "-c", _HASH, environment={}, given=password)
    return hashed.strip().splitlines()[-1].replace(":", "\\:")


PRODUCT = Product(
    name="pymap",
    about="IMAP server in Python (PyPI), maildirs; needs no root",
    protocols=("imap",),
    source=Source("python", ("pymap",)),
    prepare=prepare,
    mail_users=False,
    needs_root=False,
)
