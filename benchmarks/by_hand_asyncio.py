"""Tasks with aiosmtplib: by_hand.py on asyncio. by_hand_asyncio.py PORT SESSIONS MESSAGES SIZE REUSE"""

from __future__ import annotations

import asyncio
import sys

import aiosmtplib


async def send(port: int, messages: int, size: int, reuse: bool) -> None:
    """One session's share."""
    text = b"Subject: by hand\r\n\r\n" + (b"x" * 78 + b"\r\n") * (size // 80)
    left = messages
    while left:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, local_hostname="client.example", start_tls=False, use_tls=False
        ) as client:
            for _ in range(left if reuse else 1):
                await client.sendmail("load@client.example", ["sink@server.example"], text)
                left -= 1


async def main() -> None:
    """Share the messages among the tasks."""
    port, sessions, messages, size, reuse = map(int, sys.argv[1:])
    each = [messages // sessions + (index < messages % sessions) for index in range(sessions)]
    await asyncio.gather(*(send(port, n, size, bool(reuse)) for n in each if n))


if __name__ == "__main__":
    asyncio.run(main())
