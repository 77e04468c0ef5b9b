"""FLOWS' conditions for one order line, in plain Python: exact fractions of decimals, and no SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from .books import NOW, days_ago

FACTORS = {"EA": 1, "CS": 12}
SUPPLIERS = {"V1": "S1", "V1-REMIT": "S1", "V2": "S2", "S1": "S1"}
GRACE = timedelta(days=2)
LAST_CLOSE = datetime(2026, 10, 30, 21, tzinfo=UTC)
"""17:00 in New York on the last business day of October."""

Order = dict[str, Any]
Rows = list[dict[str, Any]]


def in_force(order: Order, agreed: dict[str, dict[str, Any]]) -> Order:
    """The order line with what it leaves to the terms of its supplier here, of the facility, of its supplier."""
    layers = [order, *(agreed[of] for of in ("here", "site", "supplier") if of in agreed)]
    names = ("match", "basis", "ers", "consigned", "bill_only", "drop_ship")
    found = {name: next((one[name] for one in layers if one[name] is not None), None) for name in names}
    return {**order, **found}


def oracle(order: Order | None, received: Rows, billed: Rows) -> set[str]:
    """The categories that must be found."""
    billed = [r for r in billed if r["status"] != "void" and r["invoice_type"] not in {"freight", "tax"}]
    received = [r for r in received if r["movement"] != "in_transit"]
    if order is None:
        return {"no_valid_order"} if _needs_order(billed) and (_amount(billed) or _plain(billed)) else set()
    return set(Line(order, received, billed).findings())


def _needs_order(billed: Rows) -> bool:
    return any(row["invoice_type"] != "utility" for row in billed)


def _amount(billed: Rows) -> Decimal:
    return sum((Decimal(r["quantity"]) * Decimal(r["unit_price"]) for r in billed), Decimal(0))


def _plain(rows: Rows) -> int:
    """Quantities as they stand, whatever their units."""
    return sum(row["quantity"] for row in rows)


@dataclass
class Line:
    """One order line with what was received and billed for it. Quantities are in the unit that all share, else in
    each: `per_unit` of these are one of the order's.
    """

    order: Order
    received: Rows
    billed: Rows

    def __post_init__(self) -> None:
        self.match = self.order["match"] or 3
        self.per = self.order["price_per"] or 1
        self.price = Decimal(self.order["unit_price"])
        self.by_quantity = (self.order["basis"] or "quantity") == "quantity"
        self.amount = _amount(self.billed)
        self.same_currency = all(row["currency"] == "USD" for row in self.billed)
        self.all_alike = self.alike(self.billed) and self.alike(self.received)
        self.per_unit = 1 if self.all_alike else FACTORS[self.order["unit"]]
        self.got, self.invoiced = self.total(self.received), self.total(self.billed)
        self.back = [row for row in self.received if row["movement"] == "return"]
        self.came = self.got - self.total(self.back)

    def findings(self) -> Iterator[str]:
        yield from self.of_the_order()
        yield from self.of_units()
        yield from self.of_receipts()
        yield from self.of_returns()
        yield from self.of_what_was_ordered()
        yield from self.of_prices()
        if self.is_accrued_too_long or self.is_accrued_over_the_close:
            yield "received_not_invoiced"

    # -- units

    def alike(self, rows: Rows) -> bool:
        return all(row["unit"] == self.order["unit"] for row in rows)

    def converts(self, rows: Rows) -> bool:
        return all(row["unit"] in FACTORS for row in rows)

    def total(self, rows: Rows, plain: bool | None = None) -> int:
        plain = self.all_alike if plain is None else plain
        return sum(row["quantity"] * (1 if plain else FACTORS.get(row["unit"], 0)) for row in rows)

    @property
    def comparable(self) -> bool:
        return self.all_alike or (self.converts(self.billed) and self.converts(self.received))

    @property
    def priceable(self) -> bool:
        return self.alike(self.billed) or self.converts(self.billed)

    @cached_property
    def agreed(self) -> Decimal:
        """What the billed quantity costs at the price of the order."""
        plain = self.alike(self.billed)
        quantity = self.price * self.total(self.billed, plain)
        return quantity / (1 if plain else FACTORS[self.order["unit"]]) / self.per

    @cached_property
    def is_pack(self) -> bool:
        """Whether the price is that of a case for an each, or of an each for a case."""
        if not (self.billed and self.priceable and self.agreed > 0 and self.amount > 0):
            return False
        case_for_each = abs(self.amount - 12 * self.agreed) <= self.agreed * 12 / 100
        return case_for_each or abs(self.amount * 12 - self.agreed) <= self.agreed / 100

    # -- findings

    def of_the_order(self) -> Iterator[str]:
        charged = self.amount > 0 or _plain(self.billed) > 0
        if self.order["status"] == "cancelled" and _needs_order(self.billed) and charged:
            yield "no_valid_order"
        if any(SUPPLIERS[row["supplier"]] != "S1" for row in self.billed):
            yield "supplier_mismatch"
        if not self.same_currency:
            yield "currency_mismatch"

    def of_units(self) -> Iterator[str]:
        billed = self.billed and (not self.priceable or self.is_pack)
        received = self.received and not self.alike(self.received) and not self.converts(self.received)
        if self.by_quantity and (billed or received):
            yield "unit_mismatch"

    def of_receipts(self) -> Iterator[str]:
        if not (self.billed and self.match >= 3 and self.by_quantity):
            return
        order, entered = self.order, [row["entered_at"] for row in self.billed]
        delivered = order["drop_ship"] and order["delivery_confirmed"] is not False
        exempt = order["ers"] or order["bill_only"] or delivered
        others = [row for row in self.received if row not in self.back]
        arrived = self.came if self.comparable else _plain(others)
        due = max([min(entered), *(row["received_at"] for row in self.received)]) <= NOW - GRACE
        if not exempt and arrived <= 0 and _plain(self.billed) > 0 and due:
            yield "missing_receipt"
        reversals = [row["received_at"] for row in others if row["quantity"] < 0]
        waited = max([*entered, *reversals]) <= NOW - GRACE
        if self.received and self.comparable and 0 < self.came < self.invoiced and waited:
            yield "over_received"

    def of_returns(self) -> Iterator[str]:
        overdue = -self.total([row for row in self.back if row["received_at"] <= days_ago(30)])
        credits = [row for row in self.billed if row["invoice_type"] == "credit"]
        owed = overdue + (self.invoiced - self.came if self.match >= 3 else self.total(credits))
        if self.billed and self.by_quantity and self.comparable and min(overdue, owed) > 0:
            yield "uncredited_return"

    def of_what_was_ordered(self) -> Iterator[str]:
        if self.order["blanket"]:
            return
        ordered, promised = (
            self.order["quantity"] * self.per_unit,
            self.order["quantity"] * self.price / self.per,
        )
        billed = self.invoiced if self.match == 2 and self.billed else 0
        received = self.got if self.received else 0
        by_quantity = self.by_quantity and self.comparable
        by_amount = self.billed and self.same_currency and not self.by_quantity
        if by_quantity and any((b - ordered) * 100 > 5 * ordered for b in (billed, received)):
            yield "over_ordered"
        if by_amount and (self.amount - promised) * 100 > 5 * promised:
            yield "over_ordered"

    def of_prices(self) -> Iterator[str]:
        free = self.order["price_estimated"] or not self.by_quantity
        difference = abs(self.amount - self.agreed)
        outside = difference > 5 and (difference > 250 or difference * 100 > 2 * abs(self.agreed))
        judged = self.billed and self.same_currency and self.priceable and not free
        if judged and not self.is_pack and outside:
            yield "price_variance"

    # -- received, not invoiced

    @property
    def is_accrued_too_long(self) -> bool:
        return self._is_due_by(days_ago(30)) and self._uninvoiced_by(days_ago(30)) > 100

    @property
    def is_accrued_over_the_close(self) -> bool:
        return self._is_due_by(LAST_CLOSE) and self._uninvoiced_by(LAST_CLOSE) > 0

    def _is_due_by(self, day: datetime) -> bool:
        order = self.order
        silent = order["ers"] or order["consigned"] or order["no_charge"] or self.match < 3
        countable = self.comparable and (self.by_quantity or self.same_currency)
        return countable and not silent and any(row["received_at"] <= day for row in self.received)

    def _uninvoiced_by(self, day: datetime) -> Decimal:
        """What was received by then, less what was ever sent back or billed, at the price of the order."""
        old = [row for row in self.received if row["received_at"] <= day or row["quantity"] < 0]
        worth = self.invoiced * self.price / self.per_unit / self.per if self.by_quantity else self.amount
        return self.total(old) * self.price / self.per_unit / self.per - worth
