"""An SMTP sink for tests: deterministic, counts every message it acknowledged, misbehaves on demand."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


class Hangup(Exception):
    """Close the connection now."""


@dataclass
class Behaviour:
    """`answers` maps a verb (or CONNECT, END) to the answer, a format string; {n} is the message's number.

    `every` maps a verb to (period, answer): each period-th time that answer instead. An answer of "" is
    silence, "HANGUP" closes, "RESET" resets.
    """

    capabilities: tuple[str, ...] = ("PIPELINING", "8BITMIME")
    answers: dict[str, str] = field(default_factory=dict)
    every: dict[str, tuple[int, str]] = field(default_factory=dict)
    delays: dict[str, tuple[int, float]] = field(default_factory=dict)  # verb: (which time, seconds)
    pauses: dict[str, float] = field(default_factory=dict)  # verb: seconds before each answer
    die_after: int = 0  # messages; then the sink closes everything and accepts no more
    piecemeal: bool = False  # replies octet by octet
    stays: bool = False  # keeps the connection after its answer to QUIT
    lmtp: bool = False
    host: str = "127.0.0.1"
    maildir: Path | None = None  # acknowledged mails are kept there, as a server would
    mishaps: dict[str, int] = field(default_factory=dict)  # lose, double, alter: every n-th message
    tls: ssl.SSLContext | None = None  # for implicit TLS, or STARTTLS where that is among the capabilities


_DEFAULT = {
    "CONNECT": "220 sink ESMTP",
    "HELO": "250 sink",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "END": "250 2.0.0 queued as {n}",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


class Sink:
    """What arrived: `acknowledged` counts good answers to the end of data, `messages` their identifiers."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.port = 0
        self.acknowledged = 0
        self.connections = 0
        self.commands: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.sizes: set[int] = set()
        self.recipients: set[str] = set()
        self.parameters: Counter[str] = Counter()  # of MAIL
        self.peers: set[str] = set()  # addresses
        self.contents: list[bytes] = []  # of messages that were acknowledged, without the added dots
        self._writers: set[asyncio.StreamWriter] = set()
        self.serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.dead = False

    async def start(self) -> None:
        implicit = None if "STARTTLS" in self.behaviour.capabilities else self.behaviour.tls
        self._server = await asyncio.start_server(
            self._serve, self.behaviour.host, 0, limit=1 << 24, backlog=512, ssl=implicit
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        self.dead = True
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        with suppress(Exception):
            await asyncio.wait_for(self._server.wait_closed(), 2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.peers.add(writer.get_extra_info("peername")[0])
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        if self.dead:
            writer.transport.abort()
        try:
            await Talk(self, reader, writer).run()
        except (Hangup, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.serving.discard(task)
            writer.close()


@dataclass
class Talk:
    """One conversation."""

    sink: Sink
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    mail: bool = False
    accepted: int = 0

    async def run(self) -> None:
        await self.answer("CONNECT")
        while line := await self.reader.readline():
            verb = line.split()[0].decode().upper() if line.split() else ""
            if verb == "MAIL":
                self.sink.parameters.update(line.decode().split()[2:])
            if verb == "RCPT":
                self.sink.recipients.add(line.decode().partition("<")[2].partition(">")[0])
            if verb == "QUIT":
                await self.answer("QUIT")
                await asyncio.sleep(30 if self.sink.behaviour.stays else 0)
                return
            if verb == "BDAT":
                await self.chunk(line)
            else:
                await self.command(verb)

    async def command(self, verb: str) -> None:
        self.sink.commands[verb] += 1
        if verb in ("EHLO", "LHLO"):
            lines = ["sink", *self.sink.behaviour.capabilities]
            await self.answer(verb, "\r\n".join(f"250-{w}" for w in lines[:-1]) + f"\r\n250 {lines[-1]}")
            return
        if verb == "STARTTLS" and self.sink.behaviour.tls:
            await self.say("220 go ahead")
            await self.writer.start_tls(self.sink.behaviour.tls)
            return
        if self.out_of_order(verb):
            await self.say("503 5.5.1 bad sequence")
            return
        sent = await self.answer(verb, _DEFAULT.get(verb, "500 5.5.2 what?"))
        if verb in ("MAIL", "RSET"):
            self.accepted, self.mail = 0, verb == "MAIL" and sent.startswith("2")
        self.accepted += verb == "RCPT" and sent.startswith("2")
        if verb == "DATA" and sent.startswith("354"):
            await self.message()

    def out_of_order(self, verb: str) -> bool:
        if verb == "DATA" and "DATA" not in self.sink.behaviour.answers:
            return not self.accepted
        return (verb == "RCPT" and not self.mail) or (verb == "MAIL" and self.mail)

    async def message(self) -> None:
        lines = []
        while (line := await self.reader.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if not line:
            raise Hangup
        await self.taken(b"".join(lines))

    async def chunk(self, line: bytes) -> None:
        """BDAT LAST (RFC 3030); without a recipient the octets are read and thrown away."""
        self.sink.commands["BDAT"] += 1
        _, size, last = line.split()
        assert last == b"LAST"
        content = await self.reader.readexactly(int(size))
        if self.accepted:
            await self.taken(re.sub(rb"(?m)^\.", b"..", content))
        else:
            await self.say("503 5.5.1 no recipients")

    async def taken(self, content: bytes) -> None:
        """The whole message is here."""
        self.mail = False
        self.note(content)
        for _ in range(max(self.accepted, 1) if self.sink.behaviour.lmtp else 1):
            sent = await self.answer("END")
        self.accepted = 0
        if sent.startswith("2"):
            await self.acknowledge()

    def note(self, content: bytes) -> None:
        self.sink.sizes.add(len(content))
        found = re.search(rb"Message-ID: <([^>]*)>", content)
        self.last = found[1].decode() if found else ""
        self.content = re.sub(rb"(?m)^\.", b"", content)

    async def acknowledge(self) -> None:
        self.sink.acknowledged += 1
        self.sink.contents.append(self.content)
        self.sink.messages[self.last] += 1
        if self.sink.behaviour.maildir:
            self.store(self.sink.behaviour.maildir)
        if self.sink.acknowledged == self.sink.behaviour.die_after:
            await self.writer.drain()
            asyncio.get_running_loop().create_task(self.sink.die())

    def store(self, folder: Path) -> None:
        def happens(what: str) -> bool:
            every = self.sink.behaviour.mishaps.get(what, 0)
            return bool(every) and number % every == 0

        number = self.sink.acknowledged
        mail = b"Return-Path: <x@y.example>\r\nReceived: from z\r\n\tby sink\r\n" + self.content
        mail = mail.replace(b"line of text", b"line of tex.") if happens("alter") else mail
        copies = 0 if happens("lose") else 2 if happens("double") else 1
        for copy in range(copies):
            (folder / "new").mkdir(parents=True, exist_ok=True)
            (folder / "new" / f"{self.sink.port}.{number}.{copy}").write_bytes(mail.replace(b"\r\n", b"\n"))

    async def answer(self, verb: str, default: str = "") -> str:
        behaviour, commands = self.sink.behaviour, self.sink.commands
        if verb in ("CONNECT", "END", "QUIT"):
            commands[verb] += 1
        text = behaviour.answers.get(verb, default or _DEFAULT.get(verb, ""))
        period, other = behaviour.every.get(verb, (0, ""))
        if period and commands[verb] % period == 0:
            text = other
        which, seconds = behaviour.delays.get(verb, (0, 0.0))
        if which and commands[verb] == which:
            await asyncio.sleep(seconds)
        if verb in behaviour.pauses:
            await asyncio.sleep(behaviour.pauses[verb])
        return await self.say(text.format(n=self.sink.acknowledged + 1))

    async def say(self, text: str) -> str:
        if text == "":
            await asyncio.sleep(30)
        if text == "RESET":
            self.writer.transport.abort()
        if text in ("HANGUP", "RESET"):
            raise Hangup
        octets = text.encode() + b"\r\n"
        for piece in (
            [octets[i : i + 1] for i in range(len(octets))] if self.sink.behaviour.piecemeal else [octets]
        ):
            self.writer.write(piece)
            if self.sink.behaviour.piecemeal:
                await asyncio.sleep(0)
        await self.writer.drain()
        if text.startswith("421"):
            raise Hangup
        return text


@contextmanager
def running(behaviour: Behaviour | None = None) -> Iterator[Sink]:
    """A sink on a free port, in a thread."""
    loop, sink = asyncio.new_event_loop(), Sink(behaviour or Behaviour())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sink.start(), loop).result(5)
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(_finish(sink), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _finish(sink: Sink) -> None:
    """Leave no socket behind. A task that has not begun is let begin: cancelled before, it would close nothing."""
    await sink.die()
    ours = asyncio.current_task()
    for _ in range(400):
        for task in list(sink.serving):
            task.cancel()
        await asyncio.sleep(0.005)
        if not asyncio.all_tasks() - {ours}:
            break
    for _ in range(5):  # closing a transport takes the loop another turn
        await asyncio.sleep(0)
