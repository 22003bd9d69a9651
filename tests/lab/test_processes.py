import os
import sys
from pathlib import Path

import pytest
from plumbline.lab import processes
from plumbline.lab.model import LabError
from plumbline.lab.processes import Process

from .conftest import until

# A parent, a child, and a grandchild that has left the tree (its parent ends).
_FAMILY = """
import subprocess, sys, time
sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(sleeper)
orphan = subprocess.run(
    [sys.executable, "-c", "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2).pid)", *sleeper],
    stdout=subprocess.PIPE, start_new_session=True,
)
print(child.pid, int(orphan.stdout), flush=True)
time.sleep(60)
"""


def _spawn(code: str, log: Path) -> Process:
    return processes.spawn([sys.executable, "-c", code], {}, log, str(log))


def _family(log: Path) -> list[Process]:
    parent = _spawn(_FAMILY, log)
    assert until(lambda: log.read_text().count("\n") == 1)
    found = [processes.look(int(pid)) for pid in log.read_text().split()]
    return [parent, *(process for process in found if process)]


def test_stop_ends_children_and_those_who_left_the_tree(tmp_path: Path) -> None:
    log = tmp_path / "log"
    family = _family(log)
    assert len(family) == 3
    assert family[1] in processes.descendants(family[:1])
    assert family[2] not in processes.descendants(family[:1])
    assert set(family) <= processes.marked(str(log))
    processes.stop(family[:1], str(log))
    assert not any(processes.alive(process) for process in family)


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    log = tmp_path / "log"
    process = _spawn(code, log)
    assert until(lambda: "up" in log.read_text())
    processes.stop([process], str(log), grace=0.1)
    assert not processes.alive(process)


def test_a_process_that_got_the_pid_later_is_not_touched(tmp_path: Path) -> None:
    process = _spawn("import time; time.sleep(60)", tmp_path / "log")
    earlier = Process(process.pid, process.started - 1)
    assert not processes.alive(earlier)
    processes.stop([earlier], "nobody's mark")
    assert processes.alive(process)
    processes.stop([process], str(tmp_path / "log"))


def test_a_zombie_is_not_alive() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    assert until(lambda: processes.look(pid) is None)
    os.waitpid(pid, 0)


def test_output_and_standard_input_go_to_the_log(tmp_path: Path) -> None:
    code = "import os, sys; os.write(0, b'in '); os.write(1, b'out '); os.write(2, b'error')"
    process = _spawn(code, tmp_path / "log")
    assert until(lambda: not processes.alive(process))
    assert (tmp_path / "log").read_text() == "in out error"


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="/nowhere/server cannot be started: No such file"):
        processes.spawn(["/nowhere/server"], {}, tmp_path / "log", "mark")
