"""Intake of events over HTTP: signed, durable, two web processes, eight senders at once; and how many are lost when the
web is killed meanwhile.

The floor is the same rows by the same senders' number of commits straight into the same kind of database. Every
request is built before the clock starts.
"""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from bench.intake import fresh_database, postgres
from bench.measure import figure, timed
from bench.web_server import WebServer
from exceptions_app.connectors.events.signatures import sign_standard
from exceptions_app.models import InboxEvent
from exceptions_app.services import schema
from exceptions_app.services.engine import prepare_engine, reading

SENDERS, WORKERS = 8, 2
SINGLE, BATCHED, BATCH = 6_000, 200_000, 200
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SITE = """\
site: {name: Bench, reporting_currency: USD}
entities: [{code: H01, name: First}]
record_types:
  - {code: note, title: Note, key: [number], columns: {number: {required: true}, text: {}}}
systems:
  - {code: PORTAL, name: Portal, kind: other, connector: events,
     connection: {signature: {type: standard, secrets: ["env:BENCH_EVENTS"]}}}
feeds:
  - {code: notes, system: PORTAL, record_type: note, read: {max_bytes: 4000000},
     mapping: {entity: entity, number: number, text: text}}
"""
_numbers = count(1)


@contextmanager
def web(database: str) -> Iterator[WebServer]:
    """Two web processes on a fresh install."""
    directory = Path(tempfile.mkdtemp(prefix="tieout-bench-"))
    (directory / "catalog").mkdir()
    (directory / "catalog" / "site.yaml").write_text(SITE, encoding="utf-8")
    schema.upgrade(database)
    found = WebServer(database, directory, WORKERS, {"BENCH_EVENTS": SECRET})
    try:
        yield found
    finally:
        found.kill()
        shutil.rmtree(directory, ignore_errors=True)


def request(events: int) -> tuple[list[str], bytes]:
    """The ids of so many events, and a signed request that carries them."""
    ids = [f"e{next(_numbers)}" for _ in range(events)]
    found = [
        {
            "specversion": "1.0", "id": number, "source": "/portal", "type": "note.changed",
            "time": "2026-11-22T16:30:00Z", "data": {"entity": "H01", "number": number, "text": "x" * 200},
        }
        for number in ids
    ]  # fmt: skip
    body = json.dumps(found if events > 1 else found[0]).encode()
    at = int(time.time())
    media = "application/cloudevents-batch+json" if events > 1 else "application/cloudevents+json"
    head = (
        f"POST /api/v1/events/notes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {media}\r\n"
        f"webhook-id: {ids[0]}\r\nwebhook-timestamp: {at}\r\n"
        f"webhook-signature: {sign_standard(SECRET, ids[0], at, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return ids, head.encode() + body


def send(port: int, requests: Sequence[tuple[list[str], bytes]]) -> list[str]:
    """Send them one after another; the ids that were accepted."""
    accepted: list[str] = []
    for ids, content in requests:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(content)
                answer = connection.recv(64)
        except OSError:
            continue
        if answer.startswith(b"HTTP/1.1 202"):
            accepted += ids
    return accepted


def send_all(port: int, requests: Sequence[tuple[list[str], bytes]]) -> set[str]:
    """By all senders at once."""
    shares = [requests[number::SENDERS] for number in range(SENDERS)]
    with ThreadPoolExecutor(SENDERS) as pool:
        return {number for some in pool.map(lambda share: send(port, share), shares) for number in some}


def kept(database: str) -> set[str]:
    engine = prepare_engine(create_engine(database))
    with Session(engine) as session:
        found = set(reading(session).scalars(select(InboxEvent.event_id)))
    engine.dispose()
    return found


def measured(server: str | None, total: int, batch: int) -> tuple[float, int]:
    """Events a second, and how many of those accepted are not there although the web was killed twice."""
    database = fresh_database(server)
    with web(database) as running:
        warm = [request(batch) for _ in range(4 * SENDERS)]
        accepted = send_all(running.port, warm)
        requests = [request(batch) for _ in range(total // batch)]
        seconds, found = timed(lambda: send_all(running.port, requests))
        assert len(found) == total // batch * batch, len(found)
        accepted |= found | _killed(running, batch, total // 2)
        lost = len(accepted - kept(database))
    return total / seconds, lost


def _killed(running: WebServer, batch: int, total: int) -> set[str]:
    """What was accepted while the web was killed in the middle of it, and started again."""
    accepted: set[str] = set()
    for _ in range(2):
        requests = [request(batch) for _ in range(total // batch)]
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send_all, running.port, requests)
            time.sleep(0.5)
            running.kill()
            accepted |= sending.result()
        running.start()
    return accepted


def floor(total: int, batch: int) -> float:
    """Events a second of plain commits by one writer."""
    path = Path(tempfile.mkdtemp(prefix="tieout-bench-")) / "floor.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {statement}")
    connection.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body TEXT)")
    rows = [(f"e{number}", "x" * 400) for number in range(total)]

    def write() -> None:
        for start in range(0, total, batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO event (name, body) VALUES (?, ?)", rows[start : start + batch]
            )
            connection.execute("COMMIT")

    seconds, _ = timed(write)
    connection.close()
    shutil.rmtree(path.parent)
    return total / seconds


def report(name: str, server: str | None, total: int, batch: int, goal: int) -> None:
    """One figure."""
    found = [measured(server, total, batch) for _ in range(3)]
    rate, lost = sorted(rate for rate, _ in found)[1], sum(lost for _, lost in found)
    figure(
        name, total, rate, "events/s", against="plain commits to SQLite, one writer", ratio=rate / floor(total, batch),
        goal=f">= {goal} events/s, none lost under kill -9 (lost: {lost})", met=rate >= goal and not lost,
    )  # fmt: skip


def main() -> None:
    """Print the figures."""
    single, batched = (int(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (SINGLE, BATCHED)
    report("events_single_sqlite", None, single, 1, 800)
    report("events_batched_sqlite", None, batched, BATCH, 15_000)
    with postgres() as server:
        report("events_single_postgres", server, single, 1, 800)
        report("events_batched_postgres", server, batched, BATCH, 15_000)


if __name__ == "__main__":
    main()
