"""Delivery of a batch of retries to a target that takes 5 ms for each, by one job process, four at once; and how true a
throttled batch keeps to its rate.

The floor is the same calls by a plain client in four threads, without any outbox. Every figure is the median of fresh
processes that take turns.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from bench.delivery_target import start
from bench.intake import SITE, discrepancies, fresh_database, postgres, run_intake
from bench.measure import Subject, figure, interleave
from exceptions_app.access import viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, Role, User
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import (
    configuration,
    people,
    retry_asking,
    retry_preparing,
    schema,
    system_gates,
)
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.engine import prepare_engine
from jobs.handlers import HANDLERS
from jobs.runner import Runner

SIZE = 3_000
SERVICE, CONCURRENCY = 0.005, 4
THROTTLED, RATE = 10_000, 250
WRITES = """\
systems:
  - code: TARGET
    name: The target
    kind: other
    connector: rest
    connection: {{base_url: "{url}"}}
    delivery: {{idempotent: true, concurrency: {concurrency}, rate_per_second: {rate}}}
operations:
  - code: send.price
    title: Send the price again
    system: TARGET
    category: [test_price]
    fields:
      order: {{source: key.order_number}}
      line: {{source: key.line_number}}
      price: {{source: invoice.price, type: money}}
    submit: {{path: "/orders/{{order}}/{{line}}", body: {{order: "{{order}}", price: "{{price}}"}}}}
"""


def delivery(server: str | None, size: int, rate: int) -> Callable[[], float]:
    """A subject: one job process sends a batch that is prepared; gives how many were accepted."""
    directory = Path(tempfile.mkdtemp(prefix="tieout-bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    target, url = start(SERVICE)
    atexit.register(target.kill)
    catalog = _catalog(directory, url, rate)
    database = fresh_database(server)
    schema.upgrade(database)
    engine = prepare_engine(create_engine(database))
    _prepare_batch(engine, catalog, size)
    settings = Settings(instance=directory / "instance", catalog=directory / "catalog")
    runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))

    def call() -> float:
        while Runner(runtime, engine, HANDLERS, {"deliver"}).run_one():
            pass
        with Session(engine) as session:
            done = select(func.count()).select_from(Delivery).where(Delivery.status == "accepted")
            return float(session.scalar(done) or 0)

    return call


def plain(size: int) -> Callable[[], float]:
    """A subject: the same calls by a plain client, four threads, and nothing kept of them."""
    target, url = start(SERVICE)
    atexit.register(target.kill)
    client = httpx2.Client()

    def send(number: int) -> int:
        headers = {"Idempotency-Key": f"{number:032x}", "Content-Type": "application/json"}
        body = json.dumps({"order": f"PO-{number:07d}", "price": number}).encode()
        return client.post(f"{url}/orders/PO-{number:07d}/1", content=body, headers=headers).status_code

    def call() -> float:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            return float(sum(status == 201 for status in pool.map(send, range(size))))

    return call


def _catalog(directory: Path, url: str, rate: int) -> Catalog:
    site = directory / "catalog"
    shutil.copytree(SITE, site)
    text = WRITES.format(url=url, concurrency=CONCURRENCY, rate=rate)
    (site / "writes.yaml").write_text(text, encoding="utf-8")
    return load_catalog(site, connector_models())


def _prepare_batch(engine: Engine, catalog: Catalog, size: int) -> None:
    """So many exceptions, and a batch that waits to be sent for all of them."""
    run_intake(engine, catalog, discrepancies(size))
    with Session(engine, expire_on_commit=False) as session:
        user = people.create_user(
            session, email="bench@example.org", name="Bench", password="correct horse battery", role=Role.MANAGER,
            queues=("*",), entities=("*",), time_zone="UTC", by="system:bench", now=utc_now(), cheap=True,
        )  # fmt: skip
        session.commit()
        context = _context(session, catalog, user)
        ids = list(session.scalars(select(ExceptionCase.id).order_by(ExceptionCase.id)))
        batch = retry_asking.start(
            session, context, viewer_for(user, catalog), token="bench", case_ids=ids, title="Bench"
        )  # fmt: skip
        session.commit()
        for first in range(0, len(ids), retry_preparing.CHUNK):
            some = ids[first : first + retry_preparing.CHUNK]
            batch = session.get_one(RetryBatch, batch.id)
            retry_preparing.prepare(session, context, batch, {}, case_ids=some)
            session.commit()
        retry_preparing.complete(session, context, batch)
        system_gates.ask_to_send(session, "TARGET", utc_now())
        session.commit()


def _context(session: Session, catalog: Catalog, user: User) -> ActionContext:
    snapshot = configuration.accept(session, catalog, "system:bench", utc_now())
    session.commit()
    return ActionContext(catalog, utc_now(), Actor("user", user.name, user.id), snapshot, "bench")


def main() -> None:
    """Print the figures."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    subjects = {"sqlite": Subject(delivery, (None, size, 0)), "plain": Subject(plain, (size,))}
    measured = interleave(subjects, turns=3, calls=1, warm=0)
    _report("sqlite", size, measured["sqlite"], measured["plain"].seconds)
    with postgres() as server:
        found = interleave({"postgres": Subject(delivery, (server, size, 0))}, turns=3, calls=1, warm=0)
    _report("postgres", size, found["postgres"], measured["plain"].seconds)
    throttled = interleave(
        {"throttled": Subject(delivery, (None, THROTTLED, RATE))}, turns=1, calls=1, warm=0
    )["throttled"]
    assert throttled.result == THROTTLED, throttled.result
    ideal = THROTTLED / RATE
    over = throttled.seconds / ideal
    figure(
        "delivery_throttled", THROTTLED, throttled.seconds, "s", against=f"ideal at {RATE}/s", ratio=over,
        goal="<= 1.05 of the ideal", met=over <= 1.05, peak=throttled.peak_mb,
    )  # fmt: skip


def _report(name: str, size: int, measured: Any, floor: float) -> None:
    assert measured.result == size, measured.result
    rate = size / measured.seconds
    figure(
        f"delivery_{name}", size, rate, "sends/s", against="plain client, 4 threads", ratio=floor / measured.seconds,
        goal=">= 300 sends/s", met=rate >= 300, peak=measured.peak_mb,
    )  # fmt: skip


if __name__ == "__main__":
    main()
