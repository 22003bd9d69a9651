"""Answers to SASL challenges, for scripts that log in: CRAM-MD5 (RFC 2195), SCRAM (RFC 5802, 7677).

What a script gives and gets is base64, as on the wire. Names and passwords are taken as they are: no SASLprep
(RFC 4013), which leaves ASCII alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_MOST_ITERATIONS = 1_000_000  # a server may ask for any number, and we would compute for minutes


class BadChallenge(Exception):
    """What the server sent is no challenge of its mechanism."""


def cram_md5(challenge: str, user: str, password: str) -> str:
    """The response to a challenge. Raises BadChallenge."""
    digest = hmac.new(_octets(password), _decoded(challenge), "md5").hexdigest()
    return _encoded(f"{user} {digest}")


def scram_first(user: str, nonce: str) -> str:
    """The client's first message, without channel binding."""
    return _encoded(f"n,,{_bare(user, nonce)}")


def scram_final(hash_name: str, challenge: str, nonce: str, user: str, password: str) -> str:
    """The client's final message: the answer to the server's first one. Raises BadChallenge.

    `hash_name` is hashlib's: sha1 for SCRAM-SHA-1, sha256 for SCRAM-SHA-256.
    """
    server_first = _decoded(challenge).decode("utf-8", "surrogateescape")
    parts = dict(part.split("=", 1) for part in server_first.split(",") if "=" in part)
    if not parts.get("r", "").startswith(nonce) or not parts.get("i", "").isdecimal() or "s" not in parts:
        raise BadChallenge(f"no first message of a SCRAM server: {server_first!r}")
    if not 0 < int(parts["i"]) <= _MOST_ITERATIONS:
        raise BadChallenge(f"{parts['i']} iterations, at most {_MOST_ITERATIONS} are computed")
    without_proof = f"c=biws,r={parts['r']}"
    signed = f"{_bare(user, nonce)},{server_first},{without_proof}"
    salted = hashlib.pbkdf2_hmac(hash_name, _octets(password), _decoded(parts["s"]), int(parts["i"]))
    client_key = hmac.new(salted, b"Client Key", hash_name).digest()
    stored_key = hashlib.new(hash_name, client_key).digest()
    signature = hmac.new(stored_key, _octets(signed), hash_name).digest()
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    return _encoded(f"{without_proof},p={base64.b64encode(proof).decode()}")


def _bare(user: str, nonce: str) -> str:
    return f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _encoded(text: str) -> str:
    return base64.b64encode(_octets(text)).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadChallenge(f"no base64: {text!r}") from None
