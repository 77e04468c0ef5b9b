"""Work that a system has taken for later: where it is asked, and since when. Kept with its write until it has ended.

While it is at work the write waits as one that may have arrived: it keeps its key, is not sent again, is not cancelled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import Attempt

KIND = "job"
"""As an attempt: one for each job, however often it is asked."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """A job as a delivery keeps it (`Delivery.job`). `since` is when the system took it."""

    address: str
    since: datetime

    @classmethod
    def read(cls, kept: str | None) -> AtWork | None:
        if kept is None:
            return None
        found = json.loads(kept)
        return cls(found["address"], from_iso(found["since"]))

    def written(self) -> str:
        return canonical({"address": self.address, "since": iso(self.since)})


def attempts_of(session: Session, delivery_ids: Sequence[int]) -> dict[int, int]:
    """Delivery -> the attempt of the job that is still at work. One statement."""
    if not delivery_ids:
        return {}
    open_ = or_(Attempt.outcome.is_(None), Attempt.outcome == Outcome.AT_WORK.value)
    wanted = select(Attempt.delivery_id, func.max(Attempt.id)).where(
        Attempt.delivery_id.in_(delivery_ids), Attempt.kind == KIND, open_
    )
    return {row[0]: row[1] for row in session.execute(wanted.group_by(Attempt.delivery_id))}
