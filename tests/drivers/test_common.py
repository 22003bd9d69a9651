"""What the drivers share, without sockets."""

from __future__ import annotations

import errno
import os
import ssl
from pathlib import Path

import pytest
from plumbline.probes.drivers.common import FILE_LIMIT, lost_by, read_files, source_for, tls_context
from plumbline.probes.ops import ReadFiles, Trouble

WHERE = "192.0.2.1 port 25"


@pytest.mark.parametrize(
    ("number", "trouble", "detail"),
    [
        (errno.ECONNREFUSED, Trouble.REFUSED, f"connection refused by {WHERE}"),
        (errno.ECONNRESET, Trouble.RESET, f"connection reset by {WHERE}"),
        (errno.EPIPE, Trouble.RESET, f"{WHERE} has closed the connection and takes no more octets"),
        (errno.ETIMEDOUT, Trouble.SILENT, f"{WHERE} no longer answers"),
        (errno.EHOSTUNREACH, Trouble.UNREACHABLE, f"cannot reach {WHERE}: {os.strerror(errno.EHOSTUNREACH)}"),
        (errno.ENETUNREACH, Trouble.UNREACHABLE, f"cannot reach {WHERE}: {os.strerror(errno.ENETUNREACH)}"),
        (errno.EACCES, Trouble.UNREACHABLE, f"cannot reach {WHERE}: {os.strerror(errno.EACCES)}"),
    ],
)
def test_errors_of_sockets_in_the_one_vocabulary(number: int, trouble: Trouble, detail: str) -> None:
    lost = lost_by(OSError(number, os.strerror(number)), WHERE)
    assert (lost.trouble, lost.detail) == (trouble, detail)


def test_errors_without_a_number() -> None:
    assert lost_by(TimeoutError(), WHERE).trouble is Trouble.SILENT
    assert lost_by(ssl.SSLError("odd"), WHERE).trouble is Trouble.TLS


@pytest.mark.parametrize(
    ("source", "host", "ours"),
    [
        (None, "127.0.0.1", None),
        ("127.1.2.3", "127.0.0.1", "127.1.2.3"),
        ("127.1.2.3", "192.0.2.1", None),
        ("127.1.2.3", "::1", None),
        ("::1", "::1", "::1"),
        ("192.0.2.7", "192.0.2.1", "192.0.2.7"),
        ("192.0.2.7", "2001:db8::1", None),
    ],
)
def test_a_source_is_used_where_it_fits_the_target(source: str | None, host: str, ours: str | None) -> None:
    assert source_for(source, host) == ours


def test_contexts_are_shared_and_differ_by_trust() -> None:
    assert tls_context(False, "") is tls_context(False, "")
    assert tls_context(True, "").verify_mode is ssl.CERT_REQUIRED
    assert tls_context(True, "").check_hostname
    assert tls_context(False, "").verify_mode is ssl.CERT_NONE


def test_files_are_read_up_to_a_limit_and_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"mark" + bytes(FILE_LIMIT))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "late").write_bytes(bytes(FILE_LIMIT) + b"mark")
    found = read_files(ReadFiles((str(tmp_path / "*"),), b"mark"))
    assert [len(data) for data in found] == [FILE_LIMIT]
