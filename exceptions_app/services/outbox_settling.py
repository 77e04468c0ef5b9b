"""What the data says of a write that its system had accepted. Called by intake, which holds the exceptions' rows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update
from sqlalchemy.orm import Session

from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery

from .bulk import in_batches, is_one_of
from .context import ActionContext

STILL_WRONG = "The newest records still differ: see the exception."


def settle(session: Session, ctx: ActionContext, case_ids: Collection[int], confirmed: bool) -> None:
    """Mark what was accepted for these exceptions as confirmed, or as not confirmed. One statement a batch."""
    d = Delivery
    status = Sent.CONFIRMED if confirmed else Sent.NOT_CONFIRMED
    note = {} if confirmed else {"note": STILL_WRONG}
    for batch in in_batches(case_ids):
        accepted = update(d).where(is_one_of(session, d.case_id, batch), d.status == Sent.ACCEPTED.value)
        values = accepted.values(status=status.value, settled_at=ctx.now, **note)
        session.execute(values, execution_options={"synchronize_session": False})
