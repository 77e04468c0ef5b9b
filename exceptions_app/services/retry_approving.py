"""The second pair of eyes: an edited write above the limit, or of pay or bank data, waits for another person.

Never the one who asked, nor anyone who edited a write that this one sends again; whatever their role is today.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, sees, sees_case
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain import wording
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.money import from_e4
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase

from . import retry_batches, retry_values
from .acting import NotAllowedError
from .audit import AuditTag
from .context import ActionContext
from .delivery_steps import Steps
from .retry_values import SENSITIVE
from .retry_worth import Diff, Says, largest

_REPLAYS = 100


def needs_approval(
    operation: Operation, case: ExceptionCase, values: Mapping[str, str | None], diff: Diff, says: Says
) -> bool:
    """Whether a second person must agree before `values` are sent, of which `diff` was edited."""
    return because(operation, case, values, diff, says, "") is not None


def because(
    operation: Operation, case: ExceptionCase, values: Mapping[str, str | None], diff: Diff, says: Says, currency: str
) -> str | None:  # fmt: skip
    """Why a second person must agree, in words; None: nobody need. An amount that nobody can tell counts as large.
    `says`: the exception's own evidence; `currency`: the one for reporting.
    """
    if operation.always_approve:
        return "Everything that is sent like this takes a second person."
    if not diff:
        return None
    if any(operation.fields[name].sensitivity in SENSITIVE for name in diff if name in operation.fields):
        return "It changes pay or bank data."
    limit = operation.approve_above
    return None if limit is None else _too_much(operation, case, values, diff, says, limit, currency)


def _too_much(
    operation: Operation, case: ExceptionCase, values: Mapping[str, str | None], diff: Diff, says: Says,
    limit: Decimal, currency: str,
) -> str | None:  # fmt: skip
    """What is above the limit: the exception's amount, or what the edit comes to."""
    if case.reporting_amount_e4 is None:
        return "Nobody can tell what the exception is worth."
    amount = abs(from_e4(case.reporting_amount_e4))
    if amount > limit:
        return _above("The exception is worth", amount, limit, currency)
    worth = largest(operation, case, values, diff, says)
    if worth is None:
        return "Nobody can tell what the edit comes to."
    if worth <= limit:
        return None
    kinds = {sent.sensitivity for sent in operation.fields.values()}
    if kinds & SENSITIVE:  # a product tells its factors
        return f"The edit comes to more than {wording.money(limit, currency)}."
    return _above("The edit comes to", worth, limit, currency)


def _above(what: str, amount: Decimal, limit: Decimal, currency: str) -> str:
    return f"{what} {wording.money(amount, currency)}, above {wording.money(limit, currency)}."


def approve(session: Session, ctx: ActionContext, viewer: Viewer, delivery_id: int) -> Delivery:
    """Let it be sent. Where the exception has ended meanwhile, nothing is. Raises `NotAllowedError`."""
    steps, case, delivery = _waiting(session, ctx, viewer, delivery_id)
    if case.status != Status.OPEN:
        steps.skip(case, delivery, "The exception was no longer open when it was to be approved.")
    else:
        before = delivery.status
        steps.move(case, delivery, Sent.WAITING)
        delivery.approved_by_id, delivery.not_before = viewer.user_id, ctx.now
        steps.told(case, delivery, AuditTag.CASE_RETRY_APPROVED, before, None)
    return _stored(session, ctx, steps, delivery)


def decline(session: Session, ctx: ActionContext, viewer: Viewer, delivery_id: int, reason: str) -> Delivery:
    """Send nothing, and say why. Raises `NotAllowedError`."""
    if not reason.strip():
        raise NotAllowedError("Say why: declining needs words.")
    steps, case, delivery = _waiting(session, ctx, viewer, delivery_id)
    before = delivery.status
    steps.move(case, delivery, Sent.SKIPPED, f"Declined by {viewer.name}: {reason.strip()}")
    delivery.approved_by_id = None
    steps.told(case, delivery, AuditTag.CASE_RETRY_DECLINED, before, reason.strip())
    return _stored(session, ctx, steps, delivery)


def may_approve(session: Session, viewer: Viewer, delivery: Delivery) -> bool:
    """Whether this person may be the second one."""
    return can(viewer, Permission.APPROVE_RETRY) and viewer.user_id not in editors(session, delivery)


def editors(session: Session, delivery: Delivery) -> set[int]:
    """Who asked for it, and who edited the writes that it sends again."""
    found, each, left = {delivery.requested_by_id}, delivery, _REPLAYS
    while each.replays_id is not None and left:
        earlier = session.get(Delivery, each.replays_id)
        if earlier is None:
            break
        if earlier.edited:
            found.add(earlier.requested_by_id)
        each, left = earlier, left - 1
    return found


def _waiting(
    session: Session, ctx: ActionContext, viewer: Viewer, delivery_id: int
) -> tuple[Steps, ExceptionCase, Delivery]:
    """The rows, locked, if this person may decide on them."""
    steps, delivery = Steps(session, ctx), session.get(Delivery, delivery_id)
    if delivery is None:
        raise NotAllowedError("There is no such retry.")
    case = steps.cases([delivery.case_id])[delivery.case_id]
    delivery = steps.deliveries([delivery_id])[0]
    if not (can(viewer, Permission.APPROVE_RETRY) and sees_case(viewer, case)):
        raise NotAllowedError("You may not approve this retry.")
    if viewer.user_id in editors(session, delivery):
        raise NotAllowedError("Another person must approve what you asked for.")
    if delivery.status != Sent.AWAITING_APPROVAL:
        raise NotAllowedError("Somebody has decided on it already.")
    operation = ctx.catalog.operations.get(delivery.operation)
    edited = retry_values.loads(delivery.edited)
    fields = operation.fields if operation else {}
    if any(not sees(viewer, fields[name].sensitivity) for name in edited if name in fields):
        raise NotAllowedError("You may not see what was edited, and so not approve it.")
    return steps, case, delivery


def _stored(session: Session, ctx: ActionContext, steps: Steps, delivery: Delivery) -> Delivery:
    steps.store()
    if delivery.batch_id is not None:
        retry_batches.finish(session, ctx, [delivery.batch_id])
    return delivery
