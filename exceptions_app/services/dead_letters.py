"""What gave up, and what nobody can tell: send it again, discard it, or say whether it arrived.

A dead letter is known not to have arrived, so that sending it again is a new write with a new key. Where the outcome is
unknown a person says what they found in the other system; sent again, it keeps its key: it is the same write.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_retry
from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch

from . import audit, retry_batches, retry_values
from .acting import NotAllowedError
from .audit import AuditTag
from .conflict import insert_unless_exists
from .context import ActionContext
from .delivery_steps import Steps
from .outbox_settling import OUTDATED
from .retry_asking import EditRefusedError, evidence_of
from .retry_history import NOTHING, History, histories, why_hopeless
from .retry_preparing import Planned, Writing
from .retry_values import Values
from .retry_worth import Says

AT_ONCE = 1_000
"""So many may be sent again or discarded in one go."""


def replay(
    session: Session, ctx: ActionContext, viewer: Viewer, delivery_ids: Sequence[int], token: str,
    edits: Mapping[int, Mapping[str, str]] | None = None, reason: str = "",
) -> RetryBatch:  # fmt: skip
    """Send dead letters again, each as a new write; the values are those that gave up, with `edits` (by delivery id).

    The same token is the same batch. What cannot be sent is skipped, saying why: also what the records no longer say,
    and without a `reason` what the system refused for good as it is. Raises `NotAllowedError`.
    """
    known = select(RetryBatch).where(RetryBatch.token == token, RetryBatch.requested_by_id == viewer.user_id)
    if (started := session.scalar(known)) is not None:
        return started
    if edits and not reason.strip():
        raise NotAllowedError("Say why: an edit needs words.")
    found = _mine(session, viewer, delivery_ids)
    title = f"Send again what gave up ({len(found)})"
    added = insert_unless_exists(
        session, RetryBatch, token=token, title=title, status="sending", dry_run=False,
        selection=canonical({"deliveries": sorted(each.id for each in found)}), reason=reason.strip() or None,
        requested_by_id=viewer.user_id, total=len(found), created_at=ctx.now, correlation_id=uuid.uuid4().hex,
        config_snapshot_id=ctx.snapshot_id,
    )  # fmt: skip
    batch = session.scalar(known)
    if batch is None:
        raise NotAllowedError("This form was used already: open it again.")
    if not added:
        return batch
    _write(session, ctx, viewer, batch, found, edits or {})
    audit.record_subject(
        session, retry_batches.subject(batch), AuditTag.RETRY_ASKED, actor=str(ctx.actor), at=ctx.now,
        correlation_id=batch.correlation_id, config_snapshot_id=ctx.snapshot_id,
        after={"selection": batch.selection, "title": title}, why=batch.reason,
    )  # fmt: skip
    retry_batches.finish(session, ctx, [batch.id])
    session.refresh(batch)
    return batch


def discard(
    session: Session, ctx: ActionContext, viewer: Viewer, delivery_ids: Sequence[int], reason: str
) -> list[Delivery]:
    """End dead letters for good, saying why: the exceptions stay in their queues. A second time changes nothing."""
    if not reason.strip():
        raise NotAllowedError("Say why: discarding needs words.")
    found = _mine(session, viewer, delivery_ids)
    steps = Steps(session, ctx)
    cases = steps.cases([each.case_id for each in found])
    done = []
    for delivery in steps.deliveries([each.id for each in found]):
        if delivery.status == Sent.UNSURE:
            raise NotAllowedError("Say first whether it arrived.")
        if delivery.status == Sent.FAILED:
            steps.move(
                cases[delivery.case_id],
                delivery,
                Sent.DISCARDED,
                f"Discarded by {viewer.name}: {reason.strip()}",
            )
            steps.told(
                cases[delivery.case_id],
                delivery,
                AuditTag.CASE_RETRY_DISCARDED,
                Sent.FAILED.value,
                reason.strip(),
            )
        done.append(delivery)
    steps.store()
    return done


def decide(
    session: Session, ctx: ActionContext, viewer: Viewer, delivery_id: int, *, arrived: bool, reason: str,
    send_again: bool = True,
) -> Delivery:  # fmt: skip
    """Say what the other system shows. Arrived: as if it had answered. Not arrived: sent again with the same key, or
    given up.
    """
    if not reason.strip():
        raise NotAllowedError("Say how you know: this needs words.")
    found = _mine(session, viewer, [delivery_id])[0]
    steps = Steps(session, ctx)
    case = steps.cases([found.case_id])[found.case_id]
    delivery = steps.deliveries([delivery_id])[0]
    if delivery.status != Sent.UNSURE:
        raise NotAllowedError("Its outcome is known by now.")
    before = delivery.status
    if arrived:
        steps.accept(case, delivery, f"{viewer.name} found that it had arrived: {reason.strip()}")
    elif case.status != Status.OPEN:
        delivery.doubtful = False
        steps.skip(case, delivery, "It had not arrived, and the exception is no longer open.")
    elif not send_again:
        steps.give_up(case, delivery, f"{viewer.name} found that it had not arrived.", "not_arrived")
    else:
        delivery.doubtful, delivery.not_before = False, ctx.now
        delivery.max_tries += delivery.tries
        steps.move(case, delivery, Sent.WAITING, f"{viewer.name} found that it had not arrived.")
    steps.told(case, delivery, AuditTag.CASE_RETRY_DECIDED, before, reason.strip())
    steps.store()
    if delivery.batch_id is not None:
        retry_batches.finish(session, ctx, [delivery.batch_id])
    return delivery


def _mine(session: Session, viewer: Viewer, delivery_ids: Sequence[int]) -> list[Delivery]:
    """Those that exist and are of exceptions the person may have sent. Raises `NotAllowedError` for any other."""
    ids = sorted(set(delivery_ids))
    if not can(viewer, Permission.RETRY):
        raise NotAllowedError("You may not have exceptions sent again.")
    if not ids or len(ids) > AT_ONCE:
        raise NotAllowedError(f"Choose one to {AT_ONCE}.")
    found = session.execute(
        select(Delivery, ExceptionCase).join(ExceptionCase, ExceptionCase.id == Delivery.case_id)
        .where(Delivery.id.in_(ids)).order_by(Delivery.id)
    ).all()  # fmt: skip
    if len(found) != len(ids) or not all(may_retry(viewer, case) for _, case in found):
        raise NotAllowedError("Some of these are not yours.")
    return [delivery for delivery, _ in found]


def _write(
    session: Session, ctx: ActionContext, viewer: Viewer, batch: RetryBatch, found: Sequence[Delivery],
    edits: Mapping[int, Mapping[str, str]],
) -> None:  # fmt: skip
    writing = Writing(session, ctx, batch, viewer)
    cases = writing.steps.cases([each.case_id for each in found])
    known, evidence = histories(session, list(cases)), evidence_of(session, list(cases.values()))
    problems: dict[int, Mapping[str, str]] = {}
    taken: set[int] = set()
    for delivery in sorted(found, key=lambda each: each.id, reverse=True):
        case = cases[delivery.case_id]
        session.refresh(delivery)
        if case.id in taken:
            continue  # an older one of the same exception: the newest is sent again
        taken.add(case.id)
        history = known.get(case.id, NOTHING)
        newest = evidence.get(case.id, {})
        says = partial(retry_values.said, newest, retry_values.loads(case.facts))
        planned = _outdated(ctx, case, delivery, history, newest)
        planned = planned or _planned(ctx, viewer, writing, case, delivery, history, edits, says, problems)
        writing.add(case, planned)
    if problems:
        raise EditRefusedError(problems)
    writing.store()


def _outdated(
    ctx: ActionContext, case: ExceptionCase, delivery: Delivery, history: History, evidence: Mapping[str, Any]
) -> Planned | None:
    """What gave up with values that the records no longer say is not sent again as it was."""
    operation = ctx.catalog.operations.get(delivery.operation)
    waits = delivery.status == Sent.FAILED and case.status == Status.OPEN and history.live is None
    if operation is None or not waits or not evidence:
        return None
    if not retry_values.is_outdated(operation, delivery, evidence, retry_values.loads(case.facts)):
        return None
    return Planned(Sent.SKIPPED, operation, retry_values.loads(delivery.fields), note=OUTDATED)


def _planned(
    ctx: ActionContext, viewer: Viewer, writing: Writing, case: ExceptionCase, delivery: Delivery,
    history: History, edits: Mapping[int, Mapping[str, str]], says: Says, problems: dict[int, Mapping[str, str]],
) -> Planned:  # fmt: skip
    operation = ctx.catalog.operations.get(delivery.operation)
    values = retry_values.loads(delivery.fields)
    if operation is None:
        return Planned(Sent.SKIPPED, note="What was to be sent is no longer configured.")
    if delivery.status != Sent.FAILED:
        return Planned(Sent.SKIPPED, operation, values, note="Somebody has taken care of it already.")
    edited = retry_values.edit(operation, values, edits.get(delivery.id, {}), viewer)
    if edited.problems:
        problems[case.id] = edited.problems
    left = Values(edited.values, retry_values.missing(operation, edited.values))
    note = why_hopeless(case, operation, left, history, reason=writing.reason)
    if note is not None:
        return Planned(Sent.SKIPPED, operation, edited.values, note=note)
    diff = retry_values.edited_since(operation, delivery, edited)
    return writing.sendable(case, operation, edited.values, diff, says, history.given_up())
