"""Rows of reference data that the configuration holds itself, as a SELECT to put beside what feeds brought."""

from __future__ import annotations

from datetime import UTC, datetime

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import ReferenceRow
from exceptions_app.duck import literal, quoted

from .layout import Layout
from .validation import typed_sql

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when such a row counts as known: it is no news of any source."""
KEPT_PREFIX = "kept_"


def added_rows_sql(catalog: Catalog, record_type: str) -> str:
    """A SELECT of all visible columns, less the keys that `kept_<record type>` has already; empty where there are
    none, or no feed brings the type: then nothing looks it up.
    """
    rows = [row for row in catalog.reference_rows if row.record == record_type]
    sources = catalog.sources_of(record_type)
    if not rows or not sources:
        return ""
    layout = Layout(catalog.record_types[record_type])
    selects = " UNION ALL ".join(_row_sql(layout, row, sources[0].system) for row in rows)
    same = " AND ".join(f"k.{quoted(name)} = a.{quoted(name)}" for name in layout.record_type.key)
    kept = quoted(KEPT_PREFIX + record_type)
    return f"SELECT * FROM ({selects}) AS a WHERE NOT EXISTS (SELECT 1 FROM {kept} AS k WHERE {same})"


def _row_sql(layout: Layout, row: ReferenceRow, system: str) -> str:
    """One row, typed as the records are."""
    meta = {
        "source_system": literal(system),
        "source_id": literal("/".join(row.values[name] for name in layout.record_type.key)),
        "source_time": literal(ALWAYS),
        "fetched_at": literal(ALWAYS),
    }
    columns = layout.record_type.columns
    given = {
        name: typed_sql(literal(value), columns[name].type, columns[name].scale)
        for name, value in row.values.items()
    }
    selected = ", ".join(
        f"CAST({meta.get(name) or given.get(name, 'NULL')} AS {kind}) AS {quoted(name)}"
        for name, kind in layout.visible.items()
    )
    return f"SELECT {selected}"
