"""The compiled checks against plain Python over the same small data, on data nobody would think of."""

from __future__ import annotations

from collections.abc import Iterator
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

from .books import Books, days_ago
from .order_books import terms as add_terms
from .three_way_oracle import SUPPLIERS, Rows, in_force, oracle

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
        order and in_force(order, agreed), received, billed
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
