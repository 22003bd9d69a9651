"""The suites on real servers: every violation is told in docs/servers.md, in the committed results and in CI's own runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from plumbline import lab

from tests.lab.documented import CALLED, documented
from tests.lab.expected import (
    SERVERS,
    by_server,
    checked,
    disagreeing,
    load,
    made,
    never_met,
    protocols,
    rows,
    subject,
    undocumented,
    verdict_of,
    verdicts,
)

IN_CI = ("postfix", "exim", "dovecot", "vsftpd", "proftpd")  # the whole lab is for `make showcase`
PAGE_OF_TWO = """
| server | case | what it does | requirement |
|---|---|---|---|
| Postfix*, Exim (once) | `end[LF.LF]`, `in-state[EHLO-*]` | ends | 4 |
| all but smtp-server | `noop` | none | 5 |
| pyftpdlib | `telnet-*`, `opts-mlst-one`, `-two` | none | 5 |

| server | cases | red |
|---|---|---|
| Postfix | `quit` | 6 |
"""


@pytest.mark.parametrize("name", SERVERS)
def test_every_violation_is_told(name: str):
    assert undocumented(name, verdicts(load(name))) == []


@pytest.mark.lab
@pytest.mark.parametrize("name", IN_CI)
def test_a_real_server_gets_no_red_that_is_not_told(name: str, tmp_path: Path):
    expected, printed = load(name), ""
    found: dict[str, str] = {}
    with lab.running(name) as server:
        for protocol in protocols(expected):
            _, cases, text = checked(server, protocol, tmp_path)
            found |= {case: verdict_of(record) for case, record in cases.items()}
            printed += text

    assert [case for case, verdict in found.items() if verdict == "pass"], printed[-6000:]
    assert undocumented(name, found) == [], printed[-6000:]


@pytest.mark.parametrize(
    ("server", "case", "told"),
    [
        ("postfix", "smtp/end[LF.LF]", True),
        ("exim", "smtp/end[LF]", False),
        ("exim", "smtp/in-state[EHLO-mail]", True),
        ("exim", "smtp/in-state[MAIL-mail]", False),
        ("sendmail", "smtp/end[LF.LF]", False),
        ("sendmail", "smtp/noop", True),
        ("nodemailer-smtp-server", "smtp/noop", False),
        ("vsftpd", "ftp/noop", False),
        ("embedded", "ftp/telnet-synch[x]", True),
        ("pyftpdlib", "ftp/opts-mlst-two", True),
        ("pyftpdlib-ftps", "ftp/opts-mlst-two", True),
        ("pyftpdlib-ipv6", "ftp/opts-mlst-three", False),
        ("postfix", "smtp/quit", False),
    ],
)
def test_how_the_page_is_read(server: str, case: str, told: bool):
    assert documented(server, case, PAGE_OF_TWO) is told


def test_every_product_of_the_lab_has_a_name_there():
    assert set(CALLED) == {product.software for product in lab.catalogue.products().values()}


def test_a_file_has_every_case_by_its_verdict():
    cases = {
        "smtp/a": {"verdict": "fail", "level": "MUST NOT"},
        "smtp/b": {"verdict": "fail", "level": "SHOULD"},
        "smtp/c": {"verdict": "pass", "level": "MUST"},
    }

    file = made("postfix", "3.7", cases)

    assert verdicts(file) == {"smtp/a": "violation", "smtp/b": "missed SHOULD", "smtp/c": "pass"}
    assert protocols(file) == ["smtp"]


@pytest.mark.parametrize(
    ("stem", "whose"),
    [("exim-smtp", "exim"), ("vsftpd-ftps", "vsftpd-ftps"), ("pure-ftpd-ftp", "pure-ftpd"), ("x-lmtp", "x")],
)
def test_an_endpoint_with_tls_has_a_file_of_its_own(stem, whose):
    assert subject(Path("results", f"{stem}.jsonl")) == whose


def test_what_was_played_on_another_endpoint_takes_the_place_of_what_was_skipped(tmp_path: Path):
    (tmp_path / "also").mkdir()
    target = '{"kind": "target", "product": "exim 4.96"}'
    for path, verdict in (
        (tmp_path / "exim-smtp.jsonl", "skipped"),
        (tmp_path / "also/exim-smtps.jsonl", "pass"),
    ):
        path.write_text(f'{target}\n{{"kind": "case", "id": "smtp/implicit-tls", "verdict": "{verdict}"}}\n')
    only = by_server(tmp_path)

    assert {server: cases["smtp/implicit-tls"]["verdict"] for server, (_, cases) in only.items()} == {
        "exim": "pass"
    }


def test_verdicts_are_counted_as_the_page_has_them():
    found = {"smtp/a": "violation", "smtp/b": "pass", "smtp/c": "skipped", "lmtp/a": "missed SHOULD"}

    assert list(rows("cyrus", "3.6", found)) == [
        "| cyrus | 3.6 | lmtp | 1 | none | none | 1 | none |",
        "| cyrus | 3.6 | smtp | 2 | 1 | 1 | none | none |",
    ]


def test_runs_that_disagree_are_told(tmp_path: Path):
    for number, verdict in enumerate(("pass", "pass", "fail")):
        folder = tmp_path / str(number)
        folder.mkdir()
        target = '{"kind": "target", "product": "exim 4.96"}'
        (folder / "exim-smtp.jsonl").write_text(
            f'{target}\n{{"kind": "case", "id": "smtp/a", "verdict": "{verdict}"}}\n'
        )

    assert list(disagreeing(tmp_path / str(number) for number in range(3))) == [
        "exim smtp/a: pass, pass, fail"
    ]
    assert list(disagreeing(tmp_path / str(number) for number in range(2))) == []


def test_cases_that_no_server_meets_are_told():
    one = {"verdicts": {"pass": ["smtp/a"], "skipped": ["smtp/b"], "violation": ["smtp/c"]}}
    two = {"verdicts": {"tolerated": ["smtp/b"]}}

    assert never_met([one, two], ["smtp/a", "smtp/b", "smtp/c", "smtp/d"]) == {"smtp/c", "smtp/d"}
