"""vsftpd on ::1, with anonymous users."""

from dataclasses import replace

from plumbline.lab import homes
from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product
from plumbline.lab.servers import vsftpd

_LISTEN = "listen=NO\nlisten_ipv6=YES\nlisten_address6=::1"
# Shipped: nobody is anonymous, and the package makes the user ftp; any other who has a home will do.
_ANONYMOUS = "anonymous_enable=YES\nftp_username=daemon\nanon_root={}\n"


def prepare(bench: Bench) -> Launch:
    public = bench.folder("anonymous")
    homes.fill_anonymous(public)
    launch = vsftpd.prepare(bench, _ANONYMOUS.format(public), _LISTEN)
    return replace(launch, facts={**launch.facts, "anonymous": True})


PRODUCT: Product = replace(
    vsftpd.PRODUCT,
    name="vsftpd-ipv6",
    about="vsftpd on ::1, with anonymous users",
    prepare=prepare,
    variant_of="vsftpd",
    host="::1",
)
