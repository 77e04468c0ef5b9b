"""One transaction across systems, found by what follows it or by its business key, whether or not it has an exception.

A correlation ID leads to the events, reads and writes under it, and the records that they brought; from there, as from
a business key, to whatever matches on the same values in the other systems. Records are those of the viewer's entities,
columns are masked by sensitivity; what belongs to no entity is only for those who see the whole network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees, sees_network, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.match_keys import matched_columns
from exceptions_app.config import Settings
from exceptions_app.domain.instant import from_iso
from exceptions_app.duck import closing_session, literals, quoted
from exceptions_app.models import Attempt, Delivery, ExceptionCase, InboxEvent, InboxNewest, SyncRun
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.store import VIEW_PREFIX, RecordStore
from exceptions_app.services.inbox import digest_of

from . import cases
from .filters import QueueFilter
from .rows import CaseRow
from .speaking import speaker
from .words import entity_name

HIDDEN = "hidden"
MOST = 50
_BETWEEN = "\x1f"
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str
    masked: bool


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record as its system says it now."""

    system: str
    record: str
    entity: str
    source_id: str
    at: datetime
    facts: tuple[Fact, ...]
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that came, a read, a write that was sent: when, what, and how it ended."""

    at: datetime
    system: str
    what: str
    state: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What belongs to one transaction. `keys` are the values that it was followed by; `more`: not all is shown."""

    asked: str
    keys: tuple[str, ...]
    records: tuple[RecordLine, ...]
    happenings: tuple[Happening, ...]
    exceptions: tuple[CaseRow, ...]
    more: bool

    @property
    def found(self) -> bool:
        return bool(self.records or self.happenings or self.exceptions)


def trace(
    session: Session, settings: Settings, viewer: Viewer, catalog: Catalog, store: RecordStore,
    unfinished: UnfinishedRuns, asked: str, *, now: datetime,
) -> Trace:  # fmt: skip
    """What the viewer may see of the transaction with this correlation ID or business key."""
    asked = asked.strip()
    if len(asked) < _SHORTEST:
        return Trace(asked, (), (), (), (), more=False)
    keys = [asked, *_keys_of(session, viewer, catalog, asked)]
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        reader = _Reader(session, viewer, catalog, store, con, unfinished)
        records = reader.records(keys)
        followed = [value for value in reader.values if value not in keys]
        if followed:
            keys += followed[:MOST]
            records = reader.records(keys)
    ids = {asked, *(record.correlation_id for record in records)} - {""}
    happenings = _happenings(session, viewer, catalog, ids, asked)
    wanted = QueueFilter(refs=tuple(keys[:MOST]), status="any")
    found = cases.page(session, viewer, catalog, wanted, now=now, size=MOST).rows
    return Trace(
        asked, tuple(keys[1:]), tuple(records), tuple(happenings), tuple(found), more=len(records) >= MOST
    )


def _keys_of(session: Session, viewer: Viewer, catalog: Catalog, correlation_id: str) -> list[str]:
    """The business keys of the records that came under a correlation ID."""
    known = select(InboxNewest.feed, InboxNewest.record_key).where(
        InboxNewest.correlation_id == correlation_id
    )
    found: list[str | None] = []
    for feed_code, key in session.execute(known.limit(MOST)):
        feed = catalog.feeds.get(feed_code)
        if feed is None:
            continue
        by_entity = catalog.record_types[feed.record_type].scope == "entity"
        entity, *rest = key.split(_BETWEEN) if by_entity else (None, *key.split(_BETWEEN))
        if (
            (viewer.entities is None or entity in viewer.entities)
            if by_entity
            else sees_network(viewer, catalog)
        ):
            found += rest[:1]
    sent = select(ExceptionCase.reference).join(Delivery, Delivery.case_id == ExceptionCase.id)
    sent = sent.where(Delivery.correlation_id == correlation_id, *visible(viewer)).limit(MOST)
    keys = dict.fromkeys([*found, *session.scalars(sent)])
    return [key for key in keys if key]


class _Reader:
    """Asks the record store; `values` are what the records that were found match on."""

    def __init__(
        self, session: Session, viewer: Viewer, catalog: Catalog, store: RecordStore, con: DuckDBPyConnection,
        unfinished: UnfinishedRuns,
    ) -> None:  # fmt: skip
        self._session, self._viewer, self._catalog = session, viewer, catalog
        self._store, self._con = store, con
        types = [code for code, one in catalog.record_types.items() if self._may_see(one.scope)]
        store.open_views(con, types, None, unfinished)
        self._masters = {
            name for one in catalog.record_types.values() if one.scope == "network" for name in one.key
        }
        """A supplier's number belongs to all of its orders: it is not followed."""
        self._columns = {code: self._keys(code) for code in types}
        self.values: list[str] = []

    def _may_see(self, scope: str) -> bool:
        return scope == "entity" or sees_network(self._viewer, self._catalog)

    def _keys(self, code: str) -> list[str]:
        """The columns that identify a transaction: whole texts, and open to the viewer."""
        record = self._catalog.record_types[code]
        matched = matched_columns(self._catalog.checks.values(), record, self._catalog.record_types)
        names = dict.fromkeys([*record.key, *matched])
        return [
            name
            for name in names
            if name in record.columns
            and record.columns[name].type == "text"
            and sees(self._viewer, record.columns[name].sensitivity)
        ]

    def records(self, keys: Sequence[str]) -> list[RecordLine]:
        """The records in which any of these values stands as a key, oldest first."""
        found: list[RecordLine] = []
        values: dict[str, None] = {}
        for code, names in self._columns.items():
            rows = self._rows(code, names, keys) if names else []
            runs = self._correlations(row["run_id"] for row in rows)
            for row in rows:
                found.append(self._line(code, row, runs))
                own = (row[name] or "" for name in names if name not in self._masters)
                values |= dict.fromkeys(text for text in own if _names_something(text))
        self.values = list(values)
        return sorted(found, key=lambda line: line.at)[:MOST]

    def _rows(self, code: str, names: Sequence[str], keys: Sequence[str]) -> list[dict[str, str | None]]:
        where = " OR ".join(f"{quoted(name)} IN ({literals(keys)})" for name in names)
        if self._catalog.record_types[code].scope == "entity" and self._viewer.entities is not None:
            where = f"({where}) AND entity IN ({literals(sorted(self._viewer.entities) or [''])})"
        columns = ", ".join(_text_sql(name, kind) for name, kind in self._store.layout(code).visible.items())
        asked = self._con.execute(
            f"SELECT {columns} FROM {quoted(VIEW_PREFIX + code)} WHERE {where} ORDER BY source_time LIMIT {MOST}"  # noqa: S608
        )
        names_found = [about[0] for about in asked.description or []]
        return [dict(zip(names_found, row, strict=True)) for row in asked.fetchall()]

    def _correlations(self, run_ids: Iterable[str | None]) -> dict[int, str]:
        wanted = {int(run) for run in run_ids if run is not None}
        rows = select(SyncRun.id, SyncRun.correlation_id).where(SyncRun.id.in_(wanted))
        return {row.id: row.correlation_id for row in self._session.execute(rows)} if wanted else {}

    def _line(self, code: str, row: dict[str, str | None], runs: dict[int, str]) -> RecordLine:
        record, say = self._catalog.record_types[code], speaker(self._viewer, row.get("currency"))
        facts = []
        for name, column in record.columns.items():
            if row.get(name) is not None:
                masked = not sees(self._viewer, column.sensitivity)
                value = row[name] == "true" if column.type == "boolean" else row[name]
                said = HIDDEN if masked else say(value, _STYLES.get(column.type, column.type))
                facts.append(Fact(column.label or name, said, masked))
        return RecordLine(
            self._system(row["source_system"] or ""), record.title, entity_name(self._catalog, row["entity"] or ""),
            row["source_id"] or "", from_iso(row["source_time"] or ""), tuple(facts),
            self._told_by(code, row) or runs.get(int(row["run_id"] or 0), ""),
        )  # fmt: skip

    def _told_by(self, code: str, row: dict[str, str | None]) -> str | None:
        """What followed the newest event of a record, where it came as one."""
        feeds = [
            feed.code
            for feed in self._catalog.feeds.values()
            if (feed.system, feed.record_type) == (row["source_system"], code)
        ]
        identity = [name for name in self._store.layout(code).identity if name != "source_system"]
        key = _BETWEEN.join(text for name in identity if (text := row[name]) is not None)
        known = select(InboxNewest.correlation_id).where(
            InboxNewest.feed.in_(feeds), InboxNewest.record_key == key, InboxNewest.run_id == int(row["run_id"] or 0),
            InboxNewest.digest == digest_of(key),
        )  # fmt: skip
        return self._session.scalar(known.limit(1))

    def _system(self, code: str) -> str:
        known = self._catalog.systems.get(code)
        return known.name if known else code


def _happenings(
    session: Session, viewer: Viewer, catalog: Catalog, ids: set[str], asked: str
) -> list[Happening]:
    """What came, was read and was sent under these ids, oldest first."""
    found: list[Happening] = []
    names = {code: system.name for code, system in catalog.systems.items()}
    systems = {code: names.get(feed.system, feed.system) for code, feed in catalog.feeds.items()}
    if sees_network(viewer, catalog):
        events = select(InboxEvent).where(
            or_(InboxEvent.correlation_id.in_(ids), InboxEvent.event_id == asked)
        )
        for event in session.scalars(events.order_by(InboxEvent.id).limit(MOST)):
            what = f"event {event.event_id}{f' ({event.type})' if event.type else ''}"
            system, state = systems.get(event.feed, event.feed), _STATES[event.state]
            found.append(Happening(event.received_at, system, what, state, event.correlation_id))
        for run in session.scalars(select(SyncRun).where(SyncRun.correlation_id.in_(ids)).limit(MOST)):
            feed = catalog.feeds.get(run.feed)
            system, what = systems.get(run.feed, run.feed), f"read of {(feed and feed.title) or run.feed}"
            found.append(Happening(run.started_at, system, what, run.status, run.correlation_id))
    sent = (
        select(Attempt, Delivery)
        .join(Delivery, Delivery.id == Attempt.delivery_id)
        .join(ExceptionCase, ExceptionCase.id == Delivery.case_id)
        .where(or_(Attempt.correlation_id.in_(ids), Delivery.correlation_id.in_(ids)), *visible(viewer))
        .limit(MOST)
    )
    for attempt, delivery in session.execute(sent):
        system = names.get(delivery.system, delivery.system)
        what = f"sent {delivery.operation}, try {attempt.number}"
        found.append(Happening(attempt.started_at, system, what, delivery.status, delivery.correlation_id))
    return sorted(found, key=lambda one: one.at)


_STYLES = {"money": "price", "decimal": "number", "integer": "number"}
"""Column type -> how its values are said, where that is not its own name."""
_STATES = {
    "waiting": "waits to be taken", "taken": "taken", "dead": "dead letter", "discarded": "discarded",
}  # fmt: skip


def _names_something(text: str) -> bool:
    """The number of a line belongs to everything; an order's number does not."""
    return len(text) > 3 and any(character.isdigit() for character in text)


def _text_sql(name: str, kind: str) -> str:
    """A column as text; a time as ISO 8601 in UTC."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({quoted(name)}, '%Y-%m-%dT%H:%M:%SZ') AS {quoted(name)}"
    return f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"
