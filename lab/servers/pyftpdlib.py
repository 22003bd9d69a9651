"""pyftpdlib (PyPI) as a server of its own, options at their defaults, with AUTH TLS (../pyftpdlib_child.py)."""

import json
from pathlib import Path

from plumbline.lab import homes
from plumbline.lab.bench import Bench
from plumbline.lab.model import USERS, Launch, Product, Source

_CHILD = Path(__file__).parent.parent / "pyftpdlib_child.py"


def prepare(bench: Bench) -> Launch:
    folder = bench.folder("ftp")
    for user in USERS:
        homes.fill(folder / user)
    setting = {
        "port": bench.ports["ftp"],
        "homes": {user: str(folder / user) for user in USERS},
        "users": dict(USERS),
        "both": str(bench.certificate.both),
    }
    return Launch(
        programs=(bench.program("bin/python", str(_CHILD), json.dumps(setting), environment={}),),
        facts=homes.facts("/"),
        starttls=frozenset({"ftp"}),
    )


PRODUCT = Product(
    name="pyftpdlib",
    about="FTP server library in Python (PyPI), AUTH TLS; needs no root",
    protocols=("ftp",),
    source=Source("python", ("pyftpdlib", "pyOpenSSL")),
    prepare=prepare,
    mail_users=False,
    needs_root=False,
)
