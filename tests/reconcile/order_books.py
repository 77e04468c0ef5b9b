"""What the books hold beyond order, receipt and invoice, a line at a time; and what is said of a finding."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from exceptions_app.domain import wording
from exceptions_app.domain.discrepancy import Discrepancy

from .books import Books, days_ago

Plant = Callable[[Books], None]


def sentence(books: Books, found: Discrepancy) -> str:
    """What a specialist reads."""
    return wording.render(
        books.catalog.categories[found.category].sentence, json.loads(found.facts), found.currency
    )


def told(books: Books, check: str) -> list[tuple[str, Decimal | None, str]]:
    """Category, amount and sentence of everything a check finds."""
    found = books.run(check).discrepancies
    return [(one.category, one.amount, sentence(books, one)) for one in found]


def terms(books: Books, of: str, **values: Any) -> None:
    """Terms of the supplier (`supplier`), of the supplier at the facility (`here`), or of the facility (`site`)."""
    if of == "supplier":
        books.add("supplier_terms", "ERP", entity=None, **{"supplier": "S1", **values})
    else:
        books.add("site_terms", "ERP", **{"supplier": "S1" if of == "here" else "*", **values})


def inspection(books: Books, **values: Any) -> None:
    """All 10 cases accepted 9 days ago."""
    line = {
        "inspection": "Q1", "inspection_line": "1", "order_number": "PO1", "line_number": "1", "item": "glove",
        "accepted": 10, "rejected": 0, "unit": "CS", "inspected_at": days_ago(9),
    }  # fmt: skip
    books.add("inspection_line", "WMS", **{**line, **values})


def confirmation(books: Books, **values: Any) -> None:
    """600.00 confirmed 9 days ago."""
    line = {
        "confirmation": "SC1", "order_number": "PO1", "line_number": "1", "amount": 600, "currency": "USD",
        "confirmed_at": days_ago(9),
    }  # fmt: skip
    books.add("service_confirmation", "SUITE", **{**line, **values})


def usage(books: Books, **values: Any) -> None:
    """One implant of lot L1 used in case C1."""
    line = {
        "usage_number": "U1", "usage_line": "1", "case_number": "C1", "item": "implant", "lot": "L1",
        "quantity": 1, "unit": "EA", "used_at": days_ago(12),
    }  # fmt: skip
    books.add("item_usage", "WMS", **{**line, **values})


def requisition(books: Books, **values: Any) -> None:
    """10 cases of gloves, approved 5 days ago."""
    line = {
        "requisition": "RQ1", "requisition_line": "1", "supplier_name": "Acme", "item": "glove", "quantity": 10,
        "unit": "CS", "amount": 600, "currency": "USD", "status": "approved", "approved_at": days_ago(5),
    }  # fmt: skip
    books.add("requisition_line", "SUITE", **{**line, **values})


def contract(books: Books, **values: Any) -> None:
    """Gloves at 60.00 a case all year."""
    line = {
        "contract": "GPO-7", "supplier": "S1", "item": "glove", "unit": "CS", "unit_price": 60, "currency": "USD",
        "valid_from": date(2026, 1, 1), "valid_to": date(2026, 12, 31),
    }  # fmt: skip
    books.add("contract_price", "SUITE", entity=None, **{**line, **values})


def settlement_run(books: Books, days: float, **values: Any) -> None:
    """A completed run so many days ago."""
    books.add(
        "settlement_run",
        "ERP",
        **{"run_number": f"S{days}", "run_at": days_ago(days), "status": "completed", **values},
    )
