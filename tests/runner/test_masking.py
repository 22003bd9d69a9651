"""Passwords stay out of records."""

from __future__ import annotations

import base64

import pytest
from plumbline.probes.masking import Masker, masked

FACTS = {"user": "alice", "password": "s3cret", "second_user": "bob", "second_password": "bobpw"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"PASS s3cret\r\n", r"PASS ****\r\n"),
        (r"a1 LOGIN alice s3cret\r\n", r"a1 LOGIN alice ****\r\n"),
        (r"USER alice\r\n", r"USER alice\r\n"),
        (r"s3cretly", r"s3cretly"),
        ("AUTH PLAIN " + base64.b64encode(b"\0alice\0s3cret").decode(), "AUTH PLAIN ****"),
        (base64.b64encode(b"bobpw").decode(), "****"),
        ("nothing here", "nothing here"),
    ],
)
def test_secrets_as_words(text, shown):
    assert Masker(FACTS).text(text) == shown


def test_a_password_that_is_also_public_is_left():
    assert Masker({"user": "alice", "password": "alice"}).text("USER alice") == "USER alice"


def test_without_secrets_nothing_changes():
    assert Masker({"user": "alice"}).text("alice ****") == "alice ****"
    assert Masker().text("x") == "x"


def test_octets_above_127_are_found_as_they_are_written():
    assert Masker({"password": "grün"}).text(r"PASS gr\xc3\xbcn\r\n") == r"PASS ****\r\n"


def test_profile():
    shown = masked({"accounts": [{"user": "a", "password": "p"}], "tls": {"private_key": "k"}, "n": 1})

    assert shown == {"accounts": [{"user": "a", "password": "****"}], "tls": {"private_key": "****"}, "n": 1}
