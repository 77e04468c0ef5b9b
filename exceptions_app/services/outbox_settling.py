"""What the data says of a write that its system had accepted. Called by intake, which holds the exceptions' rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import EndReason
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, ExceptionCase

from .bulk import in_batches, is_one_of
from .context import ActionContext
from .intake_facts import RunFacts, StepKind

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

    def __init__(self, session: Session, ctx: ActionContext, run: RunFacts) -> None:
        self._session, self._ctx, self._run = session, ctx, run
        self._cases: dict[bool, dict[int, ExceptionCase]] = {True: {}, False: {}}

    def look(self, case: ExceptionCase, kind: StepKind, reason: EndReason | None) -> None:
        """What one step means for the retries of its exception."""
        if kind is StepKind.RECURRED:
            case.retry_state, case.retry_count = None, 0  # a new cycle
        elif case.retry_state == Sent.ACCEPTED:
            agrees = kind is StepKind.CLOSED and reason is EndReason.AGREES_NOW
            if agrees or kind in (StepKind.CONFIRMED, StepKind.NOT_CONFIRMED):
                self._cases[kind is not StepKind.NOT_CONFIRMED][case.id] = case

    def store(self) -> None:
        """One statement for what is confirmed, one for what is not; none where there were no retries."""
        read = self._run.read_through
        before = None if read is None else read - self._run.lag
        for confirmed, cases in self._cases.items():
            if cases:
                for case_id in settle(self._session, self._ctx, cases, confirmed, accepted_before=before):
                    cases[case_id].retry_state = (Sent.CONFIRMED if confirmed else Sent.NOT_CONFIRMED).value
                cases.clear()
