"""Moves deliveries along their table, mirrors each on its exception and in the trail. Knows no system and no person.

Rows are locked in one order, exceptions before deliveries, so that two transactions never wait for each other in a
circle. What is collected is written by `store`, many rows at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import Action, EndReason, Status, transition
from exceptions_app.domain.retry import AT_WORK, STEPS, Sent
from exceptions_app.models import Delivery, ExceptionCase

from . import case_clock
from .audit import AuditTag
from .context import ActionContext
from .trail import Trail

_NO_LONGER_ON_ITS_WAY = frozenset({Sent.SKIPPED, Sent.FAILED, Sent.DISCARDED, Sent.REPLAYED})
_COUNTED = frozenset({Sent.ACCEPTED, Sent.FAILED})

_IDS: Any = bindparam("ids", expanding=True)
_NEWEST = {"populate_existing": True}
_CASES = select(ExceptionCase).where(ExceptionCase.id.in_(_IDS)).order_by(ExceptionCase.id)
_CASES = _CASES.with_for_update().execution_options(**_NEWEST)
_DELIVERIES = select(Delivery).where(Delivery.id.in_(_IDS)).order_by(Delivery.id)
_DELIVERIES = _DELIVERIES.with_for_update().execution_options(**_NEWEST)
"""Put together once: they are run for every few answers."""


class StepError(Exception):
    """The status does not allow the step: a fault of the program, never of a person."""


class Steps:
    """The steps of one transaction."""

    def __init__(self, session: Session, ctx: ActionContext, trail: Trail | None = None) -> None:
        self._session, self._ctx = session, ctx
        self.trail = trail or Trail(ctx)

    def cases(self, ids: Iterable[int]) -> dict[int, ExceptionCase]:
        """The exceptions, locked in the order of their ids. Before `deliveries`."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        return {case.id: case for case in self._session.scalars(_CASES, {"ids": wanted})}

    def deliveries(self, ids: Collection[int]) -> list[Delivery]:
        """The deliveries, locked in the order of their ids."""
        if not ids:
            return []
        return list(self._session.scalars(_DELIVERIES, {"ids": list(ids)}))

    def move(self, case: ExceptionCase, delivery: Delivery, to: Sent, note: str | None = None) -> None:
        """Along the table; the lease ends with the step. Raises `StepError`.

        What a dry run has written and is not sent leaves its exception alone: another retry may be on its way.
        """
        of_dry_run = delivery.status == Sent.READY and to is Sent.SKIPPED
        if to not in STEPS[Sent(delivery.status)]:
            raise StepError(f"delivery {delivery.id} cannot go from {delivery.status} to {to}")
        delivery.status = to.value
        delivery.lease_owner = delivery.lease_until = None
        if to not in (Sent.WAITING, Sent.SENDING):
            delivery.job = None
        if note is not None:
            delivery.note = note
        if to in _NO_LONGER_ON_ITS_WAY:
            delivery.settled_at = self._ctx.now
        if not of_dry_run:
            case.retry_state = AT_WORK if to is Sent.WAITING and delivery.job is not None else to.value
            case.retry_count += to in _COUNTED

    def skip(self, case: ExceptionCase, delivery: Delivery, note: str) -> None:
        """Nothing (more) is sent, and why."""
        before = delivery.status
        if delivery.doubtful:
            note = f"{note} An earlier try of it may have arrived: it was never answered."
        self.move(case, delivery, Sent.SKIPPED, note)
        if before != Sent.READY:
            self._told(case, delivery, AuditTag.CASE_RETRY_SKIPPED, before, note)

    def accept(self, case: ExceptionCase, delivery: Delivery, note: str | None = None) -> None:
        """The system has it. An open exception awaits confirmation now, as if a person had resolved it; one that
        somebody or the data has ended meanwhile is left alone.
        """
        before, now = delivery.status, self._ctx.now
        if case.status != Status.OPEN:
            note = f"{note or 'It was accepted.'} The exception had ended otherwise by then."
        self.move(case, delivery, Sent.ACCEPTED, note)
        delivery.accepted_at, delivery.doubtful = now, False
        if case.status != Status.OPEN:
            self._told(case, delivery, AuditTag.CASE_RETRY_ACCEPTED, before, note)
            return
        was = {"status": case.status, "on_hold": case.on_hold}
        case.status = transition(Status(case.status), Action.ACCEPTED)
        case.end_reason, case.ended_by = EndReason.FIXED_BY_RETRY, f"user:{delivery.requested_by_id}"
        case.resolved_at = now
        case_clock.stop(case, self._ctx.catalog, now)
        case.version += 1
        case.config_snapshot_id = self._ctx.snapshot_id
        after = {"status": str(case.status), "end_reason": str(case.end_reason), **about(delivery)}
        self.trail.record(case, AuditTag.CASE_RETRY_ACCEPTED, before=was, after=after, why=note)

    def give_up(self, case: ExceptionCase, delivery: Delivery, error: str, error_class: str) -> None:
        """A dead letter: known not to have arrived. The exception stays in its queue, on its clock."""
        before = delivery.status
        delivery.first_error = delivery.first_error or error
        delivery.last_error, delivery.error_class, delivery.doubtful = error, error_class, False
        self.move(case, delivery, Sent.FAILED)
        self._told(case, delivery, AuditTag.CASE_RETRY_FAILED, before, error)

    def ask_a_person(self, case: ExceptionCase, delivery: Delivery) -> None:
        """It may have arrived, and nobody can find out but a person."""
        before = delivery.status
        self.move(case, delivery, Sent.UNSURE)
        self._told(case, delivery, AuditTag.CASE_RETRY_UNSURE, before, delivery.last_error)

    def told(
        self, case: ExceptionCase, delivery: Delivery, tag: AuditTag, before: str, why: str | None
    ) -> None:
        """A line of the trail about a delivery that was moved."""
        self._told(case, delivery, tag, before, why)

    def store(self) -> None:
        """Write all of it; in the same transaction."""
        self._session.flush()
        self.trail.store(self._session)

    def _told(
        self, case: ExceptionCase, delivery: Delivery, tag: AuditTag, before: str, why: str | None
    ) -> None:
        after = {"retry": delivery.status, **about(delivery)}
        self.trail.record(case, tag, before={"retry": before}, after=after, why=why)


def about(delivery: Delivery) -> dict[str, Any]:
    """Which write it is, for the trail."""
    return {
        "delivery_id": delivery.id, "operation": delivery.operation, "system": delivery.system,
        "tries": delivery.tries,
    }  # fmt: skip
