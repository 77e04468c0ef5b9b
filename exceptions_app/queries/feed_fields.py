"""Which fields of a feed's source are otherwise than agreed, and which words of its rows no list knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.wording import plural
from exceptions_app.models import FeedFields
from exceptions_app.records.words import meant
from exceptions_app.services.feed_fields import drift_of, words_of


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


def unknown_words(session: Session, catalog: Catalog, feed: Feed) -> list[str]:
    """Per column and word one line: in how many rows it stands, and which word may be meant."""
    kept, listed = session.get(FeedFields, feed.code), catalog.record_types[feed.record_type].columns
    columns = {name: column for name, column in listed.items() if column.words}
    found = [one for one in words_of(kept) if one.column in columns] if kept is not None else []
    return [
        f"{columns[one.column].label or one.column} says {one.shown} in {plural(one.rows, 'row')};"
        f" {meant(catalog, feed, one)}"
        for one in found
    ]
