"""A system that gives its order lines page by page, each after a given time: what `bench/rest.py` reads from.

Run as a program it prints its port. Its pages are made beforehand: the cores are for the subject.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys


def pages(count: int, size: int) -> list[bytes]:
    """The whole answers, each with the link to the next."""
    found = []
    for page in range(count):
        rows = [
            {
                "orderNumber": f"45{number // 5:08}", "line": f"{number % 5 + 1:05}", "company": f"E{number % 4}",
                "vendor": {"id": f"V{number % 977:05}", "name": "Supplies & Co"}, "quantity": number % 90 + 1,
                "unit": "EA", "unitPrice": f"{number % 500}.25", "currency": "USD", "status": "open",
                "modifiedAt": f"2026-11-21T{number % 24:02}:00:00Z",
            }
            for number in range(page * size, (page + 1) * size)
        ]  # fmt: skip
        link = {"@odata.nextLink": f"/lines?page={page + 1}"} if page + 1 < count else {}
        body = json.dumps({"value": rows, **link}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        found.append(head + body)
    return found


async def _serve(delay: float, answers: list[bytes]) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked = head.split(b" ", 2)[1].rpartition(b"page=")[2]
                await asyncio.sleep(delay)
                writer.write(answers[int(asked) if asked.isdigit() else 0])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:  # until whoever started it is gone, however it ended
        await asyncio.to_thread(sys.stdin.read)


def start(delay: float, count: int, size: int) -> tuple[subprocess.Popen[str], str]:
    """The source as a process of its own, and its address. It ends with the caller."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(delay), str(count), str(size)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, f"http://127.0.0.1:{process.stdout.readline().strip()}"


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), pages(int(sys.argv[2]), int(sys.argv[3]))))
