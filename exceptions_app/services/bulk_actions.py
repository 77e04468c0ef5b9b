"""Bulk actions from the click to the last row: which exceptions they concern is frozen when they are confirmed.

A small one is done in the request that asks for it, a large one by a task, chunk by chunk; killed in between, the
next runner does the rest. Cancelling leaves what is done as it is; an undo takes it back while its window is open.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, viewer_for, visible
from exceptions_app.domain.lifecycle import Action
from exceptions_app.models import BulkAction, BulkItem, ExceptionCase, User
from exceptions_app.queries.filter_sql import conditions as conditions_of
from exceptions_app.queries.filters import QueueFilter

from . import audit, bulk, tasks
from .acting import NotAllowedError
from .audit import AuditTag
from .bulk_apply import TAGS, Asked, Many
from .bulk_undo import undo as undo_chunk
from .conflict import insert_unless_exists
from .context import ActionContext

AT_ONCE = 500
"""More than this is a task."""
MOST = 50_000
"""More than this is not done in one go."""
CHUNK = 2_000
"""Exceptions written in one transaction of a task."""
UNDO_WINDOW = timedelta(minutes=10)
KIND = "bulk"

Picked = Sequence[tuple[int, int]]
"""Exceptions as (id, version the person saw)."""


def start(
    session: Session, ctx: ActionContext, viewer: Viewer, *, token: str, action: Action, asked: Asked, title: str,
    picked: Picked | None = None, wanted: QueueFilter | None = None,
) -> BulkAction:  # fmt: skip
    """Freeze what is meant and begin; the same token is the same action, and nothing is done twice.

    Raises `NotAllowedError` where the person may not, or where there is nothing or too much to do.
    """
    known = _by_token(session, token, viewer)
    if known is not None:
        return known
    _check(viewer, action)
    added = insert_unless_exists(
        session, BulkAction, token=token, action=action.value, asked=asked.stored(), title=title[:200],
        status="running", total=0, amount_e4=0, requested_by_id=viewer.user_id, created_at=ctx.now,
        correlation_id=uuid.uuid4().hex, config_snapshot_id=ctx.snapshot_id,
    )  # fmt: skip
    made = _by_token(session, token, viewer)
    if made is None:
        raise NotAllowedError("This form was used already: open it again.")
    if added:
        _freeze(session, ctx, viewer, made, picked, wanted)
        _begin(session, ctx, viewer, made, AuditTag.BULK_ASKED)
    return made


def cancel(session: Session, ctx: ActionContext, viewer: Viewer, made: BulkAction) -> None:
    """What has not had its turn is left alone. What is done stays done, and can be undone."""
    _lock(session, viewer, made)
    if made.status != "running":
        raise NotAllowedError("It has ended already.")
    waiting = update(BulkItem).where(BulkItem.bulk_id == made.id, BulkItem.status == "waiting")
    session.execute(
        waiting.values(status="skipped", note="Cancelled before its turn."),
        execution_options={"synchronize_session": False},
    )
    _end(made, ctx, "cancelled")
    _told(session, ctx, made, AuditTag.BULK_CANCELLED)


def undo(session: Session, ctx: ActionContext, viewer: Viewer, made: BulkAction) -> None:
    """Take back what is still as it was left. Refused when the window has closed."""
    _lock(session, viewer, made)
    if made.status in {"undoing", "undone"}:
        return
    if made.undo_until is None:
        raise NotAllowedError("It is still under way: cancel it first.")
    if ctx.now > made.undo_until:
        raise NotAllowedError("It can no longer be undone: too much time has passed.")
    made.status = "undoing"
    _begin(session, ctx, viewer, made, AuditTag.BULK_UNDONE)


def step(session: Session, ctx: ActionContext, made: BulkAction, size: int = CHUNK) -> bool:
    """Do the next chunk under the asker's present rights; whether there may be more. Cancelled: there is none.

    `ctx` names the asker, whoever runs it.
    """
    session.refresh(made, with_for_update=True)
    if made.status not in {"running", "undoing"}:
        return False
    undoing = made.status == "undoing"
    turn = "done" if undoing else "waiting"
    rows = select(BulkItem).where(BulkItem.bulk_id == made.id, BulkItem.status == turn)
    items = list(session.scalars(rows.order_by(BulkItem.id).limit(size)))
    if items:
        viewer = viewer_for(session.get_one(User, made.requested_by_id), ctx.catalog)
        if undoing:
            undo_chunk(session, ctx, viewer, Action(made.action), items, f"undo of: {made.title}")
        else:
            Many(session, ctx, viewer, Action(made.action), Asked.loaded(made.asked)).apply(items)
    if len(items) < size:
        if undoing:
            made.status, made.undone_at = "undone", ctx.now
        else:
            _end(made, ctx, "done")
        session.flush()
        return False
    return True


def progress(session: Session, made: BulkAction) -> int:
    """How many items have had their turn."""
    left = "done" if made.status == "undoing" else "waiting"
    waiting = select(func.count()).where(BulkItem.bulk_id == made.id, BulkItem.status == left)
    return made.total - (session.scalar(waiting) or 0)


def subject(made: BulkAction) -> str:
    """How the trail names a bulk action."""
    return f"bulk:{made.id}"


def _check(viewer: Viewer, action: Action) -> None:
    if action not in TAGS or not can(viewer, Permission.WORK_CASES):
        raise NotAllowedError("You may not do this to exceptions.")
    if action is Action.ASSIGN and not can(viewer, Permission.ASSIGN_OTHERS):
        raise NotAllowedError("Only a manager assigns work to others.")


def _freeze(
    session: Session, ctx: ActionContext, viewer: Viewer, made: BulkAction, picked: Picked | None,
    wanted: QueueFilter | None,
) -> None:  # fmt: skip
    """One item per exception, with the version that counts, and what they are worth together."""
    if picked is not None:
        rows = [(made.id, case_id, seen, "waiting") for case_id, seen in sorted(dict(picked).items())]
        bulk.insert(
            session, BulkItem, ("bulk_id", "case_id", "seen", "status"), _there(session, viewer, rows)
        )
    elif wanted is not None:
        conditions = [*visible(viewer), *conditions_of(wanted, ctx.catalog, viewer.user_id, ctx.now)]
        case = ExceptionCase
        fitting = select(literal(made.id), case.id, case.version, literal("waiting")).where(*conditions)
        columns = [BulkItem.bulk_id, BulkItem.case_id, BulkItem.seen, BulkItem.status]
        session.execute(insert(BulkItem).from_select(columns, fitting.order_by(case.id).limit(MOST + 1)))
    worth = select(func.count(), func.sum(func.abs(ExceptionCase.reporting_amount_e4))).select_from(BulkItem)
    mine = worth.join(ExceptionCase, ExceptionCase.id == BulkItem.case_id).where(BulkItem.bulk_id == made.id)
    made.total, amount = session.execute(mine).one()
    made.amount_e4 = int(amount or 0)
    if not made.total:
        raise NotAllowedError("There is nothing to do: no exception fits any more.")
    if made.total > MOST:
        raise NotAllowedError(f"More than {MOST:,} at once are not changed. Narrow the filter down first.")


def _there(session: Session, viewer: Viewer, rows: Sequence[bulk.Row]) -> list[bulk.Row]:
    """Without ids of which the person sees no exception: another's is as if it did not exist."""
    ids = [row[1] for row in rows]
    there = set(session.scalars(select(ExceptionCase.id).where(ExceptionCase.id.in_(ids), *visible(viewer))))
    return [row for row in rows if row[1] in there]


def _begin(session: Session, ctx: ActionContext, viewer: Viewer, made: BulkAction, tag: AuditTag) -> None:
    _told(session, ctx, made, tag)
    if made.total <= AT_ONCE:
        step(session, ctx, made, AT_ONCE + 1)
        return
    task = tasks.request(
        session, KIND, f"bulk:{made.id}", {"bulk": made.id}, viewer.user_id, ctx.now,
        correlation_id=made.correlation_id,
    )  # fmt: skip
    made.task_id = task.id
    session.flush()


def _end(made: BulkAction, ctx: ActionContext, status: str) -> None:
    made.status, made.finished_at, made.undo_until = status, ctx.now, ctx.now + UNDO_WINDOW


def _told(session: Session, ctx: ActionContext, made: BulkAction, tag: AuditTag) -> None:
    audit.record_subject(
        session, subject(made), tag, actor=str(ctx.actor), at=ctx.now, correlation_id=made.correlation_id,
        config_snapshot_id=ctx.snapshot_id,
        after={"action": made.action, "title": made.title, "count": made.total, "status": made.status},
    )  # fmt: skip


def _lock(session: Session, viewer: Viewer, made: BulkAction) -> None:
    session.refresh(made, with_for_update=True)
    if made.requested_by_id != viewer.user_id:
        raise NotAllowedError("Only who asked for it changes it.")


def _by_token(session: Session, token: str, viewer: Viewer) -> BulkAction | None:
    mine = select(BulkAction).where(BulkAction.token == token, BulkAction.requested_by_id == viewer.user_id)
    return session.scalar(mine)
