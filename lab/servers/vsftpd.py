"""vsftpd: Debian's vsftpd.conf with writing and TLS switched on; users by PAM. One process per port."""

import re

from plumbline.lab import homes
from plumbline.lab.bench import Bench
from plumbline.lab.model import Launch, Product, Source

_REPLACED = (
    "listen|listen_ipv6|rsa_cert_file|rsa_private_key_file|ssl_enable|secure_chroot_dir|connect_from_port_20"
)
_CONFIGURATION = """
{listen}
listen_port={port}
background=NO
secure_chroot_dir={directory}/empty
connect_from_port_20=NO
write_enable=YES
user_sub_token=$USER
local_root={directory}/ftp/$USER
rsa_cert_file={certificate.certificate}
rsa_private_key_file={certificate.key}
ssl_enable=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
require_ssl_reuse=NO
implicit_ssl={implicit}
xferlog_file={directory}/xferlog
vsftpd_log_file={directory}/vsftpd.log
# Shipped: a pause of 1 s after a wrong password, 3 tries. Kept.
"""
_IPV4 = "listen=YES\nlisten_ipv6=NO\nlisten_address=127.0.0.1"


def prepare(bench: Bench, more: str = "", listen: str = _IPV4) -> Launch:
    """`more`: lines of vsftpd.conf behind all others."""
    bench.folder("empty")
    homes.fill_all(bench.folder("ftp"))
    shipped = re.sub(rf"^({_REPLACED})=", r"#\1=", bench.shipped("etc/vsftpd.conf"), flags=re.MULTILINE)
    programs = []
    for protocol, implicit in (("ftp", "NO"), ("ftps", "YES")):
        text = shipped + _CONFIGURATION.format(
            port=bench.ports[protocol],
            directory=bench.directory,
            certificate=bench.certificate,
            implicit=implicit,
            listen=listen,
        )
        text += more
        programs.append(bench.program("usr/sbin/vsftpd", bench.put(f"{protocol}.conf", text)))
    return Launch(
        programs=tuple(programs),
        facts=homes.facts(f"{bench.directory}/ftp/alice"),
        logs=(bench.directory / "vsftpd.log",),
        starttls=frozenset({"ftp"}),
    )


PRODUCT = Product(
    name="vsftpd",
    about="FTP server, AUTH TLS and implicit TLS",
    protocols=("ftp", "ftps"),
    source=Source("debian", ("vsftpd",)),
    prepare=prepare,
)
