"""A pasted list finds what it names, whatever stands between, and says what it did not find."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.public_id import encode
from exceptions_app.domain.search_terms import REFERENCE_LIMIT, pasted, references
from exceptions_app.models.views import listed
from exceptions_app.queries import views
from exceptions_app.queries.cases import page
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.references import meant, not_found
from exceptions_app.services import search_index
from exceptions_app.services.views import keep_list
from tests.conftest import NOW
from tests.services.story import Story

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


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A site with the shipped checks of procure-to-pay."""
    site = tmp_path_factory.mktemp("site")
    (site / "site.yaml").write_text("site: {name: All, packs: [procure_to_pay]}\n", encoding="utf-8")
    return load_catalog(site, connector_models())


@pytest.fixture
def story(session: Session, catalog: Any, user: Callable[..., Any]) -> Story:
    return Story(session, catalog, user())


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
    session: Session, make_case: Callable[..., Any], viewer_of: Callable[..., Viewer]
) -> None:
    case = make_case(reference="PO-1/1")
    make_case(reference="PO-2/1", status="resolved")
    make_case(reference="PO-3/1", queue="stores")
    asked = references(f"po-1 PO-2 PO-3 {encode(case.id)} PO-1/2 EX-ZZZZZZ")
    assert not_found(session, viewer_of(queues=("ap",)), asked) == ["PO-3", "PO-1/2", "EX-ZZZZZZ"]


ODD = ("IT-4103 @ BMC-OR", "W4107 LOT-7CB @ BMC/CENTRAL", "312175 / PK", "AW-2010/1/other")
"""References with blanks and small letters, as exceptions show them."""


def test_references_are_found_as_they_are_shown(
    session: Session,
    make_case: Callable[..., Any],
    viewer_of: Callable[..., Viewer],
    found: Callable[..., list[str]],
) -> None:
    for reference in (*ODD, "IT-4103", "LOT-7CB", "PK"):
        make_case(reference=reference)
    for typed in ("\n".join(ODD), "\t".join(ODD), "; ".join(ODD), ", ".join(each.lower() for each in ODD)):
        asked = meant(session, viewer_of(), pasted(typed))
        assert set(found(" ".join(asked))) == set(ODD)
        assert not_found(session, viewer_of(), asked) == []
    assert meant(session, viewer_of(), pasted("Why is 312175 / PK back, and PO-9?")) == ("312175/PK", "PO-9")
    assert set(found("IT-4103")) == {"IT-4103"}


def test_the_words_of_a_mail_are_no_references_and_take_no_place_of_any(
    session: Session, make_case: Callable[..., Any], viewer_of: Callable[..., Viewer]
) -> None:
    make_case(reference="ALPHA")
    make_case(reference="PO-7/1")
    words = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600))
    mail = f"Hi Mia,\nplease look at {words}\nPO-7, PO-404 and alpha.\nThanks, Tom"
    assert meant(session, viewer_of(), pasted(mail)) == ("PO-7", "PO-404", "alpha")
    hidden = viewer_of(queues=("stores",))
    assert meant(session, hidden, pasted(mail)) == ("PO-7", "PO-404")
    assert not_found(session, hidden, ["PO-7", "alpha"]) == ["PO-7", "alpha"]


def test_a_stored_list_says_and_finds_what_was_pasted_whatever_its_letters(
    session: Session, make_case: Callable[..., Any], viewer_of: Callable[..., Viewer], story: Story
) -> None:
    from exceptions_app.models import ExceptionCase

    made = {make_case(reference=reference).id for reference in ODD}
    make_case(reference="AW-20")
    asked = (*(each.replace(" ", "") for each in ODD), "aw-2010", "Nope-1")
    key = keep_list(session, story.by_person, viewer_of(user_id=story.person.id), asked)
    assert set(session.scalars(select(ExceptionCase.id).where(listed(key)))) == made
    assert set(views.listed(session, key)) == set(asked)
    assert not_found(session, viewer_of(), views.listed(session, key)) == ["Nope-1"]
    assert session.scalars(select(ExceptionCase.id).where(listed("another"))).all() == []


EVIDENCE = {
    "key": {"order_number": "4500121833", "line_number": "10"},
    "sides": {
        "order": {
            "requisition": "RQ-884833",
            "ordered_at": "2026-11-01T00:00:00Z",
            "description": "77-HIDDEN",
        },
        "receipt": {"number": "R20604500", "last_at": "2026-11-02T00:00:00Z"},
        "invoice": {"number": "INV-0403345", "paid": "all paid", "mail": "bill-1@example.test"},
    },
}


def test_exceptions_are_found_by_the_numbers_of_their_documents(
    session: Session,
    make_case: Callable[..., Any],
    viewer_of: Callable[..., Viewer],
    catalog: Any,
    shipped: Any,
    found: Callable[..., list[str]],
) -> None:
    case = make_case(
        reference="4500121833/10", check_code="p2p.three_way", evidence=json.dumps(EVIDENCE), entity="H01"
    )
    make_case(reference="INV-0403345-2")
    search_index.refresh(session, shipped, [case.id])
    for number in ("INV-0403345", "inv-0403345", "RQ-884833", "R20604500", "4500121833"):
        assert found(number) == ["4500121833/10"]
        wanted = QueueFilter.from_args({"q": number})
        rows = page(session, viewer_of(), catalog, wanted, now=NOW).rows
        assert rows[0].business_reference == "4500121833/10"
        assert not_found(session, viewer_of(), [number]) == []
        assert not_found(session, viewer_of(queues=("stores",)), [number]) == [number]
        assert found(number, queues=("stores",)) == []
    for typed in ("all paid", "77-HIDDEN", "bill-1@example.test", "10", "INV-04"):
        assert found(typed) == []


def test_no_number_that_is_not_for_everybody_is_kept(
    session: Session,
    make_case: Callable[..., Any],
    viewer_of: Callable[..., Viewer],
    catalog: Any,
    shipped: Any,
    found: Callable[..., list[str]],
) -> None:
    """What the column holds says who may see it: the same evidence, the receipt's number now of people's pay."""
    record = shipped.record_types["receipt_line"]
    secret = record.columns["receipt_number"].model_copy(update={"sensitivity": "hr"})
    columns = {**record.columns, "receipt_number": secret}
    types = {**shipped.record_types, "receipt_line": record.model_copy(update={"columns": columns})}
    case = make_case(
        reference="4500121833/10", check_code="p2p.three_way", evidence=json.dumps(EVIDENCE), entity="H01"
    )
    search_index.refresh(session, replace(shipped, record_types=types), [case.id])
    assert (found("R20604500"), found("INV-0403345")) == ([], ["4500121833/10"])
    assert "r20604500" not in (search_index.words_of(session, case.id) or "")


def test_what_was_indexed_without_references_is_indexed_again(
    session: Session, make_case: Callable[..., Any], catalog: Any, found: Callable[..., list[str]]
) -> None:
    for number in (1, 2, 3):
        make_case(reference=f"A {number}")
    postgres = session.get_bind().dialect.name == "postgresql"
    older = "words = 'a:1 b:2'" if postgres else "words = 'a b'"
    session.execute(text(f"UPDATE case_search SET {older}"))
    assert found("A1") == []
    assert search_index.ask_if_behind(session, NOW) is not None
    assert search_index.catch_up(session, catalog) == 3
    assert found("A1 a3") == ["A 1", "A 3"]
    assert search_index.ask_if_behind(session, NOW) is None


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
        rows = driver.execute(explain + str(compiled), ['["PO-1"]', "[]", "[]"]).fetchall()
    else:
        rows = driver.execute(explain + str(compiled), literal).fetchall()
    return "\n".join(str(row) for row in rows)
