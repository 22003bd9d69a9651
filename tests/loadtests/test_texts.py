"""What is sent: sizes by distribution, attachments, a folder of mail; and from which addresses."""

from __future__ import annotations

import argparse
import socket
import statistics
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from plumbline.loadtests import cli
from plumbline.loadtests.engine.payload import FIRST, Payload
from plumbline.loadtests.engine.plan import Plan
from plumbline.loadtests.engine.texts import ORDER, TextError, lognormal, texts
from plumbline.loadtests.options import UsageError, add_options, job, resolve
from plumbline.loadtests.scenarios.transfer import SCENARIO
from plumbline.loadtests.sending import octets, sources
from plumbline.reports import records

from tests.loadtests.driving import run
from tests.loadtests.sink import Behaviour, running


def plan(**fields) -> Plan:
    return Plan(host="127.0.0.1", port=25, **fields)


def options(*words: str) -> dict:
    parser = argparse.ArgumentParser()
    add_options(parser, SCENARIO)
    return vars(parser.parse_args(words))


def asked(*words: str) -> Plan:
    return job(options(*words), "smtp://127.0.0.1:25", SCENARIO).plan


def refused(*words: str) -> str:
    with pytest.raises(UsageError) as caught:
        asked(*words)
    return str(caught.value)


# -- sizes ---------------------------------------------------------------------------------------------


def test_sizes_occur_as_often_as_asked(tmp_path):
    file = tmp_path / "sizes"
    file.write_text("# bodies\n1k 70   # most\n\n20000 20\n1.5m 10\n")
    made = asked("--sizes", str(file))
    assert made.sizes == ((1024, 70.0), (20_000, 20.0), (1_572_864, 10.0))
    payload = Payload(made)
    sent = Counter(len(payload.content(FIRST + n).text) // 1000 for n in range(ORDER))
    assert [round(times / ORDER, 2) for _, times in sorted(sent.items())] == [0.7, 0.2, 0.1]
    assert [payload.content(FIRST + n) for n in range(9)] == [
        payload.content(FIRST + ORDER + n) for n in range(9)
    ]


def test_the_seed_decides_the_order():
    def order(seed: int) -> list[int]:
        return texts(plan(sizes=((10, 1.0), (20, 1.0)), seed=seed))[1]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))


def test_lognormal_sizes_have_their_median_and_spread():
    sizes = [size for size, _ in lognormal(8000, 1.0)]
    assert statistics.median(sizes) == 8000
    assert sizes == sorted(sizes)
    quarter = statistics.NormalDist().inv_cdf(0.75)
    assert sizes[len(sizes) * 3 // 4] / 8000 == pytest.approx(2.718281828**quarter, rel=0.03)
    assert asked("--size-lognormal", "8k:1").sizes == lognormal(8192, 1.0)


@pytest.mark.parametrize("in_flight", [1, 5])
def test_every_size_arrives_and_is_accounted(in_flight):
    with running(Behaviour(capabilities=("PIPELINING", "CHUNKING"))) as sink:
        tally, _ = run(sink.port, sizes=((100, 1.0), (3000, 1.0), (30_000, 1.0)), in_flight=in_flight)
    assert (tally.acknowledged, tally.errors) == (100, {})
    assert sink.acknowledged == len(sink.messages) == 100
    assert len(sink.sizes) == 3
    assert tally.octets == sum(len(content) + len(".\r\n") for content in sink.contents)


# -- attachments ---------------------------------------------------------------------------------------


def test_attachments_are_mime_that_a_reader_understands():
    made = asked("--attachment", "3000", "--attachment", "2k", "--size", "500")
    mail = message_from_bytes(Payload(made).plain(FIRST), policy=policy.default)
    assert mail.get_content_type() == "multipart/mixed"
    assert mail["Message-ID"].startswith(f"<{made.run_id}.0.10000000@")
    assert mail.get_body().get_content().startswith("Plumbline load test")
    assert [len(part.get_content()) for part in mail.iter_attachments()] == [3000, 2048]


# -- a folder of mail ----------------------------------------------------------------------------------

MAILS = {
    "plain.eml": b"From: a@x.example\r\nSubject: one\r\n\r\n.\r\n..two\r\nbody\r\n",
    "unix.eml": b"From: a@x.example\nMessage-ID:\n <old@x.example>\nSubject: two\n\n.dot\nlast line without an end",
    "mac.eml": b"Subject: three\rMESSAGE-ID: <old@x.example>\r\rbody\r",
    "sub/mbox.eml": b"From a@x.example Sat Jan  1 00:00:00 2028\nSubject: four\n\n.\n",
    "headers.eml": b"Subject: five\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, octets_ in MAILS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(octets_)
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    return tmp_path


BODIES = {
    b"one": b".\r\n..two\r\nbody\r\n",
    b"two": b".dot\r\nlast line without an end\r\n",
    b"three": b"body\r\n",
    b"four": b".\r\n",
    b"five": b"",
}


@pytest.mark.parametrize("way", [{}, {"pipelining": "off"}, {"in_flight": 4}], ids=str)
def test_a_folder_of_mail_arrives_as_it_is(folder, way):
    with running(Behaviour(capabilities=("PIPELINING", "CHUNKING"))) as sink:
        tally, _ = run(sink.port, messages=50, corpus=str(folder), **way)
    assert (tally.acknowledged, tally.errors) == (50, {})
    assert len(sink.messages) == 50, "every mail has an identifier of its own"
    arrived = {}
    for content in sink.contents:
        head, _, body = content.partition(b"\r\n\r\n")
        (subject,) = [line[9:] for line in head.split(b"\r\n") if line.startswith(b"Subject: ")]
        assert head.upper().count(b"MESSAGE-ID:") == 1
        assert b"old@" not in head
        arrived[subject] = body
    assert arrived == BODIES


def test_octets_above_127_need_8bitmime(tmp_path):
    (tmp_path / "a.eml").write_bytes("Subject: ü\n\nä\n".encode())
    with running() as sink:
        tally, _ = run(sink.port, messages=3, corpus=str(tmp_path))
        assert tally.acknowledged == sink.parameters["BODY=8BITMIME"] == 3
    with running(Behaviour(capabilities=("PIPELINING",))) as sink:
        _, engine = run(sink.port, sessions=1, check=True, corpus=str(tmp_path))
        assert engine.why.startswith("no 8BITMIME: the mail to send has octets above 127")


def test_what_is_no_mail_is_told(tmp_path):
    assert refused("--corpus", str(tmp_path / "no")).endswith("no: no such folder")
    assert refused("--corpus", str(tmp_path)).endswith("no file *.eml in it or below")
    (tmp_path / "a.eml").write_bytes(b"hello there\n")
    assert "a.eml: no mail: expected a header field in its first line, got b'hello there" in refused(
        "--corpus", str(tmp_path)
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no line with a size"),
        ("100\n", ":1: '100' is not SIZE and how often"),
        ("100 1\nbig 1\n", ":2: 'big' is no size"),
        ("100 0\n", ":1: '100 0' is not SIZE and how often"),
        ("100 -1\n", ":1: '100 -1' is not SIZE"),
        ("1 1\n", ":1: '1' is no size from 2"),
        ("60m 1\n" * 5, "octets together"),
    ],
)
def test_a_wrong_file_of_sizes_is_told(tmp_path, text, why):
    (tmp_path / "sizes").write_text(text)
    assert why in refused("--sizes", str(tmp_path / "sizes"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--sizes", "nowhere"], "--sizes nowhere: No such file"),
        (["--size-lognormal", "8k"], "is not MEDIAN:SIGMA"),
        (["--size-lognormal", "8k:9"], "is not MEDIAN:SIGMA"),
        (["--size-lognormal", "x:1"], "'x' is no size"),
        (["--size-lognormal", "8k:1", "--corpus", "x"], "--size-lognormal and --corpus: give one of them"),
        (["--attachment", "much"], "--attachment: 'much' is no size"),
        (["--attachment", "2k", "--corpus", "x"], "goes with generated messages"),
        (["--bind", "nowhere"], "--bind: 'nowhere' does not appear to be"),
        (["--bind", "10.0.0.0/8"], "more than 65536 addresses"),
        (["--bind", "127.0.0.2", "--bind", "::1"], "must be of one kind"),
    ],
    ids=str,
)
def test_wrong_options_are_told(words, why):
    assert why in refused(*words)


def test_sizes_have_units():
    assert [octets(text, "x") for text in ("2", "20k", "1.5M")] == [2, 20_480, 1_572_864]
    with pytest.raises(TextError):
        octets("1", "x")


# -- where from ----------------------------------------------------------------------------------------


def test_a_network_stands_for_its_hosts():
    assert sources(["127.0.0.8/30", "127.1.0.1"]) == ["127.0.0.9", "127.0.0.10", "127.1.0.1"]


def test_connections_come_from_all_addresses_in_turn():
    with running() as sink:
        tally, _ = run(sink.port, sources=("127.0.0.2", "127.0.0.3", "127.0.0.4"), per_session=10)
    assert tally.acknowledged == 100
    assert sink.peers == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}


def test_an_address_that_is_not_ours_is_told():
    with running() as sink:
        _, engine = run(sink.port, sessions=1, check=True, sources=("192.0.2.1",))
    assert engine.why.startswith("no local address or port: Cannot assign")


def test_an_address_of_the_other_kind_is_told():
    with pytest.raises(UsageError, match=r"127\.0\.0\.1 has no address of that kind"):
        resolve(asked("--bind", "::1"))


def test_under_locust_too(folder, tmp_path):
    results = tmp_path / "load.jsonl"
    words = ["--in-flight", "4", "--corpus", str(folder), "--bind", "127.0.0.8/30", "--results", str(results)]
    with running(Behaviour(capabilities=("PIPELINING", "CHUNKING"))) as sink:
        target = f"smtp://127.0.0.1:{sink.port}"
        assert cli.main(["smtp", target, "-u", "2", "--messages", "60", *words]) == 0
    assert sink.acknowledged == len(sink.messages) == 60
    assert sink.commands["BDAT"] >= 50
    assert sink.peers == {"127.0.0.9", "127.0.0.10"}
    (load,) = [record for record in records.read(results) if isinstance(record, records.Load)]
    assert (load.messages, load.facts["sources"], load.facts["in_flight"]) == (60, 2, 4)


def test_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with running(Behaviour(host="::1")) as sink:
        tally, _ = run(sink.port, host="::1", sources=("::1",))
    assert tally.acknowledged == sink.acknowledged == 100
