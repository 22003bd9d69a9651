"""ftp-srv (npm): ftp_srv.js, options at their defaults."""

from plumbline.lab import homes, node
from plumbline.lab.bench import Bench
from plumbline.lab.model import USERS, Launch, Product, Source


def prepare(bench: Bench) -> Launch:
    folder = bench.folder("ftp")
    for user in USERS:
        homes.fill(folder / user)
    return Launch(
        programs=(node.script(bench, "ftp_srv.js", homes=str(folder)),),
        facts=homes.facts("/"),
        starttls=frozenset({"ftp"}),
    )


PRODUCT = Product(
    name="ftp-srv",
    about="FTP server library (npm), AUTH TLS and implicit TLS; needs no root, but Node.js",
    protocols=("ftp", "ftps"),
    source=Source("node", ("ftp-srv",)),
    prepare=prepare,
    mail_users=False,
    needs_root=False,
)
