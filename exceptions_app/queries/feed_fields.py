"""Which fields of a feed's source are otherwise than agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from exceptions_app.models import FeedFields
from exceptions_app.services.feed_fields import drift_of


@dataclass(frozen=True, slots=True)
class FieldLine:
    """What one field does, in words, and since when."""

    said: str
    since: datetime


def drift(session: Session, feed: str) -> list[FieldLine]:
    """The longest known first."""
    kept = session.get(FeedFields, feed)
    found = drift_of(kept) if kept is not None else []
    ordered = sorted(found, key=lambda one: (one.since, one.name))
    return [FieldLine(one.words, datetime.fromisoformat(one.since)) for one in ordered]
