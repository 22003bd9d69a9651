"""A self-made certificate for one running server; its own trust anchor, so clients take it as `ca`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .commands import run
from .model import HOST, HOSTNAME


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the certificate, the key, and both in one."""

    certificate: Path
    key: Path
    both: Path


# The whole configuration, so that nothing depends on the machine's own openssl.cnf.
_REQUEST = f"""[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = {HOSTNAME}
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyEncipherment, keyCertSign
extendedKeyUsage = serverAuth
subjectAltName = DNS:{HOSTNAME}, DNS:localhost, IP:{HOST}, IP:::1
"""
RSA = ("rsa:2048",)  # what every server takes
ELLIPTIC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")  # made at once


def make(folder: Path, openssl: Path, kind: tuple[str, ...] = RSA) -> Certificate:
    """Write cert.pem, key.pem and both.pem, valid for 30 days. Raises LabError."""
    made = Certificate(folder / "cert.pem", folder / "key.pem", folder / "both.pem")
    request = folder / "request.cnf"
    request.write_text(_REQUEST)
    command: list[str | Path] = [
        openssl,
        "req",
        "-x509",
        "-config",
        request,
        "-newkey",
        *kind,
        "-nodes",
        "-days",
        "30",
    ]
    run([*command, "-keyout", made.key, "-out", made.certificate])
    made.both.write_text(made.key.read_text() + made.certificate.read_text())
    for path in (made.key, made.both):
        path.chmod(0o600)
    request.unlink()
    return made
