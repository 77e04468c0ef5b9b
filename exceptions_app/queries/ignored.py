"""Whether a difference between the sides is one that the check's tolerance ignores: rounding, a few cents.

Works on the figures that are kept with the evidence. What cannot be told is not ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, CompareRow, MatchCheck
from exceptions_app.catalog.schema.match import MatchRow
from exceptions_app.reconcile.limits import Limits


def is_ignored(
    catalog: Catalog, check: Check | None, row: CompareRow, let: Mapping[str, Any], currency: str | None,
    day: date | None,
) -> bool:  # fmt: skip
    """`currency` is that of the figures, `day` whose rate converts the limit."""
    if not isinstance(check, MatchCheck) or not isinstance(row, MatchRow) or row.ignored is None:
        return False
    tolerance = check.tolerances[row.ignored.tolerance]
    limits = Limits(tolerance, tolerance.currency or catalog.site.reporting_currency, catalog)
    smallest = limits.on(currency, day).ignore_below
    scaled = row.ignored.scale
    try:
        one, other = Decimal(str(let.get(row.ignored.one))), Decimal(str(let.get(row.ignored.other)))
        scale = Decimal(1) if scaled is None else Decimal(str(let.get(scaled)))
    except InvalidOperation:
        return False
    return smallest > 0 and abs(one - other) <= smallest * abs(scale)
