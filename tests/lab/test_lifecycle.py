import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml
from plumbline import lab
from plumbline.lab import lifecycle, places, processes, state
from plumbline.lab.model import LabError, Product

from .conftest import child_of, until

Make = Callable[..., Product]


# A product that never listens, started by the command.
_ENDLESS_START = """
import sys
from plumbline.lab import catalogue, cli
from plumbline.lab.model import Launch, Product, Program, Source

sleep = Program((sys.executable, "-c", "import time; time.sleep(60)"))
product = Product(
    "sleeper", "", ("smtp",), Source("own", ()), lambda bench: Launch((sleep,), {}), mail_users=False, needs_root=False
)
catalogue.products = lambda: {"sleeper": product}
sys.exit(cli.main(["start", "sleeper"]))
"""


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(places.PREFIX)]


def test_a_started_server_listens_and_is_gone_after_stop(make_product: Make, lab_folder: Path) -> None:
    make_product()
    server = lab.start("listener")
    child = child_of(server.directory)
    socket.create_connection(server.endpoints["smtp"], 5).close()
    assert server.url("smtp") == f"smtp://127.0.0.1:{server.endpoints['smtp'][1]}"
    assert [found.name for found in lab.status()] == ["listener"]
    lab.stop(server)
    assert not processes.alive(child)
    assert processes.look(server.pid) is None
    assert _left(lab_folder) == []
    assert lab.status() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.endpoints["smtp"], 5)


def test_a_stubborn_child_is_killed(make_product: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.stop, "__defaults__", (0.2, 4.0))
    make_product(stubborn="stubborn")
    server = lab.start("listener")
    child = child_of(server.directory)
    lab.stop(server)
    assert not processes.alive(child)


def test_the_profile_file_says_what_the_server_says(make_product: Make) -> None:
    make_product()
    with lab.running("listener") as server:
        assert yaml.safe_load(server.profile_path.read_text()) == server.profile
    assert server.profile["role"] == "mx"
    assert server.profile["delivered"] == {"via": "mbox", "path": "inbox"}
    assert "home" not in server.profile  # a fact of FTP


def test_the_same_product_runs_twice(make_product: Make) -> None:
    make_product()
    with lab.running("listener") as one, lab.running("listener") as two:
        assert (one.name, two.name) == ("listener", "listener-2")
        assert one.endpoints["smtp"] != two.endpoints["smtp"]


def test_a_name_is_given_once(make_product: Make) -> None:
    make_product()
    with (
        lab.running("listener"),
        pytest.raises(lab.AlreadyRunningError, match="plumbline lab stop listener"),
    ):
        lab.start("listener", instance="listener")


def test_a_product_that_runs_once_only_says_why(make_product: Make) -> None:
    make_product(single="its socket has a fixed path")
    with lab.running("listener"), pytest.raises(lab.AlreadyRunningError, match="its socket has a fixed path"):
        lab.start("listener")


def test_a_start_that_fails_shows_the_log_and_leaves_nothing(make_product: Make, lab_folder: Path) -> None:
    make_product(script="print('no such mailbox: /var/x'); raise SystemExit(3)")
    with pytest.raises(LabError) as failure:
        lab.start("listener")
    assert "listener does not start: the program ended at once" in str(failure.value)
    assert "no such mailbox: /var/x" in str(failure.value)
    assert _left(lab_folder) == []
    assert state.load_all() == []


def test_a_start_that_is_interrupted_leaves_nothing(
    make_product: Make, lab_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_product()
    monkeypatch.setattr(lifecycle.ports, "await_open", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    before = processes.descendants([_me()])
    with pytest.raises(KeyboardInterrupt):
        lab.start("listener")
    assert _left(lab_folder) == []
    assert processes.descendants([_me()]) <= before


def _me() -> processes.Process:
    me = processes.look(os.getpid())
    assert me
    return me


def test_stop_of_something_that_does_not_run(make_product: Make) -> None:
    make_product()
    with pytest.raises(lab.NotRunningError, match="listener is not running"):
        lab.stop("listener")


def test_a_server_that_was_stopped_and_started_again_is_another_one(make_product: Make) -> None:
    make_product()
    with lab.running("listener") as old:
        pass
    with lab.running("listener") as new:
        with pytest.raises(lab.NotRunningError):
            lab.stop(old)
        assert lab.status() == [new]


def test_what_died_by_itself_is_cleared_away(make_product: Make, lab_folder: Path) -> None:
    make_product()
    first = lab.start("listener")
    processes.stop([_found(first.pid)], "nobody's mark")
    assert lab.status() == []
    with lab.running("listener") as second:
        assert second.name == "listener"
        assert _left(lab_folder) == [second.directory.name]


def _found(pid: int) -> processes.Process:
    found = processes.look(pid)
    assert found
    return found


@pytest.mark.parametrize(("sig", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_a_start_command_that_is_ended_leaves_nothing(
    sig: signal.Signals, code: int, make_product: Make, lab_folder: Path
) -> None:
    """SIGKILL cannot be caught: then the next start clears away what is left."""
    starter = subprocess.Popen([sys.executable, "-c", _ENDLESS_START], stderr=subprocess.PIPE)
    assert until(lambda: any(record.processes for record in state.load_all()))
    (record,) = state.load_all()
    starter.send_signal(sig)
    starter.communicate()
    assert starter.returncode == code
    make_product()
    with lab.running("listener"):
        assert not any(processes.alive(process) for process in record.processes)
        assert not Path(record.directory).exists()
        assert len(_left(lab_folder)) == 1


def test_the_state_survives_its_process(make_product: Make) -> None:
    make_product()
    with lab.running("listener") as server:
        record = state.load("listener")
        assert record
        assert record.server == server
        assert record.alive()


def test_a_record_that_cannot_be_read_counts_as_none(lab_folder: Path) -> None:
    path = places.cache_folder("state") / "listener.json"
    path.write_text("{")
    assert state.load_all() == []
    assert not path.exists()


def test_a_name_is_claimed_by_one(lab_folder: Path) -> None:
    record = state.claim("one", "listener")
    assert record
    assert state.claim("one", "listener") is None
    assert record.alive()  # it is being started by us
    assert msgspec.structs.asdict(record)["starter"].pid == os.getpid()
    state.drop(record)


def test_a_stop_by_another_process(make_product: Make) -> None:
    """The record alone must be enough, as for `plumbline lab stop`."""
    make_product()
    server = lab.start("listener")
    script = "import sys; from plumbline.lab import lifecycle; lifecycle.stop(sys.argv[1])"
    log = server.directory.parent / "stop.log"
    environment = {"PLUMBLINE_LAB_CACHE": os.environ["PLUMBLINE_LAB_CACHE"]}
    stopper = processes.spawn([sys.executable, "-c", script, server.name], environment, log, "stopper")
    assert until(lambda: not processes.alive(stopper))
    assert log.read_text() == ""
    assert processes.look(server.pid) is None
    assert not server.directory.exists()


def test_a_crashed_server_comes_up_again_in_the_same_place(make_product: Make) -> None:
    make_product(stubborn="stubborn")
    server = lab.start("listener")
    child = child_of(server.directory)
    lab.crash(server)
    assert not processes.alive(child)
    assert processes.look(server.pid) is None
    socket.create_connection(server.endpoints["smtp"], 5).close()
    again = child_of(server.directory)
    assert processes.alive(again)
    lab.stop("listener")
    assert not processes.alive(again)
    with pytest.raises(lab.NotRunningError):
        lab.crash("listener")
