"""The sweep: what time alone does to exceptions. Looks only at rows whose `next_sla_at` has passed.

Half-way, due soon, breached and a missed first response are told once each in a cycle, however the exception got
there (a resume, a reopening, a recomputed deadline), and are no change to what a person sees: the version stays. A
hold that ends is one. Nothing is told of the next bucket of age, nor of a stage that was told before: the row says it,
and is counted by it. People are told by `notices`, which reads the trail. An expired waiver is none of its
business: the next run reopens what is still wrong.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.sla import Told
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

_TAGS = {
    Told.HALF: AuditTag.CASE_HALF,
    Told.DUE_SOON: AuditTag.CASE_DUE_SOON,
    Told.BREACHED: AuditTag.CASE_BREACHED,
    Told.RESPONSE_MISSED: AuditTag.CASE_RESPONSE_MISSED,
}
_COUNTED = {
    Told.HALF: "half",
    Told.DUE_SOON: "due_soon",
    Told.BREACHED: "breached",
    Told.RESPONSE_MISSED: "response_missed",
}


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """What one sweep did; `more` says that another one is due at once."""

    half: int = 0
    due_soon: int = 0
    breached: int = 0
    response_missed: int = 0
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
    trail, done = Trail(ctx), Counter[str]()
    cases = session.scalars(locked).all()
    for case in cases:
        try:
            done += _move_on(ctx, trail, case)
        except (KeyError, ValueError) as error:  # its target or calendar cannot be read
            log.error("exception %s cannot be swept: %s", case.id, error)
            case.next_sla_at = ctx.now + _ASIDE
            done["set_aside"] += 1
    session.flush()
    trail.store(session)
    return SweepCounts(**done, more=len(cases) == limit)


def _move_on(ctx: ActionContext, trail: Trail, case: ExceptionCase) -> Counter[str]:
    """What came about; a hold found long after its end may have given way to a breach already."""
    done = Counter[str]()
    if case.status != Status.OPEN:
        case.next_sla_at = None
        return done
    if case_clock.held_past_cutoff(case, ctx.now):
        case_clock.recompute(case, ctx.catalog, ctx.now)
    elif case.on_hold:
        change = resumed(ctx, case)
        case.version += 1
        trail.record(
            case, AuditTag.CASE_RESUMED, before=change.before, after=change.after, why="the hold ended"
        )
        done["resumed"] += 1
    for what in case_clock.to_tell(case, ctx.now):
        trail.record(case, _TAGS[what], after=_said(case, what))
        case.told |= what
        done[_COUNTED[what]] += 1
    if case.on_hold:
        case_clock.recompute(case, ctx.catalog, ctx.now)  # a cut-off to come may breach it yet
    else:
        case_clock.settle(case, ctx.catalog, ctx.now)
    return done


def _said(case: ExceptionCase, what: Told) -> dict[str, Any]:
    if what is Told.RESPONSE_MISSED:
        return {"response_due_at": case.response_due_at}
    return {"due_at": case.due_at} | ({"cutoff": case.cutoff} if case.cutoff else {})
