"""Raw rows as a DuckDB table of text: only the columns that the mapping names, others stay at the door."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, Protocol, runtime_checkable

from arro3.core import Table
from duckdb import DuckDBPyConnection

from exceptions_app.duck import quoted

from .crosswalk import load_texts
from .errors import MappingError

RAW_TABLE = "raw_page"


class RawRow(Protocol):
    """A row as a connector hands it over: where it stood, and its fields."""

    @property
    def position(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


@runtime_checkable
class InColumns(Protocol):
    """Rows that are held column by column: `position` first, then a column of texts for each of `names`. Of
    blanks at their ends they have only spaces.
    """

    @property
    def columns(self) -> Table: ...
    @property
    def names(self) -> Sequence[str]: ...


class RowProblem(Protocol):
    """A row that could not even be read."""

    @property
    def position(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def raw_text(self) -> str: ...


def text_of(value: Any) -> str | None:
    """A raw value as text, trimmed; None for nothing and for blanks. Nested values become JSON."""
    match value:
        case None:
            return None
        case str():
            return clean(value.strip()) or None
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case dict() | list():
            return clean(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
        case _:
            return str(value)


def load_page(con: DuckDBPyConnection, names: Sequence[str], rows: Sequence[RawRow]) -> None:
    """Create or replace `raw_page`: `position`, then `c0`, `c1`, … for the source columns `names`, in row
    order.
    """
    if isinstance(rows, InColumns):
        _load_columns(con, names, rows)
        return
    columns = {f"c{i}": _column(rows, name) for i, name in enumerate(names)}
    load_texts(con, RAW_TABLE, {"position": [clean(row.position) for row in rows], **columns})


def _load_columns(con: DuckDBPyConnection, names: Sequence[str], rows: InColumns) -> None:
    held = {name: f"c{number}" for number, name in enumerate(rows.names)}
    named = Table.from_arrays(rows.columns.columns, names=["position", *held.values()])
    values = (f"{_trimmed(held[name]) if name in held else 'NULL'} AS c{i}" for i, name in enumerate(names))
    con.register("texts", named)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {RAW_TABLE} AS SELECT {', '.join(['position', *values])} FROM texts"
    )
    con.unregister("texts")


def _trimmed(column: str) -> str:
    """As `text_of` does it: no blanks at the ends, and NULL where nothing else is there."""
    return f"nullif(trim({quoted(column)}), '')"


def _column(rows: Sequence[RawRow], name: str) -> list[str | None]:
    return [text_of(row.values.get(name)) for row in rows]


def clean(text: str) -> str:
    """Half a surrogate pair and a zero byte cannot be stored everywhere: they become question marks."""
    if "\x00" in text:
        text = text.replace("\x00", "?")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def refuse_drift(feed: str, needed: Mapping[str, str], rows: Sequence[RawRow]) -> None:
    """Raises `MappingError` when no row has a source column that the mapping names: the source has changed
    shape.

    `needed` is source column → the canonical column that it feeds.
    """
    if not rows:
        return
    for name, column in needed.items():
        if name in rows[0].values or any(name in row.values for row in rows):
            continue
        present = sorted({key for row in rows[:100] for key in row.values})
        near = get_close_matches(name, [other for other in present if other not in needed], n=1, cutoff=0.5)
        hint = f"; did it become {near[0]!r}?" if near else ""
        raise MappingError(
            f"no row has the column {name!r}{hint}",
            where=f"feed {feed}, column {column}, from {rows[0].position} on",
            expected=f"{name!r} among {', '.join(present[:40])}",
        )
