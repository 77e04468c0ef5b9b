"""What rows of a record type are matched on: per side of a check, its key as expressions over one record.

Also asked outside comparisons: of a row that was rejected, these columns say which documents it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable

from .expressions import Expr, parse
from .schema import Check, ClusterCheck, RecordType
from .scopes import RecordTypes, record_scope

_SOURCE = "_source"


def side_key(check: Check, side: str, record_types: RecordTypes) -> dict[str, Expr]:
    """The check's key column -> what it is in a record of that side; a duplicate check has one side."""
    if isinstance(check, ClusterCheck):
        scope = record_scope(record_types[check.record])
        return {key: parse(key, scope) for key in check.key}
    party = check.sides[side]
    scope = record_scope(record_types[party.record])
    return {key: parse(party.key.get(key, key), scope) for key in check.key}


def columns_of(expr: Expr) -> set[str]:
    """The columns that an expression over one record reads; what the source wrote is the column itself."""
    return {name.removesuffix(_SOURCE) for _, name in expr.columns}


def matched_columns(checks: Iterable[Check], record_type: RecordType, record_types: RecordTypes) -> list[str]:
    """The columns of a record type that any check matches on; none where no check reads it."""
    found: dict[str, None] = {}
    for check in checks:
        if isinstance(check, ClusterCheck):
            sides = [""] if check.record == record_type.code else []
        else:
            sides = [name for name, side in check.sides.items() if side.record == record_type.code]
        for side in sides:
            for expr in side_key(check, side, record_types).values():
                found |= dict.fromkeys(sorted(columns_of(expr) & set(record_type.columns)))
    return list(found)
