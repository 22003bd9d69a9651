from pathlib import Path

import yaml
from plumbline.lab import homes, profiles

_PORTS = {"imap": 1143, "imaps": 1993, "pop3": 1110, "lmtp": 1024, "backend": 1025}
_MAILDIR = {"delivered": {"via": "maildir", "path": "/m"}}


def test_the_facts_of_a_mailbox_server() -> None:
    profile = profiles.build("imap", _PORTS, _MAILDIR, starttls=True, certificate=Path("/c.pem"))
    assert profile == {
        "role": "store",
        "accounts": [{"user": "alice", "password": "alicepw"}, {"user": "bob", "password": "bobpw"}],
        "domain": "example.test",
        "recipient": "alice@example.test",
        "second_recipient": "bob@example.test",
        "unknown_recipient": "nobody@example.test",
        "foreign_recipient": "someone@elsewhere.example",
        "tls": {"starttls": True, "ca": "/c.pem", "implicit_port": 1993},
        "delivered": {"via": "maildir", "path": "/m"},
        "companions": {
            "imaps": "imaps://127.0.0.1:1993",
            "pop3": "pop3://127.0.0.1:1110",
            "lmtp": "lmtp://127.0.0.1:1024",
        },
    }


def test_tls_is_left_out_where_there_is_none() -> None:
    profile = profiles.build("lmtp", _PORTS, _MAILDIR, starttls=False, certificate=Path("/c.pem"))
    assert profile["role"] == "lmtp"
    assert "tls" not in profile


def test_the_facts_of_an_ftp_server() -> None:
    facts = {**_MAILDIR, **homes.facts("/home")}
    profile = profiles.build("ftp", {"ftp": 1021}, facts, starttls=False, certificate=None)
    assert profile["role"] == "ftp"
    assert not profile.keys() & {"recipient", "delivered", "tls", "companions"}
    assert profile["files"] == {"text": "readme.txt", "binary": "octets.bin", "empty": "empty.txt"}


def test_the_files_that_the_facts_name_are_there(tmp_path: Path) -> None:
    homes.fill(tmp_path)
    facts = homes.facts("/")
    assert (tmp_path / facts["files"]["text"]).read_bytes().isascii()
    assert set((tmp_path / facts["files"]["binary"]).read_bytes()) == set(range(256))
    assert (tmp_path / facts["files"]["empty"]).read_bytes() == b""
    assert (tmp_path / facts["large_file"]).stat().st_size == facts["large_file_size"] > 2**32
    assert (tmp_path / facts["large_file"]).stat().st_blocks < 100
    assert len(list((tmp_path / facts["directory"]).iterdir())) == 2
    assert list((tmp_path / facts["writable"]).iterdir()) == []


def test_a_profile_file_can_be_read_back(tmp_path: Path) -> None:
    profile = profiles.build("imap", _PORTS, _MAILDIR, starttls=True, certificate=Path("/c.pem"))
    profiles.write(tmp_path / "p.yaml", profile, "about")
    text = (tmp_path / "p.yaml").read_text()
    assert text.startswith("# about\nrole: store\n")
    assert yaml.safe_load(text) == profile
