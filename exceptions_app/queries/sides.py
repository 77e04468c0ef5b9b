"""The side by side of one exception: what each system says, which cells differ, and what the tolerance says
of it.

Works on the evidence kept with the exception, not on the record store: the page shows what was found. A
value more sensitive than the viewer may see, or of a facility that is not theirs, is masked here, before it
reaches a template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog import sensitivity
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, ClusterCheck, CompareRow, MatchCheck

from .balances import DocumentList, documents
from .ignored import is_ignored
from .speaking import currency_of, speaker, tolerances

MASKED = "hidden"
ABSENT = "not found"
_MONEY = frozenset({"money", "price"})
_NUMERIC = _MONEY | {"number", "quantity"}


@dataclass(frozen=True, slots=True)
class SideHead:
    """One column: the side as the check names it, the systems behind it, whether it is the system of
    record.
    """

    code: str
    title: str
    systems: str
    is_record: bool
    present: bool


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    differs: bool
    kind: str
    """`value`, `absent` (the side has no record), `none` (the side does not say), `masked` (for the role) or
    `elsewhere` (of a facility that the viewer does not see).
    """


@dataclass(frozen=True, slots=True)
class SideRow:
    label: str
    numeric: bool
    cells: tuple[Cell, ...]
    units: int = 1
    """In how many currencies its money is."""

    @property
    def differs(self) -> bool:
        return any(cell.differs for cell in self.cells)

    def alike(self) -> SideRow:
        """With no cell marked, unless they are in different currencies."""
        return (
            self
            if self.units > 1
            else replace(self, cells=tuple(replace(c, differs=False) for c in self.cells))
        )


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Systems as columns, facts as rows, and the tolerance in words; of a balance, what makes its difference."""

    heads: tuple[SideHead, ...]
    rows: tuple[SideRow, ...]
    tolerances: tuple[str, ...]
    documents: DocumentList | None = None


def side_by_side(
    viewer: Viewer, catalog: Catalog, check_code: str, evidence: str, currency: str | None,
    read_on: date | None = None,
) -> SideBySide:  # fmt: skip
    """From an evidence text that was read on a day. A check that no longer exists still shows what each side said."""
    found = json.loads(evidence)
    sides: dict[str, Any] = found.get("sides") or {}
    check = catalog.checks.get(check_code)
    heads = side_heads(catalog, check, sides)
    names = [head.code for head in heads]
    let = found.get("let") or {}
    rows = tuple(
        row if not is_ignored(catalog, check, compare, let, currency, read_on) else row.alike()
        for compare in _compare_rows(check, names, sides)
        if (row := _row(viewer, catalog, check, compare, names, sides, currency)) is not None
    )
    listed = documents(catalog, check, let, names, speaker(viewer, currency))
    return SideBySide(heads, rows, tolerances(found.get("tolerance"), currency), listed)


def side_heads(catalog: Catalog, check: Check | None, sides: Mapping[str, Any]) -> tuple[SideHead, ...]:
    """The columns of the side by side, in the order of the check."""
    return tuple(_head(catalog, check, name, sides.get(name)) for name in _side_names(catalog, check, sides))


def _side_names(catalog: Catalog, check: Check | None, sides: Mapping[str, Any]) -> list[str]:
    """As the check declares them, less those that no feed of this site provides and that say nothing."""
    if not isinstance(check, MatchCheck):
        return list(sides)
    declared = [name for name in check.sides if name in sides]
    provided = [name for name in declared if sides[name] or catalog.side_feeds(check, name)]
    return provided + [name for name in sides if name not in declared]


def _head(catalog: Catalog, check: Check | None, name: str, values: Mapping[str, Any] | None) -> SideHead:
    record, kind, systems = None, None, None
    if isinstance(check, MatchCheck) and name in check.sides:
        side = check.sides[name]
        record, kind, systems = side.record, side.kind, side.systems
    elif isinstance(check, ClusterCheck):
        record, kind = check.record, check.record_kind
    own = (values or {}).get("source_system")
    feeds = catalog.feeds_for(record, kind, systems) if record else []
    codes = [own] if own else list(dict.fromkeys(feed.system for feed in feeds))
    system_names = ", ".join(
        catalog.systems[code].name if code in catalog.systems else str(code) for code in codes
    )
    shape = catalog.record_types.get(record or "")
    of_record = shape.system_of_record if shape else None
    is_record = (
        not isinstance(check, ClusterCheck)
        and of_record is not None
        and any(of_record in (code, catalog.systems[code].kind) for code in codes if code in catalog.systems)
    )
    title = shape.title if shape else name.replace("_", " ").capitalize()
    return SideHead(name, title, system_names, is_record, bool(values))


def _compare_rows(check: Check | None, names: list[str], sides: Mapping[str, Any]) -> list[CompareRow]:
    declared = check.compare if check is not None else []
    known = [row for row in declared if set(row.cells) & set(names)]
    if known and isinstance(check, MatchCheck):
        return known
    if declared:  # members of a cluster: every column shows the same fact of another document
        columns = [next(iter(row.cells.values())) for row in declared]
        return [
            row.model_copy(update={"cells": {name: row.cells.get(name, column) for name in names}})
            for row, column in zip(declared, columns, strict=True)
        ]
    columns = list(dict.fromkeys(column for name in names for column in (sides.get(name) or {})))
    return [
        CompareRow(label=column.replace("_", " ").capitalize(), cells=dict.fromkeys(names, column))
        for column in columns
    ]


@dataclass(frozen=True, slots=True)
class _Said:
    """A cell before it is known whether it differs; of money, `unit` is its currency."""

    kind: str
    text: str
    value: Any = None
    unit: str | None = None

    @property
    def is_stated(self) -> bool:
        return self.kind in {"value", "masked"}


def _row(
    viewer: Viewer,
    catalog: Catalog,
    check: Check | None,
    compare: CompareRow,
    names: list[str],
    sides: Mapping[str, Any],
    currency: str | None,
) -> SideRow | None:
    cells = [_said(viewer, catalog, check, compare, name, sides.get(name), currency) for name in names]
    stated = {(_comparable(cell.value), cell.unit) for cell in cells if cell.is_stated}
    if not stated and not any(cell.kind == "absent" for cell in cells):
        return None
    differs = compare.comparable and len(stated) > 1
    return SideRow(
        compare.label,
        compare.format in _NUMERIC,
        tuple(Cell(cell.text, differs and cell.is_stated, cell.kind) for cell in cells),
        len({unit for _, unit in stated}),
    )


def _said(
    viewer: Viewer,
    catalog: Catalog,
    check: Check | None,
    compare: CompareRow,
    name: str,
    values: Mapping[str, Any] | None,
    currency: str | None,
) -> _Said:
    """What one side says of a fact, its money in the side's own currency."""
    column = compare.cells.get(name)
    if not values:
        return _Said("absent", ABSENT)
    if column is None or values.get(column) in (None, ""):
        return _Said("none", "–")
    if is_elsewhere(viewer, values) and not names_document(check, column):
        return _Said("elsewhere", MASKED)
    own = currency_of(values, currency)
    unit = own if compare.format in _MONEY else None
    if not sees(viewer, _sensitivity(catalog, check, name, column)):
        return _Said("masked", MASKED, values[column], unit)
    return _Said("value", speaker(viewer, own)(values[column], compare.format), values[column], unit)


def is_elsewhere(viewer: Viewer, values: Mapping[str, Any]) -> bool:
    """Whether a document of a duplicate belongs to a facility that the viewer does not see."""
    entity = values.get("entity")
    return entity is not None and viewer.entities is not None and entity not in viewer.entities


def names_document(check: Check | None, column: str) -> bool:
    """What the sentence says of another facility's document, too: whose it is, and its number."""
    return column == "entity" or (check is not None and f"{{{column}}}" in check.reference)


def _sensitivity(catalog: Catalog, check: Check | None, side: str, column: str) -> str:
    """What the check says of the cell; where the check is gone, the strictest column of that name."""
    if check is None:
        return sensitivity.of_named(catalog.record_types, column)
    return sensitivity.of_cell(check, catalog.record_types, side, column)


def _comparable(value: Any) -> Any:
    try:
        return Decimal(str(value)).normalize()
    except InvalidOperation:
        return str(value).strip()
