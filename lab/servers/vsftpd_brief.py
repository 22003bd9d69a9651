"""vsftpd that ends idle sessions soon."""

from dataclasses import replace

from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product
from plumbline.lab.servers import vsftpd

_IDLE = 8  # seconds; shipped: 300


def prepare(bench: Bench) -> Launch:
    launch = vsftpd.prepare(bench, f"idle_session_timeout={_IDLE}\n")
    return replace(launch, facts={**launch.facts, "idle_timeout": _IDLE})


PRODUCT: Product = replace(
    vsftpd.PRODUCT,
    name="vsftpd-brief",
    variant_of="vsftpd",
    about=f"vsftpd that ends idle sessions behind {_IDLE} s (for the cases that need such a time)",
    prepare=prepare,
)
