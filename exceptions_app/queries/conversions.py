"""Which conversions stand between what the documents state and what was compared: units, and currencies.

Works on the evidence, so it says what was applied when the exception was found. A factor is said where one unit makes
the whole quantity; where the base unit has no name of its own on any side, it is called that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog import sensitivity
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, MatchCheck
from exceptions_app.domain import wording
from exceptions_app.domain.money import RATE_SCALE, from_e4
from exceptions_app.models import ExceptionCase
from exceptions_app.reconcile.limits import Limits

BASE = "base units"
_PLACES = Decimal("0.000001")


def conversions(
    viewer: Viewer, catalog: Catalog, case: ExceptionCase, evidence: Mapping[str, Any], taken_on: date | None
) -> tuple[str, ...]:
    """One sentence each. `taken_on` is the day on which the evidence was read: its rate was used."""
    check = catalog.checks.get(case.check_code)
    units = _units(viewer, catalog, check, evidence) if isinstance(check, MatchCheck) else ()
    return (*units, *_amount(catalog, case, taken_on), *_limit(catalog, check, case, evidence))


def _units(viewer: Viewer, catalog: Catalog, check: MatchCheck, evidence: Mapping[str, Any]) -> Iterator[str]:
    sides, let = evidence.get("sides") or {}, evidence.get("let") or {}
    for shown in check.conversions:
        if shown.unless is not None and let.get(shown.unless) is True:
            continue
        stated: list[tuple[Decimal, str, Decimal]] = []
        for side in shown.quantity:
            names = (shown.quantity[side], shown.unit[side], shown.base[side])
            values = [(sides.get(side) or {}).get(name) for name in names]
            levels = [sensitivity.of_cell(check, catalog.record_types, side, name) for name in names]
            quantity, base = _exact(values[0]), _exact(values[2])
            if quantity and base and values[1] and all(sees(viewer, level) for level in levels):
                stated.append((quantity, str(values[1]), base))
        name = next((unit for quantity, unit, base in stated if quantity == base), BASE)
        for quantity, unit, base in dict.fromkeys(stated):
            if unit != name:
                yield _unit(quantity, unit, base, name)


def _unit(quantity: Decimal, unit: str, base: Decimal, name: str) -> str:
    factor = (base / quantity).quantize(_PLACES)
    per = f" (1 {unit} = {wording.quantity(factor, name)})" if factor * quantity == base else ""
    return f"{wording.quantity(quantity, unit)} = {wording.quantity(base, name)}{per}"


def _amount(catalog: Catalog, case: ExceptionCase, taken_on: date | None) -> Iterator[str]:
    """The amount at risk in the reporting currency, with the rate that was used and its date."""
    home = catalog.site.reporting_currency
    if (
        case.amount_e4 is None
        or case.reporting_amount_e4 is None
        or not case.rate_e8
        or case.currency == home
    ):
        return
    rate = Decimal(case.rate_e8) / RATE_SCALE
    dated = [
        each.valid_from
        for each in catalog.site.rates
        if each.currency == case.currency and taken_on is not None and each.valid_from <= taken_on
    ]
    of = f" of {wording.day(max(dated))}" if dated else ""
    own, other = from_e4(case.amount_e4), from_e4(case.reporting_amount_e4)
    yield f"{_said(own, case.currency)} = {_said(other, home)} at {_rate(rate)}{of}"


def _limit(
    catalog: Catalog, check: Check | None, case: ExceptionCase, evidence: Mapping[str, Any]
) -> Iterator[str]:
    """A limit that is set in one currency and was applied in another."""
    judged = evidence.get("tolerance")
    for one in judged if isinstance(judged, list) else [judged] if judged else []:
        name = one.get("name")
        if not isinstance(check, MatchCheck) or name not in check.tolerances or one.get("format") != "money":
            continue
        set_as = check.tolerances[name]
        currency = set_as.currency or catalog.site.reporting_currency
        if not set_as.absolute or not case.currency or currency == case.currency:
            continue
        applied = Limits(set_as, currency, catalog).on(case.currency, case.since_at.date())
        if applied.absolute is None:
            yield f"No rate from {currency} to {case.currency} was known: only the percentage was applied"
        else:
            yield f"The limit of {_said(set_as.absolute, currency)} = {_said(applied.absolute, case.currency)}"


def _said(amount: Decimal, currency: str | None) -> str:
    return f"{wording.money(amount)} {currency}"


def _rate(rate: Decimal) -> str:
    return f"{rate:f}".rstrip("0").rstrip(".")


def _exact(value: Any) -> Decimal | None:
    try:
        return None if value in (None, "") else Decimal(str(value))
    except InvalidOperation:
        return None
