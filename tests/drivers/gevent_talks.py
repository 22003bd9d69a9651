"""Run by test_gevent: many conversations at once, each in a greenlet; prints the answers."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import sys

import gevent
from plumbline.probes.drivers.blocking_driver import play
from plumbline.probes.ops import Close, Lost, Open, Recv, Send, Sleep, StartTLS, Talk, handshake, received

PORT, MANY, TLS = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "tls"


def talk(number: int) -> Talk[str]:
    yield Open("main", "localhost" if number % 2 else "127.0.0.1", PORT, 5)
    if TLS:
        yield from handshake(StartTLS("main", "mx.example", 5))
    before = "something"
    try:
        yield Recv("main", 0.05)
    except Lost as lost:
        before = lost.trouble.value
    yield Sleep(0.001)
    yield Send("main", b"%d" % number, 5)
    answer = yield from received(Recv("main", 5))
    yield Close("main")
    return f"{before}, {answer.decode()}"


greenlets = [gevent.spawn(play, talk(number)) for number in range(MANY)]
gevent.joinall(greenlets, raise_error=True)
print(json.dumps([greenlet.value for greenlet in greenlets]))
