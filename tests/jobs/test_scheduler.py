"""The schedule: a table of jobs, fires that every process means alike, caught up once."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED

from exceptions_app.models import Task
from jobs.process import due_into
from jobs.scheduler import EPOCH, Job, _fire, build, catch_up, jobs_of

from .conftest import NOW, Hospital


def test_table_of_jobs_follows_from_the_configuration(hospital: Hospital) -> None:
    jobs = {job.name: job for job in jobs_of(hospital.runtime.catalog)}
    assert set(jobs) == {
        "poll:orders",
        "poll:receipts",
        "reconcile:goods",
        "sweep",
        "tally",
        "tell",
        "mail",
        "maintain",
    }
    assert jobs["poll:orders"].every == timedelta(minutes=2)
    assert jobs["poll:orders"].payload == {"feed": "orders"}
    assert jobs["reconcile:goods"].every == timedelta(minutes=2)  # its quickest feed
    assert jobs["sweep"].every == timedelta(minutes=1)


def test_fire_times_are_the_same_whenever_a_scheduler_was_started() -> None:
    job = Job("poll", "orders", timedelta(minutes=7))
    fire = job.latest_fire(NOW)
    assert (fire - EPOCH) % job.every == timedelta(0)
    assert fire <= NOW < fire + job.every
    assert job.latest_fire(fire) == fire


def test_long_names_stay_apart_within_the_limit() -> None:
    names = {Job("poll", "x" * 63 + last, timedelta(minutes=1)).name for last in "ab"}
    assert len(names) == 2 and all(len(name) <= 64 for name in names)


def test_missed_fires_are_caught_up_as_one(hospital: Hospital) -> None:
    jobs, due = jobs_of(hospital.runtime.catalog), due_into(hospital.engine)
    catch_up(jobs, due)
    catch_up(jobs, due)
    queued = hospital.all(Task)
    assert len(queued) == len(jobs) and {task.status for task in queued} == {"queued"}


def test_two_schedulers_insert_one_task_for_one_fire(hospital: Hospital) -> None:
    job = jobs_of(hospital.runtime.catalog)[0]
    for _ in range(2):
        due_into(hospital.engine)(job, NOW)
    [task] = hospital.all(Task)
    assert (task.job, task.fire_at, task.scope) == ("poll:orders", NOW, "poll:orders")


def test_work_that_still_waits_gathers_no_backlog(hospital: Hospital) -> None:
    job, due = jobs_of(hospital.runtime.catalog)[0], due_into(hospital.engine)
    for number in range(5):
        due(job, NOW + number * job.every)
    assert len(hospital.all(Task)) == 1


def test_scheduler_tells_the_job_which_fire_it_is() -> None:
    fired: list[datetime] = []
    job = Job("sweep", "", timedelta(seconds=1))
    scheduler = build([job], lambda _, fire_at: fired.append(fire_at))
    seen = threading.Event()
    scheduler.add_listener(lambda event: seen.set(), EVENT_JOB_EXECUTED)
    scheduler.start()
    try:
        assert seen.wait(10)
    finally:
        scheduler.shutdown()
    assert fired and fired[0].tzinfo is not None and (fired[0] - EPOCH) % job.every == timedelta(0)
    assert fired[0].astimezone(UTC) == fired[0]


def test_database_that_is_away_does_not_end_the_schedule(caplog: pytest.LogCaptureFixture) -> None:
    def away(job: Job, fire_at: datetime) -> None:
        raise OSError("away")

    with caplog.at_level(logging.ERROR):
        _fire(Job("sweep", "", timedelta(minutes=1)), away, NOW)
    assert "could not insert the task of sweep" in caplog.text
