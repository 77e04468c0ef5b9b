"""A system that takes a given time for each write and then says yes: what delivery is measured against.

Run as a program it prints its port. One asyncio loop, as little of its own as can be: the cores are for the subject.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

ANSWER = b'{"status":"done"}'
REPLY = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)


async def _serve(service: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                )
                await reader.readexactly(length)
                await asyncio.sleep(service)
                writer.write(REPLY)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:  # until whoever started it is gone, however it ended
        await asyncio.to_thread(sys.stdin.read)


def start(service: float) -> tuple[subprocess.Popen[str], str]:
    """The target as a process of its own, and its address. It ends with the caller."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(service)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, f"http://127.0.0.1:{process.stdout.readline().strip()}"


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
