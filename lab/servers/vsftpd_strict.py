"""vsftpd as a stricter administrator has it: within TLS data connections must be protected too."""

from dataclasses import replace
from functools import partial

from plumbline.lab.model import Product
from plumbline.lab.servers import vsftpd

PRODUCT: Product = replace(
    vsftpd.PRODUCT,
    name="vsftpd-strict",
    variant_of="vsftpd",
    about="vsftpd that takes data connections only under TLS (for the cases that need such a policy)",
    prepare=partial(vsftpd.prepare, more="force_local_data_ssl=YES\n"),
)
