"""SASL responses, with the examples of the RFCs."""

from __future__ import annotations

import base64

import pytest
from plumbline.probes.script import sasl
from plumbline.probes.script.expand import expand


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def plain(text: str) -> str:
    return base64.b64decode(text).decode()


def test_cram_md5_as_in_rfc_2195_section_2():
    challenge = b64("<1896.697170952@postoffice.reston.mci.net>")

    assert (
        plain(sasl.cram_md5(challenge, "tim", "tanstaaftanstaaf")) == "tim b913a602c7eda7a495b4e6e7334d3890"
    )


def test_scram_sha_1_as_in_rfc_5802_section_5():
    nonce = "fyko+d2lbbFgONRv9qkxdawL"
    first = b64(f"r={nonce}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")

    assert plain(sasl.scram_first("user", nonce)) == f"n,,n=user,r={nonce}"
    assert plain(sasl.scram_final("sha1", first, nonce, "user", "pencil")) == (
        f"c=biws,r={nonce}3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    )


def test_scram_sha_256_as_in_rfc_7677_section_3():
    nonce = "rOprNGfwEbeRWgbNEkqO"
    first = b64(f"r={nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")

    assert plain(sasl.scram_final("sha256", first, nonce, "user", "pencil")).endswith(
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )


def test_names_with_the_separators_of_scram():
    assert plain(sasl.scram_first("a=b,c", "x")) == "n,,n=a=3Db=2Cc,r=x"


@pytest.mark.parametrize(
    "server_first",
    [
        "r=other,s=QSXC,i=1",
        "r=mine1,i=1",
        "r=mine1,s=QSXC",
        "r=mine1,s=QSXC,i=0",
        "r=mine1,s=QSXC,i=9999999999",
        "words",
    ],
)
def test_what_is_no_challenge_of_scram(server_first):
    with pytest.raises(sasl.BadChallenge):
        sasl.scram_final("sha1", b64(server_first), "mine", "u", "p")


def test_a_challenge_that_is_no_base64():
    with pytest.raises(sasl.BadChallenge, match="no base64"):
        sasl.cram_md5("<words in clear>", "u", "p")


def test_in_a_script():
    given = {"challenge": b64("<1@x>"), "user": "tim", "password": "with blanks in it"}

    assert expand("{cram_md5 $challenge $user $password}", given) == sasl.cram_md5(
        given["challenge"], "tim", "with blanks in it"
    )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("{cram_md5 a b}", "takes CHALLENGE USER PASSWORD; found 'a b'"),
        ("{scram_first a}", "takes NONCE USER; found 'a'"),
        ("{scram_final md5 a b c d}", "SCRAM's hash is sha1 or sha256, not 'md5'"),
    ],
)
def test_wrong_calls(call, told):
    with pytest.raises(ValueError, match="^.*" + told):
        expand(call, {})
