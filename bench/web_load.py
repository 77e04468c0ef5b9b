"""Queue pages a second that two web processes serve to sixteen readers, over HTTP, at 200,000 live exceptions.

Each reader is signed in, keeps its connection, and asks for one filtered and sorted page after another, compressed, as
a browser does. The readers are processes of their own on the same machine; what they cost is part of the figure. The
floor is the same readers asking for `/healthz`: what the server and the readers can do without a page.
"""

from __future__ import annotations

import http.client
import multiprocessing
import re
import time
import urllib.parse
from pathlib import Path

from bench.measure import figure
from bench.queue_data import EMAIL, PASSWORD, SITE, installs
from bench.queue_page import FIRST
from bench.web_server import WebServer

SIZE = 1_000_000
READERS, WORKERS, SECONDS = 16, 2, 10.0
GOAL = 150
_READING = 2  # processes, with eight readers each


class Reader:
    """A browser without the screen: one connection, one session."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> int:
        """Bytes of the answer."""
        return len(self._ask("GET", path))

    def sign_in(self) -> None:
        page = self._ask("GET", "/sign-in", plain=True).decode()
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        form = {"email": EMAIL, "password": PASSWORD, "csrf_token": found[1] if found else ""}
        self._ask("POST", "/sign-in", urllib.parse.urlencode(form), expected=303)

    def _ask(self, method: str, path: str, body: str = "", expected: int = 200, plain: bool = False) -> bytes:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        headers |= {} if plain else {"Accept-Encoding": "zstd"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == expected, (path, answer.status)
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return content


def _read(port: int, readers: int, paths: list[str], begin: float) -> tuple[int, int]:
    """Answers and bytes of so many readers at once, between `begin` and `SECONDS` later."""
    from concurrent.futures import ThreadPoolExecutor

    people = [Reader(port) for _ in range(readers)]
    for one in people:
        one.sign_in()
    time.sleep(max(0.0, begin - time.time()))

    def go_on(number: int) -> tuple[int, int]:
        answers = size = 0
        while time.time() < begin + SECONDS:
            size += people[number].get(paths[(number + answers) % len(paths)])
            answers += 1
        return answers, size

    with ThreadPoolExecutor(readers) as pool:
        found = list(pool.map(go_on, range(readers)))
    return sum(answers for answers, _ in found), sum(size for _, size in found)


def rate(port: int, paths: list[str]) -> tuple[float, float]:
    """Answers a second, and bytes of each."""
    begin = time.time() + 5
    with multiprocessing.get_context("spawn").Pool(_READING) as pool:
        found = pool.starmap(_read, [(port, READERS // _READING, paths, begin)] * _READING)
    answers = sum(one for one, _ in found)
    return answers / SECONDS, sum(size for _, size in found) / max(answers, 1)


def measure(name: str, directory: Path, database: str, size: int) -> None:
    """Both figures of one database."""
    server = WebServer(
        database, directory, WORKERS, {"TIEOUT_CATALOG": str(SITE), "TIEOUT_SECRET_KEY": "bench"}
    )
    try:
        # It renews the hash that the data was filled with, before others sign in at once.
        Reader(server.port).sign_in()
        floor, _ = rate(server.port, ["/healthz"])
        pages, weight = rate(server.port, [f"/queue?{query}" for query in FIRST.values()])
    finally:
        server.kill()
    figure(
        f"queue pages {name}: {READERS} readers, {WORKERS} web processes", size, pages, "pages/s",
        against="the same readers asking for /healthz", ratio=pages / floor, goal=f">= {GOAL} pages/s",
        met=pages >= GOAL,
    )  # fmt: skip
    figure(f"queue page {name}: bytes as sent", size, weight, "bytes")


def main() -> None:
    """`web_load.py [sqlite] [SIZE]`."""
    for name, instance, url, size in installs("bench-load-", SIZE):
        directory = Path(instance)
        measure(name, directory, url or f"sqlite:///{directory / 'tieout.sqlite'}", size)


if __name__ == "__main__":
    main()
