import socket
from pathlib import Path

import pytest
from plumbline.lab import ports
from plumbline.lab.model import LabError


def test_free_ports_are_different_and_can_be_bound() -> None:
    chosen = ports.choose(("smtp", "pop3", "imap"))
    assert list(chosen) == ["smtp", "pop3", "imap"]
    assert len(set(chosen.values())) == 3
    for port in chosen.values():
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", port))


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    start = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(port < start for port in ports.choose(("smtp", "ftp")).values()) or start < 11240


def test_ports_of_other_instances_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_LOWEST", 20000)
    monkeypatch.setattr(ports, "_outgoing_start", lambda: 20004)
    taken = {20000, 20001, 20002}
    with pytest.raises(LabError, match="no 2 free ports"):
        ports.choose(("smtp", "ftp"), taken=taken)


def test_fixed_ports_stand_at_their_places() -> None:
    base = min(ports.free(["smtp"]).values())
    assert ports.fixed(("smtp",), base) == {"smtp": base}


def test_a_fixed_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(LabError, match=rf"port {port} \(smtp\) is in use"):
            ports.fixed(("smtp",), port)


def test_fixed_ports_must_be_ports() -> None:
    with pytest.raises(LabError, match="between 1 and 65535"):
        ports.fixed(("smtp", "ftps"), 65530)


def test_waiting_for_a_port_ends_at_its_deadline() -> None:
    port = ports.free(["smtp"])["smtp"]
    with pytest.raises(LabError, match=rf"nothing listens on smtp \({port}\) after 0 s"):
        ports.await_open({"smtp": port}, lambda: None, 0)


def test_waiting_for_a_port_ends_when_it_has_become_useless() -> None:
    def ended() -> None:
        raise LabError("it is dead")

    with pytest.raises(LabError, match="it is dead"):
        ports.await_open({"smtp": ports.free(["smtp"])["smtp"]}, ended, 60)
