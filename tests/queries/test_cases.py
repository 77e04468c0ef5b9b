"""A page costs the same anywhere, loses nothing, shows nothing that is not the viewer's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.domain.money import RATE_SCALE
from exceptions_app.domain.public_id import decode, encode
from exceptions_app.queries.cases import Neighbours, count_up_to, iterate, neighbours, page
from exceptions_app.queries.filters import SORTS, QueueFilter
from exceptions_app.services.placing import Placing
from tests.conftest import NOW
from tests.services.story import discrepancy


def _fill(make_case: Callable[..., Any]) -> None:
    """Ties in every sort, and amounts that nobody could state."""
    for i in range(23):
        amount = None if i % 5 == 0 else (i % 4) * 10_000
        make_case(
            reporting_amount_e4=amount,
            amount_e4=amount,
            delay_cost_e4=None if i % 3 else (i % 2) * 5_000,
            due_at=None if i % 7 == 0 else NOW + timedelta(hours=i % 3),
            opened_at=NOW - timedelta(days=i % 6),
            queue=["ap", "stores"][i % 2],
            entity=["H01", "H02"][i % 3 % 2],
        )


@pytest.mark.parametrize("sort", SORTS)
def test_pages_by_keyset_show_every_exception_once_in_order(
    sort: str, session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    _fill(make_case)
    make_case(category="bank_differs")
    value = {"due": "due_at", "amount": "reporting_amount", "opened": "opened_at", "cost": "delay_cost"}[
        sort.lstrip("-")
    ]
    viewer = viewer_of()
    for wanted, fitting in (
        (QueueFilter(sort=sort), 24),
        (QueueFilter(sort=sort, category=("price_variance",)), 23),
    ):
        cursor, seen = None, []
        while True:
            found = page(session, viewer, catalog, wanted, now=NOW, cursor=cursor, size=4)
            seen += found.rows
            cursor = found.next_cursor
            if cursor is None:
                break
        assert len(seen) == len({row.id for row in seen}) == found.count == fitting
        stated = [getattr(row, value) for row in seen if getattr(row, value) is not None]
        ordered = pairwise(stated)
        assert all((a >= b) if sort.startswith("-") else (a <= b) for a, b in ordered)
        assert all(getattr(row, value) is None for row in seen[len(stated) :])
        assert [row.id for row in iterate(session, viewer, catalog, wanted, NOW)] == [row.id for row in seen]


def test_one_category_is_walked_in_the_order_of_its_amounts(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans so small a table whatever indexes there are")
    make_case()
    seen: list[str] = []
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    connection.set_trace_callback(seen.append)
    wanted = QueueFilter(category=("price_variance",), sort="-amount")
    page(session, viewer_of(), catalog, wanted, now=NOW)
    connection.set_trace_callback(None)
    rows = next(each for each in seen if "exception_case.sentence" in each)
    plan = " ".join(row[3] for row in session.execute(text("EXPLAIN QUERY PLAN " + rows.replace(":", "\\:"))))
    assert "ix_case_live_category_amount (category=?" in plan and "TEMP B-TREE" not in plan, plan


@pytest.mark.parametrize("sort", SORTS)
def test_the_neighbours_of_every_exception_are_those_of_the_queue(
    sort: str, session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    _fill(make_case)
    wanted, viewer = QueueFilter(sort=sort, queue=("ap",)), viewer_of()
    names = [row.reference for row in iterate(session, viewer, catalog, wanted, NOW)]
    beside = zip([None, *names], names, [*names[1:], None], strict=False)
    for before, name, after in beside:
        found = neighbours(session, viewer, catalog, wanted, decode(name) or 0, NOW)
        assert (found.previous, found.next) == (before, after), name


def test_what_nobody_can_price_comes_after_what_is_lost_by_when_it_begins(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    """Page by page, and from one exception to the next."""
    facts = {
        "unknown": {},
        "later": {"delay_due": "2026-12-20"},
        "small": {"delay_discount_until": "2026-12-01", "delay_discount_amount": "3"},
        "sooner": {"delay_due": "2026-12-10"},
        "held": {"delay_due": "2026-12-24", "delay_credit_hold": "true"},
        "large": {"delay_discount_until": "2026-12-20", "delay_discount_amount": "40"},
    }
    placing, found = Placing(catalog, NOW), discrepancy(1)
    for name, more in facts.items():
        waiting = placing.delay(found._replace(facts=json.dumps(more)), RATE_SCALE, "office")
        make_case(reference=name, **waiting._asdict())
    wanted, viewer, cursor, seen = QueueFilter(sort="-cost"), viewer_of(), None, list[Any]()
    while not seen or cursor is not None:
        part = page(session, viewer, catalog, wanted, now=NOW, cursor=cursor, size=2)
        seen, cursor = seen + part.rows, part.next_cursor
    names = [row.business_reference for row in seen]
    assert names == ["large", "small", "held", "sooner", "later", "unknown"]
    assert [row.delay_cost for row in seen] == [40, 3, None, None, None, None]
    assert seen[2].delay_why == "the supplier holds deliveries; payment is due on 24 Dec 2026"
    least = page(session, viewer, catalog, QueueFilter(sort="cost"), now=NOW)
    assert [row.business_reference for row in least.rows] == [*names[4::-1], "unknown"]
    found_beside = [neighbours(session, viewer, catalog, wanted, row.id, NOW) for row in seen]
    assert [beside.next for beside in found_beside] == [*(row.reference for row in seen[1:]), None]


def test_an_exception_that_fits_no_longer_still_has_its_place(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    made = [make_case(due_at=NOW + timedelta(hours=hour)) for hour in range(3)]
    made[1].status = "resolved"
    session.flush()
    place = neighbours(session, viewer_of(), catalog, QueueFilter(), made[1].id, NOW)
    assert place == Neighbours(encode(made[0].id), encode(made[2].id))


def test_nobody_gets_the_neighbours_of_what_is_not_theirs(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    mine, other = make_case(), make_case(queue="stores")
    viewer = viewer_of(queues=("ap",))
    assert neighbours(session, viewer, catalog, QueueFilter(), other.id, NOW) == Neighbours(None, None)
    assert neighbours(session, viewer, catalog, QueueFilter(), mine.id, NOW) == Neighbours(None, None)


@pytest.mark.parametrize("cursor", ["", "nonsense", "AAAA", "WzFd", "W251bGwsIDEsIDJd"])
def test_an_unreadable_cursor_is_the_first_page(
    cursor: str,
    session: Session,
    make_case: Callable[..., Any],
    catalog: Any,
    viewer_of: Callable[..., Viewer],
) -> None:
    make_case()
    assert page(session, viewer_of(), catalog, QueueFilter(), now=NOW, cursor=cursor).count == 1


def test_only_the_viewers_queues_and_entities_are_seen_counted_and_exported(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    _fill(make_case)
    viewer = viewer_of(queues=("ap",), entities=("H01",))
    found = page(session, viewer, catalog, QueueFilter(), now=NOW)
    assert found.rows
    assert {(row.queue, row.entity) for row in found.rows} == {("ap", "H01")}
    assert found.count == len(found.rows) == len(list(iterate(session, viewer, catalog, QueueFilter(), NOW)))
    assert not page(session, viewer, catalog, QueueFilter(queue=("stores",)), now=NOW).rows


def test_an_entity_filter_includes_what_is_below_it(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    make_case(entity="H01")
    make_case(entity="H02")
    assert page(session, viewer_of(), catalog, QueueFilter(entity=("NET",)), now=NOW).count == 2
    assert page(session, viewer_of(), catalog, QueueFilter(entity=("H02",)), now=NOW).count == 1


def test_counting_stops_at_the_limit(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    _fill(make_case)
    unowned = QueueFilter(owner=("none",))
    assert count_up_to(session, viewer_of(), catalog, unowned, NOW, limit=10) == (10, True)
    assert count_up_to(session, viewer_of(), catalog, unowned, NOW, limit=23) == (23, False)


def test_what_the_counters_know_is_counted_to_the_end(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    _fill(make_case)
    assert count_up_to(session, viewer_of(), catalog, QueueFilter(), NOW, limit=10) == (23, False)
    found = page(session, viewer_of(), catalog, QueueFilter(queue=("ap",)), now=NOW, size=4)
    assert (found.count, found.capped) == (12, False)


def test_owner_filters_know_me_nobody_and_a_person(
    session: Session,
    make_case: Callable[..., Any],
    user: Callable[..., Any],
    catalog: Any,
    viewer_of: Callable[..., Viewer],
) -> None:
    me, other = user(), user()
    make_case(owner_id=me.id)
    make_case(owner_id=other.id)
    make_case()
    viewer = viewer_of(user_id=me.id)

    def owners(*wanted: str) -> list[str]:
        return sorted(
            row.owner or "" for row in page(session, viewer, catalog, QueueFilter(owner=wanted), now=NOW).rows
        )

    assert owners("me") == [me.name]
    assert owners("none") == [""]
    assert owners(str(other.id), "none") == ["", other.name]
    assert owners("9" * 30) == []


def test_a_row_says_time_left_age_and_amount_in_words(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    make_case(sla_calendar="test_office", opened_at=NOW - timedelta(days=1), due_at=NOW + timedelta(days=2))
    make_case(sla_calendar="gone", due_at=NOW - timedelta(days=3), due_soon_at=NOW - timedelta(days=4))
    breached, running = page(session, viewer_of(), catalog, QueueFilter(), now=NOW).rows
    assert (running.sla.label, running.age_business_days) == ("2 business days left", "1.0")
    assert running.amount_text == "$100.00"
    assert breached.sla.label == "3 days over"
    assert breached.sla.exact == "due 21 Nov 2026, 09:00"


def test_a_page_and_how_many_there_are_take_one_statement(
    session: Session, make_case: Callable[..., Any], catalog: Any, viewer_of: Callable[..., Viewer]
) -> None:
    for _ in range(60):
        make_case()
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = page(session, viewer_of(), catalog, QueueFilter(), now=NOW)
    assert (len(statements), found.count, found.capped) == (1, 60, False)
