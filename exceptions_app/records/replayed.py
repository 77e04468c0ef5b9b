"""What of a row that became a record may be kept, so that it can be mapped again: as much as the mapping names.

Of a source column that is concealed nothing is kept as it came: of every canonical column that reads it, what was
stored is. So a row can be mapped anew wherever that needs no more than what was taken before. Stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import quoted

from .layout import Layout
from .plan import FROZEN_PREFIX, MappingPlan, fields_of
from .raw import RawRow, text_of


def why_not_kept(catalog: Catalog, feed: Feed) -> str:
    """Why rows of this feed cannot be mapped again; empty where they can."""
    plan = MappingPlan(catalog, feed, Layout(catalog.record_types[feed.record_type]), utc_now())
    for name in ("where", "deleted"):
        condition = getattr(plan, name)
        if condition is not None and plan.secret & set(fields_of(condition)):
            return f"'{name}' reads a field that is concealed, which is not kept"
    return ""


def rows_to_keep(
    con: DuckDBPyConnection, plan: MappingPlan, rows: Sequence[RawRow]
) -> dict[int, dict[str, Any]]:
    """Of each row of the page mapped last that was taken, by its number: `raw`, the texts of the source columns that
    are named and not secret, and `stored`, those of the canonical columns that read a secret one.
    """
    frozen = sorted(plan.frozen)
    columns = ", ".join(["_i", *(f"CAST({quoted(name)} AS VARCHAR)" for name in frozen)])
    found = con.execute(
        f"SELECT {columns} FROM record_page WHERE _i IN (SELECT _i FROM kept_page)"
    ).fetchall()
    open_fields = [name for name in plan.fields if name not in plan.secret]
    return {
        i: {
            "raw": {name: text_of(rows[i].values.get(name)) for name in open_fields},
            "stored": dict(zip(frozen, values, strict=True)),
        }
        for i, *values in found
    }


def values_again(plan: MappingPlan, kept: Mapping[str, Any]) -> dict[str, Any]:
    """A kept row as a raw one for a mapping that is `replaying`. Raises ValueError where the mapping needs what was
    not kept, since it named or concealed other fields then.
    """
    raw, stored = kept["raw"], kept["stored"]
    if set(stored) != plan.frozen:
        raise ValueError(
            "the mapping conceals other fields now than when it came; expected it to be sent again"
        )
    needed = [name for name in plan.fields if not name.startswith(FROZEN_PREFIX)]
    missing = [name for name in needed if name not in raw]
    if missing:
        said = f"'{missing[0]}' was not kept, since no mapping named it when it came"
        raise ValueError(f"{said}; expected it to be sent again")
    return dict(raw) | {FROZEN_PREFIX + name: value for name, value in stored.items()}
