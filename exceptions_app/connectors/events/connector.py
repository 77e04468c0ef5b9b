"""Reads what the inbox holds of a feed: events that were kept when they came, and are rows now.

Must not know the inbox's table, nor what a row means. What came is in the inbox whatever becomes of it here; so reading
again gives the same rows, and `where an event stands` is told row by row, for whoever refuses one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from exceptions_app.connectors.exact_json import dump, find, flat, parse, repeated_key
from exceptions_app.domain.instant import iso

from .broker import take
from .event import Event
from .options import EventsConnection, EventsRead

AT_ONCE = 5_000
MOST = 100_000
"""Events of one run; the next run goes on."""
_AHEAD = timedelta(days=1)
_PLAIN = {"id", "source", "type", "time", "data", "data_base64"}
_SUSPECT = 1
"""An event that a run broke at before is read by itself."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One event as the inbox holds it. `tries`: how often a run broke at it."""

    inbox_id: int
    id: str
    source: str
    type: str
    time: datetime | None
    received_at: datetime
    correlation_id: str
    body: str
    tries: int = 0


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
class EventRow(RawRow):
    """A row of an event. `at`, `version` and `event` order the rows of one record: the greatest is the newest."""

    at: datetime
    version: int
    event: str
    inbox_id: int
    correlation_id: str


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
        for kept in batch:
            self.bytes_read += len(kept.body.encode())
            self._newest = max(kept.received_at, self._newest or kept.received_at)
            try:
                rows.extend(rows_of(self._options, kept))
            except ValueError as error:
                problems.append(RowProblem(place_of(kept), str(error), cut(kept.body)))
        return Page(rows, problems, json.dumps({"inbox": batch[-1].inbox_id}))


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
                rows.append(_row(event, place, values, event.time or event.received_at, kept.version))
    return Page(rows, problems)


def _row(event: Kept, place: str, values: Mapping[str, Any], at: datetime, version: int) -> EventRow:
    name = f"{event.id} {event.source}"
    return EventRow(place, values, at, version, name, event.inbox_id, event.correlation_id)


def place_of(kept: Kept) -> str:
    """Where a person finds it; unique, and at most 300 characters."""
    return f"event {kept.inbox_id} ({kept.id})"


def rows_of(options: EventsRead, kept: Kept) -> list[EventRow]:
    """The rows of one event. Raises ValueError saying where in it, what is wrong, and what was expected."""
    read = parse(kept.body)
    if read.repeats:
        raise ValueError(f"'{repeated_key(read.value)}' stands twice in one object; expected each name once")
    about, data = _parts(options, read.value)
    at = kept.time or kept.received_at
    if at > kept.received_at + _AHEAD:
        raise ValueError(f"time: {iso(at)} lies in the future; expected at most one day after it came")
    version = _version(options, data)
    own = about | {
        "event_id": kept.id, "event_source": kept.source, "event_type": kept.type, "event_time": iso(at),
        "correlation_id": kept.correlation_id,
    }  # fmt: skip
    place, rows = place_of(kept), _rows(options, data)
    return [
        _row(kept, place if len(rows) == 1 else f"{place} row {number}", flat(own | row), at, version)
        for number, row in enumerate(rows, 1)
    ]  # fmt: skip


def _parts(options: EventsRead, value: Any) -> tuple[dict[str, Any], Any]:
    """What the envelope says beside the usual (as `event_<name>`), and the data."""
    if options.format == "webhook":
        data = find(value, options.data)
        return {}, value if data is None else data
    about = {f"event_{name}": item for name, item in value.items() if name not in _PLAIN}
    if "data_base64" not in value:
        return about, value.get("data")
    try:
        text = base64.b64decode(str(value["data_base64"]), validate=True).decode("utf-8")
    except ValueError:
        raise ValueError("data_base64: is no Base64 of a text in UTF-8; expected JSON") from None
    media = str(value.get("datacontenttype", "")).partition(";")[0].strip().lower()
    return about, parse(text).value if media in {"", "application/json"} or media.endswith("+json") else text


def _rows(options: EventsRead, data: Any) -> list[dict[str, Any]]:
    found = find(data, options.records) if options.records else data
    where = f"data, {options.records}" if options.records else "data"
    if found is None and not options.records:
        found = {}  # a deletion may say all in its subject
    rows = found if isinstance(found, list) else [found]
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            shown = "nothing" if row is None else f"a {type(row).__name__}"
            raise ValueError(f"{where}, row {number}: {shown}; expected a JSON object")
    carried = {name: find(data, path) for name, path in options.carry.items()}
    return [carried | dict(row) for row in rows]


def _version(options: EventsRead, data: Any) -> int:
    if options.version is None:
        return 0
    found = find(data, options.version)
    text = dump(found) if isinstance(found, dict | list) else str(found)
    if isinstance(found, bool) or not text.isascii() or not text.isdigit() or len(text) > 18:
        said = "nothing" if found is None else f"'{cut(text, 40)}'"
        raise ValueError(
            f"data, {options.version}: {said}; expected a whole number from 0, of up to 18 digits"
        )
    return int(text)


def _apart(found: Sequence[Kept]) -> Iterator[Sequence[Kept]]:
    """Those at which a run broke before, one by one and last: they hold up nobody."""
    calm = [kept for kept in found if kept.tries < _SUSPECT]
    if calm:
        yield calm
    yield from ([kept] for kept in found if kept.tries >= _SUSPECT)
