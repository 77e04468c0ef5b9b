"""How similar exceptions were resolved before: by which reason, how often, how long it took."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.queries.rows import RowMaker
from exceptions_app.queries.similar import similar
from tests.conftest import NOW

MONDAY = datetime(2026, 11, 16, 15, 0, tzinfo=UTC)


@pytest.fixture
def ended(make_case: Callable[..., Any]) -> Callable[..., Any]:
    """`ended(hours, reason, …)`: one that was opened on a Monday morning and resolved that many hours later."""

    def add(hours: int, reason: str = "price_accepted", **columns: Any) -> Any:
        at = MONDAY + timedelta(hours=hours)
        about = {"status": "resolved", "end_reason": reason, "ended_by": "user:1"}
        return make_case(opened_at=MONDAY, resolved_at=at, **(about | columns))

    return add


@pytest.fixture
def of(session: Session, catalog: Any, user: Callable[..., Any]) -> Callable[..., Any]:
    def found(case: Any, **person: Any) -> Any:
        viewer = viewer_for(user(**person), catalog)
        words = {"price_accepted": "Price accepted"}
        return similar(session, viewer, catalog, case, words, RowMaker(viewer, catalog, NOW))

    return found


def test_the_ways_are_counted_with_the_time_that_half_of_them_took(
    of: Callable[..., Any], ended: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    for hours in (1, 3, 5):
        ended(hours)
    newest = ended(6, "agrees_now", ended_by="job:reconcile")
    found = of(make_case())
    assert [(way.label, way.count, way.took) for way in found.ways] == [
        ("Price accepted", 3, "3 h"),
        ("The systems agree now", 1, "6 h"),
    ]
    assert (found.count, found.capped, found.shared) == (4, False, "with Medline")
    assert found.newest[0].business_reference == newest.reference


def test_those_that_share_more_are_told_apart_and_come_first(
    of: Callable[..., Any], ended: Callable[..., Any], make_case: Callable[..., Any], catalog: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    some = next(iter(catalog.categories.values()))
    category = some.model_copy(update={"code": "price_variance", "shared": {"item": "of item {value}"}})
    monkeypatch.setitem(catalog.categories, "price_variance", category)
    same = ended(1, facts=json.dumps({"item": "glove"}))
    for hours in (2, 3, 4):
        ended(hours, facts=json.dumps({"item": "gown"}))
    found = of(make_case(facts=json.dumps({"item": "glove"})))
    assert found.alike == ((1, "of item glove"),)
    assert found.newest[0].business_reference == same.reference
    assert of(make_case()).alike == ()


def test_others_count_only_where_they_are_alike_were_solved_and_may_be_seen(
    of: Callable[..., Any], ended: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    for _ in range(3):
        ended(1)
    ended(1, category="bank_differs")
    ended(1, "superseded")
    ended(1, queue="other")
    ended(1, status="waived")
    ended(1, status="awaiting_confirmation")
    case = make_case()
    assert of(case, queues=("ap",)).count == 3
    assert of(case).count == 4


def test_where_too_few_are_of_the_counterparty_those_of_the_entity_are_told(
    of: Callable[..., Any], ended: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    ended(1)
    ended(2, counterparty="Stryker")
    found = of(make_case())
    assert found.count == 2
    assert found.shared.startswith("in ")


def test_nothing_alike_is_nothing(of: Callable[..., Any], make_case: Callable[..., Any]) -> None:
    assert of(make_case()) is None
    assert of(make_case(counterparty=None, category="gone")) is None


def test_both_questions_are_answered_from_their_index(
    session: Session, of: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans so small a table whatever indexes there are")
    case, seen = make_case(), list[str]()
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    connection.set_trace_callback(seen.append)
    of(case)
    connection.set_trace_callback(None)
    asked = [each for each in seen if each.startswith("SELECT exception_case.id, exception_case.reference")]
    plans = [
        " ".join(row[3] for row in session.execute(text("EXPLAIN QUERY PLAN " + each.replace(":", "\\:"))))
        for each in asked
    ]
    assert [
        index in plan for index, plan in zip(("ix_case_ended_with", "ix_case_ended_in"), plans, strict=True)
    ]
    assert all("ix_case_ended_" in plan and "SCAN exception_case" not in plan for plan in plans), plans


def test_what_fix_once_settled_is_told_as_a_way_and_a_changed_rule_is_not(
    of: Callable[..., Any], ended: Callable[..., Any], make_case: Callable[..., Any]
) -> None:
    for hours in (1, 2, 3):
        ended(hours, "fixed_once", ended_by="job:reconcile")
    ended(4, "rule_changed", ended_by="job:reconcile")
    found = of(make_case())
    assert [(way.label, way.count) for way in found.ways] == [("Settled by Fix once", 3)]
