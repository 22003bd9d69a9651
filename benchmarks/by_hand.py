"""Threads with smtplib: the load script one would write by hand. by_hand.py PORT SESSIONS MESSAGES SIZE REUSE"""

from __future__ import annotations

import smtplib
import sys
import threading


def send(port: int, messages: int, size: int, reuse: bool) -> None:
    """One session's share."""
    text = b"Subject: by hand\r\n\r\n" + (b"x" * 78 + b"\r\n") * (size // 80)
    client = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example")
    for number in range(messages):
        client.sendmail("load@client.example", ["sink@server.example"], text)
        if not reuse and number + 1 < messages:
            client.quit()
            client = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example")
    client.quit()


def main() -> None:
    """Share the messages among the threads."""
    port, sessions, messages, size, reuse = map(int, sys.argv[1:])
    each = [messages // sessions + (index < messages % sessions) for index in range(sessions)]
    threads = [threading.Thread(target=send, args=(port, n, size, bool(reuse))) for n in each if n]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
