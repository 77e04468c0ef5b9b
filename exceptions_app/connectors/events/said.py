"""One event as the inbox holds it, and the rows that it says.

Knows neither inbox nor run. Errors say where in the event, what is wrong, and what was expected.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from exceptions_app.connectors.base import RawRow, cut
from exceptions_app.connectors.exact_json import dump, find, flat, parse, repeated_key
from exceptions_app.domain.instant import iso

from .options import EventsRead

_AHEAD = timedelta(days=1)
_PLAIN = {"id", "source", "type", "time", "data", "data_base64"}


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
class EventRow(RawRow):
    """A row of an event. `at`, `version` and `event` order the rows of one record: the greatest is the newest."""

    at: datetime
    version: int
    event: str
    inbox_id: int
    correlation_id: str


def row_of(event: Kept, place: str, values: Mapping[str, Any], at: datetime, version: int) -> EventRow:
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
    place, rows = place_of(kept), _rows(options, data, read.value)
    return [
        row_of(kept, place if len(rows) == 1 else f"{place} row {number}", flat(own | row), at, version)
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


def _rows(options: EventsRead, data: Any, whole: Any) -> list[dict[str, Any]]:
    found = find(data, options.records) if options.records else data
    where = f"data, {options.records}" if options.records else "data"
    if found is None and not options.records:
        found = {}  # a deletion may say all in its subject
    rows = found if isinstance(found, list) else [found]
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            shown = "nothing" if row is None else f"a {type(row).__name__}"
            raise ValueError(f"{where}, row {number}: {shown}; expected a JSON object")
    carried = {name: _first(find(data, path), find(whole, path)) for name, path in options.carry.items()}
    return [carried | dict(row) for row in rows]


def _first(inner: Any, outer: Any) -> Any:
    return outer if inner is None else inner


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
