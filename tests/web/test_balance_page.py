"""The page of a balance lists the documents that make its difference."""

from __future__ import annotations

from flask import Flask, render_template

from exceptions_app.queries.balances import DocumentList, DocumentRow, DocumentSide
from exceptions_app.queries.sides import SideBySide, SideHead


def test_documents_are_listed_with_what_each_system_says(app: Flask) -> None:
    heads = tuple(SideHead(name, "Invoice", name, False, True) for name in ("Ledger", "Scan"))
    row = DocumentRow("I<3>", (DocumentSide("$100.00", "posted"), DocumentSide("", "")), "$100.00")
    sides = SideBySide(heads, (), (), DocumentList((row,), 2))
    with app.test_request_context():
        page = render_template("cases/_sides.html", case={"sides": sides, "evidence_taken_at": None})
    assert "I&lt;3&gt;" in page
    assert "$100.00" in page and "posted" in page and "not found" in page
    assert "and 2 more that differ by less" in page


def test_other_exceptions_list_none(app: Flask) -> None:
    with app.test_request_context():
        page = render_template(
            "cases/_sides.html", case={"sides": SideBySide((), (), ()), "evidence_taken_at": None}
        )
    assert "Documents that make" not in page
