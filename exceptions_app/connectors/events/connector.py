"""Reads what the inbox holds of a feed: events that were kept when they came, and are rows now.

Must not know the inbox's table, nor what a row means. What came is in the inbox whatever becomes of it here; so reading
again gives the same rows, and `where an event stands` is told row by row, for whoever refuses one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import (
    Again,
    CannotReadAgainError,
    Page,
    RawRow,
    RowProblem,
    TransportError,
    cut,
)

from .broker import take
from .event import Event
from .options import EventsConnection, EventsRead
from .said import Kept, place_of, row_of, rows_of

AT_ONCE = 5_000
MOST = 100_000
"""Events of one run; the next run goes on."""
_SUSPECT = 1
"""An event that a run broke at before is read by itself."""


@dataclass(frozen=True, slots=True)
class KeptAgain:
    """What is kept of an event that became records: its rows by their number (0: the only one), each as values for the
    mapping, or as why it cannot be mapped again.
    """

    event: Kept
    version: int
    rows: Sequence[tuple[int, Mapping[str, Any] | str]]


class Inbox(Protocol):
    """The events of one feed that wait, oldest first."""

    def waiting(self, after: int, limit: int) -> Sequence[Kept]:
        """So many of those with a higher number than `after`."""
        ...

    def keep(self, events: Sequence[Event], unreadable: Sequence[tuple[Event, str]]) -> None:
        """Keep what a broker gave, and what of it cannot be read with the reason. Done when it returns."""
        ...

    def again(self, again: Again, after: int, limit: int) -> Sequence[KeptAgain]:
        """What is kept of events that became records, so many of those meant with a higher number than `after`."""
        ...


@dataclass(frozen=True, slots=True)
class EventsPage(Page):
    """`without_rows`: the numbers of events whose list of rows is empty. They were read like the others."""

    without_rows: Sequence[int] = ()


class EventsConnector:
    """One run of a feed of events; `inbox` is handed in before it is read."""

    def __init__(self, connection: EventsConnection, options: EventsRead, where: str) -> None:
        self._connection, self._options, self._where = connection, options, where
        self.inbox: Inbox | None = None
        self._newest: datetime | None = None
        self.bytes_read = 0

    @classmethod
    def of(cls, system: System, feed: Feed) -> EventsConnector:
        connection = EventsConnection.model_validate(system.connection)
        return cls(connection, EventsRead.model_validate(feed.read), f"{system.code} {feed.code}")

    def read(self, watermark: str | None) -> Iterator[Page]:  # noqa: ARG002
        """Whatever waits, with what the broker has: the inbox knows what was taken. The watermark only shows how far.

        A broker that does not answer breaks the read off after what waits already.
        """
        if self.inbox is None:
            message = (
                "events cannot be previewed: send one, then see Integration, Runs, and what could not be mapped "
                "under Dead letters"
            )
            raise TransportError(message, permanent=True, where=self._where)
        silent: TransportError | None = None
        try:
            take(self._connection, self._options, self._where, self.inbox.keep)
        except TransportError as error:
            silent = error
        after = seen = 0
        while seen < MOST and (found := self.inbox.waiting(after, AT_ONCE)):
            for batch in _apart(found):
                yield self._page(batch)
            after, seen = found[-1].inbox_id, seen + len(found)
        if silent is not None:
            raise silent

    def read_again(self, again: Again) -> Iterator[Page]:
        """What was kept of events that came in the range, or that the run took; they converge as they did then."""
        if again.file:
            raise CannotReadAgainError("events come in no files: name a run, or from when to when")
        after = found = 0
        while self.inbox is not None and (batch := self.inbox.again(again, after, AT_ONCE)):
            yield _page_again(batch)
            after, found = batch[-1].event.inbox_id, found + len(batch)
        if not found:
            raise CannotReadAgainError("nothing is kept of the events that are meant: have them sent again")

    def all_keys(self) -> Iterator[RawRow] | None:
        return None

    def read_through(self, began: datetime) -> datetime | None:  # noqa: ARG002 - a sender tells when it likes
        return self._newest

    def acknowledge(self) -> None:
        """Taken events are marked in the transaction that marks the run finished."""

    def close(self) -> None:
        """Nothing is open."""

    def _page(self, batch: Sequence[Kept]) -> Page:
        rows: list[RawRow] = []
        problems: list[RowProblem] = []
        without: list[int] = []
        for kept in batch:
            self.bytes_read += len(kept.body.encode())
            self._newest = max(kept.received_at, self._newest or kept.received_at)
            try:
                found = rows_of(self._options, kept)
            except ValueError as error:
                problems.append(RowProblem(place_of(kept), str(error), cut(kept.body)))
                continue
            rows.extend(found)
            without.extend([] if found else [kept.inbox_id])
        return EventsPage(rows, problems, json.dumps({"inbox": batch[-1].inbox_id}), without)


def _page_again(batch: Sequence[KeptAgain]) -> Page:
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    for kept in batch:
        event = kept.event
        for number, values in kept.rows:
            place = f"{place_of(event)} row {number}" if number else place_of(event)
            if isinstance(values, str):
                problems.append(RowProblem(place, values, ""))
            else:
                rows.append(row_of(event, place, values, event.time or event.received_at, kept.version))
    return Page(rows, problems)


def _apart(found: Sequence[Kept]) -> Iterator[Sequence[Kept]]:
    """Those at which a run broke before, one by one and last: they hold up nobody."""
    calm = [kept for kept in found if kept.tries < _SUSPECT]
    if calm:
        yield calm
    yield from ([kept] for kept in found if kept.tries >= _SUSPECT)
