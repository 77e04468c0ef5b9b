"""The compiled checks against plain Python over the same small data, on data nobody would think of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import Scope, literal, parse, render
from exceptions_app.catalog.schema import Tolerance
from exceptions_app.domain.tolerance import assess
from exceptions_app.duck import session
from exceptions_app.reconcile.findings import outside_text
from tests.effort import examples

from .books import NOW, Books, days_ago
from .order_books import terms as add_terms

FACTORS = {"EA": 1, "CS": 12}
SUPPLIERS = {"V1": "S1", "V1-REMIT": "S1", "V2": "S2", "S1": "S1"}

LAST_CLOSE = datetime(2026, 10, 30, 21, tzinfo=UTC)
"""17:00 in New York on the last business day of October."""

quantities = st.integers(-3, 24)
prices = st.sampled_from(["5", "5.05", "60", "61", "61.20", "61.30", "66", "720"])
units = st.sampled_from(["EA", "CS", "PK"])
orders = st.fixed_dictionaries(
    {
        "quantity": st.integers(1, 24),
        "unit": st.sampled_from(["EA", "CS"]),
        "unit_price": prices,
        "price_per": st.sampled_from([None, 1, 10]),
        "match": st.sampled_from([None, 2, 3, 4]),
        **dict.fromkeys(
            ("ers", "consigned", "bill_only", "drop_ship", "blanket", "no_charge", "price_estimated"),
            st.sampled_from([None, False, False, False, True]),
        ),
        "basis": st.sampled_from([None, "quantity", "quantity", "amount"]),
        "status": st.sampled_from(["received", "closed", "received", "cancelled"]),
        "delivery_confirmed": st.sampled_from([None, True, False]),
    }
)
terms = st.fixed_dictionaries(
    {
        "match": st.sampled_from([None, 2, 3]),
        **dict.fromkeys(
            ("ers", "consigned", "bill_only", "drop_ship"), st.sampled_from([None, None, False, True])
        ),
        "basis": st.sampled_from([None, None, "quantity", "amount"]),
    }
)
receipts = st.fixed_dictionaries(
    {
        "quantity": quantities,
        "unit": units,
        "movement": st.sampled_from(["receipt", "receipt", "return", "in_transit"]),
        "received_at": st.sampled_from([days_ago(d) for d in (1, 20, 29, 30, 45)]),
    }
)
invoices = st.fixed_dictionaries(
    {
        "quantity": quantities,
        "unit": units,
        "unit_price": prices,
        "supplier": st.sampled_from(sorted(SUPPLIERS)),
        "status": st.sampled_from(["approved", "approved", "paid", "void"]),
        "invoice_type": st.sampled_from(["standard", "standard", "credit", "utility", "freight", "tax"]),
        "currency": st.sampled_from(["USD", "USD", "USD", "CAD"]),
        "entered_at": st.sampled_from([days_ago(d) for d in (0.5, 1, 3)]),
    }
)
Rows = list[dict[str, Any]]


def _in_force(order: dict[str, Any], agreed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The order line with what it leaves to the terms of its supplier here, of the facility, of its supplier."""
    layers = [order, *(agreed[of] for of in ("here", "site", "supplier") if of in agreed)]
    names = ("match", "basis", "ers", "consigned", "bill_only", "drop_ship")
    found = {name: next((one[name] for one in layers if one[name] is not None), None) for name in names}
    return {**order, **found}


def oracle(order: dict[str, Any] | None, received: Rows, billed: Rows) -> set[str]:
    """FLOWS' conditions for one order line, with exact fractions of decimals and no SQL."""
    billed = [
        row for row in billed if row["status"] != "void" and row["invoice_type"] not in {"freight", "tax"}
    ]
    received = [row for row in received if row["movement"] != "in_transit"]
    found: set[str] = set()
    amount = sum((Decimal(r["quantity"]) * Decimal(r["unit_price"]) for r in billed), Decimal(0))
    quantity = sum(row["quantity"] for row in billed)
    if order is None:
        if any(row["invoice_type"] != "utility" for row in billed) and (amount or quantity):
            found.add("no_valid_order")
        return found
    needs_order = any(row["invoice_type"] != "utility" for row in billed)
    if order["status"] == "cancelled" and needs_order and (amount > 0 or quantity > 0):
        found.add("no_valid_order")
    if any(SUPPLIERS[row["supplier"]] != "S1" for row in billed):
        found.add("supplier_mismatch")
    unit, per, match = order["unit"], order["price_per"] or 1, order["match"] or 3
    by_quantity = (order["basis"] or "quantity") == "quantity"

    def alike(rows: Rows) -> bool:
        return all(row["unit"] == unit for row in rows)

    def converts(rows: Rows) -> bool:
        return all(row["unit"] in FACTORS for row in rows)

    def total(rows: Rows, plain: bool) -> int:
        return sum(row["quantity"] * (1 if plain else FACTORS.get(row["unit"], 0)) for row in rows)

    all_alike = alike(billed) and alike(received)
    comparable = all_alike or (converts(billed) and converts(received))
    in_order_units = 1 if all_alike else FACTORS[unit]
    ordered = order["quantity"] * in_order_units
    got, invoiced = total(received, all_alike), total(billed, all_alike)
    price = Decimal(order["unit_price"])

    priceable = alike(billed) or converts(billed)
    agreed = price * total(billed, alike(billed)) / (1 if alike(billed) else FACTORS[unit]) / per
    pack = bool(billed) and priceable and agreed > 0 and amount > 0
    pack = pack and (
        abs(amount - 12 * agreed) <= agreed * 12 / 100 or abs(amount * 12 - agreed) <= agreed / 100
    )
    if by_quantity and (
        (billed and (not priceable or pack)) or (received and not alike(received) and not converts(received))
    ):
        found.add("unit_mismatch")

    back = [row for row in received if row["movement"] == "return"]
    late = [row for row in back if row["received_at"] <= days_ago(30)]
    sent_back, overdue = -total(back, all_alike), -total(late, all_alike)
    arrived = got + sent_back if comparable else sum(r["quantity"] for r in received if r not in back)
    exempt = (
        order["ers"]
        or order["bill_only"]
        or (order["drop_ship"] and order["delivery_confirmed"] is not False)
    )
    if any(row["currency"] != "USD" for row in billed):
        found.add("currency_mismatch")
    same_currency = all(row["currency"] == "USD" for row in billed)
    first = max([min((r["entered_at"] for r in billed), default=NOW), *(r["received_at"] for r in received)])
    graced = first <= NOW - timedelta(days=2)
    if billed and match >= 3 and by_quantity and not exempt and arrived <= 0 and quantity > 0 and graced:
        found.add("missing_receipt")
    reversals = [r["received_at"] for r in received if r["quantity"] < 0 and r not in back]
    waited = max([*(r["entered_at"] for r in billed), *reversals], default=NOW) <= NOW - timedelta(days=2)
    came = got + sent_back
    if billed and received and match >= 3 and by_quantity and comparable and 0 < came < invoiced and waited:
        found.add("over_received")
    credits = [row for row in billed if row["invoice_type"] == "credit"]
    owed = invoiced - came + overdue if match >= 3 else overdue + total(credits, all_alike)
    if billed and by_quantity and comparable and min(overdue, owed) > 0:
        found.add("uncredited_return")
    beyond = (invoiced if match == 2 and billed else 0, got if received else 0)
    if (
        by_quantity
        and not order["blanket"]
        and comparable
        and any((b - ordered) * 100 > 5 * ordered for b in beyond)
    ):
        found.add("over_ordered")
    promised = order["quantity"] * price / per
    if (
        billed
        and same_currency
        and not by_quantity
        and not order["blanket"]
        and (amount - promised) * 100 > 5 * promised
    ):
        found.add("over_ordered")
    free = order["price_estimated"] or not by_quantity
    difference = abs(amount - agreed)
    outside = difference > 5 and (difference > 250 or difference * 100 > 2 * abs(agreed))
    if billed and same_currency and priceable and not free and not pack and outside:
        found.add("price_variance")
    old = [r for r in received if r["received_at"] <= days_ago(30) or r["quantity"] < 0]
    worth = invoiced * price / in_order_units / per if by_quantity else amount
    countable = comparable and (by_quantity or same_currency)
    uninvoiced = total(old, all_alike) * price / in_order_units / per - worth
    aged = any(r["received_at"] <= days_ago(30) for r in received)
    silent = order["ers"] or order["consigned"] or order["no_charge"] or match < 3
    if aged and countable and not silent and uninvoiced > 100:
        found.add("received_not_invoiced")
    closed = [r for r in received if r["received_at"] <= LAST_CLOSE or r["quantity"] < 0]
    came = any(r["received_at"] <= LAST_CLOSE for r in received)
    accrued = total(closed, all_alike) * price / in_order_units / per - worth
    if came and countable and not silent and accrued > 0:
        found.add("received_not_invoiced")
    return found


@settings(max_examples=examples(80, 400), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.none() | orders,
    st.lists(receipts, max_size=3),
    st.lists(invoices, max_size=3),
    st.dictionaries(st.sampled_from(["here", "site", "supplier"]), terms),
)
def test_the_three_way_match_agrees_with_plain_python(
    p2p: Catalog,
    order: dict[str, Any] | None,
    received: Rows,
    billed: Rows,
    agreed: dict[str, dict[str, Any]],
) -> None:
    books = Books(p2p)
    for of, values in agreed.items():
        add_terms(books, of, **values)
    if order is not None:
        books.order(**order)
    for number, row in enumerate(received):
        books.receipt(receipt_number=f"R{number}", **row)
    for number, row in enumerate(billed):
        books.invoice(invoice_number=f"I{number}", **row)
    result = books.run()
    assert {one.category for one in result.discrepancies} == oracle(
        order and _in_force(order, agreed), received, billed
    )
    assert len({one.fingerprint for one in result.discrepancies}) == len(result.discrepancies)


amounts = st.decimals("-1000", "1000", places=2)
limits = st.none() | st.decimals("0", "50", places=1)


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    with session() as opened:
        yield opened


@settings(max_examples=200)
@given(
    st.builds(
        Tolerance,
        absolute=limits,
        percent=limits,
        combine=st.sampled_from(["any", "all", "max", "sum"]),
        ignore_below=st.sampled_from([Decimal(0), Decimal("2.5")]),
        over=st.booleans(),
        under=st.booleans(),
    ),
    amounts,
    amounts,
    st.sampled_from([1, 10, 144]),
)
def test_the_compiled_tolerance_judges_as_the_one_that_explains_itself(
    con: Any, tolerance: Tolerance, difference: Decimal, base: Decimal, scale: int
) -> None:
    scope = Scope({"difference": "decimal", "base": "decimal", "scale": "decimal"})
    figures = {"difference": difference * scale, "base": base * scale, "scale": Decimal(scale)}
    expression = parse(outside_text(tolerance), scope)
    sql = render(expression, lambda _, name: f"CAST({literal(str(figures[name]))} AS DECIMAL(18, 4))")
    (found,) = con.execute(f"SELECT {sql}").fetchall()[0]
    assert found == assess(tolerance, difference, base).outside
