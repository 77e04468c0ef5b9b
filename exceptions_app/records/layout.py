"""How records lie at rest: one Delta table per record type, its columns, its partitions, its identity.

`_part` partitions a table: `base.<entity>` is the folded state of one entity (`base` where records belong to
the network), `chg` holds recent changes. Entity stays a normal column too. A change carries its order: the
run that read it, then its place in the run; newest wins per key. Knows SQL types and names, neither files nor
sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from exceptions_app.catalog.schema import Column, ColumnType, RecordType
from exceptions_app.duck import quoted

CHANGES = "chg"
BASE = "base"

_SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "boolean": "BOOLEAN",
}
_DIGITS, _MOST_DECIMALS = 18, 10
"""Of a number, its decimals among them: as many as 64 bits hold, whatever its scale."""

DELTA_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "long",
    **{f"DECIMAL({_DIGITS},{n})": f"decimal({_DIGITS},{n})" for n in range(_MOST_DECIMALS + 1)},
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "BOOLEAN": "boolean",
}
META = {
    "entity": "VARCHAR",
    "source_system": "VARCHAR",
    "source_id": "VARCHAR",
    "source_time": "TIMESTAMP WITH TIME ZONE",
    "fetched_at": "TIMESTAMP WITH TIME ZONE",
    "run_id": "BIGINT",
}
"""What every record carries beside its type's own columns."""

_INTERNAL = {"_part": "VARCHAR", "_seq": "BIGINT", "_feed": "VARCHAR", "_deleted": "BOOLEAN"}


def sql_type(column: Column) -> str:
    """How a column lies at rest."""
    return _SQL_TYPES.get(column.type) or f"DECIMAL({_DIGITS},{column.scale})"


def part_of(entity: str | None) -> str:
    """The base partition of an entity; of the network for None."""
    return BASE if entity is None else f"{BASE}.{entity}"


def entity_of(part: str) -> str | None:
    """The entity of a base partition; None for the network's."""
    return None if part == BASE else part.removeprefix(f"{BASE}.")


@dataclass(frozen=True)
class Layout:
    """The columns of one record type at rest, in SQL types."""

    record_type: RecordType

    @property
    def name(self) -> str:
        return self.record_type.code

    @property
    def by_entity(self) -> bool:
        return self.record_type.scope == "entity"

    @cached_property
    def own(self) -> dict[str, str]:
        """The record type's own columns, in the order of the configuration."""
        columns: dict[str, Column] = dict(self.record_type.columns)
        taken = [name for name in columns if name in META or name in _INTERNAL]
        if taken:
            raise ValueError(f"record type {self.name}: the column name {taken[0]!r} is taken by the store")
        return {name: sql_type(column) for name, column in columns.items()}

    @cached_property
    def visible(self) -> dict[str, str]:
        """What a view of current records shows."""
        return {**META, **self.own}

    @cached_property
    def stored(self) -> dict[str, str]:
        """All columns of the Delta table, the partition column first."""
        return {**_INTERNAL, **self.visible}

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The columns that identify a record. Records of the network have no entity to be told apart by."""
        scope = ("source_system", "entity") if self.by_entity else ("source_system",)
        return (*scope, *self.record_type.key)


def empty_select(columns: dict[str, str]) -> str:
    """A SELECT of no rows with these typed columns."""
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns.items())
    return f"SELECT {nulls} LIMIT 0"
