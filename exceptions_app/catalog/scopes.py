"""What expressions may name, per place: a feed's raw row, a record, the sides of a check, a document.

The validation of the configuration and the compilation of checks ask the same scopes, so that what was
accepted can be run.
"""

from __future__ import annotations

from collections.abc import Mapping

from .expression_tree import decimal_of, kind_of
from .expressions import AGGREGATES, MAPPING, SIDES, TIMES, Kind, Scope
from .schema import ClusterCheck, Column, Lookup, MatchCheck, RecordType, Side

Columns = dict[str, str | Kind]
RecordTypes = Mapping[str, RecordType]

EVERY_RECORD: dict[str, str] = {
    "entity": "text",
    "source_system": "text",
    "source_id": "text",
    "source_time": "timestamp",
    "fetched_at": "timestamp",
}
"""Columns that every record has, whatever its type."""

RAW_ROW = Scope(None, MAPPING)
"""A feed's mapping, `where` and `deleted`: any field of the source's row, as text."""


FED = "_fed"
"""`<column>_fed`, of a column that may be left out: whether a feed of the row's system maps it. An empty value is then
an answer, else nobody was asked.
"""


def of_column(column: Column) -> str | Kind:
    """A column's type as expressions know it, with its digits where it has other decimals than most."""
    if kind_of(column.type).scale in (0, column.scale):
        return column.type
    return decimal_of(column.scale)


def record_columns(record_type: RecordType) -> Columns:
    """A record's columns with their types; beside a translated one, `<column>_source` is what was written."""
    columns: Columns = dict(EVERY_RECORD)
    for name, column in record_type.columns.items():
        columns[name] = of_column(column)
        if column.crosswalk:
            columns[f"{name}_source"] = of_column(column)
        if not column.required:
            columns.setdefault(f"{name}{FED}", "boolean")
    return columns


def record_scope(record_type: RecordType) -> Scope:
    """One row of a record: for `where`, keys, and what a look-up is joined on."""
    return Scope(record_columns(record_type), TIMES)


def row_scope(side: Side, record_types: RecordTypes) -> Scope:
    """One row of a side with its look-ups as `lookup.column`: for `where`."""
    return Scope(side_scope(side, record_types).columns, TIMES)


def side_scope(side: Side, record_types: RecordTypes) -> Scope:
    """A side's columns: the record, its look-ups as `lookup.column`, and aggregates."""
    columns = record_columns(record_types[side.record])
    for name, lookup in side.lookups.items():
        columns.update(looked_up(name, lookup, record_types))
    return Scope(columns, TIMES | AGGREGATES)


def looked_up(name: str, lookup: Lookup, record_types: RecordTypes) -> Columns:
    """What a look-up knows, as `lookup.column`."""
    known = record_columns(record_types[lookup.record])
    return {f"{name}.{column}": known[column] for column in lookup.columns if column in known}


def match_scope(check: MatchCheck, columns: Columns) -> Scope:
    """Over the sides of a match: `side.column`, key columns and `let` names bare, as `columns` holds them."""
    return Scope(columns, TIMES | SIDES, frozenset(check.sides), check.pairs)


def document_scope(check: ClusterCheck, record_types: RecordTypes) -> Scope:
    """The columns of a document: the record's lines, and aggregates over them."""
    return Scope(record_columns(record_types[check.record]), TIMES | AGGREGATES)


BALANCE: dict[str, str] = {"differing": "integer", "differing_since": "timestamp"}
"""What a balance knows of the documents that make its difference: how many, and since when the oldest."""

ALLOCATION: dict[str, str] = {**BALANCE, "ambiguous": "integer"}
"""What an allocation knows beside: how many documents have several explanations."""

CLUSTER: dict[str, str] = {"members": "integer", "paid_members": "integer"}
"""What a duplicate check's `critical_when` may ask of a cluster."""
