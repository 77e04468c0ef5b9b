"""What the systems did under the correlation IDs of an exception: reads of its feeds, runs of its check, tasks.

The trail and the tries of an exception carry the id of the transaction that caused them; whatever ran under the same
id belongs to its story, and so do the reads that the run behind its evidence compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import CaseEvidence, CheckRun, ExceptionCase, SyncRun, Task

MOST = 40
"""So many of each kind, the newest."""
_TASKS = {"reread": "read its records again", "retry_batch": "prepared what is sent again"}
"""Tasks that say something beside what they ran; polls and checks tell it themselves."""
_GOOD = frozenset({"complete", "done"})


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """`who` did `did` at a time; `error` says what went wrong."""

    at: datetime
    who: str
    did: str
    good: bool
    error: str


def system_events(
    session: Session, catalog: Catalog, case: ExceptionCase, correlation_ids: Iterable[str]
) -> list[SystemEvent]:
    """In no order. At most three statements."""
    ids = sorted(set(correlation_ids) - {""})
    checked = _check_runs(session, case, ids)
    reads = {
        int(side["run_id"])
        for run in checked
        for side in json.loads(run.sides or "{}").values()
        if isinstance(side, dict) and side.get("run_id")
    }
    check = catalog.checks.get(case.check_code)
    title = check.title if check is not None else case.check_code
    found = [
        SystemEvent(
            run.finished_at or run.started_at, "The comparison", f"ran: “{title}”, {run.status}",
            run.status in _GOOD, run.error or "",
        )
        for run in checked
    ]  # fmt: skip
    found += [_read(catalog, run) for run in _sync_runs(session, sorted(reads), ids)]
    return found + [_task(task) for task in _tasks(session, ids)]


def _check_runs(session: Session, case: ExceptionCase, ids: list[str]) -> list[CheckRun]:
    behind = select(CaseEvidence.check_run_id).where(CaseEvidence.case_id == case.id)
    rows = select(CheckRun).where(
        or_(CheckRun.id.in_(behind), CheckRun.correlation_id.in_(ids)),
        CheckRun.check_code == case.check_code,
        CheckRun.scope == case.scope,
    )
    return list(session.scalars(rows.order_by(CheckRun.id.desc()).limit(MOST)))


def _sync_runs(session: Session, reads: list[int], ids: list[str]) -> list[SyncRun]:
    if not reads and not ids:
        return []
    rows = select(SyncRun).where(or_(SyncRun.id.in_(reads), SyncRun.correlation_id.in_(ids)))
    return list(session.scalars(rows.order_by(SyncRun.id.desc()).limit(MOST)))


def _tasks(session: Session, ids: list[str]) -> list[Task]:
    if not ids:
        return []
    rows = select(Task).where(Task.correlation_id.in_(ids), Task.kind.in_(_TASKS))
    return list(session.scalars(rows.order_by(Task.id.desc()).limit(MOST)))


def _read(catalog: Catalog, run: SyncRun) -> SystemEvent:
    feed = catalog.feeds.get(run.feed)
    system = catalog.systems.get(feed.system) if feed is not None else None
    title = (feed.title if feed is not None else "") or run.feed
    who = system.name if system is not None else run.feed
    at = run.finished_at or run.started_at
    return SystemEvent(at, who, f"delivered “{title}”, {run.status}", run.status in _GOOD, run.error or "")


def _task(task: Task) -> SystemEvent:
    at = task.finished_at or task.started_at or task.created_at
    return SystemEvent(
        at, "Tieout", f"{_TASKS[task.kind]}, {task.status}", task.status in _GOOD, task.error or ""
    )
