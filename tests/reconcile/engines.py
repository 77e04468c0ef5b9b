"""DuckDB engines with the empty tables of a configuration: to make them takes longer than most checks, so that what one
test has left is emptied for the next.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import literal, quoted, session

_MOST = 12
_SQL = {
    "text": "VARCHAR", "integer": "BIGINT", "decimal": "DECIMAL(18, 4)", "money": "DECIMAL(18, 4)",
    "quantity": "DECIMAL(18, 4)", "date": "DATE", "timestamp": "TIMESTAMPTZ", "boolean": "BOOLEAN",
}  # fmt: skip
_META = {
    "entity": "VARCHAR", "source_system": "VARCHAR", "source_id": "VARCHAR", "source_time": "TIMESTAMPTZ",
    "fetched_at": "TIMESTAMPTZ", "run_id": "BIGINT",
}  # fmt: skip
Key = tuple[tuple[tuple[str, str, bool], ...], tuple[str, ...]]


@dataclass
class Engine:
    """Tables `all_…` of records and filled `xw_…` of crosswalks. `written` are the records that somebody added."""

    key: Key
    con: DuckDBPyConnection
    tables: Mapping[str, str]
    written: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def emptied(self) -> Engine:
        for code in self.written:
            self.con.execute(self.tables[code])
        self.written.clear()
        return self

    def see(self, con: DuckDBPyConnection, entity: str | None) -> None:
        """`rec_…` are the rows of an entity, or all."""
        schema = quoted(f"seen by {entity}")
        if schema not in self.seen:
            self.con.execute(f"CREATE SCHEMA {schema}")
            for name, query in self.views(entity).items():
                self.con.execute(f"CREATE VIEW {schema}.{name} AS {query}")
            self.seen.add(schema)
        con.execute(f"SET search_path = {literal(schema + ',main')}")

    def views(self, entity: str | None) -> dict[str, str]:
        """Name -> query."""
        narrow = f" WHERE entity = {literal(entity)}" if entity else ""
        return {
            quoted(
                f"rec_{code}"
            ): f"SELECT * FROM main.{quoted(f'all_{code}')}{narrow if is_narrowed else ''}"
            for code, _, is_narrowed in self.key[0]
        }


_idle: list[Engine] = []
atexit.register(_idle.clear)


def take(catalog: Catalog) -> Engine:
    """One that nobody uses, as if it were new."""
    key = _tables(catalog), _entries(catalog)
    for at, engine in enumerate(_idle):
        if engine.key == key:
            return _idle.pop(at).emptied()
    return _made(key, catalog)


def give_back(engine: Engine) -> None:
    """Keep it for the next test, and let the one go that nobody has asked for longest."""
    _idle.append(engine)
    if len(_idle) > _MOST:
        _idle.pop(0).con.close()


def _tables(catalog: Catalog) -> tuple[tuple[str, str, bool], ...]:
    found = []
    for code, record in catalog.record_types.items():
        columns = {**_META, **{name: _SQL[column.type] for name, column in record.columns.items()}}
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        found.append((code, listed, record.scope == "entity"))
    return tuple(found)


def _entries(catalog: Catalog) -> tuple[str, ...]:
    return tuple(
        _filled(code, [(system or "", local, means) for (system, local), means in entries.items()])
        for code, entries in catalog.crosswalks.items()
    )


def _filled(code: str, rows: Sequence[tuple[str, str, str]]) -> str:
    listed = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
    fill = f"; INSERT INTO {quoted(f'xw_{code}')} VALUES {listed}" if rows else ""
    return f"CREATE TABLE {quoted(f'xw_{code}')} (system VARCHAR, local VARCHAR, canonical VARCHAR){fill}"


def _made(key: Key, catalog: Catalog) -> Engine:
    tables = {
        code: f"CREATE OR REPLACE TABLE main.{quoted(f'all_{code}')} ({listed})" for code, listed, _ in key[0]
    }
    con = session()
    for statement in (*tables.values(), *key[1]):
        con.execute(statement)
    return Engine(key, con, tables)
