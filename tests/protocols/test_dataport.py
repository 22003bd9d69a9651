"""Addresses of data connections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plumbline.probes.ops import Address
from plumbline.probes.protocols.dataport import eprt_argument, port_argument, read_227, read_229


@pytest.mark.parametrize(
    "text",
    [
        "Entering Passive Mode (127,0,0,1,19,136).",
        "Entering Passive Mode 127,0,0,1,19,136",
        "=127,0,0,1,19,136",
        "Entering Passive Mode. (127,0,0,1,19,136)\n",
    ],
)
def test_227(text: str) -> None:
    assert read_227(text) == Address("127.0.0.1", 5000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Entering Passive Mode",
        "(127,0,0,1,19)",
        "(256,0,0,1,19,136)",
        "(127,0,0,1,0,0)",
        "(1 27,0,0,1,19,136)",
        "(127,0,0,1,19,1" + "9" * 5000 + ")",
        "١٢٧,0,0,1,19,136",
    ],
)
def test_wrong_227(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_227(text)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Entering Extended Passive Mode (|||6446|)", 6446),
        ("(!!!65535!)", 65535),
        ("Extended Passive mode OK (|||1|).", 1),
        ("(mode 2) ok (|||21|)", 21),
    ],
)
def test_229(text: str, port: int) -> None:
    assert read_229(text) == port


@pytest.mark.parametrize(
    "text", ["", "|||6446|", "(||6446|)", "(|||0|)", "(|||65536|)", "(|||" + "9" * 5000 + "|)", "(|||x|)"]
)
def test_wrong_229(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_229(text)


def test_arguments() -> None:
    assert port_argument(Address("127.0.0.1", 5000)) == "127,0,0,1,19,136"
    assert eprt_argument(Address("132.235.1.2", 6275)) == "|1|132.235.1.2|6275|"
    assert eprt_argument(Address("1080:0:0:0:8:800:200C:417A", 5282)) == "|2|1080::8:800:200c:417a|5282|"
    assert eprt_argument(Address("fe80::1%lo", 5282), "!") == "!2!fe80::1!5282!"


@pytest.mark.parametrize("host", ["::1", "localhost", ""])
def test_port_is_for_ipv4(host: str) -> None:
    with pytest.raises(ValueError):
        port_argument(Address(host, 5000))


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_what_port_says_is_what_227_says(host: object, port: int) -> None:
    address = Address(str(host), port)
    assert read_227(f"Entering Passive Mode ({port_argument(address)})") == address


@given(st.text())
def test_any_text_gives_an_address_or_a_valueerror(text: str) -> None:
    for read in (read_227, read_229):
        with pytest.raises(ValueError, match="expected"):
            read(text.translate({ord(digit): "x" for digit in "0123456789"}))
