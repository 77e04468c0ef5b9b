"""Retries for tests of the pages: what the jobs would do between two requests of a person's browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import Delivery, RetryBatch
from exceptions_app.runtime import runtime
from exceptions_app.services import outbox, retry_preparing
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.outbox import Result
from tests.conftest import NOW

TOKEN = "0123456789abcdef0123456789abcdef"


class Retrying:
    """Plays the jobs on the test's own session; everything is committed."""

    def __init__(self, session: Session, app: Flask, now: datetime = NOW) -> None:
        self.session, self.app, self.now = session, app, now
        self.catalog: Catalog = runtime(app).catalog
        snapshot = runtime(app).snapshot_id(session, "system:test", now)
        self.ctx = ActionContext(self.catalog, now, Actor("job", "deliver"), snapshot, "c" * 32)
        session.commit()

    @property
    def batch(self) -> RetryBatch:
        """The newest one, as it is now."""
        wanted = select(RetryBatch).order_by(RetryBatch.id.desc()).limit(1)
        found = self.session.scalars(wanted.execution_options(populate_existing=True)).one()
        self.session.commit()
        return found

    def delivery(self, case: Any = None) -> Delivery:
        """The newest one (of an exception), as it is now."""
        wanted = select(Delivery).order_by(Delivery.id.desc()).limit(1)
        if case is not None:
            wanted = wanted.where(Delivery.case_id == case.id)
        found = self.session.scalars(wanted.execution_options(populate_existing=True)).one()
        self.session.commit()
        return found

    def prepare(self, *, agree: tuple[Any, ...] = ()) -> RetryBatch:
        """What `retry_prepare` does with the newest batch; `agree`: exceptions that the newest records settle."""
        batch = self.batch
        ids = retry_preparing.selected(self.session, self.ctx, batch)
        wrong: dict[int, Any] = {case.id: None for case in agree}
        retry_preparing.prepare(self.session, self.ctx, batch, wrong, case_ids=ids, read_at=self.now)
        retry_preparing.complete(self.session, self.ctx, batch)
        self.session.commit()
        return batch

    def answer(self, outcome: Outcome, *, later: timedelta = timedelta(0), **given: Any) -> int:
        """Send all that may go now and give it the same answer; how many that were."""
        ctx = replace(self.ctx, now=self.now + later)
        claimed = outbox.claim(self.session, ctx, "DESK", "p1", limit=50, lease=timedelta(minutes=1))
        self.session.commit()
        wrong = outcome not in (Outcome.ACCEPTED, Outcome.FOUND)
        said = {"error": "It said no.", "error_class": "refused"} if wrong else {}
        about = {"request": "POST /prices", "answer": "{}", "duration_ms": 143, **said, **given}
        results = [Result(each, outcome, ctx.now, ctx.now, **about) for each in claimed]
        outbox.record(self.session, ctx, results, chance=lambda: 0.5)
        self.session.commit()
        return len(claimed)
