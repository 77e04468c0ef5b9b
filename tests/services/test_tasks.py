"""The task table: one runner a scope, leases that lapse, each fire once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.models import Task
from exceptions_app.services import tasks
from exceptions_app.services.tasks import LEASE, LeaseLostError
from tests.conftest import NOW, Database


def _claim(session: Session, owner: str = "w1", **later: float) -> Task | None:
    task = tasks.claim(session, owner, NOW + timedelta(**later))
    session.commit()
    return task


def test_the_task_due_longest_is_claimed_first(session: Session) -> None:
    late = tasks.request(session, "poll", "b", {}, None, NOW)
    soon = tasks.request(session, "poll", "a", {}, None, NOW - timedelta(minutes=1))
    future = tasks.request(session, "poll", "c", {}, None, NOW, not_before=NOW + timedelta(hours=1))
    assert [task and task.id for task in (_claim(session), _claim(session), _claim(session))] == [
        soon.id, late.id, None,
    ]  # fmt: skip
    assert future.status == "queued"


def test_a_scope_runs_once_at_a_time(session: Session) -> None:
    tasks.request(session, "reconcile", "p2p", {}, None, NOW, always=True)
    second = tasks.request(session, "reconcile", "p2p", {}, None, NOW, always=True)
    first = _claim(session)
    assert first is not None
    assert _claim(session, "w2") is None
    tasks.finish(session, first.id, "w1", NOW, result={"rows": 3})
    session.commit()
    claimed = _claim(session, "w2")
    assert claimed is not None
    assert claimed.id == second.id


def test_work_that_is_queued_already_is_not_queued_twice(session: Session) -> None:
    first = tasks.request(session, "reconcile", "p2p", {}, None, NOW)
    assert tasks.request(session, "reconcile", "p2p", {}, None, NOW).id == first.id
    _claim(session)
    assert tasks.request(session, "reconcile", "p2p", {}, None, NOW).id != first.id


def test_queued_work_is_enough_only_where_it_does_all_that_is_asked_for(session: Session) -> None:
    def ask(**payload: object) -> int:
        return tasks.request(session, "reconcile", "p2p", payload, None, NOW).id

    some = ask(flow="p2p")
    whole = ask(flow="p2p", full=True)
    assert whole != some
    assert ask(flow="p2p", full=True) == whole
    assert ask(flow="p2p") == some


def test_work_that_is_just_being_taken_is_asked_for_again(database: Database) -> None:
    """Whoever takes it may have looked before what it is asked for is committed."""
    if database.name != "postgres":
        pytest.skip("SQLite has one writer at a time")
    with Session(database.engine) as session:
        queued = tasks.request(session, "reconcile", "p2p", {}, None, NOW).id
        session.commit()
    with Session(database.engine) as taking, Session(database.engine) as asking:
        assert tasks.claim(taking, "w1", NOW) is not None
        assert tasks.request(asking, "reconcile", "p2p", {}, None, NOW).id != queued
        asking.commit()


def test_each_fire_of_a_job_is_inserted_once(session: Session) -> None:
    inserted = [tasks.schedule(session, "sweep", NOW, kind="sweep", scope="sweep", now=NOW) for _ in range(2)]
    later = tasks.schedule(session, "sweep", NOW + timedelta(minutes=1), kind="sweep", scope="sweep", now=NOW)
    assert (inserted, later) == ([True, False], True)


def test_a_killed_runners_task_is_taken_over_when_its_lease_lapses(session: Session) -> None:
    task = tasks.request(session, "poll", "a", {}, None, NOW)
    session.commit()
    _claim(session, "killed")
    assert _claim(session, "w2", seconds=LEASE.total_seconds() - 1) is None
    taken = _claim(session, "w2", seconds=LEASE.total_seconds())
    assert taken is not None
    assert (taken.id, taken.tries, taken.lease_owner) == (task.id, 2, "w2")
    with pytest.raises(LeaseLostError):
        tasks.heartbeat(session, task.id, "killed", NOW)
    with pytest.raises(LeaseLostError):
        tasks.finish(session, task.id, "killed", NOW)


def test_a_task_that_kills_its_runners_stands_aside_as_failed(session: Session) -> None:
    task = tasks.request(session, "poll", "a", {}, None, NOW)
    session.commit()
    for n in range(tasks.MAX_TRIES):
        assert _claim(session, f"w{n}", hours=n) is not None
    assert _claim(session, "w9", hours=9) is None
    session.refresh(task)
    assert (task.status, task.lease_owner) == ("failed", None)
    assert "given up" in (task.error or "")


def test_a_heartbeat_renews_the_lease_and_tells_progress(session: Session) -> None:
    task = tasks.request(session, "export", "e", {}, None, NOW)
    session.commit()
    _claim(session)
    assert tasks.heartbeat(session, task.id, "w1", NOW + timedelta(minutes=1), done=5, total=9, note="rows")
    session.commit()
    session.refresh(task)
    assert (task.progress_done, task.progress_total, task.progress_note) == (5, 9, "rows")
    assert task.lease_until == NOW + timedelta(minutes=1) + LEASE


def test_a_running_task_learns_at_its_heartbeat_that_it_is_cancelled(session: Session) -> None:
    task = tasks.request(session, "export", "e", {}, None, NOW)
    session.commit()
    _claim(session)
    assert tasks.cancel(session, task, NOW)
    assert tasks.heartbeat(session, task.id, "w1", NOW) is False
    tasks.finish(session, task.id, "w1", NOW, cancelled=True)
    session.refresh(task)
    assert task.status == "cancelled"
    assert tasks.cancel(session, task, NOW) is False


def test_a_queued_task_is_cancelled_at_once(session: Session) -> None:
    task = tasks.request(session, "export", "e", {}, None, NOW)
    assert tasks.cancel(session, task, NOW)
    assert (task.status, _claim(session)) == ("cancelled", None)


def test_failed_work_can_be_queued_again_for_later(session: Session) -> None:
    task = tasks.request(session, "poll", "a", {}, None, NOW)
    session.commit()
    _claim(session)
    tasks.fail(session, task.id, "w1", NOW, "no answer", retry_at=NOW + timedelta(minutes=5))
    session.commit()
    assert _claim(session, minutes=4) is None
    assert _claim(session, minutes=5) is not None


def test_old_ended_tasks_are_removed(session: Session) -> None:
    task = tasks.request(session, "poll", "a", {}, None, NOW)
    running = tasks.request(session, "poll", "b", {}, None, NOW)
    session.commit()
    _claim(session)
    tasks.finish(session, task.id, "w1", NOW)
    assert tasks.expire(session, NOW) == 0
    assert tasks.expire(session, NOW + timedelta(seconds=1)) == 1
    assert session.scalars(select(Task.id)).all() == [running.id]


def test_many_runners_at_once_claim_each_task_once(database: Database) -> None:
    with Session(database.engine) as session:
        for n in range(12):
            tasks.request(session, "poll", f"scope-{n % 4}", {}, None, NOW, always=True)
        session.commit()
    claimed: list[tuple[int, str]] = []

    def runner(owner: str) -> None:
        for _ in range(3):
            with Session(database.engine, expire_on_commit=False) as session:
                task = tasks.claim(session, owner, NOW)
                session.commit()
                if task is not None:
                    claimed.append((task.id, task.scope))

    threads = [threading.Thread(target=runner, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(scope for _, scope in claimed) == [f"scope-{n}" for n in range(4)]
    with Session(database.engine) as session:
        assert session.scalar(select(func.count()).where(Task.status == "running")) == 4
