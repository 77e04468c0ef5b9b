"""What a person does with an event that could not become a record: send it again, perhaps mended, or discard it."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.connectors.events.arriving import HEADER, mended
from exceptions_app.connectors.events.broker import UNREADABLE
from exceptions_app.connectors.events.event import EventError
from exceptions_app.connectors.events.options import EventsRead
from exceptions_app.connectors.events.showing import Open, restored
from exceptions_app.domain.instant import iso
from exceptions_app.models import InboxEvent

from . import inbox, tasks
from .audit import AuditTag, record_subject
from .context import ActionContext

AT_ONCE = 500
"""So many are sent again in one go."""


class GoneError(Exception):
    """It is no dead letter any more: somebody was faster."""


def replay(
    session: Session, ctx: ActionContext, number: int, edited: str | None, is_open: Open
) -> InboxEvent:
    """Put it back into the inbox; with `edited`, changed, and with what was hidden from the person as it was.

    Raises `GoneError`, or `EventError` where the text cannot be used.
    """
    event = _dead(session, number)
    before = event.body or ""
    after, read = before, {}
    if edited is not None:
        options = EventsRead.model_validate(ctx.catalog.feeds[event.feed].read)
        after = restored(options, before, edited, is_open)
        read = _read_again(session, event, options, after)
    values = {
        "state": inbox.WAITING,
        "body": after,
        "replays": event.replays + 1,
        "tries": 0,
        "settled_at": None,
    }
    _leave(session, event, **values, **read)
    tasks.request(
        session, "poll", f"poll:{event.feed}", {"feed": event.feed}, ctx.actor.id, ctx.now,
        correlation_id=ctx.correlation_id,
    )  # fmt: skip
    why = None if after == before else "edited"
    _record(session, ctx, event, AuditTag.EVENT_REPLAYED, before, after, why)
    return event


def replay_feed(session: Session, ctx: ActionContext, feed: str) -> int:
    """Put the oldest of a feed's dead letters back into the inbox as they are, as after a corrected mapping; how many.

    Not those that only a person can judge: another body under an id that was known, and what nobody could read.
    """
    e = InboxEvent
    wanted = select(e.id).where(e.feed == feed, e.state == inbox.DEAD, ~e.event_id.startswith(UNREADABLE))
    wanted = wanted.where(~e.event_id.contains(inbox.ANOTHER_BODY)).order_by(e.id).limit(AT_ONCE)
    numbers = list(session.scalars(wanted))
    for number in numbers:
        replay(session, ctx, number, None, lambda _: False)
    return len(numbers)


def discard(session: Session, ctx: ActionContext, number: int, reason: str) -> InboxEvent:
    """It will never be a record, and its rejects hold nothing back any longer. Raises `GoneError`."""
    event = _dead(session, number)
    before = event.body or ""
    _leave(session, event, state=inbox.DISCARDED, body=None, settled_at=ctx.now)
    inbox.settle_rejects(session, [number], event.feed, ctx.now, before_run=(event.run_id or 0) + 1)
    _record(session, ctx, event, AuditTag.EVENT_DISCARDED, before, None, reason)
    return event


def _read_again(session: Session, event: InboxEvent, options: EventsRead, body: str) -> dict[str, object]:
    """What the inbox knows of an event that was changed. Its identity stays, but for one that nobody could read."""
    headers = {
        place.removeprefix(HEADER).strip().lower(): said
        for place, said in (
            (options.id, event.event_id),
            (options.type, event.type),
            (options.time, _time(event)),
        )
        if place.startswith(HEADER)
    }
    found = mended(options, headers, body)
    values: dict[str, object] = {"type": found.type, "source_time": found.time}
    if event.event_id.startswith(UNREADABLE):
        known = select(InboxEvent.id).where(
            InboxEvent.feed == event.feed, InboxEvent.source == found.source, InboxEvent.event_id == found.id
        )
        if session.scalar(known) is not None:
            raise EventError("the event, id", f"'{found.id}' is known already", "an id of its own")
        values |= {"event_id": found.id, "source": found.source}
    return values


def _time(event: InboxEvent) -> str:
    return iso(event.source_time) if event.source_time else ""


def _dead(session: Session, number: int) -> InboxEvent:
    event = session.get(InboxEvent, number)
    if event is None or event.state != inbox.DEAD:
        raise GoneError(f"event {number} is no dead letter any more")
    return event


def _leave(session: Session, event: InboxEvent, **values: object) -> None:
    """By a conditional update: of two people one is first."""
    changed = (
        update(InboxEvent)
        .where(InboxEvent.id == event.id, InboxEvent.state == inbox.DEAD)
        .values(**values)
        .returning(InboxEvent.id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(changed) is None:
        raise GoneError(f"event {event.id} is no dead letter any more")
    session.refresh(event)


def _record(
    session: Session, ctx: ActionContext, event: InboxEvent, tag: AuditTag, before: str, after: str | None,
    why: str | None,
) -> None:  # fmt: skip
    """The trail says that it changed, by digests: what an event says may be anything."""
    about = {"event": event.id, "event_id": event.event_id, "source": event.source}
    record_subject(
        session, f"feed:{event.feed}", tag, actor=str(ctx.actor), at=ctx.now, correlation_id=ctx.correlation_id,
        config_snapshot_id=ctx.snapshot_id, before=about | {"digest": sha256(before.encode()).hexdigest()},
        after=about | ({} if after is None else {"digest": sha256(after.encode()).hexdigest()}), why=why,
    )  # fmt: skip
