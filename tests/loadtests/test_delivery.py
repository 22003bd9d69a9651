"""Was every acknowledged message delivered? The parts, and a whole run under Locust."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from plumbline.loadtests import cli
from plumbline.loadtests.delivery import stores
from plumbline.loadtests.delivery.account import Account
from plumbline.loadtests.delivery.likeness import likeness
from plumbline.loadtests.delivery.stores import Files, Mail, Mbox, StoreError
from plumbline.loadtests.delivery.verifying import Verification, Verifier, verify
from plumbline.loadtests.outcome import delivery_lines
from plumbline.probes import profile
from plumbline.reports import records

from tests.loadtests.sink import Behaviour, running

SENT = b"From: <a@x>\r\nSubject: s\r\n  folded\r\nMessage-ID: <run.0.1@plumbline.invalid>\r\n\r\nline\r\n\r\nFrom here\r\n"
TRACE = b"Return-Path: <a@x>\r\nX-Original-To: b\r\nReceived: from c\r\n\tby d; date\r\nDelivered-To: b\r\n"


@pytest.mark.parametrize(
    "mail",
    [
        SENT,
        TRACE + SENT,
        (TRACE + SENT).replace(b"\r\n", b"\n"),
        SENT.replace(b"\nFrom here", b"\n>From here").replace(b"\r\n", b"\n") + b"\n",
        SENT.replace(b"\r\n\r\nline", b"\r\nStatus: RO\r\nX-UID: 7\r\n\r\nline"),
        SENT.replace(b"Subject: s", b"DKIM-Signature: v=1;\r\n b=abc\r\nSubject: s"),
    ],
)
def test_what_servers_add_alters_nothing(mail):
    assert likeness(mail) == likeness(SENT)


@pytest.mark.parametrize(
    "mail",
    [
        SENT.replace(b"line", b"lime"),
        SENT.replace(b"Subject: s", b"Subject: t"),
        SENT.replace(b"  folded", b" folded"),
        SENT.replace(b"Subject: s\r\n  folded\r\n", b""),
        SENT.replace(b"line\r\n", b"line \r\n"),
        SENT.replace(b"From here\r\n", b""),
        b"Bcc: x\r\n" + SENT,
    ],
)
def test_every_other_change_shows(mail):
    assert likeness(mail) != likeness(SENT)


def mail_of(number: int, key: str = "", text: bytes = b"body", arrived: float = 0.0) -> Mail:
    octets = b"Message-ID: <run.0.%x@plumbline.invalid>\n\n%b\n" % (number, text)
    return Mail(key or str(number), octets, arrived)


def account(count: int, doubtful: tuple[int, ...] = (), late_s: float = 10.0) -> Account:
    made = Account("run", late_s)
    made.promise("run.0", [(n, 1000.0, likeness(mail_of(n).octets)) for n in range(1, count + 1)], doubtful)
    return made


def test_the_account_adds_up():
    made = account(5, doubtful=(8, 9))
    for mail in (
        mail_of(1),
        mail_of(1, "again"),
        mail_of(2, text=b"altered"),
        mail_of(3, arrived=1020.5),
        mail_of(4, arrived=1001.0),
        mail_of(8),
        mail_of(7),
        Mail("other", b"Subject: not ours\n\n", 0.0),
        Mail("other run", b"Message-ID: <run2.0.1@plumbline.invalid>\n\n", 0.0),
    ):
        made.see(mail, 0.0)
    found = made.delivery()
    assert (found.acknowledged, found.delivered, found.lost) == (5, 4, 1)
    assert (found.duplicated, found.altered, found.delayed) == (1, 1, 1)
    assert (found.unanswered, found.unanswered_delivered, found.refused_delivered) == (2, 1, 1)
    assert found.markers == {
        "lost": ["run.0.5"],
        "duplicated": ["run.0.1"],
        "altered": ["run.0.2"],
        "delayed": ["run.0.3"],
        "never acknowledged": ["run.0.7"],
    }
    assert "1 messages arrived that the target had refused: senders will repeat them" in delivery_lines(found)
    assert found.delay["n"] == 2
    assert found.delay["max"] == pytest.approx(20.5)


class Slowly:
    """A store into which mails come look by look, and the clock goes on by one second each."""

    def __init__(self, looks: list[list[Mail]]) -> None:
        self.looks, self.now = looks, 2000.0

    def look(self) -> Iterator[Mail]:
        self.now += 1
        yield from self.looks.pop(0) if self.looks else []

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def looked(made: Account, looks: list[list[Mail]], patience: float) -> Slowly:
    store = Slowly(looks)
    verify(made, store, patience, store.sleep, lambda: store.now)
    return store


def test_verification_waits_as_long_as_mails_come():
    made = account(3)
    looked(made, [[mail_of(1)], [], [mail_of(2)], [], [], [mail_of(3)]], patience=6.0)
    found = made.delivery()
    assert found.lost == 0
    assert found.delayed == 2, "the first may have come in time; of the others we saw that they did not"


def test_verification_ends_when_nothing_comes_any_more():
    made = account(2)
    store = looked(made, [[mail_of(1)]], patience=5.0)
    assert made.delivery().lost == 1
    assert 5.0 <= store.now - 2000.0 < 12


def verifier(made: Account, looks: list[list[Mail]], queue: list[list[Mail]]) -> Verifier:
    """With the account, and a store and a queue that show these mails look by look."""
    store = Slowly(looks)
    found = Verifier(Verification(store, 0.0, 10.0, Slowly(queue)), "run")
    found.account = made
    return found


def test_what_the_target_still_holds_is_not_lost():
    held = Mail("queued", b"\0\1N Message-ID: <run.0.2@plumbline.invalid>\0\2", 0.0)
    found = verifier(account(3, doubtful=(9,)), [[mail_of(1)]], [[held, mail_of(9)]]).finish(
        3, lambda _: None
    )
    assert (found.acknowledged, found.delivered, found.queued, found.lost) == (3, 1, 1, 1)
    assert found.markers == {"lost": ["run.0.3"], "queued": ["run.0.2"]}
    assert "3 acknowledged = 1 delivered + 1 still in the target's queue + 1 lost" in delivery_lines(found)[0]


def test_what_left_the_queue_while_it_was_looked_at_is_delivered():
    made = verifier(account(2), [[mail_of(1)], [mail_of(2)]], [[mail_of(2)]])
    found = made.finish(2, lambda _: None)
    assert (found.delivered, found.queued, found.lost) == (2, 0, 0)


def test_a_queue_that_cannot_be_read_is_told(tmp_path):
    class Locked:
        def look(self) -> Iterator[Mail]:
            raise StoreError("permission denied")

    made = Verifier(Verification(Slowly([]), 0.0, 10.0, Locked()), "run")
    with pytest.raises(StoreError, match="denied"):
        made.begin()
    made.account = account(1)
    assert made.finish(1, lambda _: None).incomplete == "permission denied"


def test_where_nobody_looked_into_the_queue_lost_may_mean_queued():
    found = account(2).delivery()
    lines = delivery_lines(found)
    assert found.queued is None
    assert "0 delivered + 2 lost" in lines[0]
    assert "may still hold them in its queue" in lines[1]
    assert not any("queue" in line for line in delivery_lines(account(0).delivery()))


def test_the_profile_names_the_queue(tmp_path):
    (tmp_path / "queue/deferred/A").mkdir(parents=True)
    (tmp_path / "queue/deferred/A/AB12").write_bytes(b"Message-ID: <run.0.1@x>")
    facts = tmp_path / "target.yaml"
    facts.write_text("delivered: {via: mbox, path: box, queue: queue}\n")
    looked_into = stores.queue(profile.load(facts))
    assert looked_into is not None
    assert [mail.octets for mail in looked_into.look()] == [b"Message-ID: <run.0.1@x>"]
    assert stores.queue(profile.of({"delivered": {"via": "mbox", "path": "box"}})) is None


def test_a_copy_too_many_has_time_to_show_itself():
    made = account(1)
    looked(made, [[mail_of(1)], [mail_of(1, "copy")]], patience=30.0)
    assert made.delivery().duplicated == 1


def test_a_store_that_breaks_is_told():
    class Broken:
        def look(self) -> Iterator[Mail]:
            raise StoreError("disk on fire")

    made = account(1)
    verify(made, Broken(), 1.0)
    assert made.delivery().incomplete == "disk on fire"


def test_maildir_sees_each_mail_once_though_it_is_moved(tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1").write_bytes(b"one")
    (tmp_path / "tmp" / "2").write_bytes(b"not yet")
    store = Files((f"{tmp_path}/new/*", f"{tmp_path}/cur/*"))
    assert [mail.octets for mail in store.look()] == [b"one"]
    (tmp_path / "new" / "1").rename(tmp_path / "cur" / "1:2,S")
    (tmp_path / "tmp" / "2").rename(tmp_path / "new" / "2")
    assert [mail.octets for mail in store.look()] == [b"not yet"]
    assert list(store.look()) == []


def test_a_file_that_was_not_whole_is_read_again(tmp_path):
    (tmp_path / "1").write_bytes(b"on")
    store = Files((f"{tmp_path}/**/*",))
    assert [mail.octets for mail in store.look()] == [b"on"]
    (tmp_path / "1").write_bytes(b"one")
    assert [(mail.key, mail.octets) for mail in store.look()] == [("1", b"one")]


def test_mbox_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "BLOCK", 90)
    box = tmp_path / "alice"
    store = Mbox(str(box))
    assert list(store.look()) == [], "no mail yet, no file"
    first = [b"Subject: %d\n\nbody\n>From me\n\n" % number for number in range(5)]
    box.write_bytes(b"".join(b"From a@x Mon Jan  5 10:00:00 2026\n" + mail for mail in first))
    assert [mail.octets for mail in store.look()] == first
    with box.open("ab") as file:
        file.write(b"From a@x Mon Jan  5 10:00:00 2026\nSubject: half")
    assert [mail.octets for mail in store.look()] == [first[-1], b"Subject: half"]
    with box.open("ab") as file:
        file.write(b" and whole\n\n")
    last = list(store.look())
    assert [mail.octets for mail in last] == [b"Subject: half and whole\n\n"]
    box.write_bytes(b"")
    with pytest.raises(StoreError, match="shrinks"):
        list(store.look())


def test_a_mail_cut_off_in_the_middle_hides_no_other(tmp_path):
    line = b"From a@x Mon Jan  5 10:00:00 2026\n"
    (tmp_path / "box").write_bytes(line + b"Subject: cut o" + line + b"Subject: whole\n\nbody\n\n")
    mails = [mail.octets for mail in Mbox(str(tmp_path / "box")).look()]
    assert mails == [b"Subject: cut o", b"Subject: whole\n\nbody\n\n"]


def test_what_is_no_mbox_is_told(tmp_path):
    (tmp_path / "box").write_bytes(b"hello")
    with pytest.raises(StoreError, match="no mbox"):
        list(Mbox(str(tmp_path / "box")).look())


@contextmanager
def speaking(sessions: list[list[tuple[bytes, bytes]]], greeting: bytes) -> Iterator[int]:
    """A server that answers by the beginning of a command's words after the tag; one script a session."""
    server = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        for script in sessions:
            peer, _ = server.accept()
            with peer, peer.makefile("rwb") as file:
                file.write(greeting)
                file.flush()
                while line := file.readline():
                    heard.append(line)
                    tag = line.split()[0]
                    answer = next(say for starts, say in script if starts in line)
                    file.write(answer.replace(b"{tag}", tag))
                    file.flush()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        thread.join(5)
        server.close()


def known(via: str, port: int) -> profile.Profile:
    box = {"via": via, "target": f"{via}://127.0.0.1:{port}", "user": "alice", "password": "pw"}
    return profile.of({"delivered": box})


def test_pop3_fetches_what_is_new():
    common = [(b"USER alice", b"+OK\r\n"), (b"PASS pw", b"+OK\r\n"), (b"QUIT", b"+OK\r\n")]
    one = [(b"UIDL", b"+OK\r\n1 a\r\n.\r\n"), (b"RETR 1", b"+OK\r\nS: 1\r\n\r\n..x\r\n.\r\n")]
    two = [(b"UIDL", b"+OK\r\n1 a\r\n2 b\r\n.\r\n"), (b"RETR 2", b"+OK\r\nS: 2\r\n\r\n.\r\n")]
    with speaking([common + one, common + two], b"+OK hello\r\n") as port:
        store = stores.store(known("pop3", port), verify_tls=True)
        assert list(store.look()) == [Mail("a", b"S: 1\r\n\r\n.x\r\n", 0.0)]
        assert list(store.look()) == [Mail("b", b"S: 2\r\n\r\n", 0.0)]


def test_pop3_that_refuses_is_told():
    with (
        speaking([[(b"USER", b"-ERR who?\r\n")]], b"+OK\r\n") as port,
        pytest.raises(StoreError, match=r"pop3://127.0.0.1:.* as alice: .*who"),
    ):
        list(stores.store(known("pop3", port), verify_tls=True).look())


def test_imap_fetches_what_is_new():
    def script(search: bytes, fetched: bytes) -> list[tuple[bytes, bytes]]:
        return [
            (b"CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"),
            (b"LOGIN alice", b"{tag} OK done\r\n"),
            (b"EXAMINE", b"* 1 EXISTS\r\n{tag} OK [READ-ONLY]\r\n"),
            (b"SEARCH", search + b"{tag} OK done\r\n"),
            (b"FETCH", fetched + b"{tag} OK done\r\n"),
            (b"LOGOUT", b"* BYE\r\n{tag} OK done\r\n"),
        ]

    fetched = b'* 1 FETCH (UID 4 INTERNALDATE "29-Nov-2026 10:00:00 +0000" BODY[] {9}\r\nS: 1\r\n\r\nx)\r\n'
    sessions = [
        script(b"* SEARCH 4\r\n", fetched),
        script(b"* SEARCH 4\r\n", b""),
    ]
    with speaking(sessions, b"* OK hello\r\n") as port:
        store = stores.store(known("imap", port), verify_tls=True)
        assert list(store.look()) == [Mail("4", b"S: 1\r\n\r\nx", 1795946401.0)]
        assert list(store.look()) == [], "`5:*` names the last mail, though it is number 4"


@pytest.mark.parametrize(
    ("facts", "said"),
    [({}, "does not say"), ({"delivered": {"via": "sink"}}, "needs the path")],
)
def test_profiles_that_name_no_store(facts, said):
    with pytest.raises(StoreError, match=said):
        stores.store(profile.of(facts), verify_tls=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--verify-delivery"], "does not say how delivered mail can be seen"),
        (["--max-lost", "0"], "--max-lost needs --verify-delivery"),
        (["--verify-delivery", "--recipient", "a@x", "--recipient", "b@x"], "one --recipient"),
    ],
)
def test_wrong_usage(words, said, capsys):
    assert cli.main(["smtp", "127.0.0.1:2525", *words]) == 4
    assert said in capsys.readouterr().err


def deliver(folder: Path, mishaps: dict[str, int], *words: str) -> tuple[int, records.Load]:
    facts, results = folder / "target.yaml", folder / "load.jsonl"
    facts.write_text(f"delivered: {{via: maildir, path: {folder}/mail}}\nrecipient: alice@example.test\n")
    with running(Behaviour(maildir=folder / "mail", mishaps=mishaps)) as sink:
        target = ["smtp", f"127.0.0.1:{sink.port}", "-u", "3", "--messages", "60", "--profile", str(facts)]
        code = cli.main([*target, "--results", str(results), "--verify-delivery", *words])
    (load,) = [record for record in records.read(results) if isinstance(record, records.Load)]
    return code, load


def test_a_run_that_loses_nothing(tmp_path, capfd):
    code, load = deliver(tmp_path, {})
    assert code == 0
    assert load.delivery is not None
    assert (load.delivery.acknowledged, load.delivery.delivered, load.delivery.lost) == (60, 60, 0)
    assert (load.delivery.duplicated, load.delivery.altered, load.delivery.markers) == (0, 0, {})
    assert load.thresholds["--max-lost"] == {"limit": 0, "value": 0.0, "ok": True}
    assert "60 acknowledged = 60 delivered + 0 lost" in capfd.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--size-lognormal", "2k:1.5"],
        ["--attachment", "3000"],
        ["--corpus", "CORPUS"],
        ["--pipelining", "off"],
    ],
    ids=lambda words: words[0],
)
def test_whatever_is_sent_is_recognised(words, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    mail = b"From: <a@x>\r\nReceived: from y\r\nSubject: one\r\n\r\n.dot\r\nFrom here\r\n"
    (corpus / "1.eml").write_bytes(mail)
    (corpus / "2.eml").write_bytes(mail.replace(b"one", b"two") + b"last line without end")
    code, load = deliver(tmp_path, {}, *[word.replace("CORPUS", str(corpus)) for word in words])
    assert load.delivery is not None
    assert (load.delivery.delivered, load.delivery.lost, load.delivery.altered) == (60, 0, 0)
    assert code == 0


def test_acknowledged_and_lost_fails_the_run(tmp_path, capfd):
    mishaps = {"lose": 20, "double": 15, "alter": 50}
    code, load = deliver(tmp_path, mishaps, "--verify-within", "0.5")
    assert code == 1
    assert load.delivery is not None
    assert (load.delivery.delivered, load.delivery.lost) == (57, 3)
    assert (load.delivery.duplicated, load.delivery.altered) == (3, 1)
    assert len(load.delivery.markers["lost"]) == 3
    assert "MISSED --max-lost 0: measured 3" in capfd.readouterr().out
    code, load = deliver(tmp_path, mishaps, "--verify-within", "0.5", "--max-lost", "3")
    assert code == 0, "the mails of the first run are of another run"


def test_a_store_that_cannot_be_read_is_told_before_the_run(tmp_path, capfd):
    facts = tmp_path / "target.yaml"
    facts.write_text("delivered: {via: pop3, target: 'pop3://127.0.0.1:9', user: a, password: b}\n")
    with running() as sink:
        words = ["smtp", f"127.0.0.1:{sink.port}", "--messages", "5", "--profile", str(facts)]
        assert cli.main([*words, "--verify-delivery"]) == 2
    assert sink.acknowledged == 0
    assert "delivery cannot be verified: pop3://127.0.0.1:9 as a" in capfd.readouterr().out
