"""The next hops of a run, on real loopback sockets."""

from __future__ import annotations

import socket

from plumbline.probes.nexthops import NextHops
from plumbline.probes.ops import Address


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_mail_is_kept_and_the_port_is_free_afterwards():
    place = Address("127.0.0.1", free_port())
    for _ in range(2):
        hops = NextHops({"full": place})
        hops.start()
        with socket.create_connection((place.host, place.port), 10) as sock, sock.makefile("rb") as said:
            sock.sendall(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@h>\r\nDATA\r\ntext\r\n.\r\nQUIT\r\n")
            assert said.read().endswith(b"221 2.0.0 bye\r\n")
        hops.close()
        assert [mail.octets for mail in hops.postbox.arrivals] == [b"text\r\n"]
        assert hops.postbox.connections == {"full": 1}


def test_one_that_vanishes_does_not_disturb_the_others():
    place = Address("127.0.0.1", free_port())
    hops = NextHops({"plain": place})
    hops.start()
    with socket.create_connection((place.host, place.port), 10) as other:
        with socket.create_connection((place.host, place.port), 10) as sock:
            sock.sendall(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@h>\r\nDATA\r\nhalf")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        other.sendall(b"QUIT\r\n")
        with other.makefile("rb") as said:
            assert b"221" in said.read()
    hops.close()
    assert hops.postbox.arrivals == []


def test_a_port_in_use_is_told_in_words():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        hops = NextHops({"plain": Address("127.0.0.1", free_port()), "full": Address("127.0.0.1", port)})
        hops.start()
        hops.close()

    assert f"'full' cannot listen on 127.0.0.1 port {port}: Address already in use" in hops.postbox.trouble


def test_closing_what_was_not_started_and_closing_twice_are_no_errors():
    hops = NextHops({})
    hops.close()
    hops.start()
    hops.close()
    hops.close()
