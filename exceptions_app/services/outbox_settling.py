"""What the data says of a write that its system had accepted. Called by intake, which holds the exceptions' rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import EndReason
from exceptions_app.domain.retry import ON_ITS_WAY, Sent
from exceptions_app.models import Delivery, ExceptionCase

from . import retry_values
from .bulk import in_batches, is_one_of
from .context import ActionContext
from .delivery_steps import Steps
from .intake_facts import RunFacts, Step, StepKind
from .retry_approving import needs_approval
from .retry_batches import finish
from .trail import Trail

OUTDATED = "The records say something else since it was prepared: look again, then decide."
STILL_WRONG = "The newest records still differ: see the exception."


def settle(
    session: Session, ctx: ActionContext, case_ids: Collection[int], confirmed: bool, *,
    accepted_before: datetime | None = None,
) -> set[int]:  # fmt: skip
    """Mark what was accepted for these exceptions as confirmed, or as not confirmed; of which exceptions it was so.

    `accepted_before`: what was accepted later, the records that were compared cannot show.
    """
    d, settled = Delivery, set[int]()
    status = Sent.CONFIRMED if confirmed else Sent.NOT_CONFIRMED
    note = {} if confirmed else {"note": STILL_WRONG}
    for batch in in_batches(case_ids):
        accepted = update(d).where(is_one_of(session, d.case_id, batch), d.status == Sent.ACCEPTED.value)
        if accepted_before is not None:
            accepted = accepted.where(d.accepted_at < accepted_before)
        said = accepted.values(status=status.value, settled_at=ctx.now, **note).returning(d.case_id)
        settled |= set(session.scalars(said, execution_options={"synchronize_session": False}))
    return settled


class Settling:
    """Collects, while intake changes exceptions, what that says of their retries. `store` writes it, before the rows
    of the exceptions are flushed.
    """

    def __init__(self, session: Session, ctx: ActionContext, run: RunFacts, trail: Trail) -> None:
        self._session, self._ctx, self._run, self._trail = session, ctx, run, trail
        self._cases: dict[bool, dict[int, ExceptionCase]] = {True: {}, False: {}}
        self._changed: dict[int, tuple[ExceptionCase, Discrepancy]] = {}

    def look(self, case: ExceptionCase, step: Step) -> None:
        """What one step means for the retries of its exception."""
        if case.retry_state in ON_ITS_WAY:
            if step.found is not None:
                self._changed[case.id] = case, step.found
        elif step.kind is StepKind.RECURRED:
            case.retry_state, case.retry_count = None, 0  # a new cycle
        elif case.retry_state == Sent.ACCEPTED:
            agrees = step.kind is StepKind.CLOSED and step.reason is EndReason.AGREES_NOW
            if agrees or step.kind in (StepKind.CONFIRMED, StepKind.NOT_CONFIRMED):
                self._cases[step.kind is not StepKind.NOT_CONFIRMED][case.id] = case

    def store(self) -> None:
        """One statement for what is confirmed, one for what is not; none where there were no retries."""
        self._skip_outdated()
        read = self._run.read_through
        before = None if read is None else read - self._run.lag
        for confirmed, cases in self._cases.items():
            if cases:
                for case_id in settle(self._session, self._ctx, cases, confirmed, accepted_before=before):
                    cases[case_id].retry_state = (Sent.CONFIRMED if confirmed else Sent.NOT_CONFIRMED).value
                cases.clear()

    def _skip_outdated(self) -> None:
        """What would send values that the records no longer say is not sent; what may have arrived goes on."""
        if not self._changed:
            return
        steps, d = Steps(self._session, self._ctx, self._trail), Delivery
        stopped = (Sent.WAITING.value, Sent.AWAITING_APPROVAL.value)
        waits = select(d.id).where(d.case_id.in_(self._changed), d.status.in_(stopped), d.doubtful.is_(False))
        batches = set()
        for delivery in steps.deliveries(self._session.scalars(waits).all()):
            case, found = self._changed[delivery.case_id]
            if delivery.status in stopped and _is_outdated(self._ctx, case, delivery, found):
                steps.skip(case, delivery, OUTDATED)
                batches.add(delivery.batch_id)
        self._changed.clear()
        self._session.flush()
        finish(self._session, self._ctx, [each for each in batches if each is not None])


def _is_outdated(ctx: ActionContext, case: ExceptionCase, delivery: Delivery, found: Discrepancy) -> bool:
    """Whether the newest evidence would make it another write, apart from what a person has edited; or one that takes a
    second person by now, and went without.
    """
    operation = ctx.catalog.operations.get(delivery.operation)
    if operation is None:
        return False  # nobody can send it: the outbox says so
    evidence, facts = retry_values.loads(found.evidence), retry_values.loads(found.facts)
    if retry_values.is_outdated(operation, delivery, evidence, facts):
        return True
    edited, says = retry_values.loads(delivery.edited), partial(retry_values.said, evidence, facts)
    went_without = delivery.status == Sent.WAITING.value and delivery.approved_by_id is None and bool(edited)
    diff = {name: (pair[0], pair[1]) for name, pair in edited.items() if name in operation.fields}
    return went_without and needs_approval(operation, case, retry_values.loads(delivery.fields), diff, says)
