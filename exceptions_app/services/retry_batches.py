"""A batch of retries as its asker steers it: send what a dry run found, pause, resume, cancel. And its end.

What is in flight always ends truthfully; steering concerns what waits.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, String, bindparam, case, exists, func, or_, select, update
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can
from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.retry import LIVE, Sent
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, Task

from . import audit, tasks
from .acting import NotAllowedError
from .audit import AuditTag
from .context import ActionContext
from .delivery_steps import Steps
from .retry_values import loads

AT_ONCE = 1_000
"""So many waiting retries are skipped in one transaction of a cancel; the others when the outbox is next looked at."""

CANCELLED = "Cancelled."
SHOWN = "shown"
"""In a selection: only what its dry run has shown to be still wrong."""
MOST_PREPARED = 5
_SCOPE = "retry_prepare:" + cast_to(RetryBatch.id, String)
_QUIET = {"synchronize_session": False}
_CANCELLED = select(RetryBatch.id).where(RetryBatch.status == "cancelled", RetryBatch.finished_at.is_(None))
_ON_ITS_WAY = exists().where(
    Delivery.batch_id == RetryBatch.id, Delivery.status.in_(sorted({*LIVE, Sent.READY}))
)
_ENDED = select(RetryBatch.id).where(
    RetryBatch.id.in_(bindparam("ids", expanding=True)), RetryBatch.finished_at.is_(None),
    RetryBatch.status.in_(["sending", "paused", "cancelled"]), ~_ON_ITS_WAY,
)  # fmt: skip
"""Asked after every few answers, and so put together once."""
_STEERED = {"preparing", "ready", "sending", "paused"}


def subject(batch: RetryBatch) -> str:
    """How the trail names a batch."""
    return f"retry:{batch.id}"


def send(session: Session, ctx: ActionContext, viewer: Viewer, batch: RetryBatch) -> RetryBatch:
    """Send what a dry run found still wrong. A second time changes nothing.

    It is prepared again, on records that are newer still, but only what the dry run has shown.
    """
    _steer(session, viewer, batch)
    if not batch.dry_run:
        return batch
    if batch.status != "ready":
        raise NotAllowedError("Its dry run has not ended, or was cancelled.")
    selection = canonical({**loads(batch.selection), SHOWN: True})
    if _set(session, ctx, batch, AuditTag.RETRY_SENT, "preparing", dry_run=False, selection=selection):
        task = tasks.request(
            session, "retry_prepare", f"retry_prepare:{batch.id}", {"batch": batch.id}, viewer.user_id, ctx.now,
            correlation_id=batch.correlation_id,
        )  # fmt: skip
        batch.task_id = task.id
        session.flush()
    return batch


def pause(session: Session, ctx: ActionContext, viewer: Viewer, batch: RetryBatch) -> RetryBatch:
    """Nothing more of it is sent until it is resumed."""
    _steer(session, viewer, batch)
    if batch.status not in {"sending", "paused"}:
        raise NotAllowedError("Only a batch that is being sent can be paused.")
    if batch.status == "sending":
        _set(session, ctx, batch, AuditTag.RETRY_PAUSED, "paused")
    return batch


def resume(session: Session, ctx: ActionContext, viewer: Viewer, batch: RetryBatch) -> RetryBatch:
    """Go on with what waits."""
    _steer(session, viewer, batch)
    if batch.status not in {"sending", "paused"}:
        raise NotAllowedError("Only a paused batch can be resumed.")
    if batch.status == "paused" and _set(session, ctx, batch, AuditTag.RETRY_RESUMED, "sending"):
        finish(session, ctx, [batch.id])
        session.refresh(batch)
    return batch


def cancel(session: Session, ctx: ActionContext, viewer: Viewer, batch: RetryBatch) -> RetryBatch:
    """What waits is not sent; what is in flight ends truthfully, and what is accepted stays so."""
    _steer(session, viewer, batch)
    if batch.status == "cancelled":
        return batch
    if batch.status not in _STEERED:
        raise NotAllowedError("It has ended already.")
    _skip(session, ctx, [batch.id], AT_ONCE)  # exceptions before batches, as whoever records does
    if _set(session, ctx, batch, AuditTag.RETRY_CANCELLED, "cancelled"):
        finish(session, ctx, [batch.id])
        session.refresh(batch)
    return batch


def prepare_again(session: Session, now: datetime) -> int:
    """Ask anew for batches whose preparing was given up, since its processes died or it failed; how many. What was
    prepared of one would wait for ever. After `MOST_PREPARED` tasks it is left to its asker, who may cancel it.
    """
    tried = (
        select(func.count()).where(Task.scope == _SCOPE, Task.kind == "retry_prepare").correlate(RetryBatch)
    )
    alive = exists().where(Task.scope == _SCOPE, Task.status.in_(("queued", "running"))).correlate(RetryBatch)
    given_up = select(RetryBatch).where(
        RetryBatch.status == "preparing", RetryBatch.finished_at.is_(None), ~alive,
        tried.scalar_subquery() < MOST_PREPARED,
    )  # fmt: skip
    found = session.scalars(given_up).all()
    for batch in found:
        batch.task_id = tasks.request(
            session, "retry_prepare", f"retry_prepare:{batch.id}", {"batch": batch.id}, batch.requested_by_id, now,
            correlation_id=batch.correlation_id,
        ).id  # fmt: skip
    session.flush()
    return len(found)


def skip_cancelled(session: Session, ctx: ActionContext, *, batch_ids: Collection[int] | None = None) -> int:
    """Skip what still waits in cancelled batches (default: in all of them), up to `AT_ONCE`; how many. One that may
    have arrived already is not skipped: its outcome is still to be found out.
    """
    of = session.scalars(_CANCELLED).all() if batch_ids is None else batch_ids
    skipped = _skip(session, ctx, of, AT_ONCE) if of else 0
    finish(session, ctx, of)
    return skipped


def _skip(session: Session, ctx: ActionContext, batch_ids: Collection[int], limit: int) -> int:
    stopped = (Sent.READY, Sent.AWAITING_APPROVAL, Sent.WAITING)
    waits = (Delivery.batch_id.in_(batch_ids), Delivery.status.in_(stopped), Delivery.doubtful.is_(False))
    rows = select(Delivery.case_id, Delivery.id).where(*waits).order_by(Delivery.case_id).limit(limit)
    found = session.execute(rows).all()
    steps = Steps(session, ctx)
    cases = steps.cases([row.case_id for row in found])
    for delivery in steps.deliveries([row.id for row in found]):
        if Sent(delivery.status) in stopped:  # nobody has taken it up meanwhile
            steps.skip(cases[delivery.case_id], delivery, CANCELLED)
    steps.store()
    return len(found)


def finish(session: Session, ctx: ActionContext, batch_ids: Collection[int]) -> None:
    """End those of which nothing is on its way any more."""
    if not batch_ids:
        return
    ended = session.scalars(_ENDED, {"ids": list(batch_ids)}).all()
    if ended:
        status = case((RetryBatch.status == "cancelled", "cancelled"), else_="finished")
        mine = update(RetryBatch).where(RetryBatch.id.in_(ended), RetryBatch.finished_at.is_(None))
        session.execute(mine.values(status=status, finished_at=ctx.now), execution_options=_QUIET)


def _steer(session: Session, viewer: Viewer, batch: RetryBatch) -> None:
    """As it stands now; only for its asker, or a manager who sees all that it touches."""
    session.refresh(batch)
    if not can(viewer, Permission.RETRY):
        raise NotAllowedError("You may not steer retries.")
    if batch.requested_by_id == viewer.user_id:
        return
    if not (can(viewer, Permission.APPROVE_RETRY) and _sees_all(session, viewer, batch)):
        raise NotAllowedError("Only who asked for it, or their manager, steers a batch.")


def _set(
    session: Session, ctx: ActionContext, batch: RetryBatch, tag: AuditTag, status: str, **values: Any
) -> bool:
    """Change the status unless somebody has done so meanwhile; whether it was changed. One line in the trail."""
    before = batch.status
    mine = update(RetryBatch).where(RetryBatch.id == batch.id, RetryBatch.status == before)
    changed = session.execute(mine.values(status=status, **values), execution_options=_QUIET)
    session.refresh(batch)
    if cast("CursorResult[Any]", changed).rowcount != 1:
        return False
    audit.record_subject(
        session, subject(batch), tag, actor=str(ctx.actor), at=ctx.now, correlation_id=batch.correlation_id,
        config_snapshot_id=ctx.snapshot_id, before={"status": before}, after={"status": status},
    )  # fmt: skip
    return True


def _sees_all(session: Session, viewer: Viewer, batch: RetryBatch) -> bool:
    if viewer.queues is None and viewer.entities is None:
        return True
    mine = []
    if viewer.queues is not None:
        mine.append(ExceptionCase.queue.not_in(sorted(viewer.queues)))
    if viewer.entities is not None:
        mine.append(ExceptionCase.entity.not_in(sorted(viewer.entities)))
    hidden = (
        select(Delivery.id)
        .join(ExceptionCase, ExceptionCase.id == Delivery.case_id)
        .where(Delivery.batch_id == batch.id, or_(*mine))
    )
    return session.scalar(hidden.limit(1)) is None
