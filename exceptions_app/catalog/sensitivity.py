"""How sensitive what a check says is: as sensitive as the most sensitive record column behind it.

A check's expressions are followed through `let`, look-ups and the sides to the columns of record types. What
cannot be followed counts as the strictest, so that a mistake hides a value and never shows one. Must not know
who is looking.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from .schema import BalanceCheck, Check, ClusterCheck, MatchCheck, Sensitivity, Side
from .scopes import ALLOCATION, EVERY_RECORD, RecordTypes

_ORDER: tuple[Sensitivity, ...] = ("public", "internal", "hr", "bank", "patient")
STRICTEST: Sensitivity = _ORDER[-1]
_UNFOLLOWED: frozenset[tuple[str | None, str]] = frozenset({(None, "")})
_OF_SIDES = ("present", "missing")
_FIGURES = ("difference", "base", "scale")
"""What a finding with a tolerance may name beside the check's own columns."""


def strictest(found: Iterable[Sensitivity]) -> Sensitivity:
    """The most sensitive of several; a constant, which reads no column at all, is public."""
    return max(found, key=_ORDER.index, default="public")


def is_open(sensitivity: Sensitivity) -> bool:
    """Whether everybody who works here may read it: only that belongs in a sentence or a list."""
    return sensitivity in ("public", "internal")


def of_column(record_types: RecordTypes, record: str, name: str) -> Sensitivity:
    """A record's column, or what the source wrote where it is translated."""
    shape = record_types.get(record)
    if shape is None:
        return STRICTEST
    column = shape.columns.get(name) or shape.columns.get(name.removesuffix("_source"))
    if column is not None:
        return column.sensitivity
    return "internal" if name in EVERY_RECORD else STRICTEST


def of_record(record_types: RecordTypes, record: str, expression: str) -> Sensitivity:
    """An expression over one row of a record."""
    return strictest(of_column(record_types, record, name) for _, name in _named_in(expression))


def of_named(record_types: RecordTypes, name: str) -> Sensitivity:
    """A column of which only the name is known: the strictest of that name in any record type."""
    plain = name.removesuffix("_source")
    own = [
        shape.columns[key].sensitivity
        for shape in record_types.values()
        for key in {name, plain} & set(shape.columns)
    ]
    return strictest(own) if own else ("internal" if name in EVERY_RECORD else STRICTEST)


def of_cell(check: Check, record_types: RecordTypes, side: str, name: str) -> Sensitivity:
    """What one side of a check shows under a name; a duplicate's sides are its documents."""
    if isinstance(check, ClusterCheck):
        return _of_document(check, record_types, name)
    if side not in check.sides:
        return STRICTEST
    return _of_side(check, check.sides[side], record_types, name)


def of_finding(
    check: MatchCheck, record_types: RecordTypes, expression: str, figures: Iterable[str] = ()
) -> Sensitivity:
    """An expression over the sides. `figures` are those of the finding's tolerance, for its bare names."""
    return strictest(
        _of_bare(check, record_types, name, tuple(figures))
        if qualifier is None
        else of_cell(check, record_types, qualifier, name)
        for qualifier, name in _named_in(expression)
    )


def of_document(check: ClusterCheck, record_types: RecordTypes, expression: str) -> Sensitivity:
    """An expression over the columns of a duplicate's document."""
    return strictest(_of_document(check, record_types, name) for _, name in _named_in(expression))


def _of_bare(
    check: MatchCheck, record_types: RecordTypes, name: str, figures: tuple[str, ...]
) -> Sensitivity:
    if name in check.key:
        return strictest(_of_side(check, side, record_types, name) for side in check.sides.values())
    if isinstance(check, BalanceCheck) and name in ALLOCATION:
        return "internal"
    if name in check.let:
        return of_finding(check, record_types, check.let[name])
    if name in _FIGURES:
        return strictest(of_finding(check, record_types, figure) for figure in figures)
    return STRICTEST


def read_by(check: Check, side: str, name: str) -> frozenset[tuple[str | None, str]]:
    """The (look-up, column) pairs of records that a side reads for what it shows under a name."""
    if isinstance(check, ClusterCheck):
        return _named_in(check.columns.get(name, name))
    return _named_in(_expression(check, check.sides[side], name)) if side in check.sides else frozenset()


def _expression(check: MatchCheck, side: Side, name: str) -> str:
    key = check.row_key
    plain = name if name in side.columns or name in key else name.removesuffix("_source")
    return side.columns.get(plain) or (side.key.get(plain, plain) if plain in key else plain)


def _of_side(check: MatchCheck, side: Side, record_types: RecordTypes, name: str) -> Sensitivity:
    return strictest(
        of_column(record_types, side.record, column)
        if qualifier is None
        else of_column(
            record_types, side.lookups[qualifier].record if qualifier in side.lookups else "", column
        )
        for qualifier, column in _named_in(_expression(check, side, name))
    )


def _of_document(check: ClusterCheck, record_types: RecordTypes, name: str) -> Sensitivity:
    plain = name if name in check.columns else name.removesuffix("_source")
    return of_record(record_types, check.record, check.columns.get(plain, plain))


@lru_cache(maxsize=4096)
def _named_in(expression: str) -> frozenset[tuple[str | None, str]]:
    """The (qualifier, name) pairs that an expression reads. It was judged elsewhere: types do not matter."""
    try:
        columns = sqlglot.parse_one(expression).find_all(exp.Column)
        return frozenset(
            (column.table or None, column.name) for column in columns if not _is_no_value(column)
        )
    except (SqlglotError, RecursionError):
        return _UNFOLLOWED


def _is_no_value(column: exp.Column) -> bool:
    """Whether a word names a side, in `present(side)`, or a list of pairs, in `allowed(list, a, b)`."""
    call = column.parent
    if not isinstance(call, exp.Anonymous):
        return False
    name = call.name.lower()
    return name in _OF_SIDES or (name == "allowed" and call.expressions[0] is column)
