"""ProFTPD with two hosts on one port, told apart by HOST or by the name in the TLS handshake."""

from dataclasses import replace

from plumbline.lab import certificate
from plumbline.lab.bench import Bench
from plumbline.lab.model import HOSTNAME, Launch, Product
from plumbline.lab.servers import proftpd

_SECOND = "second.example.test"


def prepare(bench: Bench) -> Launch:
    second = certificate.make(bench.folder("second"), bench.openssl)
    hosts = proftpd.named_host(bench, HOSTNAME, bench.certificate)
    hosts += proftpd.named_host(bench, _SECOND, second)
    launch = proftpd.prepare(bench)
    configuration = bench.directory / "proftpd.conf"
    bench.put("proftpd.conf", configuration.read_text() + hosts)
    return replace(launch, facts={**launch.facts, "virtual_host": HOSTNAME, "second_virtual_host": _SECOND})


PRODUCT: Product = replace(
    proftpd.PRODUCT,
    name="proftpd-hosts",
    about="ProFTPD with two virtual hosts (for the cases of HOST that need them)",
    prepare=prepare,
    variant_of="proftpd",
)
