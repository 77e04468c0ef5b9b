"""What the page lists beside an exception: its line, its document, its counterparty, its cause; never more than is
visible, and at the same cost whatever a counterparty has open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.queries.related import document_of, related
from tests.conftest import NOW

LINE = "order_line|H01|PO-7|1"


def names(rows: Any) -> set[str]:
    return {row.business_reference for row in rows}


@pytest.fixture
def of(session: Session, catalog: Any, user: Callable[..., Any]) -> Callable[..., Any]:
    def found(case: Any, **person: Any) -> Any:
        return related(session, viewer_for(user(**person), catalog), catalog, case, NOW)

    return found


def test_others_of_the_line_and_of_the_document_are_apart(
    of: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    case = make_case(line_key=LINE)
    make_case(line_key=LINE, reference="line", status="resolved")
    make_case(line_key="order_line|H01|PO-7|2", reference="document")
    make_case(line_key="order_line|H01|PO-7|10", reference="document too", status="resolved")
    for other in (
        "order_line|H01|PO-77|1",
        "order_line|H02|PO-7|1",
        "invoice|H01|PO-7|1",
        "order_line|H01|PO-7",
    ):
        make_case(line_key=other, reference="other", counterparty=None)
    found = of(case)
    assert names(found.line) == {"line"}
    assert names(found.same_document) == {"document", "document too"}
    assert not names(found.counterparty) & {"document", "line"}


def test_open_ones_with_the_counterparty_leave_out_what_has_ended(
    of: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    case = make_case(line_key=LINE)
    make_case(reference="open")
    make_case(reference="claimed", status="awaiting_confirmation")
    make_case(reference="resolved", status="resolved")
    make_case(reference="loose", line_key=None)
    assert names(of(case).counterparty) == {"open", "loose"}


def test_nothing_of_another_queue_or_entity_is_listed(
    of: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    case = make_case(line_key=LINE)
    child = make_case(parent_id=case.id, queue="other", line_key=LINE)
    make_case(line_key="order_line|H01|PO-7|2", queue="other")
    make_case(entity="H02", scope="H02")
    found = of(case, queues=("ap",), entities=("H01",))
    assert (found.line, found.same_document, found.counterparty, found.caused) == ((), (), (), ())
    assert [row.id for row in of(case).caused] == [child.id]
    assert of(child).cause.id == case.id
    assert of(child, queues=("other",)).cause is None


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        (LINE, "order_line|H01|PO-7|"),
        ("supplier|*|S1", ""),
        (None, ""),
        ("invoice|H01|S1|INV-1", "invoice|H01|S1|"),
    ],
)
def test_the_document_of_a_line(key: str | None, prefix: str) -> None:
    assert document_of(key) == prefix


def test_both_lists_are_read_from_their_index(
    session: Session, of: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans so small a table whatever indexes there are")
    case = make_case(line_key=LINE)
    seen: list[str] = []
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    connection.set_trace_callback(seen.append)
    of(case)
    connection.set_trace_callback(None)
    plans = [
        " ".join(row[3] for row in session.execute(text("EXPLAIN QUERY PLAN " + each.replace(":", "\\:"))))
        for each in seen
        if "exception_case" in each
    ]
    assert any("ix_case_line (line_key>? AND line_key<?)" in plan for plan in plans), plans
    assert any("ix_case_counterparty_due (counterparty=?)" in plan for plan in plans), plans
    assert not any("SCAN exception_case" in plan for plan in plans), plans
