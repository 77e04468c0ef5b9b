"""Crosswalks as tables of a session: the map from one system's local identifier to the canonical one.

A translation for one system comes before one for every system. What the source wrote is kept in the record;
checks translate when they compare, so that a new alias never changes what is at rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arro3.core import Array, DataType, Table
from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog, Translations
from exceptions_app.duck import quoted

TABLE_PREFIX = "xw_"


def load_crosswalks(con: DuckDBPyConnection, catalog: Catalog, *, temporary: bool = True) -> None:
    """Create or replace `xw_<crosswalk>(system, local, canonical)` for each; system '' means every system.

    `temporary`: for this connection alone, not for others of its engine.
    """
    kind = _kind(temporary)
    for code, translations in catalog.crosswalks.items():
        if not translations:
            texts = "system VARCHAR, local VARCHAR, canonical VARCHAR"
            con.execute(f"CREATE OR REPLACE {kind} {quoted(TABLE_PREFIX + code)} ({texts})")
            continue
        keys = list(translations)
        columns = {
            "system": [system or "" for system, _ in keys],
            "local": [local for _, local in keys],
            "canonical": list(translations.values()),
        }
        load_texts(con, TABLE_PREFIX + code, columns, temporary=temporary)


def for_system(translations: Translations, system: str) -> dict[str, str]:
    """Local → canonical as one system sees it."""
    general = {local: to for (owner, local), to in translations.items() if owner is None}
    return general | {local: to for (owner, local), to in translations.items() if owner == system}


def load_texts(
    con: DuckDBPyConnection,
    name: str,
    columns: Mapping[str, Sequence[str | None]],
    *,
    temporary: bool = True,
) -> None:
    """Create or replace a table of text columns, all of the same length, in their order."""
    arrays = [Array(values, DataType.utf8()) for values in columns.values()]
    con.register("texts", Table.from_arrays(arrays, names=list(columns)))
    con.execute(f"CREATE OR REPLACE {_kind(temporary)} {quoted(name)} AS SELECT * FROM texts")
    con.unregister("texts")


def _kind(temporary: bool) -> str:
    return "TEMP TABLE" if temporary else "TABLE"
