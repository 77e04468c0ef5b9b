"""Looks keys up again that no longer disagree: are their records still there, and when were they last read?

Tells *agrees now* from *left the window*. Asks for the bare key, without the check's conditions: an invoice
that was voided is still there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import duckdb

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import Path, read_check
from exceptions_app.catalog.expressions import Expr, literal, quote, render
from exceptions_app.catalog.schema import Check, ClusterCheck, MatchCheck, RecordType, Side

from .cluster_kinds import compile_cluster
from .sources import SOURCE, bare, canonical_select, systems_of
from .values import instant, instant_sql


@dataclass(frozen=True, slots=True)
class Probed:
    """Whether any side still has the key, and when the newest of those records, or of the reference data looked up
    for them, was fetched.

    `changed_at`: when the newest change was made, as the sources say; None where none of them says so. A
    snapshot fetches every record each time: that alone is no change.
    """

    present: bool
    fetched_at: datetime | None
    changed_at: datetime | None = None


def canonical_key(key: Mapping[str, str]) -> str:
    """A business key as `Discrepancy.business_key` writes it."""
    return json.dumps(dict(key), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def probe(
    con: duckdb.DuckDBPyConnection,
    check: Check,
    catalog: Catalog,
    entity: str | None,
    keys: Sequence[Mapping[str, str]],
    read: Mapping[str, datetime] = MappingProxyType({}),
) -> dict[str, Probed]:
    """Look up keys in the source's own identifiers, as exceptions keep them, in what the views show.

    A key is there while somebody has it under the name that was asked for; what other systems have of it, under
    whatever they call it, counts as read with it: a supplier that is active again is put right on the master.
    `entity` is what the views are narrowed to (None: the network). Every key asked for is in the answer. A
    document that was one of several counts as read when any of them was: it is the other that gets voided.
    `read`: until when feeds were read completely. A snapshot reads every record each time, and lands what changed.
    """
    if not isinstance(check, ClusterCheck) or not keys:
        return _look_up(con, check, catalog, entity, keys, read)
    beside = _beside(con, check, catalog, keys)
    everyone = [*keys, *(key for others in beside.values() for key in others)]
    looked_up = _look_up(con, check, catalog, entity, everyone, read)
    found = {}
    for key in map(canonical_key, keys):
        together = [looked_up[key], *(looked_up[canonical_key(other)] for other in beside.get(key, ()))]
        fetched, changed = (each.fetched_at for each in together), (each.changed_at for each in together)
        found[key] = Probed(looked_up[key].present, _newest(fetched), _newest(changed))
    return found


def _newest(times: Iterable[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def _beside(
    con: duckdb.DuckDBPyConnection, check: ClusterCheck, catalog: Catalog, keys: Sequence[Mapping[str, str]]
) -> dict[str, list[dict[str, str]]]:
    """Per document asked for: those that agree with it under a rule of the check."""
    asked, beside = {canonical_key(key) for key in keys}, dict[str, list[dict[str, str]]]()
    for members in compile_cluster(check, catalog).beside(con):
        cluster = [dict(zip(check.key, key, strict=True)) for _, *key in members]
        for key in asked.intersection(map(canonical_key, cluster)):
            beside[key] = cluster
    return beside


def _look_up(
    con: duckdb.DuckDBPyConnection,
    check: Check,
    catalog: Catalog,
    entity: str | None,
    keys: Sequence[Mapping[str, str]],
    read: Mapping[str, datetime],
) -> dict[str, Probed]:
    found = {canonical_key(key): Probed(False, None) for key in keys}
    if not keys:
        return found
    names = list(check.key)
    asked = ", ".join(f"UNNEST(${name}) AS {quote(name)}" for name in names)
    rows = " UNION ALL ".join(_side_keys(check, catalog, entity, read))
    same = " AND ".join(f"s.{quote(name)} = a.{quote(name)}" for name in names)
    meant = " AND ".join(f"s.{_meant(name)} = n.{_meant(name)}" for name in names)
    selected = ", ".join(f"n.{quote(name)}" for name in names)
    sql = (
        f"WITH rows AS ({rows}), named AS (SELECT DISTINCT s.* EXCLUDE (fetched_at, changed_at)"
        f" FROM (SELECT {asked}) AS a JOIN rows AS s ON {same})"
        f" SELECT {selected}, {instant_sql('MAX(s.fetched_at)')}, {instant_sql('MAX(s.changed_at)')}"
        f" FROM named AS n JOIN rows AS s ON {meant} GROUP BY {selected}"
    )
    values = {name: [str(key[name]) for key in keys] for name in names}
    for *key, fetched, changed in con.execute(sql, values).fetchall():
        text = canonical_key(dict(zip(names, key, strict=True)))
        found[text] = Probed(True, *(None if time is None else instant(time) for time in (fetched, changed)))
    return found


def _meant(key: str) -> str:
    """The column of a key's canonical value, beside what the source wrote."""
    return quote(f"{key} meant")


def _side_keys(check: Check, catalog: Catalog, entity: str | None, read: Mapping[str, datetime]) -> list[str]:
    """Per side that a feed brings: the key of every row as the source wrote it and as it is meant, when it was
    fetched, and when the source says that it changed (where it says nothing, records carry the time of fetching).
    """
    if not isinstance(check, MatchCheck):
        record = catalog.record_types[check.record]
        systems = systems_of(catalog, check.record, check.record_kind, None)
        fetched = _fetched(catalog, record, systems, read)
        return [_keys(catalog, record, systems, {key: (key, None) for key in check.key}, entity, fetched)]
    accepted = read_check(check, catalog.record_types).accepted
    selects = []
    for name, side in check.sides.items():
        systems = systems_of(catalog, side.record, side.kind, side.systems)
        if systems:
            record = catalog.record_types[side.record]
            expressions = {key: accepted["sides", name, "key", key] for key in check.key}
            keys = {key: (expression.text.strip(), expression) for key, expression in expressions.items()}
            lookups = _lookups(catalog, side, ("sides", name), accepted, read)
            fetched = _fetched(catalog, record, systems, read)
            selects.append(_keys(catalog, record, systems, keys, entity, fetched, lookups))
    return selects


def _builds_on(asked: Expr) -> bool:
    """Whether what a look-up is asked by comes from another one."""
    return any(qualifier is not None for qualifier, _ in asked.columns)


def _as(sql: str, name: str) -> str:
    return f"CAST({sql} AS STRING) AS {name}"


def _latest(times: Sequence[str]) -> str:
    return times[0] if len(times) == 1 else f"GREATEST({', '.join(times)})"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a side looks up: a join per source, its columns of times, the side's columns that it needs."""

    joins: str = ""
    names: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()


def _lookups(
    catalog: Catalog, side: Side, path: Path, accepted: Mapping[Path, Expr], read: Mapping[str, datetime]
) -> _Asked:
    """A conversion that was added is read later than the records which it makes agree. Of a look-up that asks for what
    another one found, all that the row itself asks for counts.
    """
    sources = {
        lookup.model_dump_json(include={"record", "kind", "on"}): name
        for name, lookup in side.lookups.items()
        if not all(_builds_on(accepted[*path, "lookups", name, "on", column]) for column in lookup.on)
    }
    joins, needs = "", set[str]()
    for index, name in enumerate(sources.values()):
        lookup, alias = side.lookups[name], quote(f"lookup {index}")
        systems = systems_of(catalog, lookup.record, lookup.kind, None)
        asked = {column: accepted[*path, "lookups", name, "on", column] for column in lookup.on}
        on = {column: each for column, each in asked.items() if not _builds_on(each)}
        used = {*on, "fetched_at", "source_time", "source_system"}
        record = catalog.record_types[lookup.record]
        rows = canonical_select(catalog, record, used, systems)
        needs |= {column for expression in on.values() for _, column in expression.columns}
        columns = ", ".join(map(quote, on))
        condition = " AND ".join(f"{alias}.{quote(c)} = {render(e, bare)}" for c, e in on.items())
        joins += (
            f" LEFT JOIN (SELECT {columns}, MAX({_fetched(catalog, record, systems, read)}) AS fetched_at,"
            f" MAX({_CHANGED}) AS changed_at"
            f" FROM ({rows}) AS r GROUP BY {columns}) AS {alias} ON {condition}"
        )
    return _Asked(joins, tuple(quote(f"lookup {index}") for index in range(len(sources))), frozenset(needs))


_CHANGED = "NULLIF(r.source_time, r.fetched_at)"
"""When a source says that a record changed: where it says nothing, records carry the time of fetching."""


def _fetched(
    catalog: Catalog, record: RecordType, systems: Sequence[str], read: Mapping[str, datetime]
) -> str:
    """SQL for when a row `r` was read last. Of what only snapshots bring of a system, that was at their last read."""
    cases = ""
    for system in systems:
        feeds = catalog.feeds_for(record.code, None, [system])
        if feeds and all(feed.mode == "snapshot" and feed.code in read for feed in feeds):
            at = min(read[feed.code] for feed in feeds).astimezone(UTC).isoformat(sep=" ")
            cases += f" WHEN {literal(system)} THEN GREATEST(r.fetched_at, CAST('{at}' AS TIMESTAMPTZ))"
    return f"CASE r.source_system{cases} ELSE r.fetched_at END" if cases else "r.fetched_at"


def _keys(
    catalog: Catalog,
    record: RecordType,
    systems: Sequence[str],
    keys: Mapping[str, tuple[str, Expr | None]],
    entity: str | None,
    read_at: str,
    lookups: _Asked = _Asked(),
) -> str:
    used, selected = {"entity", "fetched_at", "source_time", "source_system", *lookups.needs}, []
    for key, (text, expression) in keys.items():
        column = record.columns.get(text)
        if column is not None:
            written = text + SOURCE if column.crosswalk else text
            used |= {written, text}
            selected += [_as(bare(None, written), quote(key)), _as(bare(None, text), _meant(key))]
        elif expression is not None:
            used |= {name for _, name in expression.columns}
            selected += [_as(render(expression, bare), name) for name in (quote(key), _meant(key))]
    rows = canonical_select(catalog, record, used, systems)
    narrowed = f" WHERE r.entity = {literal(entity)}" if entity and record.scope == "entity" else ""
    fetched, changed = (
        f"{_latest([own, *(f'{alias}.{name}' for alias in lookups.names)])} AS {name}"
        for name, own in (("fetched_at", read_at), ("changed_at", _CHANGED))
    )
    return f"SELECT {', '.join(selected)}, {fetched}, {changed} FROM ({rows}) AS r{lookups.joins}{narrowed}"
