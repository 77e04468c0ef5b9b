"""What the data says of accepted writes whose exceptions do not wait for it: reopened by a person, or ended meanwhile.

A write is as much a claim as a resolution is: a complete run whose sides were read after it has the last word.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import NEVER_CLEARED, Status
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase

from .audit import AuditTag
from .context import ActionContext
from .delivery_steps import Steps, about
from .intake_facts import RunFacts
from .outbox_settling import STILL_WRONG


def tell_rest(session: Session, ctx: ActionContext, run: RunFacts, found: Collection[bytes]) -> int:
    """Settle them once the run's findings (`found`: fingerprints) are taken in; how many. Nothing where it is not
    known: the run is not complete, a side was read too early, or nobody looked at the exception's key.
    """
    if not run.complete or run.read_through is None:
        return 0
    d, case = Delivery, ExceptionCase
    left = (
        select(d.id, d.case_id)
        .join(case, case.id == d.case_id)
        .where(d.status == Sent.ACCEPTED.value, d.accepted_at < run.read_through - run.lag)
        .where(case.check_code == run.check, case.scope == run.scope)
        .where(case.status != Status.AWAITING_CONFIRMATION.value)
    )
    rows = session.execute(left).all()
    steps = Steps(session, ctx)
    cases = steps.cases(row.case_id for row in rows)
    told = 0
    for delivery in steps.deliveries([row.id for row in rows]):
        to = _said(run, cases[delivery.case_id], found)
        if to is not None and delivery.status == Sent.ACCEPTED:
            _tell(ctx, steps, cases[delivery.case_id], delivery, to)
            told += 1
    steps.store()
    return told


def _said(run: RunFacts, case: ExceptionCase, found: Collection[bytes]) -> Sent | None:
    """Still found: it was in vain. Ended because it agrees, and not found: it was not."""
    if case.fingerprint in found:
        return Sent.NOT_CONFIRMED
    if (
        case.status != Status.RESOLVED
        or case.end_reason in NEVER_CLEARED
        or case.fingerprint in run.superseded
    ):
        return None
    if run.unjudged is not None and run.unjudged(case.entity, case.business_key, ""):
        return None
    return Sent.CONFIRMED


def _tell(ctx: ActionContext, steps: Steps, case: ExceptionCase, delivery: Delivery, to: Sent) -> None:
    confirmed = to is Sent.CONFIRMED
    delivery.status, delivery.settled_at = to.value, ctx.now
    delivery.note = delivery.note if confirmed else STILL_WRONG
    if case.retry_state == Sent.ACCEPTED:
        case.retry_state = to.value
    tag = AuditTag.CASE_RETRY_CONFIRMED if confirmed else AuditTag.CASE_RETRY_NOT_CONFIRMED
    after = {"retry": to.value, **about(delivery)}
    steps.trail.record(case, tag, before={"retry": Sent.ACCEPTED.value}, after=after)
