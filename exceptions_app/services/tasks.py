"""The leased task table: everything that runs in the background, scheduled or asked for. Knows no kind
of work.

A scope runs once at a time (a unique index over running tasks). A runner holds a lease and renews it; when
it is killed, the lease lapses and another runner takes the task over. Work must therefore be such that
doing it again has the same effect once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Update, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from exceptions_app.models import Task

from .conflict import insert_unless_exists

LEASE = timedelta(minutes=2)
MAX_TRIES = 3
"""A task whose runners died this often stands aside as failed, and the next one gets its turn."""

_CANDIDATES = 20
FINISHED = ("done", "failed", "cancelled")


class LeaseLostError(Exception):
    """Another process has the task now: stop at once, commit nothing more."""


def request(
    session: Session,
    kind: str,
    scope: str,
    payload: Mapping[str, Any],
    requested_by: int | None,
    now: datetime,
    *,
    correlation_id: str | None = None,
    not_before: datetime | None = None,
    always: bool = False,
) -> Task:
    """Ask for work. Work of this kind and scope that is still queued and was asked for as much is enough, unless
    `always`; it is brought forward where it was to wait for longer.

    `requested_by` is a person's id, None for jobs. An export asked for by two people is two tasks: give
    `always`.
    """
    queued = None if always else _queued(session, kind, scope, payload)
    if queued is not None:
        if queued.not_before > (not_before or now):
            queued.not_before = not_before or now
            session.flush()
        return queued
    task = Task(
        kind=kind,
        scope=scope,
        payload=json.dumps(dict(payload), sort_keys=True),
        not_before=not_before or now,
        requested_by_id=requested_by,
        correlation_id=correlation_id or uuid.uuid4().hex,
        created_at=now,
    )
    session.add(task)
    session.flush()
    return task


def _queued(session: Session, kind: str, scope: str, payload: Mapping[str, Any]) -> Task | None:
    """One that does all that is asked for and begins after this transaction ends: it is locked until then, and one
    that somebody is about to take is passed over.
    """
    waiting = select(Task).where(Task.status == "queued", Task.kind == kind, Task.scope == scope)
    for task in session.scalars(waiting.order_by(Task.id).with_for_update(skip_locked=True)):
        if payload.items() <= json.loads(task.payload).items():
            return task
    return None


def schedule(
    session: Session,
    job: str,
    fire_at: datetime,
    *,
    kind: str,
    scope: str,
    now: datetime,
    payload: Mapping[str, Any] | None = None,
) -> bool:
    """Insert the due task of a job; False where another process already did, for (job, fire time) is
    unique.
    """
    return insert_unless_exists(
        session,
        Task,
        kind=kind,
        scope=scope,
        payload=json.dumps(dict(payload or {}), sort_keys=True),
        status="queued",
        job=job,
        fire_at=fire_at,
        not_before=fire_at,
        correlation_id=uuid.uuid4().hex,
        created_at=now,
    )


def claim(
    session: Session,
    owner: str,
    now: datetime,
    *,
    lease: timedelta = LEASE,
    kinds: Collection[str] | None = None,
    only: Collection[int] | None = None,
) -> Task | None:
    """Take one task: first one whose runner's lease has lapsed, else the one that is due longest.

    The caller commits at once, then works. `owner` names the process; `only` these tasks, None: any.
    """
    _fail_hopeless(session, now)
    wanted = _of(kinds, only)
    return _take_over(session, owner, now, lease, wanted) or _take_queued(session, owner, now, lease, wanted)


def heartbeat(
    session: Session,
    task_id: int,
    owner: str,
    now: datetime,
    *,
    lease: timedelta = LEASE,
    done: int | None = None,
    total: int | None = None,
    note: str | None = None,
) -> bool:
    """Renew the lease and tell progress. False: a person asked to cancel. Raises `LeaseLostError`."""
    told = {"progress_done": done, "progress_total": total, "progress_note": note and note[:200]}
    values = {key: value for key, value in told.items() if value is not None}
    renewed = _held(task_id, owner).values(lease_until=now + lease, **values).returning(Task.cancel_requested)
    row = session.execute(renewed).one_or_none()
    if row is None:
        raise LeaseLostError(f"task {task_id} is no longer held by {owner}")
    return not row.cancel_requested


def finish(
    session: Session,
    task_id: int,
    owner: str,
    now: datetime,
    *,
    result: Mapping[str, Any] | None = None,
    cancelled: bool = False,
) -> None:
    """The work is done (or stopped, as a person asked). Raises `LeaseLostError`."""
    _end(
        session,
        task_id,
        owner,
        status="cancelled" if cancelled else "done",
        finished_at=now,
        result=None if result is None else json.dumps(dict(result), sort_keys=True),
    )


def fail(
    session: Session, task_id: int, owner: str, now: datetime, error: str, *, retry_at: datetime | None = None
) -> None:
    """The work broke; with `retry_at` it is queued again. Raises `LeaseLostError`."""
    if retry_at is None:
        _end(session, task_id, owner, status="failed", finished_at=now, error=error)
    else:
        _end(session, task_id, owner, status="queued", not_before=retry_at, error=error)


def hand_back(session: Session, task_id: int, owner: str, now: datetime) -> None:
    """The process is to end: the task waits for another one, and this try does not count. Raises
    `LeaseLostError`.
    """
    _end(session, task_id, owner, status="queued", not_before=now, tries=Task.tries - 1)


def cancel(session: Session, task: Task, now: datetime) -> bool:
    """Ask for the end of a task: a queued one ends here, a running one when it next looks. False: it has
    ended.
    """
    queued = update(Task).where(Task.id == task.id, Task.status == "queued")
    ended = _count(session, queued.values(status="cancelled", cancel_requested=True, finished_at=now))
    running = update(Task).where(Task.id == task.id, Task.status == "running").values(cancel_requested=True)
    asked = bool(ended) or bool(_count(session, running))
    session.refresh(task)
    return asked


def last_result(session: Session, kind: str) -> dict[str, Any]:
    """What the newest task of this kind that was done has said; empty where there is none."""
    done = select(Task.result).where(Task.kind == kind, Task.status == "done")
    return dict(json.loads(session.scalar(done.order_by(Task.id.desc()).limit(1)) or "{}"))


def expire(session: Session, before: datetime) -> int:
    """Remove tasks that ended before that time; how many."""
    old = delete(Task).where(Task.status.in_(FINISHED), Task.finished_at < before)
    return cast("CursorResult[Any]", session.execute(old)).rowcount


def _take_over(
    session: Session, owner: str, now: datetime, lease: timedelta, wanted: Sequence[ColumnElement[bool]]
) -> Task | None:
    lapsed = (
        select(Task.id)
        .where(Task.status == "running", Task.lease_until <= now)
        .order_by(Task.lease_until, Task.id)
    )
    for task_id in session.scalars(lapsed.where(*wanted).limit(_CANDIDATES)).all():
        taken = update(Task).where(Task.id == task_id, Task.status == "running", Task.lease_until <= now)
        if (
            _count(session, taken.values(lease_owner=owner, lease_until=now + lease, tries=Task.tries + 1))
            == 1
        ):
            return _loaded(session, task_id)
    return None


def _take_queued(
    session: Session, owner: str, now: datetime, lease: timedelta, wanted: Sequence[ColumnElement[bool]]
) -> Task | None:
    busy = aliased(Task)
    scope_is_busy = select(busy.id).where(busy.status == "running", busy.scope == Task.scope).exists()
    due = select(Task.id).where(Task.status == "queued", Task.not_before <= now, ~scope_is_busy)
    for task_id in session.scalars(
        due.where(*wanted).order_by(Task.not_before, Task.id).limit(_CANDIDATES)
    ).all():
        taken = (
            update(Task)
            .where(Task.id == task_id, Task.status == "queued")
            .values(
                status="running",
                lease_owner=owner,
                lease_until=now + lease,
                tries=Task.tries + 1,
                started_at=now,
            )
        )
        try:
            with session.begin_nested():
                won = _count(session, taken) == 1
        except IntegrityError:  # another runner has just begun this scope
            continue
        if won:
            return _loaded(session, task_id)
    return None


def _of(kinds: Collection[str] | None, only: Collection[int] | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [] if kinds is None else [Task.kind.in_(sorted(kinds))]
    return wanted if only is None else [*wanted, Task.id.in_(sorted(only))]


def _fail_hopeless(session: Session, now: datetime) -> None:
    hopeless = update(Task).where(Task.status == "running", Task.lease_until <= now, Task.tries >= MAX_TRIES)
    _count(
        session,
        hopeless.values(
            status="failed",
            lease_owner=None,
            lease_until=None,
            finished_at=now,
            error=f"given up: its runner stopped without a word {MAX_TRIES} times",
        ),
    )


def _held(task_id: int, owner: str) -> Update:
    return update(Task).where(Task.id == task_id, Task.status == "running", Task.lease_owner == owner)


def _end(session: Session, task_id: int, owner: str, **values: Any) -> None:
    if _count(session, _held(task_id, owner).values(lease_owner=None, lease_until=None, **values)) != 1:
        raise LeaseLostError(f"task {task_id} is no longer held by {owner}")


def _loaded(session: Session, task_id: int) -> Task:
    return session.get_one(Task, task_id, populate_existing=True)


def _count(session: Session, statement: Update) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
