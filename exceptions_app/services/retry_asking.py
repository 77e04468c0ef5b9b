"""A person asks for a retry: of one exception, a selection, or all that match a filter.

Asking writes a batch and a task; the task looks at the newest records and writes the outbox (`retry_preparing`).
The form's token makes a batch that is started twice one batch.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_retry, viewer_for, visible
from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain.retry import Sent
from exceptions_app.models import CaseEvidence, Delivery, ExceptionCase, RetryBatch, User
from exceptions_app.queries.filter_sql import conditions as conditions_of
from exceptions_app.queries.filters import QueueFilter

from . import audit, retry_values, tasks
from .acting import NotAllowedError
from .audit import AuditTag
from .conflict import insert_unless_exists
from .context import ActionContext
from .retry_approving import approve, decline
from .retry_batches import SHOWN, cancel, pause, resume, send, subject
from .retry_values import values_for

__all__ = [
    "EditRefusedError", "approve", "cancel", "decline", "evidence_of", "operation_for", "pause", "resume",
    "selected", "send", "start", "values_for",
]  # fmt: skip

MOST_EDITED = 200
"""So many exceptions may be edited in one go; each carries its own values."""


class EditRefusedError(NotAllowedError):
    """What was edited cannot be sent so. `problems`: exception id -> field -> what is wrong, in words."""

    def __init__(self, problems: Mapping[int, Mapping[str, str]]) -> None:
        first = next(iter(next(iter(problems.values())).items()))
        super().__init__(f"{first[0].replace('_', ' ').capitalize()}: {first[1]}")
        self.problems = problems


def operation_for(catalog: Catalog, case: ExceptionCase) -> Operation | None:
    """The first operation that fits the exception's category and entity; None: nothing can be sent for it."""
    path = {case.entity, *catalog.ancestors(case.entity)}
    for operation in catalog.operations.values():
        if case.category in operation.category and (not operation.entity or path & set(operation.entity)):
            return operation
    return None


def evidence_of(session: Session, cases: Sequence[ExceptionCase]) -> dict[int, dict[str, Any]]:
    """The newest evidence of each exception. One statement."""
    newest = select(CaseEvidence.case_id, CaseEvidence.evidence).join(
        ExceptionCase,
        (ExceptionCase.id == CaseEvidence.case_id) & (ExceptionCase.evidence_version == CaseEvidence.version),
    )
    rows = session.execute(newest.where(CaseEvidence.case_id.in_([case.id for case in cases])))
    return {case_id: retry_values.loads(evidence) for case_id, evidence in rows}


def start(
    session: Session, ctx: ActionContext, viewer: Viewer, *, token: str, case_ids: Sequence[int] | None = None,
    filters: QueueFilter | None = None, title: str, reason: str = "", dry_run: bool = False,
    edits: Mapping[int, Mapping[str, str]] | None = None,
) -> RetryBatch:  # fmt: skip
    """Ask for a batch; its task `retry_prepare` follows. The same token is the same batch, and nothing twice.

    Raises `NotAllowedError` where the person may not, `EditRefusedError` where edited values cannot be sent.
    """
    if not can(viewer, Permission.RETRY):
        raise NotAllowedError("You may not have exceptions sent again.")
    known = _batch_of(session, token, viewer)
    if known is not None:
        return known
    if (case_ids is None) == (filters is None):
        raise NotAllowedError("Choose what is to be sent again.")
    edited = {case_id: dict(given) for case_id, given in (edits or {}).items() if given}
    _check_edits(session, ctx, viewer, edited, reason)
    selection: dict[str, Any] = {"filter": filters.to_args()} if filters is not None else {}
    if case_ids is not None:
        selection["cases"] = sorted(set(case_ids))
    if edited:
        selection["edits"] = {str(case_id): given for case_id, given in edited.items()}
    added = insert_unless_exists(
        session, RetryBatch, token=token, title=title[:200], status="preparing", dry_run=dry_run,
        selection=canonical(selection), reason=reason.strip() or None, requested_by_id=viewer.user_id,
        total=None if case_ids is None else len(selection["cases"]), created_at=ctx.now,
        correlation_id=uuid.uuid4().hex, config_snapshot_id=ctx.snapshot_id,
    )  # fmt: skip
    batch = _batch_of(session, token, viewer)
    if batch is None:
        raise NotAllowedError("This form was used already: open it again.")
    return _asked(session, ctx, viewer, batch) if added else batch


def selected(session: Session, ctx: ActionContext, batch: RetryBatch) -> list[int]:
    """The exceptions of a batch that its asker may (still) have sent: the most urgent first."""
    asker = session.get_one(User, batch.requested_by_id)
    viewer = viewer_for(asker, ctx.catalog)
    if not asker.active or not can(viewer, Permission.RETRY):
        return []
    chosen = retry_values.loads(batch.selection)
    wanted = select(ExceptionCase.id).where(*visible(viewer)).order_by(ExceptionCase.due_at, ExceptionCase.id)
    if chosen.get(SHOWN):
        ready = select(Delivery.case_id).where(Delivery.batch_id == batch.id, Delivery.status == Sent.READY)
        return list(session.scalars(wanted.where(ExceptionCase.id.in_(ready))))
    if "cases" not in chosen:
        filters = QueueFilter.from_args(chosen.get("filter") or {})
        return list(
            session.scalars(
                wanted.where(*conditions_of(filters, ctx.catalog, viewer.user_id, batch.created_at))
            )
        )
    ids: set[int] = set(chosen["cases"])
    if len(ids) <= 5_000:
        wanted = wanted.where(ExceptionCase.id.in_(ids))
    return [case_id for case_id in session.scalars(wanted) if case_id in ids]


def _batch_of(session: Session, token: str, viewer: Viewer) -> RetryBatch | None:
    """The batch that this person has started with this token."""
    known = select(RetryBatch).where(RetryBatch.token == token, RetryBatch.requested_by_id == viewer.user_id)
    return session.scalar(known)


def _asked(session: Session, ctx: ActionContext, viewer: Viewer, batch: RetryBatch) -> RetryBatch:
    task = tasks.request(
        session, "retry_prepare", f"retry_prepare:{batch.id}", {"batch": batch.id}, viewer.user_id, ctx.now,
        correlation_id=batch.correlation_id,
    )  # fmt: skip
    batch.task_id = task.id
    chosen = retry_values.loads(batch.selection)
    edits = {case_id: sorted(given) for case_id, given in chosen.pop("edits", {}).items()}  # which, not what
    after = {"dry_run": batch.dry_run, "selection": chosen, "title": batch.title, "edited": edits}
    audit.record_subject(
        session, subject(batch), AuditTag.RETRY_ASKED, actor=str(ctx.actor), at=ctx.now,
        correlation_id=batch.correlation_id, config_snapshot_id=ctx.snapshot_id, after=after, why=batch.reason,
    )  # fmt: skip
    session.flush()
    return batch


def _check_edits(
    session: Session, ctx: ActionContext, viewer: Viewer, edits: Mapping[int, Mapping[str, str]], reason: str
) -> None:
    if not edits:
        return
    if not reason.strip():
        raise NotAllowedError("Say why: an edit needs words.")
    if len(edits) > MOST_EDITED:
        raise NotAllowedError(f"Edit at most {MOST_EDITED} exceptions at once.")
    cases = session.scalars(select(ExceptionCase).where(ExceptionCase.id.in_(edits))).all()
    if len(cases) != len(edits) or not all(may_retry(viewer, case) for case in cases):
        raise NotAllowedError("You may not have this exception sent again.")
    evidence, problems = evidence_of(session, cases), dict[int, Mapping[str, str]]()
    for case in cases:
        operation = operation_for(ctx.catalog, case)
        if operation is None:
            raise NotAllowedError("Nothing is configured that could be sent for it.")
        values = values_for(operation, evidence.get(case.id, {}), retry_values.loads(case.facts))
        found = retry_values.edit(operation, values.values, edits[case.id], viewer).problems
        if found:
            problems[case.id] = found
    if problems:
        raise EditRefusedError(problems)
