"""Rejected rows: kept, asked for while they are missing, and ended. Knows neither connectors nor records.

A reject ends when its row came again and was taken, when the source no longer holds it, or when a person's
word that it is settled was confirmed by a run without rejects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, insert, select, update
from sqlalchemy.orm import Session

from exceptions_app.models import Reject
from exceptions_app.records.known import OpenReject
from exceptions_app.records.mapping import RejectedRow

from .bulk import in_batches

_HOLDING: tuple[ColumnElement[bool], ...] = (Reject.known.is_not(None), Reject.ended_at.is_(None))


def add(session: Session, run_id: int, feed: str, refused: Iterable[RejectedRow], now: datetime) -> int:
    """Keep rejected rows; how many."""
    rows = [
        {
            "run_id": run_id,
            "feed": feed,
            "position": row.position[:300],
            "source_id": row.source_id and row.source_id[:200],
            "column_name": row.column,
            "reason": row.reason,
            "raw_masked": row.raw_masked,
            "known": row.known,
            "created_at": now,
            "ended_at": now if row.mended else None,
        }
        for row in refused
    ]
    if rows:
        session.execute(insert(Reject), rows)
    return len(rows)


def holding(session: Session, feeds: Iterable[str]) -> list[OpenReject]:
    """The open rejects of these feeds of which a key is known: what they belong to cannot be judged."""
    found = (
        select(Reject.id, Reject.feed, Reject.source_id, Reject.known)
        .where(Reject.feed.in_(list(feeds)), *_HOLDING)
        .order_by(Reject.id)
    )
    return [
        OpenReject(i, feed, source, json.loads(known or "{}"))
        for i, feed, source, known in session.execute(found)
    ]


def end(session: Session, ids: Iterable[int], now: datetime) -> int:
    """These are settled; how many were still open."""
    return sum(_end(session, now, Reject.id.in_(batch)) for batch in in_batches(list(ids)))


def end_of_feed(session: Session, feed: str, now: datetime, *, before_run: int | None = None) -> int:
    """All of a feed's, or those of its runs before one that read everything, are settled; how many."""
    earlier = () if before_run is None else (Reject.run_id < before_run,)
    return _end(session, now, Reject.feed == feed, *earlier)


def _end(session: Session, now: datetime, *which: ColumnElement[bool]) -> int:
    ended = update(Reject).where(*which, Reject.ended_at.is_(None)).values(ended_at=now)
    options = {"synchronize_session": False}
    return cast("CursorResult[Any]", session.execute(ended, execution_options=options)).rowcount
