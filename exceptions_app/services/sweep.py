"""The sweep: what time alone does to exceptions. Looks only at rows whose `next_sla_at` has passed.

Due soon and breached are told once each and are no change to what a person sees (the version stays); a hold
that ends is one. An expired waiver is none of its business: the next run reopens what is still wrong.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Stage
from exceptions_app.models import ExceptionCase

from . import case_clock
from .actions import resumed
from .audit import AuditTag
from .context import ActionContext
from .trail import Trail

log = logging.getLogger(__name__)

LIMIT = 1_000
_ASIDE = timedelta(hours=1)
"""How long a row that cannot be swept stands aside, so that the others get their turn."""


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """What one sweep did; `more` says that another one is due at once."""

    due_soon: int = 0
    breached: int = 0
    resumed: int = 0
    set_aside: int = 0
    more: bool = False


def sweep(session: Session, ctx: ActionContext, limit: int = LIMIT) -> SweepCounts:
    """Move the clock of up to `limit` exceptions on. Rows that somebody else holds wait for the next
    sweep.
    """
    due = select(ExceptionCase).where(ExceptionCase.next_sla_at <= ctx.now)
    ordered = due.order_by(ExceptionCase.next_sla_at, ExceptionCase.id).limit(limit)
    locked = ordered.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    trail, done = Trail(ctx), {"due_soon": 0, "breached": 0, "resumed": 0, "set_aside": 0}
    cases = session.scalars(locked).all()
    for case in cases:
        try:
            what = _move_on(ctx, trail, case)
        except (KeyError, ValueError) as error:  # its target or calendar cannot be read
            log.error("exception %s cannot be swept: %s", case.id, error)
            case.next_sla_at, what = ctx.now + _ASIDE, ("set_aside",)
        for each in what:
            done[each] += 1
    session.flush()
    trail.store(session)
    return SweepCounts(**done, more=len(cases) == limit)


def _move_on(ctx: ActionContext, trail: Trail, case: ExceptionCase) -> tuple[str, ...]:
    """What came about; a hold found long after its end may have given way to a breach already."""
    if case.status != Status.OPEN:
        case.next_sla_at = None
        return ()
    done: tuple[str, ...] = ()
    before, breached_before = case.sla_stage, case.breached_at
    if case.on_hold:
        change = resumed(ctx, case)
        case.version += 1
        trail.record(
            case, AuditTag.CASE_RESUMED, before=change.before, after=change.after, why="the hold ended"
        )
        done = ("resumed",)
    stage = case_clock.settle_stage(case, ctx.now)
    if stage is Stage.BREACHED and breached_before is None:
        trail.record(case, AuditTag.CASE_BREACHED, after={"due_at": case.due_at})
        return (*done, "breached")
    if stage is Stage.DUE_SOON and before not in {Stage.DUE_SOON, Stage.PAUSED}:
        trail.record(case, AuditTag.CASE_DUE_SOON, after={"due_at": case.due_at})
        return (*done, "due_soon")
    return done
