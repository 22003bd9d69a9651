"""The embedded servers, to stay: aiosmtpd and pyftpdlib from the extra [embedded], in one process."""

import sys

from plumbline.lab import embedded
from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product, Program, Source


def prepare(bench: Bench) -> Launch:
    embedded.require()
    certificate = embedded.prepare(bench.directory)
    setting = embedded.settings(bench.directory, bench.ports, certificate, watch=False)
    return Launch(
        programs=(Program(embedded.command(sys.executable, setting)),),
        facts=embedded.facts(bench.directory),
        starttls=embedded.starttls() if certificate else frozenset(),
        version=embedded.product_version(),
        called=embedded.products(),
    )


PRODUCT = Product(
    name="embedded",
    about="aiosmtpd and pyftpdlib in one process; needs neither root nor Debian",
    protocols=("smtp", "ftp", "smtps"),
    source=Source("own", ()),
    prepare=prepare,
    mail_users=False,
    needs_root=False,
)
