"""ProFTPD on ::1, with anonymous users."""

from dataclasses import replace

from plumbline.lab import homes
from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product
from plumbline.lab.servers import proftpd

# As the shipped file has it in comments
_ANONYMOUS = """<Anonymous {}>
  User nobody
  Group nogroup
  UserAlias anonymous nobody
  RequireValidShell off
  <Directory *>
    <Limit WRITE>
      DenyAll
    </Limit>
  </Directory>
</Anonymous>
"""


def prepare(bench: Bench) -> Launch:
    public = bench.folder("anonymous")
    homes.fill_anonymous(public)
    launch = proftpd.prepare(bench, "::1", _ANONYMOUS.format(public))
    return replace(launch, facts={**launch.facts, "anonymous": True})


PRODUCT: Product = replace(
    proftpd.PRODUCT,
    name="proftpd-ipv6",
    about="ProFTPD on ::1, with anonymous users",
    prepare=prepare,
    variant_of="proftpd",
    host="::1",
)
