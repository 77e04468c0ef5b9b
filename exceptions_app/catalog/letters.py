"""Whom letters go to: record types say which column holds an address, and whoever names such a record finds it.

Stated once for each kind of recipient; from it every finding whose category has a letter gets the address as a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .expressions import AGGREGATES
from .schema import Category, Check, Lookup, MatchCheck, RecordType, Side

FACT = "letter_to"
"""The fact that holds the address; columns of sides and look-ups begin with it, and say to whom."""
_GROUPS = re.compile(rf"\b({'|'.join(sorted(AGGREGATES))})\s*\(", re.IGNORECASE)
RecordTypes = Mapping[str, RecordType]


def address(
    checks: Mapping[str, Check], categories: Mapping[str, Category], record_types: RecordTypes
) -> None:
    """Add the address to the findings that are written about, where their records know one and they state none."""
    for check in checks.values():
        if not isinstance(check, MatchCheck):
            continue
        for finding in check.findings:
            category = categories.get(finding.category)
            draft = category.draft if category is not None else None
            if draft is None or draft.address is not None or FACT in finding.facts:
                continue
            found = list(_found(check, finding.present, draft.to, record_types))
            if found:
                finding.facts[FACT] = found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})"


def _found(check: MatchCheck, present: list[str], to: str, record_types: RecordTypes) -> Iterator[str]:
    """What every side that is there says itself; else what the last of them that names somebody leads to."""
    sides = [name for name in reversed(present) if name in check.sides]
    own = [name for name in sides if _own(check.sides[name], to, record_types)]
    for name in own:
        yield _stated(check.sides[name], name, to, _own(check.sides[name], to, record_types))
    if not own:
        for name in sides:
            if led := _led(check.sides[name], to, record_types):
                yield _stated(check.sides[name], name, to, led)
                return


def _own(side: Side, to: str, record_types: RecordTypes) -> str:
    shape = record_types.get(side.record)
    letters = shape.letters if shape is not None else None
    return letters.column if letters is not None and letters.to == to else ""


def _led(side: Side, to: str, record_types: RecordTypes) -> str:
    """The column of the record that one of the side's own columns names, looked up."""
    shape = record_types.get(side.record)
    for record in record_types.values() if shape is not None else ():
        letters = record.letters
        if letters is None or letters.to != to or letters.named_by is None:
            continue
        for name, column in shape.columns.items() if shape is not None else ():
            if column.crosswalk == letters.named_by:
                return f"{_lookup(side, record, letters.column, name)}.{letters.column}"
    return ""


def _lookup(side: Side, record: RecordType, column: str, by: str) -> str:
    """The look-up that the side has already of it, or one more."""
    on = {record.key[0]: by}
    for name, known in side.lookups.items():
        if known.record == record.code and known.on == on and known.where is None and known.as_of is None:
            known.columns.extend({column} - set(known.columns))
            return name
    side.lookups[FACT] = Lookup(record=record.code, on=on, columns=[column])  # type: ignore[call-arg]
    return FACT


def _stated(side: Side, name: str, to: str, expression: str) -> str:
    """As a column of the side: shown, and no news when it changes."""
    column = f"{FACT}_{to}"
    if column not in side.columns:
        grouped = any(_GROUPS.search(known) for known in side.columns.values())
        side.columns[column] = f"MIN({expression})" if grouped else expression
        side.told.append(column)
    return f"{name}.{column}"
