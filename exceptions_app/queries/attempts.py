"""Every try of an exception's retries: what was asked, what was answered, how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import Attempt, Delivery

from . import retry_words as words

LIMIT = 200
_DID = {"read_back": "looked whether it had arrived at", "job": "asked what came of it at"}


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One try. `request` and `answer` hide sensitive values since they were kept. `took` is in milliseconds."""

    delivery_id: int
    number: int
    kind: str
    system_name: str
    at: datetime
    took: int | None
    outcome: str
    good: bool
    status_code: int | None
    request: str
    answer: str
    error: str

    @property
    def did(self) -> str:
        """What was done, after `The jobs`."""
        what = _DID.get(self.kind, "sent it to")
        code = f", HTTP {self.status_code}" if self.status_code is not None else ""
        took = f", {self.took:,} ms" if self.took is not None else ""
        return f"{what} {self.system_name} (try {self.number}): {self.outcome}{code}{took}"


def of_case(session: Session, catalog: Catalog, case_id: int) -> list[AttemptLine]:
    """The newest `LIMIT` tries of one exception, newest first. One statement."""
    return _made(session, catalog, _select().where(Attempt.case_id == case_id))


def of_delivery(session: Session, catalog: Catalog, delivery_id: int) -> list[AttemptLine]:
    """The newest tries of one retry, newest first. One statement."""
    return _made(session, catalog, _select().where(Attempt.delivery_id == delivery_id))


def newest_of(session: Session, catalog: Catalog, delivery_ids: Sequence[int]) -> dict[int, AttemptLine]:
    """Delivery -> its newest try. One statement."""
    if not delivery_ids:
        return {}
    newest = (
        select(func.max(Attempt.id))
        .where(Attempt.delivery_id.in_(delivery_ids))
        .group_by(Attempt.delivery_id)
    )
    found = _made(session, catalog, _select().where(Attempt.id.in_(newest)))
    return {line.delivery_id: line for line in found}


def _select() -> Select[Attempt, str]:
    return select(Attempt, Delivery.system).join(Delivery, Delivery.id == Attempt.delivery_id)


def _made(session: Session, catalog: Catalog, wanted: Select[Attempt, str]) -> list[AttemptLine]:
    rows = session.execute(wanted.order_by(Attempt.id.desc()).limit(LIMIT))
    return [_line(catalog, attempt, system) for attempt, system in rows]


def _line(catalog: Catalog, attempt: Attempt, system: str) -> AttemptLine:
    known = catalog.systems.get(system)
    return AttemptLine(
        delivery_id=attempt.delivery_id,
        number=attempt.number,
        kind=attempt.kind,
        system_name=known.name if known else system,
        at=attempt.finished_at or attempt.started_at,
        took=attempt.duration_ms,
        outcome=words.outcome(attempt.outcome),
        good=attempt.outcome in ("accepted", "found"),
        status_code=attempt.status_code,
        request=attempt.request or "",
        answer=attempt.answer or "",
        error=attempt.error or "",
    )
