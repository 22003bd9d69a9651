"""TLS from the first octet, and by STARTTLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from plumbline.loadtests import cli

from tests.loadtests.driving import run
from tests.loadtests.sink import Behaviour, running


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> tuple[ssl.SSLContext, str]:
    made = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("127.0.0.1").configure_cert(context)
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    return context, str(file)


@pytest.mark.parametrize("size", [1024, 300_000])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_messages_go_through_tls(authority, tls, size):
    context, ca = authority
    capabilities = ("PIPELINING", "STARTTLS") if tls == "starttls" else ("PIPELINING",)
    with running(Behaviour(capabilities=capabilities, tls=context)) as sink:
        tally, _ = run(sink.port, messages=40, tls=tls, ca=ca, size=size)
    assert (tally.acknowledged, tally.failed, tally.errors) == (40, 0, {})
    assert sink.acknowledged == 40
    assert tally.phases["TLS"].count == tally.connections == 4
    assert sink.commands["STARTTLS"] == (4 if tls == "starttls" else 0)
    assert sink.commands["EHLO"] == (8 if tls == "starttls" else 4), "EHLO again after STARTTLS"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_nobody_vouches_for_is_told(authority, tls):
    context, _ = authority
    capabilities = ("STARTTLS",) if tls == "starttls" else ()
    with running(Behaviour(capabilities=("8BITMIME", *capabilities), tls=context)) as sink:
        _, engine = run(sink.port, sessions=1, check=True, tls=tls)
        assert engine.why == "tls at TLS: TLS failed: CERTIFICATE_VERIFY_FAILED"
        _, engine = run(sink.port, sessions=1, check=True, tls=tls, verify_tls=False)
        assert engine.why == ""


def test_starttls_not_offered_is_told():
    with running() as sink:
        _, engine = run(sink.port, sessions=1, check=True, tls="starttls", verify_tls=False)
    assert engine.why == "no STARTTLS: the target does not offer STARTTLS"


def test_tls_spoken_to_a_target_without_it_ends():
    with running() as sink:
        _, engine = run(sink.port, sessions=1, check=True, tls="implicit", verify_tls=False)
    assert engine.why.startswith("tls at TLS: TLS failed: WRONG_VERSION_NUMBER")


def test_under_locust_too(authority, tmp_path):
    context, ca = authority
    facts = tmp_path / "target.yaml"
    facts.write_text(f"tls: {{ca: {ca}}}\n")
    with running(Behaviour(tls=context)) as sink:
        words = [f"smtps://127.0.0.1:{sink.port}", "-u", "3", "--messages", "30", "--profile", str(facts)]
        assert cli.main(["smtp", *words]) == 0
    assert sink.acknowledged == 30
