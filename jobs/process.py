"""The job process: the schedule, and runners in lanes, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Task
from exceptions_app.runtime import Runtime
from exceptions_app.services import tasks

from .handlers import HANDLERS, LANES
from .runner import Runner
from .scheduler import Due, Job, build, catch_up, jobs_of

log = logging.getLogger(__name__)


def due_into(engine: Engine) -> Due:
    """Inserts due tasks. Work of a scope that still waits is enough: a slow source gathers no backlog."""

    def due(job: Job, fire_at: datetime) -> None:
        waiting = select(Task.id).where(
            Task.status == "queued", Task.kind == job.kind, Task.scope == job.scope
        )
        with Session(engine) as session, session.begin():
            if session.scalar(waiting.limit(1)) is None:
                tasks.schedule(
                    session,
                    job.name,
                    fire_at,
                    kind=job.kind,
                    scope=job.scope,
                    now=utc_now(),
                    payload=job.payload,
                )

    return due


def run(runtime: Runtime, engine: Engine, stop: threading.Event) -> None:
    """Catch up, schedule and run until `stop` is set; then finish what is at hand, or leave it."""
    jobs, due = jobs_of(runtime.catalog), due_into(engine)
    catch_up(jobs, due)
    scheduler = build(jobs, due)
    scheduler.start()
    threads = [
        threading.Thread(
            target=Runner(runtime, engine, HANDLERS, lane.kinds).run_forever,
            args=(stop,),
            name=f"{lane.name}-{number}",
            daemon=True,
        )
        for lane in LANES
        for number in range(1, lane.runners + 1)
    ]
    for thread in threads:
        thread.start()
    log.info("%d jobs scheduled, %d runners", len(jobs), len(threads))
    stop.wait()
    scheduler.shutdown(wait=False)
    for thread in threads:
        thread.join(timeout=15)
