"""A pasted list finds what it names, whatever stands between, and says what it did not find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.domain.public_id import encode
from exceptions_app.domain.search_terms import REFERENCE_LIMIT, references
from exceptions_app.queries.cases import page
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.search import missing_refs
from tests.conftest import NOW

MAIL = "Please look at:\n - PO-00007\n - PO-00008/2; 'INV/2026-77', (0004711),\t#po-00009."


def test_a_mail_gives_its_references() -> None:
    assert references(MAIL)[-5:] == ("PO-00007", "PO-00008/2", "INV/2026-77", "0004711", "po-00009")
    assert references("a, b;a|B") == ("a", "b", "B")
    assert references(" -- ... ,, ") == ()


def test_what_was_read_is_read_the_same_again() -> None:
    assert references(" ".join(references(MAIL))) == references(MAIL)


def test_a_list_has_an_end() -> None:
    given = " ".join(str(number) for number in range(REFERENCE_LIMIT + 7))
    assert len(references(given)) == REFERENCE_LIMIT
    assert references("x" * 201) == ()


@pytest.fixture
def found(session: Session, catalog: Any, viewer_of: Callable[..., Viewer]) -> Callable[..., list[str]]:
    def ask(pasted: str, **scope: Any) -> list[str]:
        wanted = QueueFilter.from_args({"refs": pasted})
        rows = page(session, viewer_of(**scope), catalog, wanted, now=NOW).rows
        return [row.business_reference for row in rows]

    return ask


def test_orders_find_their_lines_and_nothing_that_only_begins_like_them(
    make_case: Callable[..., Any], found: Callable[..., list[str]]
) -> None:
    for reference in ("PO-7", "PO-7/1", "PO-7/12", "PO-70", "PO-7-1", "PO-8/1", "INV/2026-77", "0004711"):
        make_case(reference=reference)
    assert found("PO-7") == ["PO-7", "PO-7/1", "PO-7/12"]
    assert found("po-7/1 po-8") == ["PO-7/1", "PO-8/1"]
    assert found("4711, INV/2026-77\n0004711") == ["INV/2026-77", "0004711"]
    assert found("PO-9 %") == []


def test_public_references_find_their_exception_beside_others(
    make_case: Callable[..., Any], found: Callable[..., list[str]]
) -> None:
    first, second = make_case(reference="A"), make_case(reference="B")
    make_case(reference="C")
    assert found(f"{encode(first.id).lower()} B") == ["A", "B"]
    assert encode(second.id) not in found("A")


def test_a_list_shows_nothing_that_is_not_the_viewers(
    make_case: Callable[..., Any], found: Callable[..., list[str]]
) -> None:
    mine, other = make_case(reference="PO-1/1"), make_case(reference="PO-1/2", queue="stores")
    assert found(f"PO-1 {encode(mine.id)} {encode(other.id)}", queues=("ap",)) == ["PO-1/1"]


def test_what_is_not_found_is_said_as_it_was_pasted(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    case = make_case(reference="PO-1/1")
    make_case(reference="PO-2/1", status="resolved")
    make_case(reference="PO-3/1", queue="stores")
    pasted = QueueFilter.from_args({"refs": f"po-1 PO-2 PO-3 {encode(case.id)} PO-1/2 EX-ZZZZZZ"})
    viewer = viewer_of(queues=("ap",))

    def missing(**how: Any) -> tuple[str, ...]:
        return missing_refs(session, viewer, catalog, pasted, NOW, **how)

    assert missing() == ("PO-2", "PO-3", "PO-1/2", "EX-ZZZZZZ")
    assert missing(whatever_else=True) == ("PO-3", "PO-1/2", "EX-ZZZZZZ")
    assert missing_refs(session, viewer, catalog, QueueFilter(), NOW) == ()


def test_references_are_found_by_the_index(
    session: Session, make_case: Callable[..., Any], found: Callable[..., list[str]]
) -> None:
    """Five hundred at once are read one by one off the index, not against every exception."""
    make_case(reference="PO-1/1")
    sqlite = session.get_bind().dialect.name == "sqlite"
    said = _plan(session, sqlite)
    assert "ix_case_reference" in said
    assert found(" ".join(f"PO-{n}" for n in range(500))) == ["PO-1/1"]


def _plan(session: Session, sqlite: bool) -> str:
    from exceptions_app.models import ExceptionCase
    from exceptions_app.models.search import referred

    if not sqlite:
        session.execute(text("SET LOCAL enable_seqscan = off"))
    asked = session.query(ExceptionCase.id).filter(referred(["PO-1"], [])).statement
    compiled = asked.compile(session.get_bind())
    driver = session.connection().connection.driver_connection
    values = compiled.construct_params()
    literal = {name: ["PO-1"] if "1" in name else [] for name in values}
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    assert driver is not None
    if sqlite:
        rows = driver.execute(explain + str(compiled), ['["PO-1"]', "[]"]).fetchall()
    else:
        rows = driver.execute(explain + str(compiled), literal).fetchall()
    return "\n".join(str(row) for row in rows)
