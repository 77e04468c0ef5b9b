"""The inbox: events are kept here before their sender is told, and leave it into records, or to a person.

Keeping one is an append and nothing more. Knows neither HTTP nor brokers, and of an event only its envelope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from exceptions_app.connectors.events.event import Event
from exceptions_app.connectors.events.said import Kept
from exceptions_app.domain.instant import iso
from exceptions_app.models import InboxEvent, InboxNewest, Reject
from exceptions_app.records.converging import Newest

from . import bulk

WAITING, TAKEN, DEAD, DISCARDED = "waiting", "taken", "dead", "discarded"
MOST_TRIES = 5
"""An event at which this many runs broke is a dead letter."""
_LONGEST_REASON = 2_000
MOST_AT_ONCE = 32_000_000
"""Characters of events that are looked at together: memory has an end."""
_FEW = 20
"""More rows than these go into PostgreSQL by COPY."""
_COLUMNS = (
    "feed", "source", "event_id", "type", "source_time", "received_at", "correlation_id", "traceparent",
    "state", "body", "reason", "digest",
)  # fmt: skip
ANOTHER_BODY = " (another body "
"""Stands in the id of an event whose id came before with another body."""
_ID_KEPT = 160
"""Characters of an id that came again with another body."""


class Appended(NamedTuple):
    """How many events are new. `differing`: came before with another body, and are dead letters."""

    kept: int
    differing: int = 0


def append(session: Session, feed: str, events: Sequence[Event], now: datetime) -> Appended:
    """Keep those that are not known yet. The caller commits, and only then tells the sender.

    One whose id is known, with another body, is no repetition: it is kept as a dead letter, once.
    """
    kept = _append(session, feed, [(event, WAITING, None) for event in events], now)
    if kept == len(events):
        return Appended(kept)
    differing = _differing(session, feed, events)
    append_dead(session, feed, differing, now)
    return Appended(kept, len(differing))


def _differing(session: Session, feed: str, events: Sequence[Event]) -> list[tuple[Event, str]]:
    """Those that say something else than what came first with their id; each with the reason."""
    known: dict[tuple[str, str], tuple[bytes | None, datetime]] = {}
    e = InboxEvent
    for some in bulk.in_batches(dict.fromkeys(event.id for event in events)):
        wanted = select(e.source, e.event_id, e.digest, e.received_at)
        wanted = wanted.where(e.feed == feed, bulk.is_one_of(session, e.event_id, some))
        known |= {(row[0], row[1]): (row[2], row[3]) for row in session.execute(wanted)}
    found = []
    for event in events:
        digest, at = known.get((event.source, event.id), (None, None))
        if digest is None or at is None or event.digest is None or digest == event.digest:
            continue
        other = f"{event.id[:_ID_KEPT]}{ANOTHER_BODY}{event.digest.hex()[:12]})"
        reason = (
            f"The id '{event.id}' came before, at {iso(at)}, with another body: an id is given once, so that what is "
            "sent twice is taken once. Send this one again from here if it is right."
        )
        found.append((replace(event, id=other), reason))
    return found


def append_dead(session: Session, feed: str, unreadable: Sequence[tuple[Event, str]], now: datetime) -> int:
    """Keep messages that cannot even be read, for a person: a broker will not give them again."""
    return _append(session, feed, [(event, DEAD, why[:_LONGEST_REASON]) for event, why in unreadable], now)


def _append(
    session: Session, feed: str, events: Sequence[tuple[Event, str, str | None]], now: datetime
) -> int:
    written = bulk.time_writer(session)
    received = written(now)
    rows = [
        (
            feed, event.source, event.id, event.type, written(event.time), received, event.correlation_id,
            event.traceparent, state, event.body, reason, event.digest,
        )
        for event, state, reason in events
    ]  # fmt: skip
    if len(rows) > _FEW and bulk.is_postgres(session):
        ids = bulk.reserve_ids(session, InboxEvent, len(rows))
        many = [(number, *row) for number, row in zip(ids, rows, strict=True)]
        return len(bulk.insert_new(session, InboxEvent, ("id", *_COLUMNS), many, "feed, source, event_id"))
    return _insert(session, rows) if rows else 0


def _insert(session: Session, rows: Sequence[tuple[Any, ...]]) -> int:
    """In one statement: what takes an event in is short."""
    mark = "%s" if bulk.is_postgres(session) else "?"
    statement = (
        f"INSERT INTO inbox_event ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))}) "  # noqa: S608
        "ON CONFLICT (feed, source, event_id) DO NOTHING"
    )
    return session.connection().exec_driver_sql(statement, list(rows)).rowcount


def feeds_waiting(session: Session) -> list[str]:
    """The feeds of which any event waits."""
    return list(session.scalars(select(InboxEvent.feed).where(InboxEvent.state == WAITING).distinct()))


def waiting(session: Session, feed: str, after: int, limit: int) -> list[Kept]:
    """The oldest that wait, from a number on: at most `limit`, and not many more characters than `MOST_AT_ONCE`."""
    these = (InboxEvent.feed == feed, InboxEvent.state == WAITING, InboxEvent.id > after)
    sizes = (
        select(InboxEvent.id, func.length(InboxEvent.body)).where(*these).order_by(InboxEvent.id).limit(limit)
    )
    total, last = 0, after
    for number, size in session.execute(sizes):
        last, total = number, total + (size or 0)
        if total > MOST_AT_ONCE:
            break
    found = select(InboxEvent).where(*these, InboxEvent.id <= last).order_by(InboxEvent.id)
    return [kept(event) for event in session.scalars(found)]


def kept(event: InboxEvent) -> Kept:
    """One event as the connector reads it."""
    return Kept(
        event.id, event.event_id, event.source, event.type, event.source_time, event.received_at,
        event.correlation_id, event.body or "", event.tries,
    )  # fmt: skip


def newest_of(session: Session, feed: str, keys: Sequence[str]) -> list[Newest]:
    """The newest changes of these records that earlier runs have seen."""
    found: list[Newest] = []
    for some in bulk.in_batches([digest_of(key) for key in keys]):
        rows = session.scalars(
            select(InboxNewest).where(
                InboxNewest.feed == feed, bulk.is_one_of(session, InboxNewest.digest, some)
            )
        )
        found += [Newest(r.record_key, r.at, r.version, r.event, r.deleted, r.correlation_id) for r in rows]
    return found


def remember(session: Session, feed: str, run_id: int, changed: Iterable[Newest]) -> None:
    """These are the newest now; belongs into the transaction that makes their records seen."""
    rows = {
        one.key: {
            "feed": feed, "digest": digest_of(one.key), "record_key": one.key, "at": one.at, "version": one.version,
            "event": one.event, "deleted": one.deleted, "correlation_id": one.correlation_id, "run_id": run_id,
        }
        for one in changed
    }  # fmt: skip
    if not rows:
        return
    insert: Any = (postgresql if bulk.is_postgres(session) else sqlite).insert(InboxNewest)
    told = ("at", "version", "event", "deleted", "correlation_id", "run_id")
    upsert = insert.on_conflict_do_update(
        index_elements=["feed", "digest"], set_={name: insert.excluded[name] for name in told}
    )
    session.execute(upsert, list(rows.values()))


def digest_of(key: str) -> bytes:
    """What a record's identity is found by."""
    return sha256(key.encode()).digest()[:16]


def take(
    session: Session, ids: Iterable[int], run_id: int, now: datetime, kept: Mapping[int, str] | None = None
) -> None:
    """These are records now. Of what they said, only `kept` stays, to be replayed."""
    values = {"state": TAKEN, "body": None, "reason": None, "run_id": run_id, "settled_at": now}
    for some in bulk.in_batches(ids):
        _change(session, some, values)
        if kept:
            bodies = [(kept[number], number) for number in some if number in kept]
            bulk.update(session, InboxEvent, ("body", "id"), bodies)


def taken_between(
    session: Session, feed: str, since: datetime, until: datetime | None, after: int, limit: int
) -> list[Kept]:
    """What is kept of events that came from `since` to before `until` and became records."""
    came = [InboxEvent.received_at >= since]
    came += [] if until is None else [InboxEvent.received_at < until]
    return _taken(session, feed, came, after, limit)


def taken_by(session: Session, feed: str, run_id: int, after: int, limit: int) -> list[Kept]:
    """What is kept of events that this run made records of."""
    return _taken(session, feed, [InboxEvent.run_id == run_id], after, limit)


def _taken(
    session: Session, feed: str, these: Sequence[ColumnElement[bool]], after: int, limit: int
) -> list[Kept]:
    found = (
        select(InboxEvent)
        .where(InboxEvent.feed == feed, InboxEvent.state == TAKEN, InboxEvent.body.is_not(None))
        .where(InboxEvent.id > after, *these)
        .order_by(InboxEvent.id)
        .limit(limit)
    )
    return [kept(event) for event in session.scalars(found)]


def forget_said(session: Session, feed: str, before: datetime) -> int:
    """What is kept of taken events that came before then is gone; their ids are still known. How many."""
    old = (
        update(InboxEvent)
        .where(InboxEvent.feed == feed, InboxEvent.state == TAKEN, InboxEvent.body.is_not(None))
        .where(InboxEvent.received_at < before)
        .values(body=None)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", session.execute(old)).rowcount


def give_up(session: Session, reasons: Mapping[int, str], run_id: int | None, now: datetime) -> None:
    """These wait for a person."""
    for number, reason in reasons.items():
        values = {
            "state": DEAD, "reason": reason[:_LONGEST_REASON], "run_id": run_id, "settled_at": now,
        }  # fmt: skip
        _change(session, [number], values)


def broke_at(session: Session, ids: Sequence[int], reason: str, run_id: int, now: datetime) -> None:
    """A run broke at one of these: each is tried by itself from now on; one that does it too often is given up."""
    for some in bulk.in_batches(ids):
        _change(session, some, {"tries": InboxEvent.tries + 1})
    often = select(InboxEvent.id).where(
        InboxEvent.id.in_(ids[:1]), InboxEvent.tries >= MOST_TRIES, InboxEvent.state == WAITING
    )
    give_up(session, dict.fromkeys(session.scalars(often), reason), run_id, now)


def settle_rejects(session: Session, ids: Iterable[int], feed: str, now: datetime, before_run: int) -> None:
    """What earlier runs refused of events that were replayed, or given up for good, holds nothing back any longer."""
    for number in ids:
        place = f"event {number} ("
        session.execute(
            update(Reject)
            .where(Reject.feed == feed, Reject.run_id < before_run, Reject.ended_at.is_(None))
            .where(func.substr(Reject.position, 1, len(place)) == place)
            .values(ended_at=now)
        )


def replayed_among(session: Session, ids: Iterable[int]) -> list[int]:
    """Those of these events that a person has sent again."""
    found: list[int] = []
    for some in bulk.in_batches(ids):
        found += session.scalars(
            select(InboxEvent.id).where(bulk.is_one_of(session, InboxEvent.id, some), InboxEvent.replays > 0)
        )
    return found


def forget(session: Session, feed: str, before: datetime) -> int:
    """Taken and discarded events that came before then are forgotten, their ids too; how many."""
    old = delete(InboxEvent).where(
        InboxEvent.feed == feed,
        InboxEvent.state.in_((TAKEN, DISCARDED)),
        InboxEvent.received_at < before,
    )
    return cast("CursorResult[Any]", session.execute(old)).rowcount


def _change(session: Session, ids: Sequence[int], values: Mapping[str, Any]) -> None:
    session.execute(
        update(InboxEvent)
        .where(bulk.is_one_of(session, InboxEvent.id, ids), InboxEvent.state == WAITING)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
