"""What the page of one exception says of retries: what can be sent, why not, what may be edited, how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import or_, select, text, union_all
from sqlalchemy.orm import Session

from exceptions_app.access import Permission, Viewer, can, may_retry
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import LIVE, Sent
from exceptions_app.models import Delivery, ExceptionCase, RetryBatch, Task, User
from exceptions_app.services import retry_asking, retry_values
from exceptions_app.services.retry_history import NOTHING, History, histories, why_hopeless
from exceptions_app.services.retry_values import Values

from .confirming import Behind, Expected, behind, expected
from .deliveries import DeliveryLine, FieldLine, LineMaker, editors_of, gates, lines, system_name
from .kept import SMALL_BATCH, Stored
from .retry_edits import Input, Review, inputs_of, reviewed, second_person
from .words import STATUS

_ANY_REASON = "because"


@dataclass(frozen=True, slots=True)
class Preparing:
    """A batch that will send this exception again once the newest records are compared."""

    batch_id: int
    token: str
    asked_by: str
    at: datetime
    dry_run: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Rereading:
    """A reading again that somebody asked for, and how far it is, in words. `tone`: as of a tag."""

    task_id: int
    is_over: bool
    said: str
    tone: str


@dataclass(frozen=True, slots=True)
class CaseRetries:
    """`why_not` is the reason why a retry is not possible; with `wants_reason` a person's reason lifts it."""

    title: str
    system_name: str
    fields: tuple[FieldLine, ...]
    inputs: tuple[Input, ...]
    may_retry: bool
    why_not: str | None
    wants_reason: bool
    why_no_edit: str | None
    second_person: str
    newest: DeliveryLine | None
    may_decide: bool
    may_approve: bool
    may_reread: bool
    preparing: Preparing | None
    rereading: Rereading | None
    expected: Expected | None
    behind: tuple[Behind, ...]
    took: timedelta | None
    """From the claim (a resolution, or that the system accepted it) to the run that confirmed it."""

    @property
    def is_moving(self) -> bool:
        """Whether something is under way that the page should follow."""
        moving = self.newest is not None and self.newest.status in (Sent.WAITING, Sent.SENDING)
        prepared = self.preparing is not None and not self.preparing.problem
        return moving or prepared or (self.rereading is not None and not self.rereading.is_over)

    @property
    def pace(self) -> str:
        """How often the page asks again by itself; empty: not at all."""
        return "1s" if self.is_moving else "5s" if self.expected is not None else ""


def case_retries(
    session: Session, viewer: Viewer, catalog: Catalog, stored: Stored, *, now: datetime,
    task_id: int | None = None,
) -> CaseRetries:  # fmt: skip
    """For an exception that the viewer sees. A constant number of statements. `task_id`: a reading to follow."""
    case, kept = stored.case, stored.kept
    operation, values, history = _known(session, catalog, stored)
    maker = LineMaker(viewer, catalog, now, gates(session) if kept.deliveries else {})
    newest = _newest(session, maker, case.id) if kept.deliveries else None
    may = may_retry(viewer, case)
    why_not = why_hopeless(case, operation, values, history) if may else None
    lifted = (
        why_not is not None and why_hopeless(case, operation, values, history, reason=_ANY_REASON) is None
    )
    inputs = inputs_of(viewer, operation, values.values) if operation and may else ()
    claimed = case.resolved_at if case.status == Status.AWAITING_CONFIRMATION else None
    return CaseRetries(
        title=operation.title if operation else "",
        system_name=system_name(catalog, operation.system) if operation else "",
        fields=maker.fields(operation, values.values, {}, case.currency) if operation else (),
        inputs=inputs,
        may_retry=may,
        why_not=why_not,
        wants_reason=lifted,
        why_no_edit=_why_no_edit(case, operation, values, history, inputs),
        second_person=second_person(catalog, operation),
        newest=newest,
        may_decide=may,
        may_approve=newest is not None and _may_approve(session, viewer, newest.id),
        may_reread=may and case.status != Status.RESOLVED,
        preparing=preparing(session, case.id) if kept.preparing else None,
        rereading=_rereading(session, case.id, task_id) if kept.rereading or task_id else None,
        expected=expected(catalog, case.check_code, claimed, now) if claimed else None,
        behind=behind(session, catalog, case.check_code, claimed) if claimed else (),
        took=case.confirmed_at - case.resolved_at if case.confirmed_at and case.resolved_at else None,
    )


def review(
    session: Session, viewer: Viewer, catalog: Catalog, stored: Stored, given: Mapping[str, str], *,
    now: datetime,
) -> Review | None:  # fmt: skip
    """What a person's edits come to, before anything is asked for; None: nothing can be sent for it."""
    operation, values, _ = _known(session, catalog, stored)
    if operation is None:
        return None
    maker = LineMaker(viewer, catalog, now, {})
    evidence, facts = retry_values.loads(stored.evidence), retry_values.loads(stored.case.facts)
    says = partial(retry_values.said, evidence, facts)
    return reviewed(maker, operation, stored.case, values.values, given, says)


def preparing(session: Session, case_id: int) -> Preparing | None:
    """The newest small batch that is about to send this exception again. One statement."""
    wanted = (
        select(RetryBatch, User.name, Task.status.label("task"), Task.error)
        .join(User, User.id == RetryBatch.requested_by_id)
        .outerjoin(Task, Task.id == RetryBatch.task_id)
        .where(RetryBatch.status == "preparing", RetryBatch.total <= SMALL_BATCH)
        .order_by(RetryBatch.id.desc())
        .limit(SMALL_BATCH)
    )
    for batch, name, task, error in session.execute(wanted):
        if case_id in (retry_values.loads(batch.selection).get("cases") or []):
            problem = (error or "it was cancelled") if task in ("failed", "cancelled") else ""
            return Preparing(batch.id, batch.token, name, batch.created_at, batch.dry_run, problem)
    return None


def _known(session: Session, catalog: Catalog, stored: Stored) -> tuple[Operation | None, Values, History]:
    case = stored.case
    operation = retry_asking.operation_for(catalog, case)
    values = Values({})
    if operation is not None:
        evidence = retry_values.loads(stored.evidence)
        values = retry_asking.values_for(operation, evidence, retry_values.loads(case.facts))
    known = histories(session, [case.id]) if stored.kept.deliveries else {}
    return operation, values, known.get(case.id, NOTHING)


def _may_approve(session: Session, viewer: Viewer, delivery_id: int) -> bool:
    """A person who neither asked for it nor edited what it sends."""
    return (
        can(viewer, Permission.APPROVE_RETRY)
        and viewer.user_id not in editors_of(session, [delivery_id])[delivery_id]
    )


def _newest(session: Session, maker: LineMaker, case_id: int) -> DeliveryLine | None:
    """The one that is on its way, else the newest one that was no dry run."""
    real = or_(RetryBatch.id.is_(None), RetryBatch.dry_run.is_(False))
    wanted = lines().where(Delivery.case_id == case_id, real)
    on_its_way = Delivery.status.in_(sorted(LIVE)).desc()
    row = session.execute(wanted.order_by(on_its_way, Delivery.id.desc()).limit(1)).first()
    return maker(row) if row is not None else None


def _rereading(session: Session, case_id: int, task_id: int | None) -> Rereading | None:
    scope = Task.scope == f"reread:{case_id}"
    if task_id is not None:
        wanted = select(Task).where(Task.id == task_id, scope)
    else:  # written out, not bound, and apart: each is served by a partial index
        under_way = (select(Task.id).where(scope, text(f"status = '{at}'")) for at in ("running", "queued"))
        wanted = select(Task).where(Task.id.in_(union_all(*under_way)))
    task = session.scalar(wanted.order_by(Task.id.desc()).limit(1))
    if task is None:
        return None
    said, tone = _read_again(task)
    return Rereading(task.id, task.status not in ("queued", "running"), said, tone)


def _read_again(task: Task) -> tuple[str, str]:
    if task.status in ("queued", "running"):
        return f"Being read again: {task.progress_note or 'waits for a free worker'}.", "accent"
    result = retry_values.loads(task.result)
    if task.status != "done" or result.get("compared") != "done":
        said = task.error or "nothing could be compared"
        return f"It could not be read again: {said.rstrip('.')}.", "amber"
    if result.get("status") != result.get("before"):
        return (
            f"Read again and compared. It is {STATUS.get(str(result.get('status')), '').lower()} now.",
            "green",
        )
    changed = "its values have changed" if result.get("changed") else "nothing has changed"
    return f"Read again and compared: {changed}.", "green"


def _why_no_edit(
    case: ExceptionCase,
    operation: Operation | None,
    values: Values,
    history: History,
    inputs: tuple[Input, ...],
) -> str | None:
    """What is missing can be typed in; what was refused before can be changed: neither stands in the way."""
    editable = {each.name for each in inputs}
    missing = Values(values.values, [name for name in values.missing if name not in editable])
    why = why_hopeless(case, operation, missing, history, reason=_ANY_REASON)
    if why is not None:
        return why
    return None if inputs else "None of its fields is released for editing."
