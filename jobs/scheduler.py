"""What runs on its own, and how often: one readable table. The scheduler only inserts due tasks; runners do
the work.

Fire times are whole multiples of the interval since the epoch, so that any number of schedulers, in any
process, mean the same fire; the database keeps one task per job and fire time. Fires that were missed while
nothing ran are caught up, as one, at the start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job as ApsJob
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.instant import utc_now

from .flows import sides_of

log = logging.getLogger(__name__)

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_NAME_LIMIT = 64
DRAIN_EVERY = timedelta(seconds=5)
"""How soon events that came are looked at."""


@dataclass(frozen=True, slots=True)
class Job:
    """Scheduled work: `kind` says which handler runs it, `subject` what it is about (a feed, a flow)."""

    kind: str
    subject: str
    every: timedelta
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        """Work of one scope never runs twice at once."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind

    @property
    def name(self) -> str:
        """The scope, cut to what the task table holds."""
        if len(self.scope) <= _NAME_LIMIT:
            return self.scope
        return f"{self.scope[: _NAME_LIMIT - 9]}~{sha256(self.scope.encode()).hexdigest()[:8]}"

    def latest_fire(self, now: datetime) -> datetime:
        """The last fire time up to `now`."""
        return now - (now - EPOCH) % self.every


def jobs_of(catalog: Catalog) -> list[Job]:
    """The table."""
    minute = timedelta(minutes=1)
    return [
        *(Job("poll", f.code, f.every, {"feed": f.code}) for f in catalog.feeds.values() if f.enabled),
        *([Job("drain", "", DRAIN_EVERY)] if any(events_of(catalog)) else []),
        *(
            Job("reconcile", flow, reconcile_interval(catalog, flow), {"flow": flow})
            for flow in catalog.flows()
        ),
        *(Job("deliver", system, minute, {"system": system}) for system in written_to(catalog)),
        Job("sweep", "", minute),
        Job("tally", "", minute),
        *([Job("assign", "", minute)] if catalog.assignment else []),
        Job("tell", "", minute),
        Job("mail", "", minute),
        Job("maintain", "", 10 * minute),
    ]


def events_of(catalog: Catalog) -> list[Feed]:
    """The feeds that are sent to us."""
    feeds = catalog.feeds.values()
    return [feed for feed in feeds if feed.enabled and catalog.systems[feed.system].connector == "events"]


def written_to(catalog: Catalog) -> list[str]:
    """The systems that anything can be sent to."""
    return sorted({operation.system for operation in catalog.operations.values()})


def reconcile_interval(catalog: Catalog, flow: str) -> timedelta:
    """As often as the flow's quickest feed, but not within a minute: time limits pass without any change."""
    feeds = [
        feed
        for check in catalog.checks_in(flow)
        for side_feeds in sides_of(catalog, check).values()
        for feed in side_feeds
    ]
    return max(timedelta(minutes=1), min((feed.every for feed in feeds), default=timedelta(minutes=15)))


Due = Callable[[Job, datetime], None]
"""Inserts the task of a job's fire; without effect when somebody has."""


class _DueExecutor(BaseExecutor):  # type: ignore[misc]
    """Runs in the scheduler's own thread, and tells the job which fire it is: APScheduler itself does not."""

    def _do_submit_job(self, job: ApsJob, run_times: list[datetime]) -> None:
        job.kwargs["fire_at"] = run_times[-1]
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except BaseException as error:
            self._run_job_error(job.id, error, error.__traceback__)
        else:
            self._run_job_success(job.id, events)


def build(jobs: list[Job], due: Due) -> BackgroundScheduler:
    """A scheduler that is not started yet. It keeps nothing: the database knows what has fired."""
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": _DueExecutor()},
        job_defaults={"coalesce": True, "max_instances": 1},
    )
    for job in jobs:
        seconds = int(job.every.total_seconds())
        trigger = IntervalTrigger(seconds=seconds, start_date=EPOCH, timezone=UTC)
        scheduler.add_job(
            _fire,
            trigger,
            id=job.name,
            args=[job, due],
            kwargs={"fire_at": None},
            misfire_grace_time=seconds,  # a machine that slept runs the last fire, unless the next one is due
        )
    return scheduler


def _fire(job: Job, due: Due, fire_at: datetime) -> None:
    """A database that cannot be reached must not end the schedule: the next fire tries again."""
    try:
        due(job, job.latest_fire(fire_at.astimezone(UTC)))
    except Exception:
        log.exception("could not insert the task of %s at %s", job.name, fire_at)


def catch_up(jobs: list[Job], due: Due, now: datetime | None = None) -> None:
    """Insert, for every job, its latest fire: what was missed while nothing ran happens once, now."""
    now = now or utc_now()
    for job in jobs:
        _fire(job, due, now)
