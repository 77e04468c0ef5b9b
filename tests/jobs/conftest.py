"""A hospital: an ERP that orders and a warehouse that receives, null twins whose rows a test sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.instant import iso, utc_now
from exceptions_app.models import ExceptionCase, FeedState, Reject, SyncRun, Task
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from exceptions_app.services import tasks
from exceptions_app.services.engine import reading
from jobs.handlers import HANDLERS
from jobs.install import Install
from jobs.runner import Runner

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SITE = Path(__file__).parent / "site"
Rows = list[dict[str, Any]]


@dataclass
class Clock:
    """The frozen clock of a test."""

    coordinates: time_machine.Coordinates

    def forward(self, **span: float) -> None:
        self.coordinates.shift(timedelta(**span))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(NOW, tick=False) as coordinates:
        yield Clock(coordinates)


@dataclass
class Hospital:
    """One install with its two sources. `tick` reads and compares once, five minutes after the last time."""

    install: Install
    clock: Clock
    read: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.install.engine

    @property
    def runtime(self) -> Runtime:
        return self.install.runtime

    def source(self, feed: str, rows: Rows | None = None, **options: Any) -> None:
        """What the system behind a feed holds from now on, and how it misbehaves."""
        read = self.runtime.catalog.feeds[feed].read
        kept = read.get("rows", []) if rows is None else rows
        read.clear()
        read.update({"rows": kept, **options})

    def request(self, kind: str, subject: str, **payload: Any) -> int:
        scope = f"{kind}:{subject}" if subject else kind
        with self.install.transaction() as session:
            return tasks.request(session, kind, scope, payload, None, utc_now()).id

    def clock_now(self) -> datetime:
        return utc_now()

    def runner(self, *kinds: str) -> Runner:
        return Runner(self.runtime, self.engine, HANDLERS, kinds or None)

    def poll(self, *feeds: str) -> dict[str, dict[str, Any]]:
        """Read some feeds (all, if none is named); what each task says."""
        wanted = feeds or tuple(self.runtime.catalog.feeds)
        ids = {feed: self.request("poll", feed, feed=feed) for feed in wanted}
        self.runner("poll").drain()
        return {feed: self.result(task_id) for feed, task_id in ids.items()}

    def compare(self, flow: str = "goods", *, full: bool = False) -> dict[str, Any]:
        task_id = self.request("reconcile", flow, flow=flow, **({"full": True} if full else {}))
        self.runner("reconcile").drain()
        return self.result(task_id)

    def tick(self, *, full: bool = False) -> dict[str, Any]:
        self.clock.forward(minutes=5)
        self.poll()
        return self.compare(full=full)

    def result(self, task_id: int) -> dict[str, Any]:
        with Session(self.engine) as session:
            task = session.get_one(Task, task_id)
            assert task.status == "done", task.error
            return dict(json.loads(task.result or "{}"))

    def all(self, model: type[Any], *conditions: Any) -> list[Any]:
        with Session(self.engine, expire_on_commit=False) as session:
            reading(session)
            return list(
                session.scalars(select(model).where(*conditions).order_by(*model.__table__.primary_key))
            )

    def cases(self, category: str | None = None, status: str | None = None) -> list[ExceptionCase]:
        found = self.all(ExceptionCase)
        return [case for case in found if category in {None, case.category} and status in {None, case.status}]

    def task(self, task_id: int) -> Task:
        return self.all(Task, Task.id == task_id)[0]

    def runs(self, feed: str) -> list[SyncRun]:
        return self.all(SyncRun, SyncRun.feed == feed)

    def state(self, feed: str) -> FeedState:
        return self.all(FeedState, FeedState.feed == feed)[0]

    def rejects(self) -> list[Reject]:
        return self.all(Reject)


@pytest.fixture
def hospital(database: Any, clock: Clock, tmp_path: Path) -> Hospital:
    """An empty install on either database, with the catalog of `tests/jobs/site`."""
    settings = Settings(
        instance=tmp_path / "instance", catalog=SITE, duck_memory="500MB", cheap_passwords=True
    )
    catalog = load_catalog(SITE, connector_models())
    runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))
    return Hospital(Install(runtime, database.engine), clock)


def order(
    number: str, quantity: str = "10", *, entity: str = "H01", ordered: datetime | None = None
) -> dict[str, Any]:
    at = ordered or NOW - timedelta(days=3)
    return {
        "entity": entity,
        "order": number,
        "quantity": quantity,
        "ordered_at": iso(at),
        "supplier": "Medline",
    }


def receipt(number: str, quantity: str = "10", *, entity: str = "H01", name: str = "R1") -> dict[str, Any]:
    return {
        "entity": entity, "receipt": name, "order": number, "quantity": quantity,
        "received_at": iso(NOW - timedelta(days=1)),
    }  # fmt: skip


Making = Callable[..., dict[str, Any]]
